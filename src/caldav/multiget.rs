//! The calendar-multiget REPORT (RFC 4791 7.9): the text of many objects in one answer.
//!
//! ```http
//! REPORT /cal/work/ HTTP/1.1
//! Depth: 1
//! CalDAV-Timezones: T
//!
//! <c:calendar-multiget xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
//!   <d:prop><d:getetag/><c:calendar-data/></d:prop>
//!   <d:href>/cal/work/lunch.ics</d:href>
//!   <d:href>/cal/work/dinner.ics</d:href>
//! </c:calendar-multiget>
//! ```
//!
//! Servers answer in any order, leave objects out, and break off at one that they cannot parse: an answer is
//! compared with what was asked for, and the rest is fetched in another way (`objects/fetcher.rs`).

use dav_xml::{Limits, Name, declarations, empty_element, escape};

use crate::error::Result;
use crate::http::{Answer, Request, Target};
use crate::webdav::multistatus::Multistatus;

/// One object of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    /// Decoded path (`Target::key`), which identifies the requested object; empty if the href is unusable.
    pub key: Vec<u8>,
    /// Text, if the server sent it. XML has turned its line ends into LF unless they were escaped (RFC
    /// 4791 9.6).
    pub data: Option<String>,
}

/// The objects of an answer that is being read, in the server's order.
pub struct Objects(Multistatus);

/// Returns the request for the objects at `paths`, in the server's own spelling, of `calendar`.
#[must_use]
pub fn request(calendar: &Target, paths: &[String]) -> Request {
    let mut body = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><c:calendar-multiget",
        &declarations(),
        "><d:prop>",
        &empty_element(Name::GetEtag),
        &empty_element(Name::CalendarData),
        "</d:prop>",
    ]
    .concat();
    for path in paths {
        body.push_str("<d:href>");
        body.push_str(&escape(path));
        body.push_str("</d:href>");
    }
    body.push_str("</c:calendar-multiget>");
    // RFC 7809 4.1: standard time zones are to come with the objects as well.
    Request::new("REPORT", calendar.clone()).header("depth", "1").header("caldav-timezones", "T").xml(body)
}

/// Begins to read an answer. What is missing from it, or comes without text, has to be fetched in another
/// way.
///
/// # Errors
///
/// An answer with another status than 207 (`protocol`).
pub fn parse(answer: Answer) -> Result<Objects> {
    Multistatus::new(answer, Limits::OBJECTS).map(Objects)
}

impl Objects {
    /// Returns the next object, or none at the end of the answer.
    ///
    /// # Errors
    ///
    /// The answer breaks off, is too large, or is not a multistatus.
    pub async fn next(&mut self) -> Result<Option<Object>> {
        let Some(mut response) = self.0.next().await? else { return Ok(None) };
        let target = self.0.target().resolve_member(&response.href);
        let data = response.properties.iter_mut().find(|property| property.name == Name::CalendarData);
        let data = data.map(|property| std::mem::take(&mut property.text)).filter(|text| !text.is_empty());
        Ok(Some(Object { key: target.map(|target| target.key()).unwrap_or_default(), data }))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::http::scripted::{Canned, found, target};

    #[test]
    fn paths_keep_their_spelling() {
        let request = request(&target("/cal/"), &["/cal/a%2Fb.ics".to_owned(), "/cal/c&d.ics".to_owned()]);
        let body = String::from_utf8_lossy(&request.body);
        assert!(body.contains("<d:href>/cal/a%2Fb.ics</d:href><d:href>/cal/c&amp;d.ics</d:href>"), "{body}");
    }

    #[test]
    fn text_comes_back_with_its_line_ends() {
        let object = found(
            "/cal/a%2fb.ics",
            "<c:calendar-data>BEGIN:VCALENDAR&#13;\nX:&lt;&amp;&gt;\r\nEND:VCALENDAR\n</c:calendar-data>",
        );
        let missing = "<response><href>/cal/c.ics</href><status>HTTP/1.1 404 Not Found</status></response>";
        let answer = Canned::multistatus(&[object.as_str(), missing].concat()).answer("/cal/");
        let mut objects = parse(answer).unwrap();
        let mut next = || block_on(objects.next()).unwrap();
        let object = next().unwrap();
        assert_eq!(object.key, b"/cal/a/b.ics");
        assert_eq!(object.data.unwrap(), "BEGIN:VCALENDAR\r\nX:<&>\r\nEND:VCALENDAR\n");
        assert_eq!(next().unwrap().data, None);
        assert_eq!(next(), None);
    }
}
