//! A report for people on a server and its abilities.

use crate::account::Account;
use crate::caldav::calendar::Calendar;
use crate::error::Result;
use crate::objects::listing;
use crate::objects::multiget::multiget;
use crate::session::Session;
use crate::webdav::capabilities::{self, Capabilities};
use crate::webdav::href::Target;

/// One line of the report. As `finding` in `wit/types.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A short name.
    pub topic: &'static str,
    /// Result of the check, in words.
    pub text: String,
    /// False if it keeps something from working.
    pub good: bool,
}

fn good(topic: &'static str, text: impl Into<String>) -> Finding {
    Finding { topic, text: text.into(), good: true }
}

fn bad(topic: &'static str, text: impl Into<String>) -> Finding {
    Finding { topic, text: text.into(), good: false }
}

/// Returns the findings about an account that is signed in; `username` is empty without credentials.
///
/// # Errors
///
/// What ends the run. Everything else is a finding.
pub(crate) async fn check(session: &Session, username: &str, account: &Account) -> Result<Vec<Finding>> {
    let mut findings =
        vec![good("signed in", if username.is_empty() { "without a user name" } else { username })];
    findings.extend(account.principal.iter().map(|principal| good("principal", principal.to_string())));
    findings.extend(account.homes.iter().map(|home| good("home set", home.to_string())));
    if let Some(place) = account.homes.first().or(account.calendars.first().map(|calendar| &calendar.target))
    {
        findings.extend(abilities(session, place).await?);
    }
    findings.extend(account.calendars.iter().map(|calendar| good("calendar", describe(calendar))));
    if let Some(calendar) =
        account.calendars.iter().find(|calendar| calendar.properties.subscription.is_none())
    {
        findings.extend(reading(session, &calendar.target).await?);
    }
    Ok(findings)
}

/// Describes a calendar: name, path, kinds of objects, and what cannot be done with it.
fn describe(calendar: &Calendar) -> String {
    let properties = &calendar.properties;
    let name = properties.displayname.as_deref().unwrap_or("(no name)");
    let kinds = match properties.components.as_slice() {
        [] => "any kind".to_owned(),
        kinds => kinds.join(" and "),
    };
    let access = if calendar.writable { "" } else { ", read-only" };
    let subscription = match properties.subscription {
        Some(_) => ", a subscription: only its address can be kept",
        None => "",
    };
    format!("{name} at {}, {kinds}{access}{subscription}", calendar.target.path)
}

/// Returns findings from the headers that describe the server.
async fn abilities(session: &Session, place: &Target) -> Result<Vec<Finding>> {
    let answer = match session.send(capabilities::request(place.clone())).await {
        Ok(answer) => answer,
        Err(error) => {
            let error = crate::error::Error::from(error);
            return if error.ends_run() {
                Err(error)
            } else {
                Ok(vec![bad("abilities", format!("unknown: {error}"))])
            };
        }
    };
    let capabilities = capabilities::parse(answer.response.headers);
    let Capabilities { classes, headers } = &capabilities;
    let mut findings: Vec<Finding> =
        headers.first("server").map(|server| good("server", server)).into_iter().collect();
    findings.push(good(
        "says it can",
        if classes.is_empty() { "nothing".to_owned() } else { classes.join(", ") },
    ));
    if capabilities.has("calendar-auto-schedule") {
        findings.push(good(
            "invitations",
            "the server sends them on its own when meetings are written (RFC 6638)",
        ));
    }
    if !capabilities.has("calendar-access") {
        findings.push(bad("CalDAV", "the server does not say that it has calendars (no calendar-access)"));
    }
    Ok(findings)
}

/// Returns whether listing and reading work, tried on one calendar.
async fn reading(session: &Session, calendar: &Target) -> Result<Vec<Finding>> {
    let listing = match listing::list(session, calendar).await {
        Ok(listing) => listing,
        Err(error) if error.ends_run() => return Err(error),
        Err(error) => return Ok(vec![bad("listing", error.to_string())]),
    };
    let mut findings =
        vec![good("listing", format!("{} objects in {}", listing.objects.len(), calendar.path))];
    findings
        .extend(listing.strange.iter().map(|what| bad("listing", format!("{what}: cannot be backed up"))));
    let Some(object) = listing.objects.first() else { return Ok(findings) };
    if object.etag.is_none() && object.modified.is_none() {
        findings.push(bad("versions", "objects have neither ETag nor date: every run reads everything"));
    }
    let path = format!("{}{}", calendar.path, object.name);
    let found = match multiget(session, calendar, std::slice::from_ref(&path)).await {
        Ok(mut answer) => {
            answer.next().await.is_ok_and(|object| object.is_some_and(|object| object.data.is_some()))
        }
        Err(error) => {
            let error = crate::error::Error::from(error);
            if error.ends_run() {
                return Err(error);
            }
            false
        }
    };
    findings.push(if found {
        good("multiget", "works")
    } else {
        bad("multiget", "does not work: objects are read one by one")
    });
    Ok(findings)
}
