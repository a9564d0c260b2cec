//! Which kinds the fields of Parquet's directory and page headers have, by the numbers that lead to
//! them. The library goes by the numbers alone: a field of another kind would have it read on out of
//! step, where no walk before it can follow.
//!
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>

/// Kinds of values of Thrift's compact protocol, as far as they are stored in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Byte,
    /// Of 16, 32 or 64 bits, an enumeration among them.
    Integer,
    Double,
    /// A text or bytes.
    Text,
    List,
    Structure,
}

impl Kind {
    /// By its number in the protocol; `None` for what Parquet does not use.
    pub(super) fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 | 2 => Kind::Boolean,
            3 => Kind::Byte,
            4..=6 => Kind::Integer,
            7 => Kind::Double,
            8 => Kind::Text,
            9 | 10 => Kind::List,
            12 => Kind::Structure,
            _ => return None,
        })
    }
}

use Kind::{Boolean, Byte, Double, Integer, List, Structure, Text};

/// Fields of `FileMetaData`; an element of a list is its field 0. `None` for what is not known.
pub(super) fn directory(path: &[i64]) -> Option<Kind> {
    Some(match path {
        [1 | 3] => Integer,
        [2 | 4 | 5 | 7] => List,
        [6 | 9] => Text,
        [8] | [2 | 4 | 5 | 7, 0] => Structure,
        [2, 0, element @ ..] => return schema_element(element),
        [4, 0, group @ ..] => return row_group(group),
        [5, 0, 1 | 2] => Text,
        [7, 0, _] => Structure,
        _ => return None,
    })
}

fn schema_element(path: &[i64]) -> Option<Kind> {
    Some(match path {
        [1..=3 | 5..=9] => Integer,
        [4] => Text,
        [10] | [10, _] => Structure,
        // DECIMAL, TIME and TIMESTAMP, INTEGER, VARIANT, GEOMETRY, GEOGRAPHY
        [10, 5, 1 | 2] => Integer,
        [10, 7 | 8, 1] => Boolean,
        [10, 7 | 8, 2] | [10, 7 | 8, 2, _] => Structure,
        [10, 10, 1] | [10, 16, 1] => Byte,
        [10, 10, 2] => Boolean,
        [10, 17 | 18, 1] => Text,
        [10, 18, 2] => Integer,
        _ => return None,
    })
}

fn row_group(path: &[i64]) -> Option<Kind> {
    Some(match path {
        [1 | 4] => List,
        [2 | 3 | 5..=7] => Integer,
        [1 | 4, 0] => Structure,
        [4, 0, 1] => Integer,
        [4, 0, 2 | 3] => Boolean,
        [1, 0, 1 | 9] => Text,
        [1, 0, 2 | 4..=7] => Integer,
        [1, 0, 3 | 8] => Structure,
        [1, 0, 3, column @ ..] => return column_metadata(column),
        _ => return None,
    })
}

fn column_metadata(path: &[i64]) -> Option<Kind> {
    Some(match path {
        [1 | 4..=7 | 9..=11 | 14 | 15] => Integer,
        [2 | 3 | 8 | 13] => List,
        [12 | 16 | 17] => Structure,
        [2, 0] => Integer,
        [3, 0] => Text,
        [8 | 13, 0] => Structure,
        [8, 0, 1 | 2] => Text,
        [13, 0, 1..=3] => Integer,
        [12, field] => return statistics(*field),
        [16, 1] | [16, 2 | 3, 0] => Integer,
        [16, 2 | 3] | [17, 2] => List,
        [17, 1] => Structure,
        [17, 1, 1..=8] => Double,
        [17, 2, 0] => Integer,
        _ => return None,
    })
}

fn statistics(field: i64) -> Option<Kind> {
    Some(match field {
        1 | 2 | 5 | 6 => Text,
        3 | 4 | 9 => Integer,
        7 | 8 => Boolean,
        _ => return None,
    })
}

/// Fields of `PageHeader`. `None` for what is not known.
pub(super) fn page_header(path: &[i64]) -> Option<Kind> {
    Some(match path {
        [1..=4] | [5, 1..=4] | [7, 1 | 2] | [8, 1..=6] => Integer,
        [5..=8] | [5, 5] | [8, 8] => Structure,
        [7, 3] | [8, 7] => Boolean,
        [5, 5, field] | [8, 8, field] => return statistics(*field),
        _ => return None,
    })
}
