//! What can go wrong, each in one sentence that says what to do.

use std::path::PathBuf;

/// Why a corpus could not be gathered, tokenised or read.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// Neither `CARGO_HOME` nor a home folder is known.
    #[error(
        "cargo's home folder is unknown: set `CARGO_HOME`, or give a folder of text with `--corpus DIR`"
    )]
    CargoHomeUnknown,
    /// Cargo has unpacked no sources there.
    #[error(
        "`{}` holds no unpacked crates: build a project with dependencies first, or give a folder of text with `--corpus DIR`",
        path.display()
    )]
    NoRegistry {
        /// The folder `registry/src` that was looked at.
        path: PathBuf,
    },
    /// The folder or file does not exist.
    #[error("`{}` does not exist: give a folder of text files", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// There is no file in the folder.
    #[error("`{}` holds no files: give a folder of text files", path.display())]
    Empty {
        /// The path as given.
        path: PathBuf,
    },
    /// There are files, and none of them is used.
    #[error(
        "`{}` holds {files} files and none is readable text ({reasons}): give a folder of UTF-8 text files",
        path.display()
    )]
    NoText {
        /// The path as given.
        path: PathBuf,
        /// How many files were looked at.
        files: u64,
        /// How many were left out for what reason, in words.
        reasons: String,
    },
    /// Text, but not enough of it.
    #[error(
        "`{}` holds {} of usable text and at least {} is needed: add more text, or give a larger folder with `--corpus DIR`",
        path.display(), show_bytes(*bytes), show_bytes(*needed)
    )]
    TooLittleText {
        /// The path as given.
        path: PathBuf,
        /// Bytes of text left after all rules.
        bytes: u64,
        /// Bytes of text needed.
        needed: u64,
    },
    /// All text is in one indivisible piece, so nothing can be held out.
    #[error(
        "`{}` cannot be split into training and validation text, as it is a single short piece: add more files or lines",
        path.display()
    )]
    Indivisible {
        /// The path as given.
        path: PathBuf,
    },
    /// A file or folder could not be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// A line of a JSONL file has no text in the field that others have.
    #[error(
        "line {line} of `{}` is not a JSON object with a text in the field `{field}`: mend the line, or name another field with `--text-field`",
        path.display()
    )]
    JsonLine {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// The field that was looked for.
        field: String,
    },
    /// A file that is named as JSON lines holds something else.
    #[error(
        "line {line} of `{}` is not a JSON object: a `.jsonl` file holds one object a line",
        path.display()
    )]
    NotJsonLines {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
    /// The field of the text is not there, or can't be guessed.
    #[error("`{}` {}", path.display(), no_field(wanted.as_deref(), fields))]
    TextField {
        /// The file.
        path: PathBuf,
        /// The field that was named.
        wanted: Option<String>,
        /// The fields that hold text.
        fields: Vec<String>,
    },
    /// A packed file is damaged.
    #[error("cannot unpack `{}`: {reason}; the file is damaged or cut off", path.display())]
    Packed {
        /// The file.
        path: PathBuf,
        /// What the unpacker said.
        reason: String,
    },
    /// A Parquet table is damaged, or holds no text.
    #[error("`{}` is not a readable Parquet table: {reason}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// This build reads no Parquet.
    #[error(
        "`{}` is a Parquet table, which this build does not read: build with `--features full`, or write the text as `.jsonl`",
        path.display()
    )]
    NoParquet {
        /// The file.
        path: PathBuf,
    },
    /// A file is no tokeniser that can be used.
    #[error("`{}` is not a usable `tokenizer.json`: {problem}", path.display())]
    TokenizerFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file is not one of 16-bit tokens.
    #[error(
        "`{}` is not a file of 16-bit tokens as nanoGPT or llm.c write it: {problem}",
        path.display()
    )]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An option has a value that cannot work.
    #[error("the option `{option}` is {given}: expected {expected}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// The value as given.
        given: String,
        /// Which values work.
        expected: &'static str,
    },
    /// The tokeniser library reported an error.
    #[error("the tokeniser failed: {reason}")]
    Tokenizer {
        /// What the library said.
        reason: String,
    },
    /// A cache file could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// Too few tokens for windows of this length.
    #[error(
        "the {split} split has {tokens} tokens and at least {needed} are needed for a context of {context}: give more text, or a shorter context"
    )]
    TooFewTokens {
        /// `training` or `validation`.
        split: &'static str,
        /// Tokens that there are.
        tokens: usize,
        /// Tokens needed.
        needed: usize,
        /// Tokens of context.
        context: usize,
    },
    /// The losses given are not one finite number for each window.
    #[error(
        "{losses} losses were given for {windows} validation windows: expected one positive finite loss for each window"
    )]
    Losses {
        /// Losses given.
        losses: usize,
        /// Windows in the set.
        windows: usize,
    },
}

fn no_field(wanted: Option<&str>, fields: &[String]) -> String {
    let there = match fields {
        [] => "none of its fields holds text".to_owned(),
        fields => format!("its text is in `{}`", fields.join("`, `")),
    };
    match wanted {
        Some(wanted) => format!("has no text in the field `{wanted}`: {there}"),
        None => {
            format!("does not say where its text is: {there}; name the field with `--text-field`")
        }
    }
}

/// `12.3 KB`, `4.5 MB`: decimal units, three digits.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} KB", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}
