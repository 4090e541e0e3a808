//! Advice for the end of a job, in the names of this program's options.

use connector_host::JobError;
use connector_host::egress::origins::OriginError;

/// Returns the reason why a job ended, with advice if there is one.
pub(crate) fn explain(error: &JobError) -> String {
    match error {
        // The connector's message may have many lines and is made printable where it is printed.
        JobError::Connector(error) => error.message().to_owned(),
        JobError::Origin(OriginError::NotEncrypted(_)) => {
            format!("{error}. Use https, or allow it with insecure=true")
        }
        JobError::Origin(OriginError::NotAnOrigin(_)) => format!("allow_hosts: {error}"),
        _ => error.to_string(),
    }
}
