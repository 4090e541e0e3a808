//! Finding an object by a text that belongs to it, in little memory: 16 bytes for each object.

use std::hash::{DefaultHasher, Hasher};

/// The places of objects by the hash of a text. Hashes find candidates only: the caller compares the texts.
#[derive(Debug, Default)]
pub(crate) struct HashIndex(Vec<(u64, u32)>);

impl HashIndex {
    /// Builds an index from hashes and places.
    pub(crate) fn new(mut pairs: Vec<(u64, u32)>) -> Self {
        // All indexes share this code: sorting other types would be other code in the component.
        pairs.sort_unstable();
        Self(pairs)
    }

    /// Returns the places whose text may have this hash, in ascending order.
    pub(crate) fn candidates(&self, hash: u64) -> impl Iterator<Item = u32> + use<'_> {
        let first = self.0.partition_point(|(own, _)| *own < hash);
        self.0.iter().skip(first).take_while(move |(own, _)| *own == hash).map(|(_, at)| *at)
    }
}

/// Returns the hash of a text.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_with_the_hash_is_a_candidate() {
        let index = HashIndex::new(vec![(7, 3), (5, 0), (7, 1), (9, 2)]);
        assert_eq!(index.candidates(7).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(index.candidates(8).count(), 0);
    }
}
