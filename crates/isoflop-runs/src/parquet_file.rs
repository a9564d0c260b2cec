//! Parquet files of others, opened with care: the library that reads them sets memory aside, loops
//! and asserts by what a file says of itself. What it says is held against the file's size first.

mod format;
mod thrift;

use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, SerializedFileReader};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use thrift::Stop;

/// Bytes at the end of a file: the directory's length, and `PAR1`.
const TAIL: u64 = 8;
/// Groups that a schema may have: the library follows them one within the other.
const MAX_GROUPS: usize = 1000;
/// Values that a column of any file may claim to have, and more by the file's size: a measurement
/// takes a bit at the least, however well it is packed.
const FEW_VALUES: u64 = 4096;
const VALUES_PER_BYTE: u64 = 8;
/// Bytes that the pages in use at one time may claim to hold unpacked, in any file and by its size.
/// Writers aim at 1 MiB a page.
const SMALL_PAGES: u64 = 64 << 20;
const UNPACKED_PER_BYTE: u64 = 16;
/// Bytes that are looked at for the header of a page, first and at most: statistics of long texts
/// make it long.
const FIRST_HEADER: u64 = 1 << 10;
const LONGEST_HEADER: u64 = 16 << 20;

/// Opens a Parquet file whose directory and page headers claim nothing that its size rules out.
///
/// # Errors
/// What is wrong with the file.
pub fn open_parquet<R: ChunkReader + 'static>(input: R) -> Result<SerializedFileReader<R>> {
    check_directory(&input)?;
    guard_parquet(|| {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&input)?;
        check_places(&metadata, input.len())?;
        check_values(&metadata, input.len())?;
        check_pages(&metadata, &input)?;
        SerializedFileReader::new(input)
    })
}

thread_local! {
    /// Whether this thread is inside the library that reads Parquet.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls the library that reads Parquet. It asserts where a damaged page does not do what the
/// format promises: that is an error of the file, and neither ends the program nor prints a trace.
/// Nothing may be called again on the same reader after an error: its state may be half changed.
///
/// # Errors
/// Those of `call`, and an assertion that failed in it.
pub fn guard_parquet<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(false);
    result.unwrap_or_else(|_| Err(damaged("a page does not hold what its directory says")))
}

fn damaged(what: impl Into<String>) -> ParquetError {
    ParquetError::General(what.into())
}

/// Refuses a directory that claims more than its bytes can hold.
fn check_directory(input: &impl ChunkReader) -> Result<()> {
    let size = input.len();
    let Some(tail_at) = size.checked_sub(TAIL) else {
        return Err(damaged("it is too short for a Parquet file"));
    };
    let tail = input.get_bytes(tail_at, TAIL as usize)?;
    let (length, magic) = tail.split_at(4);
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    let start = tail_at.checked_sub(u64::from(length));
    let (Some(start), b"PAR1") = (start, magic) else {
        return Err(damaged("it does not end as a Parquet file does"));
    };
    let directory = input.get_bytes(start, length as usize)?;
    let mut groups = 0;
    let walked = thrift::walk(&directory, format::directory, &mut |path, value| {
        // FileMetaData.schema[..].num_children
        groups += usize::from(path == [2, 0, 5] && value != 0);
    });
    match walked {
        Err(Stop::Short) => Err(damaged("its directory is cut off")),
        Err(Stop::Hostile) => Err(damaged(
            "its directory is not of the format, or claims more than it holds",
        )),
        Ok(_) if groups > MAX_GROUPS => Err(damaged(format!(
            "its schema has {groups} groups: at most {MAX_GROUPS} are read"
        ))),
        Ok(_) => Ok(()),
    }
}

/// Refuses a file whose directory places a column outside it: the reader asserts that no offset is
/// negative, and would set memory aside for whatever length is claimed.
fn check_places(metadata: &ParquetMetaData, size: u64) -> Result<()> {
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let wrong = |what: &str| damaged(format!("row group {number} of its directory has {what}"));
        if group.num_rows() < 0 {
            return Err(wrong("a negative number of rows"));
        }
        for column in group.columns() {
            let inside = place(column).is_some_and(|(_, end)| end <= size);
            if !inside || column.data_page_offset() < 0 || column.num_values() < 0 {
                return Err(wrong("a column that lies outside the file"));
            }
        }
    }
    Ok(())
}

/// Where the pages of a column start and end.
fn place(column: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let start = column
        .dictionary_page_offset()
        .unwrap_or(column.data_page_offset());
    let start = u64::try_from(start).ok()?;
    let length = u64::try_from(column.compressed_size()).ok()?;
    Some((start, start.checked_add(length)?))
}

