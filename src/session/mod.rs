//! One signed-in conversation with a server: credentials, redirects, retries, a limit of concurrent requests
//! and decoding, around single requests. What the requests mean is not known here.

mod auth;
mod body;
mod config;
mod gzip;
mod limiter;
mod redirect;
pub mod retry;
#[cfg(test)]
pub(crate) mod scripted;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Request, Response, Target, Transport, TransportError};
use crate::webdav::refusal::Refusal;
use crate::webdav::status;
use auth::Auth;
pub use auth::{Credentials, Secret};
use body::TimedBody;
pub use config::{SessionConfig, Trust};
use limiter::{ConcurrencyLimiter, Permit};

/// How much longer a whole answer may take than one pause within it.
const WHOLE_ANSWER: u32 = 20;
/// Requests in a row without an answer, each with all of its repetitions, after which the server counts as
/// gone.
const MAX_UNANSWERED: u32 = 3;

/// A conversation with a server.
pub struct Session {
    transport: Rc<dyn Transport>,
    trust: Trust,
    auth: Auth,
    timeout: Duration,
    retries: u32,
    limiter: Rc<ConcurrencyLimiter>,
    /// Whether the server has answered at all.
    answered: Cell<bool>,
    /// Requests in a row that got no answer, with all their repetitions.
    unanswered: Cell<u32>,
    /// Error that has ended the session.
    ended: RefCell<Option<Error>>,
}

/// Reason why there is no 2xx answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server answered and refused this one request.
    #[error("{refusal}")]
    Refused {
        /// The target that refused it.
        target: Target,
        /// Status, precondition and text of the answer.
        refusal: Box<Refusal>,
    },
    /// No answer, or one that ends more than this request.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Failed(error) => error,
            SendError::Refused { target, refusal } => status::error(&target, &refusal),
        }
    }
}

/// Result of one attempt to send a request.
enum Attempt {
    /// An answer of 2xx or 3xx.
    Answered(Response),
    /// The request may succeed later.
    Failed {
        /// Error to report if the request is not repeated.
        error: Error,
        /// How long to wait before; none if the server asks for more than is reasonable.
        pause: Option<Duration>,
    },
}

impl Session {
    /// Creates a session. Nothing is sent yet.
    #[must_use]
    pub fn new(transport: Rc<dyn Transport>, config: SessionConfig) -> Self {
        Self {
            transport,
            auth: Auth::new(&config),
            trust: config.trust,
            timeout: config.timeout,
            retries: config.retries,
            limiter: ConcurrencyLimiter::new(config.concurrency),
            answered: Cell::new(false),
            unanswered: Cell::new(0),
            ended: RefCell::new(None),
        }
    }

    /// Returns the transport, for pauses and for tasks beside the caller.
    #[must_use]
    pub fn transport(&self) -> &Rc<dyn Transport> {
        &self.transport
    }

