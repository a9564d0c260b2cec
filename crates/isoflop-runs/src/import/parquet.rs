//! Parquet files of pandas, polars, DuckDB and Spark, a few thousand rows at a time.

use super::ImportError;
use super::table::{Table, TableRow};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Rows that are held as text at once.
const CHUNK: usize = 8192;

/// Hands the file's rows to `add`, a chunk at a time. The row's number from 1 is its line. A
/// file without rows gives one empty chunk with its header.
pub(super) fn read(
    name: &str,
    input: impl ChunkReader + 'static,
    add: &mut dyn FnMut(Table) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let broken = |error: ParquetError| ImportError::Broken {
        source_name: name.to_owned(),
        format: "Parquet",
        error: error.to_string(),
    };
    let size = input.len();
    let reader = guarded(|| SerializedFileReader::new(input)).map_err(broken)?;
    check_places(reader.metadata(), size).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema();
    let header: Vec<String> = schema
        .get_fields()
        .iter()
        .map(|field| field.name().to_owned())
        .collect();
    let empty = || Table {
        header: header.clone(),
        ..Table::default()
    };
    let (mut chunk, mut line, mut chunks) = (empty(), 0, 0);
    let mut rows = guarded(|| reader.get_row_iter(None)).map_err(broken)?;
    while let Some(row) = guarded(|| rows.next().transpose()).transpose() {
        line += 1;
        match row {
            Ok(row) => chunk.rows.push(TableRow {
                line,
                cells: cells(&row),
            }),
            Err(error) => {
                chunk.break_row(
                    line,
                    format!("the rows from here on are unreadable: {error}"),
                );
                break;
            }
        }
        if chunk.rows.len() == CHUNK {
            add(std::mem::replace(&mut chunk, empty()))?;
            chunks += 1;
        }
    }
    if chunks == 0 || !chunk.rows.is_empty() || !chunk.broken.is_empty() {
        add(chunk)?;
    }
    Ok(())
}

thread_local! {
    /// Whether this thread is inside the library that reads Parquet.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls the library that reads Parquet. It asserts where a damaged page does not do what the
/// format promises: that is an error of the file, and neither ends the program nor prints a trace.
/// Nothing is called again after an error, so no half-changed state is ever seen.
fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
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
    result.unwrap_or_else(|_| {
        Err(ParquetError::General(
            "a page does not hold what its directory says".to_owned(),
        ))
    })
}

/// Refuses a file whose directory places a column outside it: the reader asserts that no offset is
/// negative, and would set memory aside for whatever length is claimed.
fn check_places(metadata: &ParquetMetaData, size: u64) -> Result<(), ParquetError> {
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let damaged = |what: &str| {
            ParquetError::General(format!("row group {number} of its directory has {what}"))
        };
        if group.num_rows() < 0 {
            return Err(damaged("a negative number of rows"));
        }
        for column in group.columns() {
            let start = column
                .dictionary_page_offset()
                .unwrap_or(column.data_page_offset());
            let place = u64::try_from(start)
                .ok()
                .zip(u64::try_from(column.compressed_size()).ok());
            let inside = place
                .and_then(|(start, length)| start.checked_add(length))
                .is_some_and(|end| end <= size);
            if !inside || column.data_page_offset() < 0 || column.num_values() < 0 {
                return Err(damaged("a column that lies outside the file"));
            }
        }
    }
    Ok(())
}

fn cells(row: &Row) -> Vec<Option<String>> {
    row.get_column_iter()
        .map(|(_, field)| text(field))
        .collect()
}

/// A value as the text that a CSV would hold; the shortest that reads back exactly.
fn text(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Str(text) => (!text.trim().is_empty()).then(|| text.clone()),
        // 0.1f32 is not 0.1: the number that it is.
        Field::Float(value) => Some(f64::from(*value).to_string()),
        Field::Double(value) => Some(value.to_string()),
        Field::Float16(value) => Some(f64::from(*value).to_string()),
        Field::Bool(value) => Some(value.to_string()),
        Field::Byte(value) => Some(value.to_string()),
        Field::Short(value) => Some(value.to_string()),
        Field::Int(value) => Some(value.to_string()),
        Field::Long(value) => Some(value.to_string()),
        Field::UByte(value) => Some(value.to_string()),
        Field::UShort(value) => Some(value.to_string()),
        Field::UInt(value) => Some(value.to_string()),
        Field::ULong(value) => Some(value.to_string()),
        other => Some(other.to_string()),
    }
}
