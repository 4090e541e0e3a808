//! The XML elements that are read or written, each with the section that defines it. Elements with other
//! names are skipped.

/// The namespace of WebDAV (RFC 4918).
pub const DAV: &str = "DAV:";
/// The namespace of CalDAV (RFC 4791).
pub const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// The namespace of the CalendarServer extensions.
pub const CALENDARSERVER: &str = "http://calendarserver.org/ns/";
/// The namespace of the properties of Apple's calendar program.
pub const APPLE: &str = "http://apple.com/ns/ical/";

/// The namespaces and the prefixes that our request bodies give them.
pub const PREFIXES: [(&str, &str); 4] = [("d", DAV), ("c", CALDAV), ("cs", CALENDARSERVER), ("a", APPLE)];

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $namespace:ident $local:literal;)*) => {
        /// The name of a known element: a namespace and a local name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Name { $($(#[$doc])* $variant,)* }

        /// All names.
        const ALL: &[Name] = &[$(Name::$variant,)*];

        impl Name {
            /// Returns the name of a namespace and a local name, if it is known.
            #[must_use]
            pub fn find(namespace: &str, local: &str) -> Option<Self> {
                // Local names first: most elements differ in the length of theirs.
                let mut same = ALL.iter().filter(|name| name.parts().1 == local);
                same.find(|name| name.parts().0 == namespace).copied()
            }

            /// Returns the namespace and the local name.
            #[must_use]
            pub fn parts(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($namespace, $local),)* }
            }
        }
    };
}

names! {
    /// RFC 4918 14.16.
    Multistatus = DAV "multistatus";
    /// RFC 4918 14.24.
    Response = DAV "response";
    /// RFC 4918 14.7.
    Href = DAV "href";
    /// RFC 4918 14.22.
    Propstat = DAV "propstat";
    /// RFC 4918 14.18.
    Prop = DAV "prop";
    /// RFC 4918 14.28.
    Status = DAV "status";
    /// RFC 4918 14.5.
    DavError = DAV "error";
    /// RFC 4918 14.25.
    ResponseDescription = DAV "responsedescription";

    /// RFC 4918 15.9: what a resource is.
    ResourceType = DAV "resourcetype";
    /// RFC 4918 14.3, within `resourcetype`.
    Collection = DAV "collection";
    /// RFC 3744 4, within `resourcetype`.
    Principal = DAV "principal";
    /// RFC 4791 4.2, within `resourcetype`.
    Calendar = CALDAV "calendar";
    /// RFC 6638 2.2, within `resourcetype`.
    ScheduleInbox = CALDAV "schedule-inbox";
    /// RFC 6638 2.1, within `resourcetype`.
    ScheduleOutbox = CALDAV "schedule-outbox";
    /// CalendarServer: a subscribed calendar, within `resourcetype`.
    Subscribed = CALENDARSERVER "subscribed";

    /// RFC 5397 3.
    CurrentUserPrincipal = DAV "current-user-principal";
    /// RFC 5397 3: the request had no credentials.
    Unauthenticated = DAV "unauthenticated";
    /// RFC 4791 6.2.1: may hold several hrefs.
    CalendarHomeSet = CALDAV "calendar-home-set";

    /// RFC 4918 15.6.
    GetEtag = DAV "getetag";
    /// RFC 4918 15.7.
    GetLastModified = DAV "getlastmodified";
    /// RFC 4918 15.4.
    GetContentLength = DAV "getcontentlength";
    /// RFC 4918 15.5.
    GetContentType = DAV "getcontenttype";
    /// RFC 4791 9.6.
    CalendarData = CALDAV "calendar-data";

    /// RFC 4918 15.2.
    DisplayName = DAV "displayname";
    /// RFC 4791 5.2.1.
    CalendarDescription = CALDAV "calendar-description";
    /// RFC 4791 5.2.2.
    CalendarTimezone = CALDAV "calendar-timezone";
    /// RFC 7809 5.2.
    CalendarTimezoneId = CALDAV "calendar-timezone-id";
    /// RFC 4791 5.2.3.
    SupportedComponents = CALDAV "supported-calendar-component-set";
    /// RFC 4791 9.3, within the component set.
    Comp = CALDAV "comp";
    /// RFC 6638 9.1.
    ScheduleCalendarTransp = CALDAV "schedule-calendar-transp";
    /// RFC 6638 9.1: counts for free-busy.
    Opaque = CALDAV "opaque";
    /// RFC 6638 9.1: does not count for free-busy.
    Transparent = CALDAV "transparent";
    /// Apple: `#RRGGBB` or `#RRGGBBAA`.
    CalendarColor = APPLE "calendar-color";
    /// Apple: where clients show it in a list.
    CalendarOrder = APPLE "calendar-order";
    /// CalendarServer: where a subscription comes from; holds an href.
    Source = CALENDARSERVER "source";
    /// Apple: how often to refresh a subscription.
    RefreshRate = APPLE "refreshrate";
    /// CalendarServer: leave alarms out of a subscription.
    StripAlarms = CALENDARSERVER "subscribed-strip-alarms";
    /// CalendarServer: leave attachments out of a subscription.
    StripAttachments = CALENDARSERVER "subscribed-strip-attachments";
    /// CalendarServer: leave tasks out of a subscription.
    StripTodos = CALENDARSERVER "subscribed-strip-todos";
    /// draft-daboo-valarm-extensions 10: default alarm of timed events.
    DefaultAlarmTimed = CALDAV "default-alarm-vevent-datetime";
    /// draft-daboo-valarm-extensions 10: default alarm of all-day events.
    DefaultAlarmDate = CALDAV "default-alarm-vevent-date";

    /// RFC 3744 5.5.
    CurrentUserPrivilegeSet = DAV "current-user-privilege-set";
    /// RFC 3744 5.3.1.
    Privilege = DAV "privilege";
    /// RFC 3744 3.2.
    PrivilegeWrite = DAV "write";
    /// RFC 3744 3.4.
    PrivilegeWriteContent = DAV "write-content";
    /// RFC 3744 3.9.
    PrivilegeBind = DAV "bind";
    /// RFC 3744 3.11.
    PrivilegeAll = DAV "all";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_by_its_parts() {
        for name in [Name::Multistatus, Name::CalendarColor, Name::PrivilegeAll, Name::Source] {
            let (namespace, local) = name.parts();
            assert_eq!(Name::find(namespace, local), Some(name));
        }
        assert_eq!(Name::find(CALDAV, "displayname"), None);
    }
}
