//! Origins and targets: the address of a request.

use std::fmt;
use std::sync::Arc;

use url::Url;

/// A scheme, a host and a port (RFC 6454): the unit of trust for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether the scheme is https; the only other one is http.
    pub https: bool,
    /// The host name, in ASCII and lower case, without a dot at the end; an IPv6 address in brackets. Shared,
    /// because there may be a target for each of very many objects.
    pub host: Arc<str>,
    /// The port, also if it is the default one of the scheme.
    pub port: u16,
}

impl Origin {
    /// Returns the origin of an absolute http or https URL; none for other schemes, or without a host.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
        Some(Self { https, host: host.into(), port: url.port_or_known_default()? })
    }

    /// Returns `host`, or `host:port` if the port is not the default one of the scheme.
    #[must_use]
    pub fn authority(&self) -> String {
        let default = if self.https { 443 } else { 80 };
        if self.port == default { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Returns `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

/// An absolute address: an origin, and a path with a query if there is one, in the server's spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The server.
    pub origin: Origin,
    /// The path and the query. Begins with `/`, and consists of visible ASCII characters alone.
    pub path: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

impl Target {
    /// Returns the target of an absolute http or https URL, without its fragment.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Some(Self { origin: Origin::of(url)?, path: encode_path(&path) })
    }

    /// Returns another path of the same origin. Characters that cannot be sent are percent-encoded.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        Self { origin: self.origin.clone(), path: encode_path(path) }
    }
}

/// Returns a path as it can be sent (RFC 3986 3.3): other bytes than those of visible ASCII are
/// percent-encoded, escapes stay as they are, and a slash is put in front if there is none.
pub(crate) fn encode_path(path: &str) -> String {
    let is_fine = |byte: u8| {
        matches!(byte, b'!'..=b'~')
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#')
    };
    if path.starts_with('/') && path.bytes().all(is_fine) {
        return path.to_owned();
    }
    let mut out = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        out.push('/');
    }
    for byte in path.bytes() {
        if is_fine(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Returns true if `host` is `pattern`, or a subdomain of it if the pattern begins with `*.`. Both in lower
/// case.
#[must_use]
pub fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
        None => pattern == host,
    }
}
