//! Tokeniser and tokens on disk, so that a second start takes no time.
//!
//! Three files for each corpus and vocabulary size: `KEY.tokenizer.json` (readable by the Python
//! package `tokenizers`), `KEY.tokens.bin` (16-bit little-endian tokens, training before
//! validation, as nanoGPT's `.bin` files), and `KEY.json` with the rest and a checksum of the
//! tokens. The last is written last: without it, or if the checksum does not match, nothing is
//! there.

use crate::document::Fingerprint;
use crate::error::CorpusError;
use crate::token_corpus::{DocumentSpan, TokenCorpus, TokenSplit};
use crate::tokenizer::TextTokenizer;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Raised when the meaning of the files changes; older ones are then made anew.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    fingerprint: Fingerprint,
    vocab_size: usize,
    token_bytes: Vec<u16>,
    training: SplitDescription,
    validation: SplitDescription,
    /// BLAKE3 of the file of tokens, in hexadecimal.
    checksum: String,
}

#[derive(Serialize, Deserialize)]
struct SplitDescription {
    tokens: usize,
    bytes: u64,
    documents: Vec<DocumentSpan>,
}

impl SplitDescription {
    fn new(split: &TokenSplit) -> Self {
        let documents = split.documents.clone();
        Self {
            tokens: split.tokens.len(),
            bytes: split.bytes,
            documents,
        }
    }

    /// The split, with its tokens; `None` if documents and tokens do not fit together.
    fn with_tokens(self, tokens: &[u16]) -> Option<TokenSplit> {
        let last = self.documents.last().map(|document| document.end);
        let is_whole =
            self.documents.is_sorted_by_key(|document| document.end) && last == Some(tokens.len());
        let (tokens, documents, bytes) = (tokens.to_vec(), self.documents, self.bytes);
        is_whole.then_some(TokenSplit {
            tokens,
            documents,
            bytes,
        })
    }
}

/// Paths of the description, the tokens and the tokeniser.
fn paths(cache: &Path, fingerprint: Fingerprint, vocab_size: usize) -> [PathBuf; 3] {
    let key = format!("{}-v{vocab_size}", fingerprint.short());
    ["json", "tokens.bin", "tokenizer.json"].map(|end| cache.join(format!("{key}.{end}")))
}

/// Writes the files; `vocab_size` is the size that was asked for.
pub(crate) fn store(
    cache: &Path,
    vocab_size: usize,
    tokens: &TokenCorpus,
    tokenizer: &TextTokenizer,
) -> Result<(), CorpusError> {
    let write_failure = |path: &Path, source| CorpusError::Write {
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(cache).map_err(|source| write_failure(cache, source))?;
    let (training, validation) = (&tokens.training, &tokens.validation);
    let raw: Vec<u8> = [&training.tokens, &validation.tokens]
        .into_iter()
        .flatten()
        .flat_map(|token| token.to_le_bytes())
        .collect();
    let description = Description {
        format: FORMAT,
        fingerprint: tokens.fingerprint,
        vocab_size: tokens.vocab_size,
        token_bytes: tokens.token_bytes.clone(),
        training: SplitDescription::new(training),
        validation: SplitDescription::new(validation),
        checksum: blake3::hash(&raw).to_hex().to_string(),
    };
    let [described, raw_path, tokenizer_path] = paths(cache, tokens.fingerprint, vocab_size);
    let json = serde_json::to_string(&description)
        .map_err(|error| write_failure(&described, error.into()))?;
    for (path, contents) in [
        (raw_path, raw),
        (tokenizer_path, tokenizer.to_json()?.into_bytes()),
        (described, json.into_bytes()),
    ] {
        write_atomically(&path, &contents).map_err(|source| write_failure(&path, source))?;
    }
    Ok(())
}

/// Reads the files; `None` if they are not there or not whole.
pub(crate) fn load(
    cache: &Path,
    fingerprint: Fingerprint,
    vocab_size: usize,
) -> Result<Option<TokenCorpus>, CorpusError> {
    let [described, raw_path, _] = paths(cache, fingerprint, vocab_size);
    let (Some(json), Some(raw)) = (read_if_there(&described)?, read_if_there(&raw_path)?) else {
        return Ok(None);
    };
    Ok(decode(&json, &raw).filter(|tokens| tokens.fingerprint == fingerprint))
}

fn decode(json: &[u8], raw: &[u8]) -> Option<TokenCorpus> {
    let description: Description = serde_json::from_slice(json).ok()?;
    let is_whole = description.format == FORMAT
        && description.checksum == blake3::hash(raw).to_hex().as_str()
        && description.token_bytes.len() == description.vocab_size;
    if !is_whole {
        return None;
    }
    let tokens: Vec<u16> = raw
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let (training, validation) = tokens.split_at_checked(description.training.tokens)?;
    if tokens
        .iter()
        .any(|token| usize::from(*token) >= description.vocab_size)
    {
        return None;
    }
    Some(TokenCorpus {
        fingerprint: description.fingerprint,
        vocab_size: description.vocab_size,
        training: description.training.with_tokens(training)?,
        validation: description.validation.with_tokens(validation)?,
        token_bytes: description.token_bytes,
    })
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, CorpusError> {
    match std::fs::read(path) {
        Ok(contents) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CorpusError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// A reader finds the whole old file or the whole new one. A cache that a power cut takes away is
/// made anew, so nothing is flushed.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(contents)?;
    file.persist(path).map_err(|failure| failure.error)?;
    Ok(())
}
