//! The objects of one calendar, each with its name and version: PROPFIND with Depth 1.
//!
//! ```xml
//! <d:response>
//!   <d:href>/cal/work/lunch.ics</d:href>
//!   <d:propstat>
//!     <d:prop>
//!       <d:getetag>"7f3c"</d:getetag>
//!       <d:resourcetype/>
//!       <d:getcontenttype>text/calendar; charset=utf-8; component=vevent</d:getcontenttype>
//!       <d:getcontentlength>412</d:getcontentlength>
//!       <d:getlastmodified>Sun, 22 Nov 2026 10:00:00 GMT</d:getlastmodified>
//!     </d:prop>
//!     <d:status>HTTP/1.1 200 OK</d:status>
//!   </d:propstat>
//! </d:response>
//! ```
//!
//! Neither a calendar-query with a time range (RFC 4791 7.8) nor a limit is used, because servers then leave
//! objects out without reporting it. sync-collection (RFC 6578) is not used either: it needs a token that the
//! last run has kept.

use dav_xml::{Limits, Name, Response};

use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Request, Target};
use crate::webdav::multistatus::Multistatus;
use crate::webdav::propfind::{self, Depth};

/// A calendar object resource (RFC 4791 4.1) as it is listed. Kept small: there may be hundreds of thousands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The last segment of its href, in the server's spelling.
    pub name: Box<str>,
    /// `getetag` (RFC 4918 15.6); some servers have none.
    pub etag: Option<Box<str>>,
    /// `getlastmodified` (RFC 4918 15.7), in the server's spelling; some servers have none.
    pub modified: Option<Box<str>>,
    /// `getcontentlength` (RFC 4918 15.4) in bytes, if it is a number.
    pub size: Option<u32>,
    /// The component kind that `getcontenttype` names, in upper case, if it names one.
    pub component: Option<Box<str>>,
}

/// The whole list of a calendar's objects.
#[derive(Debug, Default)]
pub struct Listing {
    /// Objects, in the server's order.
    pub objects: Vec<Listed>,
    /// Descriptions of listed resources that cannot be objects of this calendar.
    pub strange: Vec<String>,
    /// Collections within the calendar, which are not searched (RFC 4791 4.2 does not allow calendars in
    /// them).
    pub nested: Vec<Target>,
}

/// Properties requested for each object. All but the resource type may be missing from the answer.
const PROPERTIES: [Name; 5] =
    [Name::GetEtag, Name::ResourceType, Name::GetContentType, Name::GetContentLength, Name::GetLastModified];

/// Returns the request for the objects of `calendar`.
#[must_use]
pub fn request(calendar: Target) -> Request {
    propfind::request(calendar, Depth::One, &PROPERTIES)
}

/// Reads an answer, completely or not at all: an object that is missing from the list would look deleted.
///
/// # Errors
///
/// The list is empty even of the calendar itself, cut short with 507 (RFC 6578 3.6), or the calendar is
/// listed with an error (`protocol`); or it cannot be read to its end.
pub async fn parse(answer: Answer) -> Result<Listing> {
    let mut multistatus = Multistatus::new(answer, Limits::PROPERTIES)?;
    let target = multistatus.target().clone();
    let mut listing = Listing::default();
    let mut is_empty = true;
    while let Some(response) = multistatus.next().await? {
        is_empty = false;
        listing.add(&target, &response)?;
    }
    if is_empty { Err(unusable(&target, "it is empty, even of the calendar itself")) } else { Ok(listing) }
}

impl Listing {
    /// Adds a response of the calendar at `target`.
    fn add(&mut self, target: &Target, response: &Response) -> Result<()> {
        let Ok(member) = target.resolve_member(&response.href) else {
            self.strange.push(format!("an object without a usable address ({})", response.href));
            return Ok(());
        };
        let name = member.member_of(target);
        let itself = name.is_none() && member.key() == target.key() && member.origin == target.origin;
        match (name, response.status) {
            (_, Some(507)) => return Err(unusable(target, "the server sent only a part of it (507)")),
            (_, Some(status @ 400..)) if itself => {
                return Err(unusable(target, &format!("the server answered {status}")));
            }
            (_, Some(status @ 400..)) => {
                self.strange.push(format!("{member}, which the server lists with status {status}"));
            }
            _ if itself => {}
            (None, _) => self.strange.push(format!("{member}, which is not in this calendar")),
            _ if response.is(Name::Collection) => self.nested.push(member),
            (Some(name), _) => self.objects.push(Listed::of(name, response)),
        }
        Ok(())
    }
}

impl Listed {
    /// Reads the object of this name from its response.
    fn of(name: &str, response: &Response) -> Self {
        Self {
            name: name.into(),
            etag: response.text(Name::GetEtag).map(Into::into),
            modified: response.text(Name::GetLastModified).map(Into::into),
            size: response.text(Name::GetContentLength).and_then(|text| text.parse().ok()),
            component: response.text(Name::GetContentType).and_then(component),
        }
    }
}

fn unusable(target: &Target, why: &str) -> Error {
    Error::new(Kind::Protocol, format!("{target}: the list of objects cannot be used: {why}"))
}

/// Returns the `component` parameter of a content type in upper case (RFC 5545 8.1), if there is one.
fn component(content_type: &str) -> Option<Box<str>> {
    let parameter = content_type.split(';').map(str::trim).find_map(|p| {
        let (name, value) = p.split_once('=')?;
        name.eq_ignore_ascii_case("component").then_some(value)
    })?;
    Some(parameter.trim_matches('"').to_ascii_uppercase().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::http::scripted::{Canned, found};

    fn list_of(responses: &[&str]) -> Result<Listing> {
        block_on(parse(Canned::multistatus(&responses.concat()).answer("/cal/work/")))
    }

    const ITSELF: &str = "<response><href>/cal/work</href><propstat><prop><resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>";

    #[test]
    fn objects_are_listed_with_what_little_the_server_says() {
        let full = found(
            "/cal/work/a%40b.ics",
            r#"<getetag>"1"</getetag><getcontentlength>12</getcontentlength><getlastmodified>Sun, 22 Nov 2026 10:00:00 GMT</getlastmodified><getcontenttype>text/calendar; charset=utf-8; component=vtodo</getcontenttype>"#,
        );
        let bare = found("C:x.ics", "<getcontentlength/>");
        let listing = list_of(&[ITSELF, &full, &bare]).unwrap();
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
        let listing = list_of(&[ITSELF, &outside, &dots, &nested, gone]).unwrap();
        assert!(listing.objects.is_empty());
        assert_eq!((listing.strange.len(), listing.nested.len()), (3, 1), "{listing:?}");
    }

    #[test]
    fn half_a_listing_is_not_used() {
        let broken = Canned::status(207).body(format!("<multistatus xmlns=\"DAV:\">{ITSELF}")).broken();
        assert_eq!(block_on(parse(broken.answer("/cal/work/"))).unwrap_err().kind, Kind::Unreachable);
        assert_eq!(list_of(&[]).unwrap_err().kind, Kind::Protocol);
        let cut =
            "<response><href>/cal/work/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>";
        assert_eq!(list_of(&[ITSELF, cut]).unwrap_err().kind, Kind::Protocol);
    }
}
