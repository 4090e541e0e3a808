//! The location a user typed: `caldav://host/path`, `caldavs://…` (both mean https), or an http(s)
//! URL, alone or after one of these schemes.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::providers::{self, Provider};
use crate::session::Trust;
use crate::webdav::href::Target;

/// Address to start from, and the hosts to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The place to look first.
    pub start: Target,
    /// Whether the user named a place on the server, and not the server alone.
    pub has_path: bool,
    /// The service it belongs to, if it is a known one.
    pub provider: Option<&'static Provider>,
    /// The user named in the URL, decoded.
    pub user: Option<String>,
}

impl Location {
    /// Understands `text`. The error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let rest = ["caldavs:", "caldav:"]
            .iter()
            .find_map(|scheme| lower.starts_with(scheme).then_some(scheme.len()));
        let rest = rest.and_then(|at| text.get(at..)).unwrap_or(text);
        let inner = rest.trim_start_matches('/');
        let lower = inner.to_ascii_lowercase();
        let address = if lower.starts_with("https:") || lower.starts_with("http:") {
            if !lower.contains("://") {
                return Err(format!(
                    "location: {text} has no host. Plakar's @NAME:/PATH works with locations such as caldav://HOST, not with those that have an https:// in them"
                ));
            }
            inner.to_owned()
        } else if rest.len() < text.len() || !text.contains("://") {
            format!("https://{inner}")
        } else {
            return Err(format!("location: {text} is not a caldav:// or https:// address"));
        };
        let url = Url::parse(&in_ascii(&address)).map_err(|error| {
            format!("location: {text} is not an address ({error}); write caldav://HOST or caldav://HOST/PATH")
        })?;
        Self::of(&url)
    }

    fn of(url: &Url) -> Result<Self, String> {
        if url.password().is_some() {
            return Err("location: take the password out of the address and give it as the option password"
                .to_owned());
        }
        if url.fragment().is_some() {
            return Err("location: an address cannot have a part after #".to_owned());
        }
        let user = percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
        let mut start = Target::of(url).ok_or_else(|| "location: the address has no host".to_owned())?;
        let has_path = start.path != "/";
        let provider = providers::find(&start.origin.host);
        let user = (!user.is_empty()).then_some(user);
        if let Some(provider) = provider.filter(|_| !has_path) {
            start = provider_start(provider, user.as_deref())?;
        }
        Ok(Self { start, has_path, provider, user })
    }

    /// Puts the name to sign in with where the provider's start wants it.
    #[must_use]
    pub fn with_user(mut self, user: &str) -> Self {
        let encoded = utf8_percent_encode(user, NON_ALPHANUMERIC).to_string();
        self.start.path = self.start.path.replace("%7Buser%7D", &encoded);
        self
    }

    /// Returns where credentials may go: to where the user pointed, to its subdomains over https, and to the
    /// hosts that the provider's table names.
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust::new(self.start.origin.clone(), self.trusted_hosts().collect())
    }

    /// The origins that may be reached, as the host of this component wants to hear them.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        let start = &self.start.origin;
        let mut origins = vec![format!("{}://{}:{}", start.scheme(), start.host, start.port)];
        for host in self.trusted_hosts() {
            origins.push(format!("https://{host}:443"));
            if start.https && start.port != 443 {
                origins.push(format!("https://{host}:{}", start.port));
            }
        }
        origins.dedup();
        origins
    }

    fn trusted_hosts(&self) -> impl Iterator<Item = String> {
        let start = &self.start.origin.host;
        let is_address = start.starts_with('[') || start.parse::<std::net::Ipv4Addr>().is_ok();
        let own =
            if is_address { vec![start.to_string()] } else { vec![start.to_string(), format!("*.{start}")] };
        let provider = self.provider.map_or(&[][..], |provider| provider.trusted);
        own.into_iter().chain(provider.iter().map(|host| (*host).to_owned()))
    }
}

