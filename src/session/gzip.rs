//! Decoding of gzip bodies (RFC 1952), which `wasi:http` leaves to the component.

use std::io::Write;

use bytes::Bytes;
use flate2::write::GzDecoder;
use futures::StreamExt;
use futures::stream::unfold;

use crate::http::{Body, TransportError};

/// Encoded bytes that are decoded in one step. They become at most about a thousand times as many, and the
/// limits of the reader apply before the next step.
const STEP: usize = 4 << 10;

/// Returns the decoded body. A body that ends within its gzip data is an error, at its end.
pub(super) fn decode(body: Body) -> Body {
    let state = State { body, rest: Bytes::new(), decoder: Some(GzDecoder::new(Vec::new())) };
    unfold(state, State::step).boxed_local()
}

struct State {
    body: Body,
    /// Encoded bytes that have arrived and are not decoded yet.
    rest: Bytes,
    /// None after the end or an error.
    decoder: Option<GzDecoder<Vec<u8>>>,
}

impl State {
    /// Returns the next decoded bytes, and the state after them.
    async fn step(mut self) -> Option<(Result<Bytes, TransportError>, Self)> {
        let mut decoder = self.decoder.take()?;
        loop {
            if self.rest.is_empty() {
                match self.body.next().await {
                    Some(Ok(bytes)) => self.rest = bytes,
                    Some(Err(error)) => return Some((Err(error), self)),
                    None => {
                        let last = decoder.finish().map(Bytes::from).map_err(|error| damaged(&error));
                        return last.as_ref().map_or(true, |l| !l.is_empty()).then_some((last, self));
                    }
                }
            }
            let piece = self.rest.split_to(self.rest.len().min(STEP));
            if let Err(error) = decoder.write_all(&piece) {
                return Some((Err(damaged(&error)), self));
            }
            let decoded = std::mem::take(decoder.get_mut());
            if !decoded.is_empty() {
                self.decoder = Some(decoder);
                return Some((Ok(Bytes::from(decoded)), self));
            }
        }
    }
}

fn damaged(error: &std::io::Error) -> TransportError {
    TransportError::Broken(format!("the gzip data is damaged or ends too early ({error})"))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures::TryStreamExt;
    use futures::executor::block_on;

    use super::*;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(encoded: &[u8], piece: usize) -> Result<Vec<u8>, TransportError> {
        let pieces: Vec<_> = encoded.chunks(piece).map(|p| Ok(Bytes::copy_from_slice(p))).collect();
        let body = decode(futures::stream::iter(pieces).boxed_local());
        block_on(body.try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        }))
    }

    #[test]
    fn pieces_of_any_size_are_decoded() {
        let text = "BEGIN:VCALENDAR\r\n".repeat(20_000).into_bytes();
        for piece in [1, 7, 5_000, 1_000_000] {
            assert_eq!(decoded(&encoded(&text), piece).unwrap(), text);
        }
    }

    #[test]
    fn half_a_stream_is_an_error() {
        let whole = encoded(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
        assert!(matches!(decoded(&whole[..whole.len() - 9], 5), Err(TransportError::Broken(_))));
        assert!(matches!(decoded(b"no gzip at all", 5), Err(TransportError::Broken(_))));
    }
}
