//! What is in one calendar: every object's name and version (PROPFIND with Depth 1). No time range and
//! no limit is ever asked for, because servers leave things out then and do not say so.

use dav_xml::{Limits, Name};

use super::{multistatus, xml_error};
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::session::Session;
use crate::webdav::propfind::{Depth, propfind};

/// A calendar object resource as it is listed. Kept small: there may be hundreds of thousands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The last segment of its href, as the server spelt it.
    pub name: Box<str>,
    /// `getetag`; some servers have none.
    pub etag: Option<Box<str>>,
    /// `getlastmodified`; some servers have none.
    pub modified: Option<Box<str>>,
    /// `getcontentlength`, when it is a number.
    pub size: Option<u32>,
    /// The component that `getcontenttype` names, if it names one.
    pub component: Option<Box<str>>,
}

/// A whole calendar's listing.
#[derive(Debug, Default)]
pub struct Listing {
    /// Its objects, in the server's order.
    pub objects: Vec<Listed>,
    /// What is listed but cannot be an object of this calendar, in words.
    pub strange: Vec<String>,
    /// Collections within the calendar, which are not looked into.
    pub nested: Vec<Target>,
}

const QUESTIONS: [Name; 5] =
    [Name::GetEtag, Name::ResourceType, Name::GetContentType, Name::GetContentLength, Name::GetLastModified];

/// Lists `calendar`, completely or not at all. A listing that breaks off is asked for once more.
pub async fn list(session: &Session, calendar: &Target) -> Result<Listing> {
    match list_once(session, calendar).await {
        Err(error) if matches!(error.kind, Kind::Unreachable | Kind::Protocol) => {
            list_once(session, calendar).await
        }
        result => result,
    }
}

async fn list_once(session: &Session, calendar: &Target) -> Result<Listing> {
    let answer = session.send(propfind(calendar.clone(), Depth::One, &QUESTIONS)).await?;
    let (target, mut multistatus) = multistatus(answer, Limits::PROPERTIES)?;
    let mut listing = Listing::default();
    let mut any = false;
    while let Some(response) = multistatus.next().await.map_err(|error| xml_error(&target, &error))? {
        any = true;
        let Ok(member) = target.resolve_member(&response.href) else {
            listing.strange.push(format!("an object without a usable address ({})", response.href));
            continue;
        };
        let name = member.member_of(&target);
        let itself = name.is_none() && member.key() == target.key() && member.origin == target.origin;
        match (name, response.status) {
            // RFC 6578 3.6, and what servers do that cut lists short.
            (_, Some(507)) => return Err(incomplete(&target, "the server sent only a part of it (507)")),
            (_, Some(status @ 400..)) if itself => {
                return Err(incomplete(&target, &format!("the server answered {status}")));
            }
            (_, Some(status @ 400..)) => {
                listing.strange.push(format!("{member}, which the server lists with status {status}"));
            }
            _ if itself => {}
            (None, _) => listing.strange.push(format!("{member}, which is not in this calendar")),
            _ if response.is(Name::Collection) => listing.nested.push(member),
            (Some(name), _) => listing.objects.push(Listed {
                name: name.into(),
                etag: response.text(Name::GetEtag).map(Into::into),
                modified: response.text(Name::GetLastModified).map(Into::into),
                size: response.text(Name::GetContentLength).and_then(|text| text.parse().ok()),
                component: response.text(Name::GetContentType).and_then(component),
            }),
        }
    }
    if any { Ok(listing) } else { Err(incomplete(&target, "it is empty, even of the calendar itself")) }
}

fn incomplete(target: &Target, why: &str) -> Error {
    Error::new(Kind::Protocol, format!("{target}: the list of objects cannot be used: {why}."))
}

/// The `component` parameter of a content type (RFC 5545 8.1).
fn component(content_type: &str) -> Option<Box<str>> {
    let parameter = content_type.split(';').map(str::trim).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.eq_ignore_ascii_case("component").then_some(value)
    })?;
    Some(parameter.trim_matches('"').to_ascii_uppercase().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::http::scripted::{Canned, Reply, found, options, run};

    fn list_of(answer: impl Fn() -> Reply + 'static) -> Result<Listing> {
        let options = options(&[]);
        let calendar = options.location.start.with_path("/cal/work/");
        run(move |_| answer(), |script| async move { list(&Session::new(script, &options), &calendar).await })
    }

    const ITSELF: &str = "<response><href>/cal/work</href><propstat><prop><resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>";

    #[test]
    fn objects_are_listed_with_what_little_the_server_says() {
        let full = found(
            "/cal/work/a%40b.ics",
            r#"<getetag>"1"</getetag><getcontentlength>12</getcontentlength><getlastmodified>Sun, 22 Nov 2026 10:00:00 GMT</getlastmodified><getcontenttype>text/calendar; charset=utf-8; component=vtodo</getcontenttype>"#,
        );
        let bare = found("C:x.ics", "<getcontentlength/>");
        let listing = list_of(move || Ok(Canned::multistatus(&[ITSELF, &full, &bare].concat()))).unwrap();
        let [full, bare] = listing.objects.as_slice() else { panic!("{listing:?}") };
        assert_eq!(
            (&*full.name, full.etag.as_deref(), full.size, full.component.as_deref()),
            ("a%40b.ics", Some("\"1\""), Some(12), Some("VTODO"))
        );
        assert_eq!((&*bare.name, bare.etag.as_deref(), bare.size), ("C:x.ics", None, None));
    }

    #[test]
    fn what_does_not_belong_is_named() {
        let outside = found("/cal/other/x.ics", "<getetag>1</getetag>");
        let dots = found("/cal/work/..", "<getetag>1</getetag>");
        let nested = found("/cal/work/sub/", "<resourcetype><collection/></resourcetype>");
        let gone = "<response><href>/cal/work/y.ics</href><status>HTTP/1.1 403 Forbidden</status></response>";
        let listing =
            list_of(move || Ok(Canned::multistatus(&[ITSELF, &outside, &dots, &nested, gone].concat())))
                .unwrap();
        assert!(listing.objects.is_empty());
        assert_eq!((listing.strange.len(), listing.nested.len()), (3, 1), "{listing:?}");
    }

    #[test]
    fn half_a_listing_is_none() {
        let broken =
            || Ok(Canned::status(207).body(format!("<multistatus xmlns=\"DAV:\">{ITSELF}")).broken());
        assert_eq!(list_of(broken).unwrap_err().kind, Kind::Unreachable);
        assert_eq!(list_of(|| Ok(Canned::multistatus(""))).unwrap_err().kind, Kind::Protocol);
        let cut =
            "<response><href>/cal/work/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>";
        assert_eq!(
            list_of(move || Ok(Canned::multistatus(&[ITSELF, cut].concat()))).unwrap_err().kind,
            Kind::Protocol
        );
        assert_eq!(list_of(|| Ok(Canned::status(403))).unwrap_err().kind, Kind::Forbidden);
        let first = Cell::new(true);
        let once = move || if first.replace(false) { broken() } else { Ok(Canned::multistatus(ITSELF)) };
        assert!(list_of(once).unwrap().objects.is_empty());
    }
}
