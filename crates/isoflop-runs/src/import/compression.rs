//! Whole files into memory, unpacked, with a limit.

use crate::compression::Packing;
use std::io::{self, BufReader, Read};

/// Unpacked bytes that are read at most: a compressed file can claim to be far larger than the
/// memory.
pub(super) const MAX_BYTES: u64 = 128 << 20;

/// Reads everything, through gzip or zstd where the first bytes say so. `None` where it is more
/// than `limit` bytes.
pub(super) fn read_unpacked(mut input: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut start = Vec::new();
    input.by_ref().take(4).read_to_end(&mut start)?;
    let packing = Packing::of(&start);
    let mut whole = BufReader::new(io::Cursor::new(start).chain(input));
    let mut bytes = Vec::new();
    packing.unpack(&mut whole, limit + 1, &mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_small_file_that_unpacks_without_end_is_stopped_at_the_limit() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b'0'; 1 << 20]).unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(read_unpacked(&packed[..], 1 << 10).unwrap(), None);
        let whole = read_unpacked(&packed[..], 1 << 20).unwrap();
        assert_eq!(whole.map(|bytes| bytes.len()), Some(1 << 20));
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        let packed = [0x1f, 0x8b, 8, 0, 0, 0];
        assert!(read_unpacked(&packed[..], MAX_BYTES).is_err());
    }
}
