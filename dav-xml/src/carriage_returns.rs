//! Carriage returns that are written as references.

/// Turns the reference `&#13;` into the carriage return it stands for before the parser sees it.
/// Many servers write every line end of calendar data so, and to the parser each would be an event.
/// Ends for good where a CDATA section begins: there it would not be a reference.
#[derive(Default)]
pub(crate) struct CarriageReturns {
    /// The beginning of a reference or a section that the next piece may complete.
    held: Vec<u8>,
    ended: bool,
}

const REFERENCE: &[u8] = b"&#13;";
/// Within `<![CDATA[`; there are fewer brackets than tags.
const SECTION: &[u8] = b"[CDATA[";

impl CarriageReturns {
    /// Adds `piece` to `out`.
    pub(crate) fn plain(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        if self.ended {
            return out.extend_from_slice(piece);
        }
        let joined;
        let piece = if self.held.is_empty() {
            piece
        } else {
            joined = [&std::mem::take(&mut self.held), piece].concat();
            &joined
        };
        let mut start = 0;
        for at in memchr::memchr2_iter(b'&', b'[', piece) {
            let rest = piece.get(at..).unwrap_or_default();
            if rest.starts_with(REFERENCE) {
                out.extend_from_slice(piece.get(start..at).unwrap_or_default());
                out.push(b'\r');
                start = at + REFERENCE.len();
            } else if rest.starts_with(SECTION) {
                self.ended = true;
                break;
            } else if REFERENCE.starts_with(rest) || SECTION.starts_with(rest) {
                self.held = rest.to_vec();
                break;
            }
        }
        let end = piece.len() - self.held.len();
        out.extend_from_slice(piece.get(start..end).unwrap_or_default());
    }

    /// Adds what is still held when the body has ended.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
    }
}
