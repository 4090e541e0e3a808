//! The account: its answers to requests, and the changes that tests make without a request.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::behaviour::Behaviour;
use crate::fault::Fault;
use crate::state::{State, name_of, path_of};
use crate::{Reply, Request, object, object_name, read, write};

/// An account with calendars. Tests identify a calendar by the last segment of its path.
#[derive(Default)]
pub struct Account {
    state: Mutex<State>,
    fault: Mutex<Option<Fault>>,
}

impl Account {
    /// Returns an account with these calendars, each given as its name and its number of objects. The objects
    /// of `work` are called `000000.ics`, `000001.ics` …; their UIDs are `work-0`, `work-1` …
    #[must_use]
    pub fn new(calendars: &[(&str, usize)]) -> Self {
        let account = Self::default();
        for (calendar, count) in calendars {
            account.make(calendar);
            for number in 0..*count {
                account.put(calendar, &object_name(number), object(&format!("{calendar}-{number}")));
            }
        }
        account
    }

    /// Answers a request. An injected fault takes precedence over the account's own answer.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Reply {
        let fault = locked(&self.fault).as_ref().and_then(|fault| fault(request));
        fault.unwrap_or_else(|| self.usual(request))
    }

    /// Answers from the state alone, without faults.
    fn usual(&self, request: &Request) -> Reply {
        let mut state = locked(&self.state);
        match request.method.as_str() {
            "OPTIONS" => read::options(&state.behaviour),
            "PROPFIND" => read::propfind(&state, request),
            "REPORT" => read::multiget(&state, request),
            "GET" => read::get(&state, &request.path),
            "PUT" => write::put(&mut state, request),
            "MKCALENDAR" | "MKCOL" => write::make_calendar(&mut state, request),
            "PROPPATCH" => write::proppatch(&mut state, request),
            _ => Reply::status(405),
        }
    }

    /// Injects a fault: from now on, `fault` is called before each answer, and its reply replaces that answer.
    pub fn fault(&self, fault: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) {
        *locked(&self.fault) = Some(Box::new(fault));
    }

    /// Removes the injected fault.
    pub fn clear_fault(&self) {
        *locked(&self.fault) = None;
    }

    /// Replaces the behaviour of the server for all requests from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        locked(&self.state).behaviour = behaviour;
    }

    /// Returns the names of all calendars, in alphabetical order.
    #[must_use]
    pub fn calendars(&self) -> Vec<String> {
        locked(&self.state).calendars.keys().map(|path| name_of(path).to_owned()).collect()
    }

    /// Returns the objects of a calendar, names to texts; empty if there is no such calendar.
    #[must_use]
    pub fn objects(&self, calendar: &str) -> BTreeMap<String, String> {
        let state = locked(&self.state);
        let objects = state.calendars.get(&path_of(calendar)).into_iter().flat_map(|own| &own.objects);
        objects
            .map(|(name, object)| (name.clone(), String::from_utf8_lossy(&object.content).into_owned()))
            .collect()
    }

    /// Creates a calendar without properties, unless it exists.
    pub fn make(&self, calendar: &str) {
        locked(&self.state).calendars.entry(path_of(calendar)).or_default();
    }

    /// Stores an object, or a new version of it, in a calendar. Creates the calendar if it does not exist.
    pub fn put(&self, calendar: &str, name: &str, content: impl Into<Bytes>) {
        let mut state = locked(&self.state);
        state.calendars.entry(path_of(calendar)).or_default().store(name, content.into());
    }

    /// Removes an object, if it exists.
    pub fn remove(&self, calendar: &str, name: &str) {
        if let Some(own) = locked(&self.state).calendars.get_mut(&path_of(calendar)) {
            own.objects.remove(name);
        }
    }

    /// Removes all calendars.
    pub fn empty(&self) {
        locked(&self.state).calendars.clear();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
