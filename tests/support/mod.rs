//! Pseudo-random input that is the same in every run.

/// A pseudo-random number generator (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// Creates a generator. The same seed gives the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or_default()
    }

    /// Returns true with a probability of 1 in `count`.
    pub(crate) fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// Returns one of `all`, which must not be empty.
    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// Returns a text of up to `most` pieces from `alphabet`.
    pub(crate) fn text(&mut self, most: usize, alphabet: &[&str]) -> String {
        (0..self.below(most + 1)).map(|_| self.one_of(alphabet)).collect()
    }
}
