//! Bytes through gzip or zstd, where their first ones say so.

use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use std::io::{self, BufRead, Read};

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip (RFC 1952), of one member or several.
    Gzip,
    /// zstd (RFC 8878), of one frame or several.
    Zstd,
}

impl Packing {
    /// The packing of a file that starts with these bytes; four tell.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            // A frame, or one that is to be skipped: `pzstd` writes one first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            _ => Packing::Plain,
        }
    }

    /// Appends to `bytes` what `input` holds, until they are `most`.
    ///
    /// # Errors
    /// Those of `input`, and that it is not packed so, or ends early.
    pub fn unpack(
        self,
        input: &mut impl BufRead,
        most: u64,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        let left = most.saturating_sub(bytes.len() as u64);
        match self {
            Packing::Plain => input.take(left).read_to_end(bytes).map(drop),
            Packing::Gzip => flate2::bufread::MultiGzDecoder::new(input)
                .take(left)
                .read_to_end(bytes)
                .map(drop),
            Packing::Zstd => unpack_zstd(input, most, bytes),
        }
    }
}

/// All frames, one after the other (RFC 8878, section 3.1): parallel packers and `cat` write many,
/// and some that are to be skipped.
fn unpack_zstd(input: &mut impl BufRead, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
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

    fn unpacked(mut packed: &[u8], most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Packing::of(packed).unpack(&mut packed, most, &mut bytes)?;
        Ok(bytes)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn plain_gzip_and_zstd_of_several_members_are_read_to_their_end() {
        let text = b"N,D,loss\n7B,140B,2.5\n".repeat(3000);
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let (first, second) = text.split_at(12_345);
        for packed in [
            text.clone(),
            gzip(&text),
            [gzip(first), gzip(second)].concat(),
            zstd(&text),
            [zstd(first), zstd(second)].concat(),
            [
                &skipped[..],
                &zstd(first),
                &skipped,
                &zstd(second),
                &skipped,
            ]
            .concat(),
        ] {
            assert_eq!(unpacked(&packed, 1 << 20).unwrap(), text);
        }
    }

    #[test]
    fn what_unpacks_without_end_is_read_to_the_limit() {
        let zeros = vec![b'0'; 4 << 20];
        for packed in [gzip(&zeros), zstd(&zeros), zeros.clone()] {
            assert_eq!(unpacked(&packed, 1000).unwrap().len(), 1000);
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_an_error_and_never_less_text() {
        let text: Vec<u8> = (0..20_000u32)
            .flat_map(|i| format!("{i}\n").into_bytes())
            .collect();
        let (first, second) = text.split_at(50_000);
        for (packed, whole) in [
            (gzip(&text), 0),
            (zstd(&text), 0),
            ([gzip(first), gzip(second)].concat(), gzip(first).len()),
            ([zstd(first), zstd(second)].concat(), zstd(first).len()),
        ] {
            for end in (4..packed.len()).step_by(packed.len() / 40) {
                // Where a member ends, nothing is known to be missing.
                if end != whole {
                    let cut = unpacked(&packed[..end], 1 << 20);
                    assert!(cut.is_err(), "cut at {end} of {}", packed.len());
                }
            }
        }
    }
}
