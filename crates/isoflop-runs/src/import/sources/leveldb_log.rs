//! The framing of W&B run files: LevelDB's log format with another checksum.
//!
//! The file is cut into blocks of 32 KiB. A block holds fragments: CRC-32 (IEEE) of the type
//! and the data, length (u16), type (u8: full, first, middle, last), all little-endian. The first
//! seven bytes of the file are `:W&B`, the magic number 0xBEE1 and a version (LevelDB,
//! `doc/log_format.md`; W&B, `wandb/sdk/internal/datastore.py`).

use super::tfrecord::Item;
use std::borrow::Cow;

const BLOCK: usize = 32 * 1024;
const HEADER: usize = 7;
const MAGIC: [u8; 6] = [b':', b'W', b'&', b'B', 0xe1, 0xbe];
/// Bytes that are checked at most in search of a fragment after damage: a hostile file could
/// otherwise have every position checked against every other.
const MAX_SEARCH: usize = 64 << 20;

/// Whether the file starts as a W&B run does.
pub(super) fn is_log(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Hands whole records, and ranges that were skipped, to `see`.
pub(super) fn read<'a>(bytes: &'a [u8], see: &mut dyn FnMut(Record<'a>)) {
    let mut log = Log {
        bytes,
        at: HEADER.min(bytes.len()),
        search: MAX_SEARCH,
    };
    let mut parts: Option<Vec<u8>> = None;
    while let Some(item) = log.next_fragment() {
        match item {
            Fragment::Whole(data) => see(Record::Data(Cow::Borrowed(data))),
            Fragment::First(data) => parts = Some(data.to_vec()),
            Fragment::Middle(data) => {
                if let Some(parts) = &mut parts {
                    parts.extend_from_slice(data);
                }
            }
            Fragment::Last(data) => {
                if let Some(mut whole) = parts.take() {
                    whole.extend_from_slice(data);
                    see(Record::Data(Cow::Owned(whole)));
                }
            }
            Fragment::Skipped(item) => {
                // A record that lost one of its fragments is lost.
                parts = None;
                see(Record::Skipped(item));
            }
        }
    }
    if parts.is_some() {
        see(Record::Skipped(Item::Skipped {
            start: bytes.len(),
            bytes: 0,
            why: "the last record is cut off",
        }));
    }
}

/// A record, or what stands in its place.
pub(super) enum Record<'a> {
    /// A whole record.
    Data(Cow<'a, [u8]>),
    /// A range that is no record.
    Skipped(Item<'a>),
}

enum Fragment<'a> {
    Whole(&'a [u8]),
    First(&'a [u8]),
    Middle(&'a [u8]),
    Last(&'a [u8]),
    Skipped(Item<'a>),
}

struct Log<'a> {
    bytes: &'a [u8],
    at: usize,
    search: usize,
}

impl<'a> Log<'a> {
    fn next_fragment(&mut self) -> Option<Fragment<'a>> {
        loop {
            let block_end = (self.at / BLOCK + 1) * BLOCK;
            if self.at >= self.bytes.len() {
                return None;
            }
            let rest = &self.bytes[self.at..block_end.min(self.bytes.len())];
            // A block ends in zeros where no header fits.
            if rest.len() < HEADER && block_end <= self.bytes.len() {
                self.at = block_end;
                continue;
            }
            let start = self.at;
            if let Some((kind, data)) = fragment(rest) {
                self.at += HEADER + data.len();
                return Some(match kind {
                    1 => Fragment::Whole(data),
                    2 => Fragment::First(data),
                    3 => Fragment::Middle(data),
                    _ => Fragment::Last(data),
                });
            }
            self.at = self.next_valid(start + 1);
            let why = if self.at >= self.bytes.len() {
                "the last record is cut off or damaged"
            } else {
                "the checksum of a record does not hold"
            };
            return Some(Fragment::Skipped(Item::Skipped {
                start,
                bytes: self.at - start,
                why,
            }));
        }
    }

    /// The next place with a fragment whose checksum holds; block ends are always looked at.
    fn next_valid(&mut self, from: usize) -> usize {
        let mut at = from;
        while at < self.bytes.len() {
            let block_end = ((at / BLOCK + 1) * BLOCK).min(self.bytes.len());
            let rest = &self.bytes[at..block_end];
            let cost = stated_length(rest).unwrap_or(0);
            if cost > self.search || self.search == 0 {
                (self.search, at) = (0, block_end);
                continue;
            }
            self.search -= cost;
            if fragment(rest).is_some() {
                return at;
            }
            at += 1;
        }
        self.bytes.len()
    }
}

/// The length of the data that a header states, where it fits into the block.
fn stated_length(rest: &[u8]) -> Option<usize> {
    let header = rest.get(..HEADER)?;
    let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
    ((1..=4).contains(&header[6]) && HEADER + length <= rest.len()).then_some(length)
}

/// Type and data of the fragment at the start of `rest`, if its checksum holds.
fn fragment(rest: &[u8]) -> Option<(u8, &[u8])> {
    let length = stated_length(rest)?;
    let stored = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
    let checked = &rest[HEADER - 1..HEADER + length];
    (crc32fast::hash(checked) == stored).then(|| (rest[6], &rest[HEADER..HEADER + length]))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A log as LevelDB's writer lays it out.
    pub(in super::super) fn framed(records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(0);
        for record in records {
            let (mut rest, mut is_first) = (&record[..], true);
            loop {
                let mut room = BLOCK - bytes.len() % BLOCK;
                if room < HEADER {
                    bytes.resize(bytes.len() + room, 0);
                    room = BLOCK;
                }
                let part;
                (part, rest) = rest.split_at(rest.len().min(room - HEADER));
                let kind = match (is_first, rest.is_empty()) {
                    (true, true) => 1,
                    (true, false) => 2,
                    (false, false) => 3,
                    (false, true) => 4,
                };
                let mut checked = vec![kind];
                checked.extend(part);
                bytes.extend(crc32fast::hash(&checked).to_le_bytes());
                bytes.extend((part.len() as u16).to_le_bytes());
                bytes.extend(checked);
                is_first = false;
                if rest.is_empty() {
                    break;
                }
            }
        }
        bytes
    }

    fn records(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut whole, mut skipped) = (Vec::new(), 0);
        read(bytes, &mut |record| match record {
            Record::Data(data) => whole.push(data.into_owned()),
            Record::Skipped(_) => skipped += 1,
        });
        (whole, skipped)
    }

    #[test]
    fn records_that_cross_blocks_come_back_whole() {
        let sizes = [0, 10, BLOCK - 30, 3 * BLOCK, 5, BLOCK - 7, 1];
        let written: Vec<Vec<u8>> = sizes
            .iter()
            .zip(1..)
            .map(|(size, k)| vec![k; *size])
            .collect();
        assert_eq!(records(&framed(&written)), (written, 0));
    }

    #[test]
    fn a_damaged_block_costs_its_records_and_no_others() {
        let written: Vec<Vec<u8>> = (0..200u8).map(|k| vec![k; 1000]).collect();
        let mut bytes = framed(&written);
        bytes[40_000] ^= 1;
        let (read, skipped) = records(&bytes);
        assert_eq!(skipped, 1);
        assert_eq!(read.len(), 199);
    }

    proptest! {
        #[test]
        fn a_log_cut_anywhere_gives_every_whole_record(cut in 0usize..3000) {
            let written: Vec<Vec<u8>> = (0..10u8).map(|k| vec![k; 20 * k as usize]).collect();
            let bytes = framed(&written);
            let cut = cut.min(bytes.len());
            let whole = (0..=10).filter(|k| framed(&written[..*k]).len() <= cut).count();
            prop_assert_eq!(records(&bytes[..cut]).0, &written[..whole.saturating_sub(1)]);
        }

        #[test]
        fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut log = MAGIC.to_vec();
            log.extend(bytes);
            records(&log);
        }
    }
}
