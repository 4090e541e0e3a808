//! One signed-in conversation with a server: credentials, redirects, retries, pacing and decoding
//! around single requests. What the requests mean is not known here.

mod gzip;
mod limiter;
pub mod retry;

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, Stream, StreamExt};

use crate::error::{Error, Kind, Result};
use crate::http::{Body, Request, Response, Target, Transport, TransportError};
use crate::options::ConnectionOptions;
use crate::options::location::Location;
use crate::webdav::refusal::Refusal;
use limiter::{ConcurrencyLimiter, Permit};

/// Redirects followed for one request.
const MOST_REDIRECTS: usize = 5;
/// How much longer a whole answer may take than one pause within it: an answer that trickles in
/// byte by byte never pauses, and must end all the same.
const WHOLE_ANSWER: u32 = 20;
/// Requests in a row that failed for good before the server counts as gone.
const GONE: u32 = 3;

/// The conversation.
pub struct Session {
    transport: Rc<dyn Transport>,
    location: Location,
    authorization: Option<String>,
    timeout: Duration,
    retries: u32,
    limiter: Rc<ConcurrencyLimiter>,
    answered: Cell<bool>,
    signed_in: Cell<bool>,
    /// Requests in a row that got no answer, with all their repetitions.
    lost: Cell<u32>,
    stopped: RefCell<Option<Error>>,
}

/// An answer of 2xx, and where it came from after redirects.
pub struct Answer {
    /// The place that answered.
    pub target: Target,
    /// The answer.
    pub response: Response,
}

/// Why there is no answer of 2xx.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server answered and refused this one request.
    #[error("{refusal}")]
    Refused {
        /// Where.
        target: Target,
        /// Its words.
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
            SendError::Refused { target, refusal } => {
                let kind = match refusal.status {
                    403 => Kind::Forbidden,
                    404 | 410 => Kind::NotFound,
                    405 | 501 => Kind::Unsupported,
                    409 | 412 | 423 => Kind::Conflict,
                    413 => Kind::TooLarge,
                    408 | 429 | 503 => Kind::RateLimited,
                    502 | 504 => Kind::Unreachable,
                    507 => Kind::QuotaExceeded,
                    _ => Kind::Protocol,
                };
                Self::new(kind, format!("{target}: {refusal}."))
            }
        }
    }
}

