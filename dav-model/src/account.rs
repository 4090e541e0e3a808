//! The account: what the server holds, and what tests do to it past the protocol.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::behaviour::Behaviour;
use crate::fault::Fault;
use crate::state::{State, name_of, path_of};
use crate::{Reply, Request, object, object_name, read, write};

/// An account with calendars. Tests name a calendar by the last segment of its path.
#[derive(Default)]
pub struct Account {
    state: Mutex<State>,
    fault: Mutex<Option<Fault>>,
}

impl Account {
    /// Returns an account that has these calendars with so many objects each. The objects of `work`
    /// are called `000000.ics` and so on, with the UIDs `work-0` and so on.
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

    /// Answers a request: with the fault, if there is one for it.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Reply {
        let fault = locked(&self.fault).as_ref().and_then(|fault| fault(request));
        fault.unwrap_or_else(|| self.usual(request))
    }

    /// Answers as if there were no faults.
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

    /// From now on, `fault` is asked before each answer.
    pub fn fault(&self, fault: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) {
        *locked(&self.fault) = Some(Box::new(fault));
    }

    /// From now on, there is no fault.
    pub fn clear_fault(&self) {
        *locked(&self.fault) = None;
    }

    /// From now on, the server behaves like this.
    pub fn behave(&self, behaviour: Behaviour) {
        locked(&self.state).behaviour = behaviour;
    }

    /// Returns the names of the calendars.
    #[must_use]
    pub fn calendars(&self) -> Vec<String> {
        locked(&self.state).calendars.keys().map(|path| name_of(path).to_owned()).collect()
    }

    /// Returns what a calendar holds: names and texts.
    #[must_use]
    pub fn objects(&self, calendar: &str) -> BTreeMap<String, String> {
        let state = locked(&self.state);
        let objects = state.calendars.get(&path_of(calendar)).into_iter().flat_map(|own| &own.objects);
        objects
            .map(|(name, object)| (name.clone(), String::from_utf8_lossy(&object.content).into_owned()))
            .collect()
    }

    /// Makes a calendar without properties, if it is not there.
    pub fn make(&self, calendar: &str) {
        locked(&self.state).calendars.entry(path_of(calendar)).or_default();
    }

    /// Puts an object, or another version of it, into a calendar, which is made if it is not there.
    pub fn put(&self, calendar: &str, name: &str, content: impl Into<Bytes>) {
        let mut state = locked(&self.state);
        state.calendars.entry(path_of(calendar)).or_default().store(name, content.into());
    }

    /// Removes an object.
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
