//! Data frames as runs: Arrow streams, or columns of Python's own values.

use crate::arrow;
use crate::errors::misuse;
use crate::interrupt::interruptible;
use crate::runs::{ReadArguments, Runs};
use isoflop_runs::import_rows;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// What runs of a data frame are said to come from.
const NAME: &str = "the data frame";

/// A cell of a column that is no Arrow array.
#[derive(Debug, Clone, FromPyObject)]
pub enum Cell {
    // Before the numbers: Python's True is an int.
    Bool(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

impl Cell {
    fn text(self) -> String {
        match self {
            Cell::Bool(value) => value.to_string(),
            Cell::Whole(value) => value.to_string(),
            Cell::Number(value) => value.to_string(),
            Cell::Text(text) => text,
        }
    }
}

/// Runs of columns of equal length, in their order.
#[pyfunction]
pub fn from_columns(
    py: Python<'_>,
    header: Vec<String>,
    columns: Vec<Vec<Option<Cell>>>,
    arguments: ReadArguments,
) -> PyResult<Runs> {
    let options = arguments.options()?;
    let read = interruptible(py, move || {
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        let rows = (0..rows).map(|_| {
            let next = columns.iter_mut().map(|column| column.next().flatten());
            next.map(|cell| cell.map(Cell::text)).collect()
        });
        import_rows(NAME, &header, rows, &options)
    })?;
    Ok(Runs::new(read.map_err(misuse)?))
}

/// Runs of an Arrow stream (the PyCapsule interface): pandas, polars, pyarrow, DuckDB and others.
/// The stream's buffers are read where they lie.
#[pyfunction]
pub fn from_stream(
    py: Python<'_>,
    capsule: &Bound<'_, PyCapsule>,
    arguments: ReadArguments,
) -> PyResult<Runs> {
    let options = arguments.options()?;
    let stream = arrow::Stream::from_capsule(capsule)?;
    let header = stream.header();
    let (rows, failure) = stream.rows();
    let read = interruptible(py, move || import_rows(NAME, &header, rows, &options))?;
    let imported = read.map_err(misuse)?;
    match failure.take() {
        Some(error) => Err(misuse(format!("{NAME} could not be read: {error}"))),
        None => Ok(Runs::new(imported)),
    }
}
