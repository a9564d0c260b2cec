//! Whole files into memory, unpacked, with a limit.

use std::io::{self, Read};

/// Unpacked bytes that are read at most: a compressed file can claim to be far larger than the
/// memory.
pub(super) const MAX_BYTES: u64 = 128 << 20;

/// Reads everything, through gzip (RFC 1952) or zstd (RFC 8878) where the first bytes say so.
/// `None` where it is more than `limit` bytes.
pub(super) fn read_unpacked(mut input: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut start = Vec::new();
    input.by_ref().take(4).read_to_end(&mut start)?;
    let is_gzip = start.starts_with(&[0x1f, 0x8b]);
    let is_zstd = start == [0x28, 0xb5, 0x2f, 0xfd];
    let whole = io::Cursor::new(start).chain(input);
    if is_gzip {
        read_limited(flate2::read::MultiGzDecoder::new(whole), limit)
    } else if is_zstd {
        let decoder = ruzstd::decoding::StreamingDecoder::new(whole).map_err(io::Error::other)?;
        read_limited(decoder, limit)
    } else {
        read_limited(whole, limit)
    }
}

fn read_limited(input: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn gzip_and_zstd_are_unpacked_and_plain_text_is_passed_on() {
        let text = b"N,D,loss\n7B,140B,2.5\n".repeat(100);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(
            &text[..],
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        for packed in [gzip.finish().unwrap(), zstd, text.clone()] {
            let unpacked = read_unpacked(&packed[..], MAX_BYTES).unwrap();
            assert_eq!(unpacked, Some(text.clone()));
        }
    }

    #[test]
    fn a_small_file_that_unpacks_without_end_is_stopped_at_the_limit() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&vec![b'0'; 1 << 20]).unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(read_unpacked(&packed[..], 1 << 10).unwrap(), None);
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        let packed = [0x1f, 0x8b, 8, 0, 0, 0];
        assert!(read_unpacked(&packed[..], MAX_BYTES).is_err());
    }
}
