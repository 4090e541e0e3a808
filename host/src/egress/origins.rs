//! The origins that a job may reach. Pure: no I/O.

use http::Uri;

/// A list of origins that requests may go to. An empty list allows nothing.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins(Vec<Pattern>);

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    https: bool,
    /// In lower case; `*.` at the front stands for any subdomain.
    host: String,
    port: u16,
}

/// The reason why an origin is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// Not of the form `https://host:port`, `http://host:port` or, in the configuration of a job, `host:port`.
    #[error("{0} is not an origin such as https://host.example:443")]
    NotAnOrigin(String),
    /// Plain http, which the configuration of the job does not allow.
    #[error("{0} is not encrypted, so passwords and data would be readable on the way")]
    NotEncrypted(String),
}

impl AllowedOrigins {
    /// Creates a list of the origins that a connector `asked` for (`https://host:port`, `http://host:port`), and of
    /// the hosts that were `added` (`host`, `host:port`; for https). A host may begin with `*.`.
    ///
    /// # Errors
    ///
    /// One of them cannot be parsed, or is plain http although `plain_http` is false.
    pub fn new<'a>(
        asked: impl IntoIterator<Item = &'a str>,
        added: impl IntoIterator<Item = &'a str>,
        plain_http: bool,
    ) -> Result<Self, OriginError> {
        let mut patterns = Vec::new();
        for origin in asked {
            let pattern =
                Pattern::parse(origin).ok_or_else(|| OriginError::NotAnOrigin(origin.to_owned()))?;
            if !pattern.https && !plain_http {
                return Err(OriginError::NotEncrypted(origin.to_owned()));
            }
            patterns.push(pattern);
        }
        for host in added {
            let pattern = Pattern::parse(&format!("https://{host}"))
                .ok_or_else(|| OriginError::NotAnOrigin(host.to_owned()))?;
            patterns.push(pattern);
        }
        Ok(Self(patterns))
    }

    /// Returns true if a request to `uri` may be sent.
    #[must_use]
    pub fn allows(&self, uri: &Uri) -> bool {
        let Some(to) = uri
            .scheme_str()
            .zip(uri.authority())
            .and_then(|(scheme, authority)| Pattern::parse(&format!("{scheme}://{authority}")))
        else {
            return false;
        };
        self.0
            .iter()
            .any(|pattern| pattern.https == to.https && pattern.port == to.port && pattern.matches(&to.host))
    }
}

impl Pattern {
    fn parse(origin: &str) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        // A user name in front of the host would make it look like another one.
        if authority.contains(['@', '/', '?', '#', '\\', ' ']) {
            return None;
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, if https { 443 } else { 80 }),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        (!host.is_empty() && host.is_ascii()).then_some(Self { https, host, port })
    }

    fn matches(&self, host: &str) -> bool {
        match self.host.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
            None => self.host == host,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_goes_out() {
        let allowed_origins = AllowedOrigins::new(
            ["https://dav.example:443", "https://*.dav.example:443"],
            ["other.example", "10.0.0.1:8443"],
            false,
        )
        .unwrap();
        for (uri, allowed) in [
            ("https://dav.example/x", true),
            ("https://DAV.example.:443/x", true),
            ("https://sub.dav.example/x", true),
            ("https://other.example/", true),
            ("https://10.0.0.1:8443/", true),
            ("http://dav.example/", false),
            ("https://dav.example:8443/", false),
            ("https://evildav.example/", false),
            ("https://dav.example@evil.example/", false),
            ("https://dav.example.evil.example/", false),
            ("/x", false),
        ] {
            assert_eq!(allowed_origins.allows(&uri.parse().unwrap()), allowed, "{uri}");
        }
        assert!(!AllowedOrigins::default().allows(&"https://dav.example/".parse().unwrap()));
    }

    #[test]
    fn plain_http_must_be_wanted() {
        assert!(matches!(
            AllowedOrigins::new(["http://[::1]:80"], [], false),
            Err(OriginError::NotEncrypted(_))
        ));
        assert!(
            AllowedOrigins::new(["http://[::1]:8080"], [], true)
                .unwrap()
                .allows(&"http://[::1]:8080/".parse().unwrap())
        );
        assert!(matches!(AllowedOrigins::new([], ["a/b"], false), Err(OriginError::NotAnOrigin(_))));
    }
}
