//! Which groups are held out for validation.

use std::collections::BTreeMap;

/// Part of the text that is held out. The standard error of a loss falls with the number of
/// documents that it is measured on: a tenth would leave it at half a per cent.
const VALIDATION_SHARE: f64 = 0.25;
/// Groups held out at least, so that no single one decides the validation loss, where there are
/// four times as many.
const LEAST_GROUPS: usize = 8;
/// A group with more than this part of all text is trained on: alone it would dominate the
/// validation loss.
const LARGEST_SHARE: f64 = 0.05;
/// Separates these hashes from any other use of the names.
const KEY_CONTEXT: &str = "isoflop validation split v1";

/// The groups to hold out: in the order of the keyed hash of their names, until they hold a quarter
/// of all bytes and there are eight of them (or a quarter of the groups, if that is less).
///
/// The hash gives every group the same rank on every machine, so that the same crate is held out
/// wherever the registries are alike. `None` if there are fewer than two groups.
pub(crate) fn validation_groups(bytes_of: &BTreeMap<&str, u64>) -> Option<Vec<String>> {
    if bytes_of.len() < 2 {
        return None;
    }
    let total: u64 = bytes_of.values().sum();
    let is_large = |bytes: u64| bytes as f64 > LARGEST_SHARE * total as f64;
    let mut ranked: Vec<_> = bytes_of.iter().collect();
    ranked.sort_by_key(|(name, bytes)| (is_large(**bytes), keyed_hash(KEY_CONTEXT, name)));
    let least_groups = LEAST_GROUPS.min(bytes_of.len() / 4).max(1);
    let mut chosen = Vec::new();
    let mut held_out = 0;
    for (name, bytes) in ranked {
        let is_enough = held_out as f64 >= VALIDATION_SHARE * total as f64;
        let leaves_one = chosen.len() + 1 == bytes_of.len();
        if (is_enough && chosen.len() >= least_groups) || leaves_one {
            break;
        }
        held_out += bytes;
        chosen.push((*name).to_owned());
    }
    Some(chosen)
}

/// A hash of `name` that differs between uses (`context`).
pub(crate) fn keyed_hash(context: &str, name: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(name.as_bytes());
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_single_group_cannot_be_split() {
        assert_eq!(validation_groups(&BTreeMap::from([("a", 10)])), None);
    }

    #[test]
    fn a_dominant_group_is_trained_on() {
        let names: Vec<String> = (0..100).map(|i| format!("crate-{i}")).collect();
        for large in 0..100 {
            let bytes_of = names
                .iter()
                .enumerate()
                .map(|(i, name)| (name.as_str(), if i == large { 50_000 } else { 1_000 }));
            let chosen = validation_groups(&bytes_of.collect()).unwrap();
            assert!(!chosen.contains(&names[large]));
        }
    }

    proptest! {
        #[test]
        fn about_a_tenth_is_held_out_in_at_least_eight_groups(
            sizes in prop::collection::vec(1_000u64..100_000, 60..300),
        ) {
            let names: Vec<String> = (0..sizes.len()).map(|i| format!("crate-{i}")).collect();
            let bytes_of: BTreeMap<&str, u64> =
                names.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
            let chosen = validation_groups(&bytes_of).unwrap();
            let held_out: u64 = chosen.iter().map(|name| bytes_of[name.as_str()]).sum();
            let share = held_out as f64 / sizes.iter().sum::<u64>() as f64;
            prop_assert!(chosen.len() >= 8);
            prop_assert!((0.1..0.3).contains(&share), "{share}");
        }

        #[test]
        fn both_sides_hold_something(sizes in prop::collection::vec(1u64..1_000_000, 2..40)) {
            let names: Vec<String> = (0..sizes.len()).map(|i| format!("g{i}")).collect();
            let bytes_of = names.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
            let chosen = validation_groups(&bytes_of).unwrap();
            prop_assert!(!chosen.is_empty() && chosen.len() < sizes.len());
        }
    }
}
