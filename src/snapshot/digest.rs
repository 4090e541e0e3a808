//! Hashes that are the same in every run.

use sha2::{Digest, Sha256};

/// The first `digits` hexadecimal digits of the SHA-256 of `parts`, each with its length.
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
