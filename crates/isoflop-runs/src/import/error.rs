//! Why a file as a whole could not be imported.

use crate::column::UnknownColumn;

/// Why nothing could be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read {source_name}: {error}")]
    Unreadable {
        /// The file.
        source_name: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is not what its format says.
    #[error("{source_name} is not a readable {format} file: {error}")]
    Broken {
        /// The file.
        source_name: String,
        /// The format.
        format: &'static str,
        /// What its reader said.
        error: String,
    },
    /// A folder without any file that is read.
    #[error(
        "nothing in {source_name} is read: expected CSV, JSONL or Parquet tables, \
         trainer_state.json, TensorBoard event files, W&B offline runs, an MLflow store, \
         or console logs (`--from log`)"
    )]
    NothingFound {
        /// The folder.
        source_name: String,
    },
    /// A source of the right kind that holds no run.
    #[error("{source_name} holds no run: {notes}")]
    NoRuns {
        /// The file, folder or address.
        source_name: String,
        /// What was found in place of runs.
        notes: String,
    },
    /// The tracking server did not answer as expected.
    #[error("{address}: {error}")]
    Server {
        /// The address that was asked.
        address: String,
        /// What it said, or why it could not be reached.
        error: String,
    },
    /// A pattern for log lines that is no regular expression, or names no known column.
    #[error("the pattern for log lines is not usable: {0}")]
    BadPattern(String),
    /// A value given for all runs that does not suit its column.
    #[error("`{text}` is not a value to set: {error}")]
    BadValue {
        /// What was given.
        text: String,
        /// Why.
        error: String,
    },
    /// The program was built without the reader of Parquet.
    #[error("{source_name} is a Parquet file, and this program was built without Parquet")]
    WithoutParquet {
        /// The file.
        source_name: String,
    },
    /// The file is larger than what is read into memory.
    #[error("{source_name} is larger than {limit_mib} MiB unpacked: split it")]
    TooLarge {
        /// The file.
        source_name: String,
        /// The limit in MiB.
        limit_mib: u64,
    },
    /// There is no row at all.
    #[error("{source_name} is empty: expected a header and one run a line")]
    Empty {
        /// The file.
        source_name: String,
    },
    /// The file is not JSON.
    #[error("{source_name} is not JSON: {error}")]
    Json {
        /// The file.
        source_name: String,
        /// What the reader said, with line and column.
        error: serde_json::Error,
    },
    /// The file is not text.
    #[error("{source_name} is not UTF-8 text: expected CSV, TSV, JSON or JSONL")]
    NotText {
        /// The file.
        source_name: String,
    },
    /// A column that every fit needs is nowhere.
    #[error(
        "no column of {source_name} is read as {wanted}; its columns are {columns}: \
         say which with `--map theirs=ours`, or give one value for all runs with `isoflop import --set`"
    )]
    NoColumn {
        /// The file.
        source_name: String,
        /// What was looked for.
        wanted: &'static str,
        /// The file's columns.
        columns: String,
    },
    /// A mapping names a column that the file does not have.
    #[error("{source_name} has no column `{theirs}` to map; its columns are {columns}")]
    NoSuchColumn {
        /// The file.
        source_name: String,
        /// The mapping's left side.
        theirs: String,
        /// The file's columns.
        columns: String,
    },
    /// A mapping that is not `theirs=ours`.
    #[error("`{0}` is not a mapping: expected theirs=ours, for example `valid_ce=loss`")]
    BadMapping(String),
    /// A mapping with a unit that is none.
    #[error(
        "`{0}` is not a unit: expected K, M, B or T for sizes, or nats, bits or perplexity for a loss"
    )]
    UnknownUnit(String),
    /// A mapping onto something that is no column of a run.
    #[error(transparent)]
    UnknownColumn(#[from] UnknownColumn),
}

impl ImportError {
    pub(super) fn unreadable(source_name: &str, error: std::io::Error) -> Self {
        ImportError::Unreadable {
            source_name: source_name.to_owned(),
            error,
        }
    }
}