    /// Returns how many requests may be under way at once now.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.limiter.limit()
    }

    /// Sends a request. Follows redirects, and repeats it after a pause if the server asks for that or the
    /// connection breaks. Returns once the head of a 2xx answer has arrived; the body arrives while it is
    /// read.
    ///
    /// # Errors
    ///
    /// A refusal of this request, or a failure: see [`SendError`]. An error that [ends the
    /// run](Kind::ends_run) ends the session: every later request fails with the same.
    pub async fn send(&self, mut request: Request) -> Result<Answer, SendError> {
        for _ in 0..=redirect::MAX_REDIRECTS {
            let response = self.send_with_retries(&request).await?;
            if !redirect::is_redirect(&response) {
                return Ok(Answer { target: request.target, response });
            }
            request.target = redirect::follow(&request.target, &response, &self.trust)?;
        }
        let what = format!("{}: more than {} redirects in a row", request.target, redirect::MAX_REDIRECTS);
        Err(Error::new(Kind::Protocol, what).into())
    }

    /// Sends until there is an answer that does not mean "later", or no attempt is left. 3xx is an answer.
    async fn send_with_retries(&self, request: &Request) -> Result<Response, SendError> {
        let (mut attempt, mut kept) = (0, None);
        loop {
            let permit = match kept.take() {
                Some(permit) => permit,
                None => self.limiter.acquire().await,
            };
            if let Some(error) = self.ended.borrow().clone() {
                return Err(error.into());
            }
            let (error, pause) = match self.send_once(request, attempt).await? {
                Attempt::Answered(response) => return Ok(self.wrap_body(response, permit)),
                Attempt::Failed { error, pause } => (error, pause),
            };
            let Some(pause) = pause.filter(|_| attempt < self.retries) else {
                return Err(self.give_up(error).into());
            };
            if pause.is_zero() {
                // Before any other request, which would meet the same refusal.
                kept = Some(permit);
            } else {
                drop(permit);
                self.transport.sleep(pause).await;
            }
            attempt += 1;
        }
    }

    /// Sends once. An error is final.
    async fn send_once(&self, request: &Request, attempt: u32) -> Result<Attempt, SendError> {
        let response = match self.transport.send(self.complete(request), self.timeout).await {
            Ok(response) => response,
            Err(error) => return Ok(self.without_answer(request, attempt, &error)?),
        };
        if response.status == 401 {
            if !self.auth.may_repeat(attempt) || self.retries == 0 {
                return Err(self.end(self.auth.refused(&request.target)).into());
            }
            return Ok(Attempt::Failed {
                error: Error::new(Kind::SignInRefused, ""),
                pause: Some(Duration::ZERO),
            });
        }
        self.answered.set(true);
        self.unanswered.set(0);
        if response.status >= 400 {
            return self.refused(request, attempt, response).await;
        }
        self.limiter.on_success();
        if response.status < 300 {
            self.auth.on_success();
        }
        Ok(Attempt::Answered(response))
    }

    /// The server refused the request, perhaps only for now.
    async fn refused(
        &self,
        request: &Request,
        attempt: u32,
        response: Response,
    ) -> Result<Attempt, SendError> {
        let pause = retry::pause(attempt, Some(&response.headers));
        let refusal = Refusal::read(response).await;
        let is_transient =
            if request.repeatable { status::is_transient(&refusal) } else { status::is_not_done(&refusal) };
        let refused = SendError::Refused { target: request.target.clone(), refusal: Box::new(refusal) };
        if !is_transient {
            return Err(refused);
        }
        self.limiter.on_overload();
        Ok(Attempt::Failed { error: refused.into(), pause })
    }

    /// There is no answer. A server that has never answered is not waited for, and a request that may have
    /// been done is not repeated unless it is safe.
    fn without_answer(&self, request: &Request, attempt: u32, error: &TransportError) -> Result<Attempt> {
        let is_repeated = error.is_transient()
            && (self.answered.get() || matches!(error, TransportError::Broken(_)))
            && (request.repeatable || matches!(error, TransportError::Connect(_)));
        let error = status::transport_error(&request.target, error);
        if !is_repeated {
            return Err(if error.ends_run() { self.end(error) } else { error });
        }
        self.limiter.on_overload();
        Ok(Attempt::Failed { error, pause: retry::pause(attempt, None) })
    }

    /// Adds the headers that every request has.
    fn complete(&self, request: &Request) -> Request {
        let request = request
            .clone()
            .header("user-agent", concat!("plakar-caldav/", env!("CARGO_PKG_VERSION")))
            .header("accept-encoding", "gzip");
        match self.auth.header().filter(|_| self.trust.includes(&request.target.origin)) {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// Returns the response with its body decoded and bounded in time. It counts as under way until its body
    /// ends.
    fn wrap_body(&self, response: Response, permit: Permit) -> Response {
        let is_gzip =
            response.headers.first("content-encoding").is_some_and(|c| c.eq_ignore_ascii_case("gzip"));
        let limit = self.timeout * WHOLE_ANSWER;
        let timed = TimedBody::new(response.body, permit, Rc::clone(&self.transport), limit);
        let body = if is_gzip { gzip::decode(timed.boxed_local()) } else { timed.boxed_local() };
        Response { body, ..response }
    }

    /// A request has failed with all its repetitions. After several in a row without an answer, the session
    /// ends, so that the rest need not wait as long.
    fn give_up(&self, error: Error) -> Error {
        if error.kind != Kind::Unreachable {
            return error;
        }
        self.unanswered.set(self.unanswered.get() + 1);
        if self.unanswered.get() < MAX_UNANSWERED { error } else { self.end(error) }
    }

    /// Ends the session: every request from now on fails with this error, or with an earlier one.
    fn end(&self, error: Error) -> Error {
        self.ended.borrow_mut().get_or_insert(error).clone()
    }
}

#[cfg(test)]
mod tests;
