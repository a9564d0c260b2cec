//! The framing of TensorBoard event files (TFRecord).
//!
//! A record is: length (u64, little-endian), masked CRC-32C of the length, data, masked CRC-32C
//! of the data (TensorFlow, `core/lib/io/record_writer.h`).

/// What a position in the file held.
#[derive(Debug, PartialEq)]
pub(super) enum Item<'a> {
    /// A record whose checksum holds.
    Record(&'a [u8]),
    /// Bytes that are no record: where, how many, and why.
    Skipped {
        /// First byte.
        start: usize,
        /// Number of bytes.
        bytes: usize,
        /// Why.
        why: &'static str,
    },
}

const HEADER: usize = 12;
const FOOTER: usize = 4;

/// The checksum that TFRecord stores: rotated, and a constant added (TensorFlow,
/// `core/lib/hash/crc32c.h`).
pub(super) fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// The records of a file. After damage it goes on at the next place whose length has a valid
/// checksum; an incomplete last record is [`Item::Skipped`] too.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Records { bytes, at: 0 }
    }

    /// The length that the header at `at` states, if its checksum holds.
    fn length_at(&self, at: usize) -> Option<u64> {
        let header = self.bytes.get(at..at.checked_add(HEADER)?)?;
        let (length, crc) = header.split_at(8);
        let stored = u32::from_le_bytes(crc.try_into().ok()?);
        (masked_crc(length) == stored)
            .then(|| u64::from_le_bytes(length.try_into().unwrap_or([0; 8])))
    }

    fn skip_to(&mut self, end: usize, why: &'static str) -> Option<Item<'a>> {
        let start = std::mem::replace(&mut self.at, end);
        Some(Item::Skipped {
            start,
            bytes: end - start,
            why,
        })
    }

    fn next_header(&self, from: usize) -> usize {
        let places = from..self.bytes.len();
        let mut valid = places.filter(|at| self.length_at(*at).is_some());
        valid.next().unwrap_or(self.bytes.len())
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (bytes, start) = (self.bytes, self.at);
        if start >= bytes.len() {
            return None;
        }
        let Some(length) = self.length_at(start) else {
            let next = self.next_header(start + 1);
            return match bytes.len() - start < HEADER {
                true => self.skip_to(bytes.len(), "the last record is cut off"),
                false => self.skip_to(next, "the checksum of a length does not hold"),
            };
        };
        let data = start + HEADER;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| data.checked_add(length))
            .filter(|end| *end <= bytes.len().saturating_sub(FOOTER));
        let Some(end) = end else {
            // Cut off, or a length that is wrong by chance: whole records may still follow.
            let next = self.next_header(start + 1);
            return self.skip_to(next, "the last record is cut off");
        };
        let record = &bytes[data..end];
        if bytes[end..end + FOOTER] != masked_crc(record).to_le_bytes() {
            return self.skip_to(end + FOOTER, "the checksum of a record does not hold");
        }
        self.at = end + FOOTER;
        Some(Item::Record(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in records {
            let length = (record.len() as u64).to_le_bytes();
            bytes.extend(length);
            bytes.extend(masked_crc(&length).to_le_bytes());
            bytes.extend(record);
            bytes.extend(masked_crc(record).to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut records, mut skipped) = (Vec::new(), 0);
        for item in Records::new(bytes) {
            match item {
                Item::Record(record) => records.push(record.to_vec()),
                Item::Skipped { bytes, .. } => skipped += bytes,
            }
        }
        (records, skipped)
    }

    #[test]
    fn crc_of_the_standard_test_vector_is_masked_as_tensorflow_does() {
        // RFC 3720, B.4: 32 bytes of zeros give 0x8a9136aa.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let unmasked = masked_crc(&[0; 32])
            .wrapping_sub(0xa282_ead8)
            .rotate_left(15);
        assert_eq!(unmasked, 0x8a91_36aa);
    }

    #[test]
    fn a_file_cut_at_any_byte_gives_every_whole_record() {
        let records: Vec<Vec<u8>> = (0..5u8).map(|k| vec![k; 3 * k as usize]).collect();
        let bytes = framed(&records);
        let ends: Vec<usize> = (0..=5).map(|k| framed(&records[..k]).len()).collect();
        for cut in 0..=bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let (read, skipped) = read(&bytes[..cut]);
            assert_eq!(read, &records[..whole], "cut at {cut}");
            assert_eq!(skipped, cut - ends[whole]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_flipped_bit_costs_one_record_and_is_reported(
            at in 0usize..1000,
            bit in 0u8..8,
        ) {
            let records: Vec<Vec<u8>> = (0..8u8).map(|k| vec![k ^ 0x5a; 11]).collect();
            let mut bytes = framed(&records);
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let (read, skipped) = read(&bytes);
            let mut expected = records.clone();
            expected.remove(at / (11 + HEADER + FOOTER));
            prop_assert_eq!(read, expected);
            prop_assert_eq!(skipped, 11 + HEADER + FOOTER);
        }

        #[test]
        fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (records, skipped) = read(&bytes);
            let recovered: usize = records.iter().map(|r| r.len() + HEADER + FOOTER).sum();
            prop_assert_eq!(recovered + skipped, bytes.len());
        }
    }
}
