//! Bytes of a file, through gzip or zstd where its first ones say so.

use crate::error::CorpusError;
use isoflop_runs::Packing;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
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
    let packing = Packing::of(input.fill_buf().map_err(read_failure)?);
    let most = limit.saturating_add(1);
    let mut bytes = Vec::new();
    let read = packing.unpack(&mut input, most, &mut bytes);
    read.map_err(|source| match packing {
        Packing::Plain => read_failure(source),
        Packing::Gzip | Packing::Zstd => CorpusError::Packed {
            path: path.to_owned(),
            reason: source.to_string(),
        },
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
    fn a_packed_file_of_several_members_is_read_to_its_end() {
        let text = b"some text\n".repeat(3000);
        let zstd = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        let halves = text.split_at(12_345);
        for packed in [
            text.clone(),
            [gzip(halves.0), gzip(halves.1)].concat(),
            [zstd(halves.0), zstd(halves.1)].concat(),
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
    fn a_packed_file_that_is_cut_off_is_an_error_that_names_it() {
        let packed = gzip(&b"some text\n".repeat(3000));
        let error = read_back(&packed[..packed.len() / 2], 1 << 20).err();
        let error = error.expect("the file is cut off");
        assert!(matches!(error, CorpusError::Packed { .. }), "{error}");
    }
}
