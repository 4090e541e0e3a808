//! Which origins a job may reach. Pure: no I/O.

use http::Uri;

/// A list of origins; empty allows nothing.
#[derive(Clone, Debug, Default)]
pub struct Policy(Vec<Pattern>);

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    https: bool,
    /// Lower case; `*.` at the front stands for any subdomain.
    host: String,
    port: u16,
}

/// Why a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not `https://host:port` and the like.
    #[error("{0} is not an origin such as https://cal.example:443")]
    NotAnOrigin(String),
    /// Plain http, and nobody said that this is all right.
    #[error(
        "{0} is not encrypted: passwords and calendars would be readable on the way. Use https, or allow it with insecure=true"
    )]
    NotEncrypted(String),
}

impl Policy {
    /// A policy that allows what a connector asks for (`https://host:port`, `http://…`) and what the
    /// operator adds (`host`, `host:port`, with `*.` if wanted; https).
    pub fn new<'a>(
        asked: impl IntoIterator<Item = &'a str>,
        added: impl IntoIterator<Item = &'a str>,
        insecure: bool,
    ) -> Result<Self, PolicyError> {
        let mut patterns = Vec::new();
        for origin in asked {
            let pattern =
                Pattern::parse(origin).ok_or_else(|| PolicyError::NotAnOrigin(origin.to_owned()))?;
            if !pattern.https && !insecure {
                return Err(PolicyError::NotEncrypted(origin.to_owned()));
            }
            patterns.push(pattern);
        }
        for host in added {
            let pattern = Pattern::parse(&format!("https://{host}"))
                .ok_or_else(|| PolicyError::NotAnOrigin(host.to_owned()))?;
            patterns.push(pattern);
        }
        Ok(Self(patterns))
    }

    /// Whether a request to `uri` may go out.
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
        let policy = Policy::new(
            ["https://cal.example:443", "https://*.cal.example:443"],
            ["other.example", "10.0.0.1:8443"],
            false,
        )
        .unwrap();
        for (uri, allowed) in [
            ("https://cal.example/x", true),
            ("https://CAL.example.:443/x", true),
            ("https://dav.cal.example/x", true),
            ("https://other.example/", true),
            ("https://10.0.0.1:8443/", true),
            ("http://cal.example/", false),
            ("https://cal.example:8443/", false),
            ("https://evilcal.example/", false),
            ("https://cal.example@evil.example/", false),
            ("https://cal.example.evil.example/", false),
            ("/x", false),
        ] {
            assert_eq!(policy.allows(&uri.parse().unwrap()), allowed, "{uri}");
        }
        assert!(!Policy::default().allows(&"https://cal.example/".parse().unwrap()));
    }

    #[test]
    fn plain_http_must_be_wanted() {
        assert!(matches!(Policy::new(["http://[::1]:80"], [], false), Err(PolicyError::NotEncrypted(_))));
        assert!(
            Policy::new(["http://[::1]:8080"], [], true)
                .unwrap()
                .allows(&"http://[::1]:8080/".parse().unwrap())
        );
        assert!(matches!(Policy::new([], ["a/b"], false), Err(PolicyError::NotAnOrigin(_))));
    }
}