impl Session {
    /// A conversation by these options. Nothing is sent yet.
    #[must_use]
    pub fn new(transport: Rc<dyn Transport>, options: &ConnectionOptions) -> Self {
        let user = &options.username;
        let authorization = (!user.is_empty()).then(|| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", options.password.reveal())))
        });
        Self {
            transport,
            location: options.location.clone(),
            authorization,
            timeout: options.timeout,
            retries: options.retries,
            limiter: ConcurrencyLimiter::new(options.concurrency),
            answered: Cell::new(false),
            signed_in: Cell::new(false),
            lost: Cell::new(0),
            stopped: RefCell::new(None),
        }
    }

    /// The outside world, for tasks beside the caller.
    #[must_use]
    pub fn transport(&self) -> &Rc<dyn Transport> {
        &self.transport
    }

    /// The most requests under way at once, at the moment.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.limiter.limit()
    }

    /// Sends a request that can be repeated. Follows redirects, waits and repeats when the server
    /// asks for it or the connection breaks, and gives back the head of a 2xx answer.
    pub async fn send(&self, request: Request) -> Result<Answer, SendError> {
        let mut request = request;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send_with_retries(&request).await?;
            if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(Answer { target: request.target, response });
            }
            request.target = self.redirect(&request.target, &response)?;
        }
        Err(Error::new(
            Kind::Protocol,
            format!("{}: more than {MOST_REDIRECTS} redirects, one to the next.", request.target),
        )
        .into())
    }

    /// Where a redirect leads, if it may be followed.
    fn redirect(&self, from: &Target, response: &Response) -> Result<Target> {
        let there =
            response.headers.first("location").and_then(|location| from.resolve(location).ok()).ok_or_else(
                || {
                    Error::new(
                        Kind::Protocol,
                        format!("{from}: a redirect ({}) that leads nowhere.", response.status),
                    )
                },
            )?;
        if from.origin.https && !there.origin.https {
            return Err(Error::new(
                Kind::Protocol,
                format!(
                    "{from}: the server redirects to {there}, which is not encrypted; the password is not sent there. Ask the server's operator to mend the redirect, or use another location."
                ),
            ));
        }
        if !self.location.trusts(&there.origin) && there.origin != from.origin {
            return Err(Error::new(
                Kind::Denied,
                format!(
                    "{from}: the server redirects to {there}, which is another server; the password is not sent there. If that is the right one, use it as the location."
                ),
            ));
        }
        Ok(there)
    }

    /// Sends until there is an answer that is not "later", or patience ends. 3xx passes.
    async fn send_with_retries(&self, request: &Request) -> Result<Response, SendError> {
        let (mut attempt, mut kept) = (0, None);
        loop {
            let permit = match kept.take() {
                Some(permit) => permit,
                None => self.limiter.acquire().await,
            };
            if let Some(error) = self.stopped.borrow().clone() {
                return Err(error.into());
            }
            let sent = self.transport.send(self.complete(request), self.timeout).await;
            let (why, pause) = match sent {
                Ok(response) if response.status < 400 => {
                    self.limiter.on_success();
                    self.answered.set(true);
                    self.lost.set(0);
                    self.signed_in.set(self.signed_in.get() || response.status < 300);
                    return Ok(self.hold(response, permit));
                }
                Ok(response) if response.status == 401 => {
                    // One repetition in the middle of a run: a server that forgot a session for a
                    // moment. Never before the first success, where it counts as a wrong password.
                    if !self.signed_in.get() || attempt > 0 || self.retries == 0 {
                        return Err(self.stop(self.refused_sign_in(&request.target)).into());
                    }
                    (Error::new(Kind::SignInRefused, ""), Some(Duration::ZERO))
                }
                Ok(response) => {
                    self.answered.set(true);
                    self.lost.set(0);
                    let pause = retry::pause(attempt, Some(&response.headers));
                    let refusal = Refusal::read(response).await;
                    let transient = if request.repeatable {
                        retry::is_transient(&refusal)
                    } else {
                        retry::is_not_done(&refusal)
                    };
                    let refused =
                        SendError::Refused { target: request.target.clone(), refusal: Box::new(refusal) };
                    if !transient {
                        return Err(refused);
                    }
                    self.limiter.on_overload();
                    (refused.into(), pause)
                }
                Err(error) => {
                    let again = error.is_transient()
                        && (self.answered.get() || matches!(error, TransportError::Broken(_)))
                        && (request.repeatable || matches!(error, TransportError::Connect(_)));
                    let error = transport_error(&request.target, &error);
                    if !again {
                        return Err(if error.ends_run() { self.stop(error) } else { error }.into());
                    }
                    self.limiter.on_overload();
                    (error, retry::pause(attempt, None))
                }
            };
            let Some(pause) = pause.filter(|_| attempt < self.retries) else {
                return Err(self.give_up(why).into());
            };
            if pause.is_zero() {
                // Before anybody else: they would all make the same mistake.
                kept = Some(permit);
            } else {
                drop(permit);
                self.transport.sleep(pause).await;
            }
            attempt += 1;
        }
    }

    /// The request with the headers that every request has.
    fn complete(&self, request: &Request) -> Request {
        let mut request = request
            .clone()
            .header("user-agent", concat!("plakar-caldav/", env!("CARGO_PKG_VERSION")))
            .header("accept-encoding", "gzip");
        if let Some(authorization) =
            self.authorization.as_ref().filter(|_| self.location.trusts(&request.target.origin))
        {
            request = request.header("authorization", authorization.clone());
        }
        request
    }

    /// The answer with its body decoded, bounded in time, and counted as under way until it ends.
    fn hold(&self, response: Response, permit: Permit) -> Response {
        let encoded =
            response.headers.first("content-encoding").is_some_and(|c| c.eq_ignore_ascii_case("gzip"));
        let held = Held {
            body: response.body,
            permit: Some(permit),
            transport: Rc::clone(&self.transport),
            most: self.timeout * WHOLE_ANSWER,
            deadline: None,
        };
        let body = if encoded { gzip::decode(held.boxed_local()) } else { held.boxed_local() };
        Response { body, ..response }
    }

    fn refused_sign_in(&self, target: &Target) -> Error {
        let what = match &self.authorization {
            None => "the server wants a user name and a password. Give the options username and password",
            Some(_) => {
                "the server does not accept this user name and password. Check both; many services want an app password here"
            }
        };
        let hint = self.location.provider.map_or("", |provider| provider.hint);
        Error::new(Kind::SignInRefused, format!("{}: {what}. {hint}", target.origin).trim_end())
    }

    /// A request failed for good. When several in a row did without an answer, the server is gone,
    /// and the rest need not wait for the same.
    fn give_up(&self, error: Error) -> Error {
        if error.kind != Kind::Unreachable {
            return error;
        }
        self.lost.set(self.lost.get() + 1);
        if self.lost.get() < GONE { error } else { self.stop(error) }
    }

    /// Ends the conversation: every request from now on fails with this error.
    fn stop(&self, error: Error) -> Error {
        self.stopped.borrow_mut().get_or_insert(error).clone()
    }
}

/// A transport's failure as an error of ours.
#[must_use]
pub fn transport_error(target: &Target, error: &TransportError) -> Error {
    let (kind, advice) = match error {
        TransportError::Connect(_) => (Kind::Unreachable, "Check the location and whether the server is up"),
        TransportError::Broken(_) | TransportError::Timeout(_) => (Kind::Unreachable, "Try again later"),
        TransportError::Tls(_) => {
            (Kind::Tls, "If the server has a certificate of its own, name its CA with tls_ca")
        }
        TransportError::Denied(_) => (Kind::Denied, "Change what the host allows if this is right"),
        TransportError::TooLarge(_) => (Kind::TooLarge, "It was not read to its end"),
        TransportError::Cancelled => return Error::new(Kind::Cancelled, "Cancelled."),
        TransportError::Protocol(_) => (Kind::Protocol, "Check that the location is a CalDAV server"),
    };
    Error::new(kind, format!("{}: {error}. {advice}.", target.origin))
}

/// A body that keeps its permit until it ends, and has a deadline from its first pause on.
struct Held {
    body: Body,
    permit: Option<Permit>,
    transport: Rc<dyn Transport>,
    most: Duration,
    deadline: Option<LocalBoxFuture<'static, ()>>,
}

impl Stream for Held {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.body.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Some(Ok(bytes))),
            Poll::Ready(last) => {
                this.permit = None;
                this.deadline = None;
                Poll::Ready(last)
            }
            Poll::Pending => {
                let deadline = this.deadline.get_or_insert_with(|| this.transport.sleep(this.most));
                if deadline.poll_unpin(cx).is_pending() {
                    return Poll::Pending;
                }
                this.permit = None;
                let seconds = this.most.as_secs();
                Poll::Ready(Some(Err(TransportError::Timeout(format!(
                    "the whole answer took longer than {seconds} s"
                )))))
            }
        }
    }
}

#[cfg(test)]
mod tests;
