//! The Arrow PyCapsule interface: record batches of any library, read where they lie.

use crate::errors::misuse;
use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::DataType;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::sync::{Arc, Mutex};

/// A stream of record batches.
pub struct Stream(RecordBatchStreamReader);

/// Why a stream ended early, if it did.
#[derive(Clone, Default)]
pub struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    fn set(&self, error: &impl ToString) {
        if let Ok(mut slot) = self.0.lock() {
            *slot = Some(error.to_string());
        }
    }

    pub fn take(&self) -> Option<String> {
        self.0.lock().ok()?.take()
    }
}

impl Stream {
    /// Takes the stream out of a capsule named `arrow_array_stream`.
    pub fn from_capsule(capsule: &Bound<'_, PyCapsule>) -> PyResult<Self> {
        let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
        // SAFETY: the interface says that a capsule of this name holds a valid stream, which the
        // consumer moves out; it is marked as released in its place, so that none frees it twice.
        let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.cast().as_ptr()) };
        RecordBatchStreamReader::try_new(stream)
            .map(Self)
            .map_err(misuse)
    }

    /// Names of the columns.
    pub fn header(&self) -> Vec<String> {
        let schema = self.0.schema();
        schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }

    /// The rows as a CSV would hold them, batch by batch; the stream's error is put aside.
    pub fn rows(self) -> (impl Iterator<Item = Vec<Option<String>>> + Send, Failure) {
        let failure = Failure::default();
        let kept = failure.clone();
        let batches = self.0.map_while(move |batch| {
            let cells = batch.and_then(|batch| Cells::of(&batch));
            cells.inspect_err(|error| kept.set(error)).ok()
        });
        let rows = batches.flat_map(|cells| (0..cells.rows).map(move |row| cells.row(row)));
        (rows, failure)
    }
}

/// Gives the text of one column's cell.
type Column = Box<dyn Fn(usize) -> Option<String> + Send>;

struct Cells {
    rows: usize,
    columns: Vec<Column>,
}

impl Cells {
    fn of(batch: &RecordBatch) -> Result<Self, arrow_schema::ArrowError> {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| {
            column(array).ok_or_else(|| {
                let sentence = format!(
                    "column `{}` is of the type {}: expected numbers, text or booleans",
                    field.name(),
                    array.data_type()
                );
                arrow_schema::ArrowError::SchemaError(sentence)
            })
        });
        Ok(Self {
            rows: batch.num_rows(),
            columns: columns.collect::<Result<_, _>>()?,
        })
    }

    fn row(&self, row: usize) -> Vec<Option<String>> {
        self.columns.iter().map(|column| column(row)).collect()
    }
}

fn column(array: &Arc<dyn Array>) -> Option<Column> {
    match array.data_type() {
        DataType::Null => Some(Box::new(|_| None)),
        DataType::Float64 => numbers::<Float64Type>(array),
        DataType::Float32 => numbers::<Float32Type>(array),
        DataType::Float16 => numbers::<Float16Type>(array),
        DataType::Int64 => numbers::<Int64Type>(array),
        DataType::Int32 => numbers::<Int32Type>(array),
        DataType::Int16 => numbers::<Int16Type>(array),
        DataType::Int8 => numbers::<Int8Type>(array),
        DataType::UInt64 => numbers::<UInt64Type>(array),
        DataType::UInt32 => numbers::<UInt32Type>(array),
        DataType::UInt16 => numbers::<UInt16Type>(array),
        DataType::UInt8 => numbers::<UInt8Type>(array),
        DataType::Boolean => {
            let array = array.as_boolean().clone();
            Some(Box::new(move |row| {
                array.is_valid(row).then(|| array.value(row).to_string())
            }))
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>().clone();
            Some(Box::new(move |row| {
                array.is_valid(row).then(|| array.value(row).to_owned())
            }))
        }
        DataType::LargeUtf8 => {
            let array = array.as_string::<i64>().clone();
            Some(Box::new(move |row| {
                array.is_valid(row).then(|| array.value(row).to_owned())
            }))
        }
        DataType::Utf8View => {
            let array = array.as_string_view().clone();
            Some(Box::new(move |row| {
                array.is_valid(row).then(|| array.value(row).to_owned())
            }))
        }
        DataType::Dictionary(..) => dictionary(array),
        _ => None,
    }
}

/// Numbers in their shortest form; single precision as the number that it is, for 0.1f32 is not
/// 0.1.
fn numbers<T>(array: &Arc<dyn Array>) -> Option<Column>
where
    T: ArrowPrimitiveType<Native: Shown>,
{
    let array = array.as_primitive_opt::<T>()?.clone();
    Some(Box::new(move |row| {
        array.is_valid(row).then(|| array.value(row).shown())
    }))
}

/// Categories of pandas and polars.
fn dictionary(array: &Arc<dyn Array>) -> Option<Column> {
    let array = array.clone();
    let values = column(array.as_any_dictionary_opt()?.values())?;
    let keys = array.as_any_dictionary_opt()?.normalized_keys();
    Some(Box::new(move |row| {
        array.is_valid(row).then(|| values(keys[row]))?
    }))
}

trait Shown: Copy {
    fn shown(self) -> String;
}

macro_rules! shown {
    ($($number:ty),+ => $as:ty) => {$(
        impl Shown for $number {
            fn shown(self) -> String {
                <$as>::from(self).to_string()
            }
        }
    )+};
}

shown!(f64, f32, half::f16 => f64);
shown!(i64, i32, i16, i8 => i64);
shown!(u64, u32, u16, u8 => u64);
