//! How a limit on bytes is shared between groups, so that every group keeps something.

use crate::split::keyed_hash;
use std::collections::BTreeMap;

/// Separates these hashes from any other use of the names.
const KEY_CONTEXT: &str = "isoflop size limit v1";

/// The level `x` at which `Σ min(size, x)` reaches `limit` (max-min fairness); `u64::MAX` if
/// everything fits.
pub(crate) fn fair_level(sizes: impl Iterator<Item = u64>, limit: u64) -> u64 {
    let mut sizes: Vec<u64> = sizes.collect();
    sizes.sort_unstable();
    let mut left = limit;
    for (position, size) in sizes.iter().enumerate() {
        let level = left / (sizes.len() - position) as u64;
        if *size > level {
            return level;
        }
        left -= size;
    }
    u64::MAX
}

/// What is chosen from, and how much of the limit it takes.
pub(crate) trait Measured {
    fn group(&self) -> &str;
    fn name(&self) -> &str;
    fn bytes(&self) -> u64;
}

/// Keeps at most about `limit` bytes, shared fairly between groups; returns what is kept, in the
/// order given, and what is not.
///
/// Within a group, items are taken in the order of a hash of their names, so that what is kept is
/// spread over it.
pub(crate) fn keep_within<T: Measured>(items: Vec<T>, limit: u64) -> (Vec<T>, Vec<T>) {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, item) in items.iter().enumerate() {
        groups.entry(item.group()).or_default().push(position);
    }
    let size = |positions: &Vec<usize>| positions.iter().map(|p| items[*p].bytes()).sum();
    let level = fair_level(groups.values().map(size), limit);
    if level == u64::MAX {
        return (items, Vec::new());
    }
    let mut is_kept = vec![false; items.len()];
    for positions in groups.values_mut() {
        positions.sort_by_cached_key(|p| keyed_hash(KEY_CONTEXT, items[*p].name()));
        let mut left = level;
        for position in positions {
            let bytes = items[*position].bytes();
            if bytes <= left {
                left -= bytes;
                is_kept[*position] = true;
            }
        }
    }
    let mut is_kept = is_kept.into_iter();
    items
        .into_iter()
        .partition(|_| is_kept.next().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_groups_keep_all_and_large_ones_share_the_rest() {
        assert_eq!(fair_level([10, 100, 1000].into_iter(), 110), 50);
        assert_eq!(fair_level([10, 100, 1000].into_iter(), 2000), u64::MAX);
        assert_eq!(fair_level(std::iter::empty(), 5), u64::MAX);
    }

    struct Item(String, String, u64);

    impl Measured for Item {
        fn group(&self) -> &str {
            &self.0
        }
        fn name(&self) -> &str {
            &self.1
        }
        fn bytes(&self) -> u64 {
            self.2
        }
    }

    #[test]
    fn every_group_keeps_something_and_the_order_stays() {
        let item = |i: usize| Item(format!("g{}", (i / 3).min(9)), format!("file {i}"), 100);
        let (kept, dropped) = keep_within((0..300).map(item).collect(), 5_000);
        let groups: std::collections::BTreeSet<_> = kept.iter().map(Measured::group).collect();
        assert_eq!(groups.len(), 10);
        assert_eq!((kept.len(), dropped.len()), (50, 250));
        let order = |item: &Item| item.1[5..].parse::<usize>().unwrap();
        assert!(kept.is_sorted_by_key(order) && dropped.is_sorted_by_key(order));
    }

    proptest! {
        #[test]
        fn the_limit_is_used_up_to_less_than_a_byte_a_group(
            sizes in prop::collection::vec(0u64..10_000, 1..50), limit in 0u64..200_000,
        ) {
            let level = fair_level(sizes.iter().copied(), limit);
            let used: u64 = sizes.iter().map(|size| size.min(&level)).sum();
            let total: u64 = sizes.iter().sum();
            prop_assert!(used <= limit);
            prop_assert!(used + sizes.len() as u64 > limit.min(total));
        }
    }
}
