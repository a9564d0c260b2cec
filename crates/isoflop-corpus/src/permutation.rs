//! A permutation of `0..n` that is computed, not stored.

/// A pseudo-random permutation of `0..len`, any element of which costs constant time.
///
/// A Feistel network (Luby and Rackoff 1988) over the smallest even number of bits that holds
/// `len`, repeated until the result is below `len` (cycle walking; Black and Rogaway 2002): fewer
/// than four rounds of the network on average. Good for shuffling, not for secrecy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permutation {
    len: u64,
    half_bits: u32,
    key: u64,
}

/// Luby and Rackoff need four rounds; two more make neighbouring keys unrelated.
const ROUNDS: u64 = 6;

impl Permutation {
    /// The permutation number `key` of `0..len`; `len` is at least 1.
    pub(crate) fn new(len: u64, key: u64) -> Self {
        debug_assert!(len > 0);
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        Self {
            len,
            half_bits: bits.div_ceil(2).max(1),
            key,
        }
    }

    /// Where `position` (below `len`) goes.
    pub(crate) fn at(&self, position: u64) -> u64 {
        debug_assert!(position < self.len);
        let mut value = self.network(position);
        while value >= self.len {
            value = self.network(value);
        }
        value
    }

    fn network(&self, value: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (mix(mix(self.key, round), right) & mask));
        }
        (left << self.half_bits) | right
    }
}

/// A hash of a counter under a key: the output function of SplitMix64 (Steele, Lea and Flood
/// 2014), applied to both.
pub(crate) fn mix(key: u64, counter: u64) -> u64 {
    finish(finish(key.wrapping_add(0x9E37_79B9_7F4A_7C15)).wrapping_add(counter))
}

fn finish(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_element_is_reached_once(len in 1u64..3000, key: u64) {
            let permutation = Permutation::new(len, key);
            let mut reached: Vec<u64> = (0..len).map(|i| permutation.at(i)).collect();
            reached.sort_unstable();
            prop_assert_eq!(reached, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn neighbours_are_spread_over_the_whole_range() {
        let permutation = Permutation::new(10_000, 7);
        let values: Vec<f64> = (0..10_000).map(|i| permutation.at(i) as f64).collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        // The mean of 1000 of 10 000 values has a standard error of 87.
        for tenth in values.chunks(1000) {
            assert!((mean(tenth) - 4999.5).abs() < 4.0 * 87.0);
        }
        let products: Vec<f64> = values
            .windows(2)
            .map(|v| (v[0] - 4999.5) * (v[1] - 4999.5) / 8.33e6)
            .collect();
        assert!(
            mean(&products).abs() < 0.04,
            "serial correlation {}",
            mean(&products)
        );
    }

    #[test]
    fn other_keys_give_other_permutations() {
        let fixed = |a: u64, b: u64| {
            let (a, b) = (Permutation::new(1000, a), Permutation::new(1000, b));
            (0..1000).filter(|i| a.at(*i) == b.at(*i)).count()
        };
        // Two random permutations agree at one place on average.
        assert!(fixed(1, 2) < 8 && fixed(2, 3) < 8 && fixed(0, u64::MAX) < 8);
    }
}
