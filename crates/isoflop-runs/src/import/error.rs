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
         say which with `--map theirs=ours`"
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
