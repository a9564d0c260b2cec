//! Parquet files of pandas, polars, DuckDB and Spark, a few thousand rows at a time.

use super::ImportError;
use super::table::{Table, TableRow};
use crate::parquet_file::{guard_parquet, open_parquet};
use parquet::basic::{ConvertedType, Repetition};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

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
    let reader = open_parquet(input).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema();
    let (mut header, mut places) = (Vec::new(), Vec::new());
    for field in schema.get_fields() {
        places.push(Place::of(field, field.name().to_owned(), &mut header));
    }
    let empty = || Table {
        header: header.clone(),
        ..Table::default()
    };
    let (mut chunk, mut line, mut chunks) = (empty(), 0, 0);
    let mut rows = guard_parquet(|| reader.get_row_iter(None)).map_err(broken)?;
    while let Some(row) = guard_parquet(|| rows.next().transpose()).transpose() {
        line += 1;
        match row {
            Ok(row) => chunk.rows.push(TableRow {
                line,
                cells: cells(&row, &places),
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

/// Where the value of a field goes: fields of a structure have columns of their own, `config.lr`, as
/// those of an object in JSON.
enum Place {
    Column,
    Fields(Vec<Place>),
}

impl Place {
    fn of(field: &Type, name: String, header: &mut Vec<String>) -> Self {
        if !is_structure(field) {
            header.push(name);
            return Place::Column;
        }
        let below = field.get_fields().iter();
        let places =
            below.map(|inner| Place::of(inner, format!("{name}.{}", inner.name()), header));
        Place::Fields(places.collect())
    }

    fn fill(&self, value: &Field, cells: &mut Vec<Option<String>>) {
        match (self, value) {
            (Place::Column, value) => cells.push(text(value)),
            (Place::Fields(places), Field::Group(row)) => {
                for (place, (_, value)) in places.iter().zip(row.get_column_iter()) {
                    place.fill(value, cells);
                }
            }
            (Place::Fields(places), _) => {
                for place in places {
                    place.fill(&Field::Null, cells);
                }
            }
        }
    }
}

/// Lists and maps are groups too, but one value each.
fn is_structure(field: &Type) -> bool {
    let info = field.get_basic_info();
    field.is_group()
        && info.converted_type() == ConvertedType::NONE
        && info.logical_type_ref().is_none()
        && info.repetition() != Repetition::REPEATED
}

fn cells(row: &Row, places: &[Place]) -> Vec<Option<String>> {
    let mut cells = Vec::new();
    for (place, (_, value)) in places.iter().zip(row.get_column_iter()) {
        place.fill(value, &mut cells);
    }
    cells
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
