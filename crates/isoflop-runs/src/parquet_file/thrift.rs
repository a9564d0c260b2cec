//! A walk through Thrift's compact protocol, in which Parquet keeps its directory and the headers
//! of its pages: what they claim is seen before a library acts on it.
//!
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

use super::format::Kind;

/// Structures within structures that are followed; Parquet's own are half as deep.
const MAX_DEPTH: usize = 16;

/// Why a walk ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes ended first.
    Short,
    /// They are not of the protocol or the format, or claim more elements than there are bytes.
    Hostile,
}

/// Walks the structure at the start of `bytes`, whose fields have the kinds of `format`, and hands
/// each integer in it to `see`, under the numbers of the fields that lead to it. Returns the
/// structure's length in bytes.
///
/// # Errors
/// [`Stop`]. All lists together may have as many elements as there are bytes: elements of no size,
/// such as booleans, would otherwise be claimed by the thousand million.
pub(super) fn walk(
    bytes: &[u8],
    format: fn(&[i64]) -> Option<Kind>,
    see: &mut dyn FnMut(&[i64], i64),
) -> Result<usize, Stop> {
    let mut walk = Walk {
        bytes,
        at: 0,
        elements_left: bytes.len() as u64,
        path: Vec::new(),
        format,
        see,
    };
    walk.structure()?;
    Ok(walk.at)
}

struct Walk<'a, 's> {
    bytes: &'a [u8],
    at: usize,
    elements_left: u64,
    path: Vec<i64>,
    format: fn(&[i64]) -> Option<Kind>,
    see: &'s mut dyn FnMut(&[i64], i64),
}

impl Walk<'_, '_> {
    fn structure(&mut self) -> Result<(), Stop> {
        if self.path.len() > MAX_DEPTH {
            return Err(Stop::Hostile);
        }
        let mut field = 0i64;
        loop {
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == 0 {
                return Ok(());
            }
            field = match header >> 4 {
                0 => self.signed()?,
                step => field.wrapping_add(i64::from(step)),
            };
            self.path.push(field);
            self.follows_format(kind)?;
            self.value(kind)?;
            self.path.pop();
        }
    }

    fn follows_format(&self, kind: u8) -> Result<(), Stop> {
        let wanted = (self.format)(&self.path);
        let follows = wanted.is_none_or(|wanted| Kind::of(kind) == Some(wanted));
        follows.then_some(()).ok_or(Stop::Hostile)
    }

    fn value(&mut self, kind: u8) -> Result<(), Stop> {
        match kind {
            // Booleans are told by their kind.
            1 | 2 => Ok(()),
            3 => self.skip(1),
            4..=6 => {
                let value = self.signed()?;
                (self.see)(&self.path, value);
                Ok(())
            }
            7 => self.skip(8),
            8 => {
                let length = self.unsigned()?;
                self.skip(length)
            }
            9 | 10 => self.list(),
            11 => self.map(),
            12 => self.structure(),
            13 => self.skip(16),
            _ => Err(Stop::Hostile),
        }
    }

    fn list(&mut self) -> Result<(), Stop> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.unsigned()?,
            few => u64::from(few),
        };
        // Lists in lists count as a level: they take no field.
        self.path.push(0);
        // A list of nothing needs no kind.
        if count > 0 {
            self.follows_format(header & 0x0f)?;
        }
        self.elements(count, &[header & 0x0f])?;
        self.path.pop();
        Ok(())
    }

    fn map(&mut self) -> Result<(), Stop> {
        let count = self.unsigned()?;
        if count == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        self.path.push(0);
        self.elements(count, &[kinds >> 4, kinds & 0x0f])?;
        self.path.pop();
        Ok(())
    }

    fn elements(&mut self, count: u64, kinds: &[u8]) -> Result<(), Stop> {
        if self.path.len() > MAX_DEPTH {
            return Err(Stop::Hostile);
        }
        self.elements_left = self.elements_left.checked_sub(count).ok_or(Stop::Hostile)?;
        for _ in 0..count {
            for kind in kinds {
                self.value(*kind)?;
            }
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip(&mut self, count: u64) -> Result<(), Stop> {
        let left = self.bytes.len() - self.at;
        match usize::try_from(count) {
            Ok(count) if count <= left => self.at += count,
            _ => return Err(Stop::Short),
        }
        Ok(())
    }

    /// A number in groups of seven bits, the least first.
    fn unsigned(&mut self) -> Result<u64, Stop> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Stop::Hostile)
    }

    /// Zigzag: 0, -1, 1, -2, …
    fn signed(&mut self) -> Result<i64, Stop> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::page_header;
    use super::*;

    /// A number and the fields that lead to it.
    type Numbered = (Vec<i64>, i64);

    fn seen(bytes: &[u8]) -> (Result<usize, Stop>, Vec<Numbered>) {
        let mut seen = Vec::new();
        let see = &mut |path: &[i64], value| seen.push((path.to_vec(), value));
        let end = walk(bytes, |_| None, see);
        (end, seen)
    }

    #[test]
    fn a_page_header_gives_its_numbers_under_their_fields() {
        // Dictionary page of 10 bytes, field 7: {1: 2 values, 2: encoding 0}.
        let header = [
            0x15, 4, 0x15, 20, 0x15, 20, 0x4c, 0x15, 4, 0x15, 0, 0, 0, 99,
        ];
        let (end, seen) = seen(&header);
        assert_eq!(end, Ok(header.len() - 1));
        let numbers: Vec<(&[i64], i64)> = seen.iter().map(|(path, n)| (&path[..], *n)).collect();
        let wanted: [(&[i64], i64); 5] = [
            (&[1], 2),
            (&[2], 10),
            (&[3], 10),
            (&[7, 1], 2),
            (&[7, 2], 0),
        ];
        assert_eq!(numbers, wanted);
    }

    #[test]
    fn a_field_of_another_kind_than_the_format_gives_it_is_hostile() {
        let walked = |bytes: &[u8]| walk(bytes, page_header, &mut |_, _| {});
        // Field 1 as an integer, and as a text of one byte, which the library would take for one.
        assert_eq!(walked(&[0x15, 4, 0]), Ok(3));
        assert_eq!(walked(&[0x18, 1, 0, 0]), Err(Stop::Hostile));
        // A field that the format does not have may be anything.
        assert_eq!(walked(&[0xf8, 1, 0, 0]), Ok(4));
    }

    #[test]
    fn what_is_cut_off_is_short_and_what_claims_too_much_is_hostile() {
        let header = [0x15, 4, 0x18, 3, b'a', b'b', b'c', 0];
        for end in 0..header.len() {
            assert_eq!(seen(&header[..end]).0, Err(Stop::Short), "{end}");
        }
        assert_eq!(seen(&header).0, Ok(header.len()));
        // Two thousand million booleans, which take no space.
        let booleans = [0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 7, 0];
        assert_eq!(seen(&booleans).0, Err(Stop::Hostile));
        // Many lists that share their claims.
        let lists = [&[0x19, 0xfa, 200, 1][..], &[0xf1, 200, 1].repeat(200), &[0]].concat();
        assert_eq!(seen(&lists).0, Err(Stop::Hostile));
        let nested = [0x1c].repeat(10_000);
        assert_eq!(seen(&nested).0, Err(Stop::Hostile));
        assert_eq!(seen(&[0x19; 10_000]).0, Err(Stop::Hostile));
    }
}
