//! Carriage returns that are written as character references.
//!
//! XML turns every line end into LF (XML 1.0, 2.11), and calendar data has CRLF (RFC 5545 3.1). So that the
//! CR is not lost, many servers write it as `&#13;`, once a line.

/// Turns the reference `&#13;` into a carriage return before the parser sees it: to the parser, each
/// reference is an event of its own, which is slow.
///
/// Stops for the rest of the document where a CDATA section begins: within one, it is not a reference.
#[derive(Default)]
pub(crate) struct CarriageReturns {
    /// The beginning of a reference or of a section, which the next piece may complete.
    held: Vec<u8>,
    /// Whether a CDATA section has begun.
    ended: bool,
}

/// The reference as servers write it. The parser resolves `&#xD;` and other spellings.
const REFERENCE: &[u8] = b"&#13;";
/// The end of `<![CDATA[`, because a document has fewer brackets than tags.
const SECTION: &[u8] = b"[CDATA[";

impl CarriageReturns {
    /// Appends `piece` to `out`, except for an incomplete reference at its end.
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

    /// Appends what was held back, when nothing more will arrive.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
    }
}
