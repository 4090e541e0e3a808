//! The calendar-multiget REPORT (RFC 4791 7.9): many objects in one answer.

use dav_xml::{Limits, Name, declarations, empty_element, escape};

use super::{multistatus, xml_error};
use crate::error::Result;
use crate::http::{Request, Target};
use crate::session::{SendError, Session};
use crate::webdav::multistatus::Multistatus;

/// One object of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    /// The decoded path (`Target::key`), to find out which one it is.
    pub key: Vec<u8>,
    /// The text, when the server sent it.
    pub data: Option<String>,
}

/// An answer that is being read.
pub struct Answer {
    target: Target,
    multistatus: Multistatus,
}

/// Asks `calendar` for the objects at `paths`, in the server's own spelling.
pub async fn multiget(session: &Session, calendar: &Target, paths: &[String]) -> Result<Answer, SendError> {
    let answer = session.send(request(calendar, paths)).await?;
    let (target, multistatus) = multistatus(answer, Limits::OBJECTS)?;
    Ok(Answer { target, multistatus })
}

fn request(calendar: &Target, paths: &[String]) -> Request {
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
    // RFC 7809 4.1: ask for time zones to come with the objects even if they are standard ones.
    Request::new("REPORT", calendar.clone()).header("depth", "1").header("caldav-timezones", "T").xml(body)
}

impl Answer {
    /// The next object; none at the end of the answer.
    pub async fn next(&mut self) -> Result<Option<Object>> {
        let response = self.multistatus.next().await.map_err(|error| xml_error(&self.target, &error))?;
        Ok(response.map(|mut response| Object {
            key: self.target.resolve_member(&response.href).map(|target| target.key()).unwrap_or_default(),
            data: response
                .properties
                .iter_mut()
                .find(|property| property.name == Name::CalendarData)
                .map(|property| std::mem::take(&mut property.text))
                .filter(|text| !text.is_empty()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::{Canned, found, options, run};

    #[test]
    fn text_comes_back_with_its_line_ends() {
        let options = options(&[]);
        let calendar = options.location.start.with_path("/cal/");
        let answer = found(
            "/cal/a%2fb.ics",
            "<c:calendar-data>BEGIN:VCALENDAR&#13;\nX:&lt;&amp;&gt;\r\nEND:VCALENDAR\n</c:calendar-data>",
        );
        let missing = "<response><href>/cal/c.ics</href><status>HTTP/1.1 404 Not Found</status></response>";
        run(
            move |_| Ok(Canned::multistatus(&[answer.as_str(), missing].concat())),
            |script| async move {
                let session = Session::new(std::rc::Rc::clone(&script) as _, &options);
                let mut answer =
                    multiget(&session, &calendar, &["/cal/a%2Fb.ics".to_owned(), "/cal/c&d.ics".to_owned()])
                        .await
                        .unwrap();
                let object = answer.next().await.unwrap().unwrap();
                assert_eq!(object.key, b"/cal/a/b.ics");
                assert_eq!(object.data.unwrap(), "BEGIN:VCALENDAR\r\nX:<&>\r\nEND:VCALENDAR\n");
                assert_eq!(answer.next().await.unwrap().unwrap().data, None);
                assert_eq!(answer.next().await.unwrap(), None);
                let body = String::from_utf8(script.sent.borrow()[0].body.to_vec()).unwrap();
                assert!(
                    body.contains("<d:href>/cal/a%2Fb.ics</d:href><d:href>/cal/c&amp;d.ics</d:href>"),
                    "{body}"
                );
            },
        );
    }
}
