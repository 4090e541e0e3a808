//! Hashes that are the same in every run.

use sha2::{Digest, Sha256};

/// Returns the first `digits` hexadecimal digits of the SHA-256 of `parts`. The length of each part is hashed
/// with it, so that bytes cannot move from one part to the next.
#[must_use]
pub fn hash(parts: &[&[u8]], digits: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut out = String::with_capacity(digits);
    for half in hasher.finalize().iter().flat_map(|byte| [byte >> 4, byte & 15]).take(digits) {
        out.push(char::from_digit(u32::from(half), 16).unwrap_or_default());
    }
    out
}
