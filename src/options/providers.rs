//! Facts about the big calendar services: where they start, where their own redirects may
//! take the password, and what to tell a user whose sign-in fails.

use crate::http::host_matches;

/// One service.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Name for people.
    pub name: &'static str,
    /// Hosts that users may type for it; a subdomain of one counts.
    pub hosts: &'static [&'static str],
    /// Address to start from if the location has no path of its own: `https://…`, with `{user}` for the
    /// percent-encoded username. None when the service has no CalDAV.
    pub start: Option<&'static str>,
    /// Other hosts of the service, besides the start, that get the credentials. `*.` for any subdomain.
    pub trusted: &'static [&'static str],
    /// Advice on signing in, without a full stop.
    pub hint: &'static str,
}

/// All of them. Sources: the services' own help pages, and the tables of other CalDAV clients.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        name: "iCloud",
        hosts: &["icloud.com", "me.com", "mac.com"],
        start: Some("https://caldav.icloud.com/"),
        // Each account lives on a numbered host, which discovery names.
        trusted: &["*.icloud.com"],
        hint: "Use your Apple Account's e-mail address and an app-specific password",
    },
    Provider {
        name: "Fastmail",
        hosts: &["fastmail.com"],
        start: Some("https://caldav.fastmail.com/"),
        trusted: &["*.fastmail.com"],
        hint: "Use your full e-mail address and an app password with access to calendars",
    },
    Provider {
        name: "Google",
        hosts: &["google.com", "gmail.com", "googlemail.com", "googleusercontent.com"],
        start: Some("https://apidata.googleusercontent.com/caldav/v2/{user}/user"),
        trusted: &["apidata.googleusercontent.com"],
        hint: "Google accepts only OAuth2 here, never a password",
    },
    Provider {
        name: "Yahoo",
        hosts: &["yahoo.com", "aol.com"],
        start: Some("https://caldav.calendar.yahoo.com/"),
        trusted: &["*.yahoo.com"],
        hint: "Use an app password",
    },
    Provider {
        name: "GMX",
        hosts: &["gmx.net", "gmx.de", "gmx.com"],
        start: Some("https://caldav.gmx.net/begenda/dav/{user}/"),
        trusted: &[],
        hint: "Use your full e-mail address; with two-factor sign-in, an app password",
    },
    Provider {
        name: "WEB.DE",
        hosts: &["web.de"],
        start: Some("https://caldav.web.de/begenda/dav/{user}/"),
        trusted: &[],
        hint: "Use your full e-mail address; with two-factor sign-in, an app password",
    },
    Provider {
        name: "mailbox.org",
        hosts: &["mailbox.org"],
        start: Some("https://dav.mailbox.org/"),
        trusted: &[],
        hint: "Use your e-mail address and your password or an app password",
    },
    Provider {
        name: "Posteo",
        hosts: &["posteo.de"],
        start: Some("https://posteo.de:8443/"),
        trusted: &[],
        hint: "Use your e-mail address and your account's password",
    },
    Provider {
        name: "Infomaniak",
        hosts: &["infomaniak.com"],
        start: Some("https://sync.infomaniak.com/"),
        trusted: &[],
        hint: "Use the user name and an app password from the synchronisation assistant",
    },
    Provider {
        name: "Zoho",
        hosts: &["zoho.com"],
        start: Some("https://calendar.zoho.com/caldav/"),
        trusted: &[],
        hint: "Use an app password",
    },
    Provider {
        name: "Yandex",
        hosts: &["yandex.ru", "yandex.com"],
        start: Some("https://caldav.yandex.ru/"),
        trusted: &[],
        hint: "Use an app password of the kind Calendar",
    },
    Provider {
        name: "Purelymail",
        hosts: &["purelymail.com"],
        start: Some("https://purelymail.com/webdav/"),
        trusted: &[],
        hint: "Use your full e-mail address and an app password",
    },
    Provider {
        name: "Microsoft",
        hosts: &["outlook.com", "hotmail.com", "live.com", "office365.com", "office.com"],
        start: None,
        trusted: &[],
        hint: "Microsoft has no CalDAV; run DavMail on your machine and give its address",
    },
    Provider {
        name: "Proton",
        hosts: &["proton.me", "protonmail.com"],
        start: None,
        trusted: &[],
        hint: "Proton has no CalDAV; use its own export",
    },
    Provider {
        name: "Tuta",
        hosts: &["tuta.com", "tutanota.com"],
        start: None,
        trusted: &[],
        hint: "Tuta has no CalDAV; use its own export",
    },
];

/// The provider that a typed host belongs to.
#[must_use]
pub fn find(host: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| {
        provider.hosts.iter().any(|own| host == *own || host_matches(&format!("*.{own}"), host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_whole_labels() {
        assert!(host_matches("*.icloud.com", "p42-caldav.icloud.com"));
        for other in ["icloud.com", "evilicloud.com", ".icloud.com", "icloud.com.evil.org"] {
            assert!(!host_matches("*.icloud.com", other), "{other}");
        }
        assert_eq!(find("caldav.fastmail.com").map(|p| p.name), Some("Fastmail"));
        assert_eq!(find("cal.example.org"), None);
    }
}