/// Refuses a file of more values than it has bits: one value, repeated in a few bytes, would fill
/// the memory with rows.
fn check_values(metadata: &ParquetMetaData, size: u64) -> Result<()> {
    let most = FEW_VALUES + VALUES_PER_BYTE * size;
    let columns = metadata.file_metadata().schema_descr().num_columns();
    let (mut rows, mut values) = (0u64, vec![0u64; columns]);
    for group in metadata.row_groups() {
        rows = rows.saturating_add(group.num_rows().unsigned_abs());
        for (sum, column) in values.iter_mut().zip(group.columns()) {
            *sum = sum.saturating_add(column.num_values().unsigned_abs());
        }
    }
    let claimed = values.into_iter().chain([rows]).max().unwrap_or(0);
    if claimed > most {
        return Err(damaged(format!(
            "it claims {claimed} values in {size} bytes: fewer than a bit each"
        )));
    }
    Ok(())
}

/// Refuses a file whose pages claim to be far larger than the file.
fn check_pages(metadata: &ParquetMetaData, input: &impl ChunkReader) -> Result<()> {
    let most = SMALL_PAGES.max(UNPACKED_PER_BYTE * input.len());
    for group in metadata.row_groups() {
        let mut at_once = 0u64;
        for column in group.columns() {
            at_once = at_once.saturating_add(largest_pages(column, input)?);
        }
        if at_once > most {
            let mib = at_once >> 20;
            return Err(damaged(format!(
                "its pages claim to be {mib} MiB unpacked, in a file of {} bytes",
                input.len()
            )));
        }
    }
    Ok(())
}

/// Unpacked bytes of a column's dictionary and of its largest page: what is in memory at one time.
fn largest_pages(column: &ColumnChunkMetaData, input: &impl ChunkReader) -> Result<u64> {
    let Some((mut at, end)) = place(column) else {
        return Ok(0);
    };
    let (mut dictionary, mut data) = (0, 0);
    while at < end {
        // What cannot be followed is an error for the reader too, once it gets there.
        let Some(page) = PageHeader::read(input, at, end)? else {
            break;
        };
        page.check(column.num_values())?;
        let (Ok(packed), Ok(unpacked)) = (u64::try_from(page.packed), u64::try_from(page.unpacked))
        else {
            break;
        };
        let largest = match page.dictionary_values {
            Some(_) => &mut dictionary,
            None => &mut data,
        };
        *largest = unpacked.max(*largest);
        at = at.saturating_add(page.length).saturating_add(packed);
    }
    Ok(dictionary + data)
}

/// What a page says of itself.
#[derive(Debug, Default)]
struct PageHeader {
    /// Bytes of the header.
    length: u64,
    unpacked: i64,
    packed: i64,
    data_values: Option<i64>,
    dictionary_values: Option<i64>,
}

impl PageHeader {
    /// The header at `at`, of a column that ends at `end`; `None` where there is none.
    fn read(input: &impl ChunkReader, at: u64, end: u64) -> Result<Option<Self>> {
        let mut looked_at = FIRST_HEADER;
        loop {
            let length = looked_at.min(end - at);
            let bytes = input.get_bytes(at, length as usize)?;
            let mut header = PageHeader::default();
            match thrift::walk(&bytes, format::page_header, &mut |path, value| {
                header.see(path, value)
            }) {
                Ok(length) => {
                    header.length = length as u64;
                    return Ok(Some(header));
                }
                Err(Stop::Short) if length == looked_at && looked_at < LONGEST_HEADER => {
                    looked_at *= 16;
                }
                Err(Stop::Short) => return Ok(None),
                Err(Stop::Hostile) => {
                    return Err(damaged(
                        "the header of a page is not of the format, or claims more than it holds",
                    ));
                }
            }
        }
    }

    /// Fields of `PageHeader` and, within it, of `DataPageHeader`, `DictionaryPageHeader` and
    /// `DataPageHeaderV2`.
    fn see(&mut self, path: &[i64], value: i64) {
        match path {
            [2] => self.unpacked = value,
            [3] => self.packed = value,
            [5 | 8, 1] => self.data_values = Some(value),
            [7, 1] => self.dictionary_values = Some(value),
            _ => {}
        }
    }

    /// Refuses more values than the column or the page can have: memory is set aside for them.
    fn check(&self, values_of_column: i64) -> Result<()> {
        let too_many = self
            .data_values
            .is_some_and(|count| count > values_of_column)
            || self
                .dictionary_values
                .is_some_and(|count| count > self.unpacked.saturating_mul(8));
        match too_many {
            true => Err(damaged("a page claims more values than it can hold")),
            false => Ok(()),
        }
    }
}