/// The address with a host name of other letters in the form that DNS has (RFC 3492), lower case.
fn in_ascii(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    if host.is_ascii() {
        return address.to_owned();
    }
    let labels = host.split('.').map(|label| match idna::punycode::encode_str(&lower(label)) {
        Some(encoded) if !label.is_ascii() => format!("xn--{encoded}"),
        _ => label.to_owned(),
    });
    let host = labels.collect::<Vec<_>>().join(".");
    let at = if user.is_empty() { "" } else { "@" };
    format!("{scheme}://{user}{at}{host}{path}")
}

/// As `str::to_lowercase`, except for the sigma at the end of a Greek word, which host names do not tell
/// apart.
fn lower(label: &str) -> String {
    label.chars().flat_map(char::to_lowercase).collect()
}

fn provider_start(provider: &'static Provider, user: Option<&str>) -> Result<Target, String> {
    let start = provider.start.ok_or_else(|| format!("location: {}", provider.hint))?;
    let user = user.map(|user| utf8_percent_encode(user, NON_ALPHANUMERIC).to_string());
    let start = user.map_or_else(|| start.to_owned(), |user| start.replace("{user}", &user));
    Url::parse(&start)
        .ok()
        .as_ref()
        .and_then(Target::of)
        .ok_or_else(|| "location: the provider's start is wrong".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webdav::href::Origin;

    fn start(text: &str) -> String {
        Location::parse(text).unwrap().start.to_string()
    }

    #[test]
    fn every_form_of_a_location_is_understood() {
        for (text, expected) in [
            ("caldav://cal.example/dav/", "https://cal.example/dav/"),
            ("caldavs://cal.example", "https://cal.example/"),
            ("caldav:cal.example:8443/x", "https://cal.example:8443/x"),
            ("caldav://https://cal.example/x", "https://cal.example/x"),
            ("caldav://http://127.0.0.1:5232/", "http://127.0.0.1:5232/"),
            ("https://Cal.Example./x", "https://cal.example/x"),
            ("cal.example", "https://cal.example/"),
            ("caldav://[::1]:5232/", "https://[::1]:5232/"),
            ("caldav://Büro.example/é", "https://xn--bro-hoa.example/%C3%A9"),
            ("caldav://icloud.com", "https://caldav.icloud.com/"),
            ("caldav://me%40gmx.net@gmx.net", "https://caldav.gmx.net/begenda/dav/me%40gmx%2Enet/"),
        ] {
            assert_eq!(start(text), expected, "{text}");
        }
        let gmx = Location::parse("caldav://gmx.net").unwrap().with_user("a@b");
        assert_eq!(gmx.start.path, "/begenda/dav/a%40b/");
    }

    #[test]
    fn what_is_no_location_says_why() {
        for (text, word) in [
            ("ftp://cal.example/", "not a caldav"),
            ("caldav://u:p@cal.example/", "password"),
            ("caldav://", "not an address"),
            ("caldav://outlook.com", "DavMail"),
        ] {
            let error = Location::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
            assert!(!error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn credentials_go_where_the_user_pointed_and_nowhere_else() {
        let origin = |text: &str| Origin::of(&Url::parse(text).unwrap()).unwrap();
        let own = Location::parse("caldav://cal.example/dav").unwrap();
        for (to, trusted) in [
            ("https://cal.example/", true),
            ("https://dav.cal.example/", true),
            ("http://cal.example/", false),
            ("https://cal.example:8443/", false),
            ("https://example/", false),
            ("https://evilcal.example/", false),
        ] {
            assert_eq!(own.trust().includes(&origin(to)), trusted, "{to}");
        }
        let icloud = Location::parse("caldav://icloud.com").unwrap();
        assert!(icloud.trust().includes(&origin("https://p7-caldav.icloud.com/")));
        let plain = Location::parse("http://cal.example:8080/").unwrap();
        assert!(
            plain.trust().includes(&origin("https://cal.example/"))
                && !plain.trust().includes(&origin("http://cal.example/"))
        );
    }
}
