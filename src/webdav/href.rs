//! Hrefs (RFC 4918 8.3): the names of resources in answers. The server's own spelling is kept for requests;
//! the decoded form is compared, because `@` and `%40`, or `%c3` and `%C3`, are one name.
//!
//! ```
//! use caldav::http::Target;
//!
//! let url = url::Url::parse("https://cal.example/cal/a%40b/").unwrap();
//! let calendar = Target::of(&url).unwrap();
//! let object = calendar.resolve_member("/cal/a@b/lunch.ics").unwrap();
//! assert_eq!(object.path, "/cal/a@b/lunch.ics");
//! assert_eq!(object.member_of(&calendar), Some("lunch.ics"));
//! ```

use percent_encoding::percent_decode_str;
use url::Url;

use crate::http::encode_path;
pub use crate::http::{Origin, Target};

/// Reason why an href cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HrefError {
    /// The href has no characters.
    #[error("an empty href")]
    Empty,
    /// The href has another scheme than http and https, or no host.
    #[error("not an http address")]
    NotHttp,
}

impl Target {
    /// Returns a member of this collection. `segment` is the last one of its path, in the server's spelling;
    /// the path of the collection ends with a slash.
    #[must_use]
    pub fn member(&self, segment: &str) -> Self {
        Self { origin: self.origin.clone(), path: [self.path.as_str(), segment].concat() }
    }

    /// Resolves an href from an answer of this resource: an absolute path, an absolute URL, or a name
    /// relative to this one. RFC 4918 8.3 forbids the last, and servers send it; `C:x.ics` is such a name,
    /// and not a URL of scheme `C`.
    ///
    /// # Errors
    ///
    /// An empty href, and a URL that is not one of http or https.
    pub fn resolve(&self, href: &str) -> Result<Self, HrefError> {
        let href = href.trim();
        if href.is_empty() {
            return Err(HrefError::Empty);
        }
        if href.starts_with("//") {
            return Self::absolute(&format!("{}:{href}", self.origin.scheme()));
        }
        if href.starts_with('/') {
            return Ok(self.with_path(href));
        }
        if href.contains("://") && scheme_of(href).is_some() {
            return Self::absolute(href);
        }
        let path = self.path.split('?').next().unwrap_or("/");
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let name = href.strip_prefix("./").unwrap_or(href);
        Ok(self.with_path(&format!("{directory}/{name}")))
    }

    /// Resolves an href from a body like [`resolve`](Self::resolve), with two differences. The same host name
    /// means this origin, because servers behind a proxy name their own host with another scheme or port. A
    /// `?` is part of the name, because no member of a collection has a query, and some servers do not escape
    /// it.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn resolve_member(&self, href: &str) -> Result<Self, HrefError> {
        let mut target =
            if href.contains('?') { self.resolve(&href.replace('?', "%3F"))? } else { self.resolve(href)? };
        if target.origin.host == self.origin.host {
            target.origin = self.origin.clone();
        }
        Ok(target)
    }

    /// Resolves an absolute URL, whose path keeps its spelling.
    fn absolute(text: &str) -> Result<Self, HrefError> {
        let url = Url::parse(text).map_err(|_| HrefError::NotHttp)?;
        let origin = Origin::of(&url).ok_or(HrefError::NotHttp)?;
        // Not the path of the URL parser, which removes dot segments and changes some escapes.
        let after = text.split_once("://").map_or("", |(_, rest)| rest);
        let path = after.find('/').and_then(|at| after.get(at..)).unwrap_or("/");
        let path = path.split('#').next().unwrap_or("/");
        Ok(Self { origin, path: encode_path(path) })
    }

    /// Returns the decoded path without a slash at its end, which is the same for all spellings of one
    /// resource. Bytes, because paths need not be UTF-8.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        // Nearly every path has no escapes, and there may be very many.
        if path.contains('%') { percent_decode_str(path).collect() } else { path.as_bytes().to_vec() }
    }

    /// Returns the last segment in the server's spelling, if this is a direct member of `collection`. None
    /// for the collection itself, for what is elsewhere or deeper, and for names such as `..`, which no
    /// member can have.
    #[must_use]
    pub fn member_of(&self, collection: &Self) -> Option<&str> {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        let (parent, name) = path.rsplit_once('/')?;
        // Usually the spelling is the same.
        let is_parent = || {
            collection.path.strip_suffix('/') == Some(parent)
                || percent_decode_str(parent).eq(collection.key())
        };
        let same = self.origin == collection.origin
            && is_parent()
            && !matches!(name, "" | "." | "..")
            && !["%2e", "%2e%2e", ".%2e", "%2e."].iter().any(|dots| name.eq_ignore_ascii_case(dots));
        same.then_some(name)
    }

    /// Returns the same target with a slash at the end of its path, as collections have it (RFC 4918 5.2).
    #[must_use]
    pub fn as_collection(&self) -> Self {
        if self.path.ends_with('/') { self.clone() } else { self.with_path(&format!("{}/", self.path)) }
    }
}

