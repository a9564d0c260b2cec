//! What one file of a text corpus holds: plain text, JSON lines or a Parquet table, packed or not.

mod field;
mod json_lines;
#[cfg(feature = "parquet")]
mod parquet_table;
mod unpack;

use crate::assemble::CorpusOptions;
use crate::document::Document;
use crate::error::CorpusError;
use std::path::PathBuf;

/// A file below the place that a corpus is gathered from.
pub(crate) struct TextFile {
    pub(crate) path: PathBuf,
    /// Its name in the corpus, with `/` between folders.
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// What was read of a file.
pub(crate) struct Contents {
    /// The documents; a document's name is its group until documents are grouped.
    pub(crate) documents: Vec<Document>,
    /// Bytes that were left out as more than the corpus was to hold; of packed text, as packed.
    pub(crate) left_out: u64,
    /// The field that the text is from, where nobody named one.
    pub(crate) guessed_field: Option<String>,
}

/// What text takes when unpacked, about, as a multiple of its packed size.
const EXPANSION: u64 = 4;

/// Most that is read of a packed file as a multiple of its size: beyond it is not text but a file
/// that was made to fill the memory.
const MOST_EXPANSION: u64 = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    JsonLines,
    Parquet,
}

impl TextFile {
    /// Its kind, and whether its name says that it is packed.
    fn kind(&self) -> (Kind, bool) {
        let name = self.name.to_ascii_lowercase();
        let packed = [".gz", ".zst"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let bare = packed.unwrap_or(&name);
        let kind = if bare.ends_with(".jsonl") || bare.ends_with(".ndjson") {
            Kind::JsonLines
        } else if bare.ends_with(".parquet") {
            Kind::Parquet
        } else {
            Kind::Plain
        };
        (kind, packed.is_some())
    }

    /// Bytes of text that it holds, about.
    pub(crate) fn expected_bytes(&self) -> u64 {
        match self.kind() {
            (Kind::Parquet, _) | (_, true) => self.bytes.saturating_mul(EXPANSION),
            _ => self.bytes,
        }
    }

    /// Its documents, from the first `limit` bytes of text; `None` if it is not UTF-8 text.
    ///
    /// # Errors
    /// [`CorpusError`] for a file that can't be read, is damaged, or has no such field.
    pub(crate) fn read(
        &self,
        limit: u64,
        options: &CorpusOptions,
    ) -> Result<Option<Contents>, CorpusError> {
        let wanted = options.text_field.as_deref();
        let (kind, _) = self.kind();
        if kind == Kind::Parquet {
            return self.read_parquet(limit, wanted).map(Some);
        }
        let Some((text, left_out)) = self.read_text(limit)? else {
            return Ok(None);
        };
        let (documents, guessed_field) = match kind {
            Kind::JsonLines => json_lines::documents(self, &text, wanted)?,
            _ => (vec![self.document(None, text)], None),
        };
        Ok(Some(Contents {
            documents,
            left_out,
            guessed_field,
        }))
    }

    /// The document of the file, or of its row or line of that number.
    fn document(&self, number: Option<usize>, text: String) -> Document {
        let name = match number {
            Some(number) => format!("{}:{number}", self.name),
            None => self.name.clone(),
        };
        Document {
            group: name.clone(),
            name,
            text,
        }
    }

    /// The first `limit` bytes, to the end of a line where there are more, and the bytes that are
    /// left out; `None` if it is not UTF-8 text.
    fn read_text(&self, limit: u64) -> Result<Option<(String, u64)>, CorpusError> {
        let limit = limit.min(self.bytes.saturating_mul(MOST_EXPANSION));
        let unpacked = unpack::read(&self.path, limit)?;
        let (mut bytes, mut left_out) = (unpacked.bytes, unpacked.unread);
        if unpacked.is_cut {
            let end = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |newline| newline + 1);
            left_out += (bytes.len() - end) as u64;
            bytes.truncate(end);
        }
        // A zero byte is valid UTF-8 and never text.
        if bytes.contains(&0) {
            return Ok(None);
        }
        Ok(String::from_utf8(bytes).ok().map(|text| (text, left_out)))
    }

    #[cfg(feature = "parquet")]
    fn read_parquet(&self, limit: u64, wanted: Option<&str>) -> Result<Contents, CorpusError> {
        parquet_table::read(self, limit, wanted)
    }

    #[cfg(not(feature = "parquet"))]
    fn read_parquet(&self, _limit: u64, _wanted: Option<&str>) -> Result<Contents, CorpusError> {
        Err(CorpusError::NoParquet {
            path: self.path.clone(),
        })
    }
}
