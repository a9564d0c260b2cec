//! A text column of a Parquet table, as pandas, polars, DuckDB, Spark and `datasets` write it.

use super::{Contents, TextFile, field};
use crate::error::CorpusError;
use isoflop_runs::{guard_parquet, open_parquet};
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;

/// Rows that are read at once.
const ROWS: usize = 1024;

/// Rows until their texts are `limit` bytes; a row is a document, a null an empty one.
///
/// The reader asserts what a damaged file breaks in its pages; that is an error here, not a panic.
pub(super) fn read(
    file: &TextFile,
    limit: u64,
    wanted: Option<&str>,
) -> Result<Contents, CorpusError> {
    guard_parquet(|| Ok(read_columns(file, limit, wanted))).unwrap_or_else(|error| {
        Err(CorpusError::Parquet {
            path: file.path.clone(),
            reason: error.to_string(),
        })
    })
}

fn read_columns(
    file: &TextFile,
    limit: u64,
    wanted: Option<&str>,
) -> Result<Contents, CorpusError> {
    let broken = |reason: String| CorpusError::Parquet {
        path: file.path.clone(),
        reason,
    };
    let input = File::open(&file.path).map_err(|source| CorpusError::Read {
        path: file.path.clone(),
        source,
    })?;
    let reader = open_parquet(input).map_err(|error| broken(error.to_string()))?;
    let metadata = reader.metadata();
    let schema = metadata.file_metadata().schema_descr_ptr();
    let columns = schema.columns();
    let is_usable = |column: &&parquet::schema::types::ColumnDescPtr| {
        let is_named = wanted == Some(column.name());
        is_flat(column) && (is_text(column) || is_named)
    };
    let names: Vec<&str> = columns.iter().filter(is_usable).map(|c| c.name()).collect();
    let chosen = field::choose(wanted, &names).ok_or_else(|| CorpusError::TextField {
        path: file.path.clone(),
        wanted: wanted.map(str::to_owned),
        fields: names.iter().map(|name| (*name).to_owned()).collect(),
    })?;
    let is_chosen =
        |column: &parquet::schema::types::ColumnDescPtr| is_flat(column) && column.name() == chosen;
    let Some(index) = columns.iter().position(is_chosen) else {
        return Err(broken(format!("it has no column `{chosen}`")));
    };
    let whole: u64 = metadata
        .row_groups()
        .iter()
        .map(|group| u64::try_from(group.column(index).uncompressed_size()).unwrap_or(0))
        .sum();
    let mut texts = Texts {
        file,
        limit,
        bytes: 0,
        documents: Vec::new(),
    };
    let mut is_cut = false;
    for group in 0..metadata.num_row_groups() {
        if texts.bytes >= limit {
            is_cut = true;
            break;
        }
        let group = reader
            .get_row_group(group)
            .map_err(|error| broken(error.to_string()))?;
        is_cut |= texts.add(&*group, index).map_err(broken)?;
    }
    let left_out = if is_cut {
        whole.saturating_sub(texts.bytes)
    } else {
        0
    };
    Ok(Contents {
        documents: texts.documents,
        left_out,
        guessed_field: wanted.is_none().then_some(chosen),
    })
}

/// A column at the top of the schema, one value a row at most.
fn is_flat(column: &ColumnDescriptor) -> bool {
    column.path().parts().len() == 1
        && column.max_rep_level() == 0
        && column.physical_type() == Type::BYTE_ARRAY
}

fn is_text(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::UTF8
        || matches!(column.logical_type_ref(), Some(LogicalType::String))
}

struct Texts<'f> {
    file: &'f TextFile,
    limit: u64,
    bytes: u64,
    documents: Vec<crate::document::Document>,
}

impl Texts<'_> {
    /// Adds the column of a row group; whether rows of it are left.
    fn add(&mut self, group: &dyn RowGroupReader, index: usize) -> Result<bool, String> {
        let say = |error: parquet::errors::ParquetError| error.to_string();
        let ColumnReader::ByteArrayColumnReader(mut column) =
            group.get_column_reader(index).map_err(say)?
        else {
            return Err("its text column holds no bytes".to_owned());
        };
        let most = group
            .metadata()
            .column(index)
            .column_descr()
            .max_def_level();
        let (mut values, mut levels): (Vec<ByteArray>, Vec<i16>) = (Vec::new(), Vec::new());
        while self.bytes < self.limit {
            values.clear();
            levels.clear();
            let (rows, _, _) = column
                .read_records(ROWS, Some(&mut levels), None, &mut values)
                .map_err(say)?;
            if rows == 0 {
                return Ok(false);
            }
            let mut given = values.iter();
            for row in 0..rows {
                let is_null = most > 0 && levels.get(row).is_none_or(|level| *level < most);
                let value = if is_null { None } else { given.next() };
                self.push(value)?;
            }
        }
        Ok(true)
    }

    fn push(&mut self, value: Option<&ByteArray>) -> Result<(), String> {
        let number = self.documents.len() + 1;
        let bytes = value.map_or(&[][..], |value| value.data());
        let text = std::str::from_utf8(bytes)
            .map_err(|_| format!("the text of row {number} is not UTF-8"))?;
        if text.contains('\0') {
            return Err(format!("row {number} holds binary data, not text"));
        }
        self.bytes += text.len() as u64;
        let document = self.file.document(Some(number), text.to_owned());
        self.documents.push(document);
        Ok(())
    }
}