/// Returns the last segment of a collection's path in the server's spelling, or `calendar` for the root.
pub(crate) fn last_segment(target: &Target) -> &str {
    target.path.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("calendar")
}

/// Returns the scheme of an absolute URL (RFC 3986 3.1).
fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let valid =
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    valid.then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Target {
        Target::of(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn hrefs_are_resolved() {
        let base = at("https://cal.example/dav/alice/work/");
        for (href, expected) in [
            ("/dav/alice/work/a.ics", "https://cal.example/dav/alice/work/a.ics"),
            ("a.ics", "https://cal.example/dav/alice/work/a.ics"),
            ("C:x.ics", "https://cal.example/dav/alice/work/C:x.ics"),
            ("https://cal.example/x%40y", "https://cal.example/x%40y"),
            ("http://other.example:8080", "http://other.example:8080/"),
            ("//p42.example/x", "https://p42.example/x"),
            ("/with space/é", "https://cal.example/with%20space/%C3%A9"),
            ("https://cal.example/a/../b#c", "https://cal.example/a/../b"),
        ] {
            assert_eq!(base.resolve(href).unwrap().to_string(), expected, "{href}");
        }
        assert_eq!(base.resolve("  "), Err(HrefError::Empty));
        assert_eq!(base.resolve("ftp://x/y"), Err(HrefError::NotHttp));
    }

    #[test]
    fn an_own_host_with_a_wrong_scheme_is_rebased() {
        let base = at("https://cal.example:8443/dav/");
        assert_eq!(base.resolve_member("http://cal.example/dav/x").unwrap(), base.with_path("/dav/x"));
        assert_eq!(&*base.resolve_member("http://evil.example/x").unwrap().origin.host, "evil.example");
        assert_eq!(base.resolve_member("/dav/a?b.ics").unwrap().path, "/dav/a%3Fb.ics");
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        assert_eq!(at("http://h/a%40b%c3%a9/").key(), at("http://h/a@bé").key());
        assert_ne!(at("http://h/a%2540b").key(), at("http://h/a%40b").key());
    }

    #[test]
    fn only_direct_members_belong_to_a_collection() {
        let collection = at("https://h/dav/a%40b/");
        let member = |href: &str| collection.resolve(href).unwrap().member_of(&collection).map(str::to_owned);
        assert_eq!(member("/dav/a@b/x.ics").as_deref(), Some("x.ics"));
        assert_eq!(member("/dav/a@b/x%2Fy.ics").as_deref(), Some("x%2Fy.ics"));
        for outside in [
            "/dav/a@b/",
            "/dav/a@b/c/x.ics",
            "/dav/x.ics",
            "/dav/a@b/..",
            "/dav/a@b/%2e%2E",
            "https://e/dav/a@b/x.ics",
        ] {
            assert_eq!(member(outside), None, "{outside}");
        }
    }
}
