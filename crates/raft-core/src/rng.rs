//! Randomness from a seed, for election timeouts only: two nodes that time out together must not go on
//! doing so. One seed gives one sequence, on every machine and for ever.

/// A generator of 64-bit numbers (splitmix64: a counter through a mixing function).
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from `low` up to but not including `high`; `low` if there is none. The bias of taking a
    /// remainder is far below what a timeout could show.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low);
        self.next().checked_rem(span).map_or(low, |offset| low.saturating_add(offset))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut rng = Rng::new(1);
        let first: Vec<u64> = (0..3).map(|_| rng.between(0, 1_000_000)).collect();
        assert_eq!(first, [822_465, 428_519, 890_590]);
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut rng = Rng::new(7);
        let drawn: Vec<u64> = (0..10_000).map(|_| rng.between(300, 320)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&300), Some(&319)));
        assert_eq!(rng.between(5, 5), 5);
        assert_eq!(rng.between(5, 4), 5);
    }
}
