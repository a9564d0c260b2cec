//! How a file is laid out, and its table.

use super::table::Table;
use super::{ImportError, compression, csv, json};
use std::fmt;
use std::io::Read;
use std::str::FromStr;

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A header line, then one run a line, separated by commas, tabs or semicolons.
    Csv,
    /// One JSON text.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// A Parquet file.
    Parquet,
    /// `trainer_state.json` of the Hugging Face `Trainer`.
    TrainerState,
    /// TensorBoard event files.
    TensorBoard,
    /// Offline runs of Weights & Biases.
    Wandb,
    /// An MLflow store: files, SQLite, or a tracking server.
    Mlflow,
    /// Console logs of nanoGPT, nanochat, llm.c, OLMo, Megatron and torchtitan.
    Log,
}

impl Format {
    /// Every format, tables first.
    pub const ALL: [Format; 9] = [
        Format::Csv,
        Format::Json,
        Format::JsonLines,
        Format::Parquet,
        Format::TrainerState,
        Format::TensorBoard,
        Format::Wandb,
        Format::Mlflow,
        Format::Log,
    ];

    /// The word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::JsonLines => "jsonl",
            Format::Parquet => "parquet",
            Format::TrainerState => "trainer-state",
            Format::TensorBoard => "tensorboard",
            Format::Wandb => "wandb",
            Format::Mlflow => "mlflow",
            Format::Log => "log",
        }
    }

    /// The name in a sentence.
    #[must_use]
    pub(super) fn title(self) -> &'static str {
        match self {
            Format::Csv => "CSV",
            Format::Json => "JSON",
            Format::JsonLines => "JSONL",
            Format::Parquet => "Parquet",
            Format::TrainerState => "trainer_state.json",
            Format::TensorBoard => "TensorBoard",
            Format::Wandb => "W&B",
            Format::Mlflow => "MLflow",
            Format::Log => "console log",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a format: expected csv, json, jsonl, parquet, trainer-state, tensorboard, \
     wandb, mlflow or log"
)]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = Format::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Everything that the input holds, unpacked.
pub(super) fn read_unpacked(name: &str, input: impl Read) -> Result<Vec<u8>, ImportError> {
    let source_name = name.to_owned();
    match compression::read_unpacked(input, compression::MAX_BYTES) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(ImportError::TooLarge {
            source_name,
            limit_mib: compression::MAX_BYTES >> 20,
        }),
        Err(error) => Err(ImportError::Unreadable { source_name, error }),
    }
}

/// The table in a file's bytes, and whether a comma in it could be a decimal point.
pub(super) fn table_of(
    name: &str,
    bytes: &[u8],
    format: Option<Format>,
) -> Result<(Table, bool), ImportError> {
    let source_name = name.to_owned();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ImportError::Empty { source_name });
    }
    let format = format.unwrap_or_else(|| sniff(name, bytes));
    if format == Format::Csv {
        // A zero byte in the header, as in an image or UTF-16: better one sentence than a
        // thousand broken rows. One further down costs its row.
        if is_binary(bytes) {
            return Err(ImportError::NotText { source_name });
        }
        let table = csv::read(bytes);
        let (table, delimiter) = table.ok_or(ImportError::Empty { source_name })?;
        return Ok((table, delimiter == b';'));
    }
    if format == Format::JsonLines {
        if is_binary(bytes) {
            return Err(ImportError::NotText { source_name });
        }
        return Ok((json::read_lines(bytes), false));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(ImportError::NotText { source_name });
    };
    match json::read(text) {
        Ok(table) => Ok((table, false)),
        Err(error) => Err(ImportError::Json { source_name, error }),
    }
}

/// Bytes at the start of a file that tell a text from a binary file.
const START: usize = 1024;

/// Whether the first line has zero bytes, or is no text and has one near. A single one in a text is
/// damage, which costs its line.
fn is_binary(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(START)];
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or(start);
    let zeros = first.iter().filter(|byte| **byte == 0).count();
    zeros > 1 || (start.contains(&0) && std::str::from_utf8(first).is_err())
}

fn sniff(name: &str, bytes: &[u8]) -> Format {
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let has = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if has(&[".jsonl", ".ndjson"]) {
        return Format::JsonLines;
    }
    if has(&[".csv", ".tsv"]) {
        return Format::Csv;
    }
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Format::Json,
        Some(b'{') if has(&[".json"]) || !has_object_lines(bytes) => Format::Json,
        Some(b'{') => Format::JsonLines,
        _ if has(&[".json"]) => Format::Json,
        _ => Format::Csv,
    }
}

/// Whether the first line is an object of its own.
fn has_object_lines(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    first.trim_ascii().ends_with(b"}") && bytes.trim_ascii().len() > first.trim_ascii().len()
}
