//! Bytes of a file, through gzip or zstd where its first bytes say so.

use crate::error::CorpusError;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

/// What was read.
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    /// Whether there is more.
    pub(super) is_cut: bool,
    /// Bytes of the file that were not looked at; packed as they are.
    pub(super) unread: u64,
}

/// At most `limit` bytes of what the file holds.
pub(super) fn read(path: &Path, limit: u64) -> Result<Unpacked, CorpusError> {
    let read_failure = |source| CorpusError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read_failure)?;
    let size = file.metadata().map_err(read_failure)?.len();
    let mut input = BufReader::new(file);
    // A buffer of a regular file is filled with its first bytes at once.
    let start = input.fill_buf().map_err(read_failure)?;
    let is_gzip = start.starts_with(&[0x1f, 0x8b]);
    let is_zstd = start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let most = limit.saturating_add(1);
    let mut bytes = Vec::new();
    let read = if is_gzip {
        MultiGzDecoder::new(&mut input)
            .take(most)
            .read_to_end(&mut bytes)
            .map(drop)
    } else if is_zstd {
        read_zstd(&mut input, most, &mut bytes)
    } else {
        (&mut input).take(most).read_to_end(&mut bytes).map(drop)
    };
    read.map_err(|source| match is_gzip || is_zstd {
        true => CorpusError::Packed {
            path: path.to_owned(),
            reason: source.to_string(),
        },
        false => read_failure(source),
    })?;
    let is_cut = bytes.len() as u64 > limit;
    bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let unread = match is_cut {
        true => size.saturating_sub(input.stream_position().map_err(read_failure)?),
        false => 0,
    };
    Ok(Unpacked {
        bytes,
        is_cut,
        unread,
    })
}

/// All frames, one after the other (RFC 8878, section 3.1): parallel packers write many, and some
/// that are to be skipped.
fn read_zstd(input: &mut impl BufRead, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    while !input.fill_buf()?.is_empty() && (bytes.len() as u64) < most {
        let left = most - bytes.len() as u64;
        match StreamingDecoder::new(&mut *input) {
            Ok(frame) => {
                frame.take(left).read_to_end(bytes)?;
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                io::copy(&mut input.take(u64::from(length)), &mut io::sink())?;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    fn read_back(packed: &[u8], limit: u64) -> Result<Unpacked, CorpusError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, packed).unwrap();
        read(&path, limit)
    }

    #[test]
    fn plain_gzip_and_zstd_of_several_members_are_read_to_their_end() {
        let text = b"some text\n".repeat(3000);
        let zstd = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let halves = text.split_at(12_345);
        for packed in [
            text.clone(),
            gzip(&text),
            [gzip(halves.0), gzip(halves.1)].concat(),
            zstd(&text),
            [&zstd(halves.0)[..], &skipped, &zstd(halves.1)].concat(),
        ] {
            let unpacked = read_back(&packed, 1 << 20).unwrap();
            assert_eq!(unpacked.bytes, text);
            assert_eq!((unpacked.is_cut, unpacked.unread), (false, 0));
        }
    }

    #[test]
    fn a_file_that_unpacks_without_end_is_read_to_the_limit() {
        let unpacked = read_back(&gzip(&vec![b'0'; 4 << 20]), 1000).unwrap();
        assert_eq!((unpacked.bytes.len(), unpacked.is_cut), (1000, true));
    }

    #[test]
    fn a_packed_file_that_is_cut_off_anywhere_is_an_error_and_never_less_text() {
        let text: Vec<u8> = (0..20_000u32)
            .flat_map(|i| format!("{i}\n").into_bytes())
            .collect();
        for packed in [
            gzip(&text),
            compress_to_vec(&text[..], CompressionLevel::Fastest),
        ] {
            for end in (4..packed.len()).step_by(packed.len() / 40) {
                let error = read_back(&packed[..end], 1 << 20).err();
                let error = error.unwrap_or_else(|| panic!("cut at {end} of {}", packed.len()));
                assert!(matches!(error, CorpusError::Packed { .. }), "{error}");
            }
        }
    }
}
