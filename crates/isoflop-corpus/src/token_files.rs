//! Text that others have turned into tokens: `.bin` files of 16-bit tokens.
//!
//! Two formats are read and told apart by their first bytes: nanoGPT's, which is nothing but
//! tokens (`data/*/prepare.py`), and llm.c's (`dev/data/data_common.py`), which has a header of
//! 256 32-bit numbers: 20240520, version 1, the number of tokens, zeros. All little-endian.

use crate::document::Fingerprint;
use crate::error::CorpusError;
use crate::limit::fair_level;
use crate::token_corpus::{DocumentSpan, TokenCorpus, TokenSplit};
use crate::tokenizer::TextTokenizer;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

const MAGIC: u32 = 20_240_520;
const HEADER_BYTES: usize = 1024;
/// Version 1 holds 16-bit tokens; version 7 holds 32-bit ones, which do not fit here.
const VERSION_OF_16_BIT: u32 = 1;
/// Where documents end is not known, so this many tokens count as one, for the standard error.
const TOKENS_PER_DOCUMENT: usize = 8192;

/// Part of the tokens that is held out where there are no files for validation: its end, as that of
/// a text in order is further from the training part than a random choice would be.
const VALIDATION_SHARE: f64 = 0.1;

/// Files of tokens, by what they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFiles {
    /// Files to train on, in order of name.
    pub training: Vec<PathBuf>,
    /// Files to measure the loss on, in order of name; without any the last tenth of the others is
    /// held out.
    pub validation: Vec<PathBuf>,
}

/// The files of tokens at `place`: a single `.bin` file, or those in a folder by their names, which
/// hold `train` or `val`; `None` if there are none to train on, and it is one of text.
///
/// # Errors
/// [`CorpusError::Read`] if the folder cannot be listed.
pub fn token_files(place: &Path) -> Result<Option<TokenFiles>, CorpusError> {
    let is_bin = |path: &Path| path.extension().is_some_and(|end| end == "bin");
    if place.is_file() {
        return Ok(is_bin(place).then(|| TokenFiles {
            training: vec![place.to_owned()],
            validation: Vec::new(),
        }));
    }
    if !place.is_dir() {
        return Ok(None);
    }
    let failure = |source| CorpusError::Read {
        path: place.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place).map_err(failure)? {
        files.push(entry.map_err(failure)?.path());
    }
    files.sort();
    let named = |part: &str| -> Vec<PathBuf> {
        let name = |path: &Path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let is_named = |path: &&PathBuf| is_bin(path) && name(path).contains(part);
        files.iter().filter(is_named).cloned().collect()
    };
    let (training, validation) = (named("train"), named("val"));
    Ok((!training.is_empty()).then_some(TokenFiles {
        training,
        validation,
    }))
}

/// Tokens that were read from files, and how many there are in all.
#[derive(Debug)]
pub struct FromTokenFiles {
    /// Both sides.
    pub corpus: TokenCorpus,
    /// Tokens in the files, those that were not read included.
    pub tokens_there: u64,
}

impl TokenCorpus {
    /// Reads tokens from `.bin` files of nanoGPT or llm.c.
    ///
    /// Of each side at most `max_bytes` are read, shared fairly between its files, the beginning
    /// of each. Where the tokeniser is known, its vocabulary counts and the loss has bits per byte;
    /// else the vocabulary is taken to end at the largest token that occurs.
    ///
    /// # Errors
    /// [`CorpusError::Read`], or [`CorpusError::TokenFile`] for a file of another kind, or tokens
    /// that the tokeniser does not have.
    pub fn from_token_files(
        files: &TokenFiles,
        tokenizer: Option<&TextTokenizer>,
        max_bytes: u64,
    ) -> Result<FromTokenFiles, CorpusError> {
        let known = tokenizer.map(TextTokenizer::vocab_size);
        let (mut training, mut there) = read_split(&files.training, max_bytes, known)?;
        let validation = if files.validation.is_empty() {
            hold_out(&mut training)
        } else {
            let (validation, more) = read_split(&files.validation, max_bytes, known)?;
            there += more;
            validation
        };
        let largest = training.tokens.iter().chain(&validation.tokens).max();
        let vocab_size = known.unwrap_or(largest.map_or(0, |token| usize::from(*token) + 1));
        let fingerprint = Fingerprint::of_tokens(&training.tokens, &validation.tokens);
        let corpus = Self {
            fingerprint,
            vocab_size,
            token_bytes: tokenizer.map_or(vec![0; vocab_size], TextTokenizer::token_bytes),
            training,
            validation,
        };
        Ok(FromTokenFiles {
            corpus,
            tokens_there: there,
        })
    }
}

/// Takes the end of the tokens away from `training`.
fn hold_out(training: &mut TokenSplit) -> TokenSplit {
    let kept = (training.tokens.len() as f64 * (1.0 - VALIDATION_SHARE)) as usize;
    let tokens = training.tokens.split_off(kept);
    let validation = TokenSplit {
        documents: spans("held out", 0, 0, tokens.len()),
        tokens,
        bytes: 0,
    };
    training.documents.retain(|document| document.end <= kept);
    let last = training.documents.last().map_or(0, |document| document.end);
    let group = training
        .documents
        .last()
        .map_or(0, |document| document.group);
    if last < kept {
        training.documents.extend(spans("rest", group, last, kept));
    }
    validation
}

/// Where documents end is not known: pieces of equal length from `start` to `end`.
fn spans(name: &str, group: usize, start: usize, end: usize) -> Vec<DocumentSpan> {
    let mut spans = Vec::new();
    let mut at = start;
    while at < end {
        at = end.min(at + TOKENS_PER_DOCUMENT);
        let name = format!("{name}:{at}");
        spans.push(DocumentSpan {
            name,
            group,
            end: at,
        });
    }
    spans
}

/// The tokens of all files, and how many there are with those that were not read.
fn read_split(
    paths: &[PathBuf],
    max_bytes: u64,
    vocab_size: Option<usize>,
) -> Result<(TokenSplit, u64), CorpusError> {
    let mut split = TokenSplit {
        tokens: Vec::new(),
        documents: Vec::new(),
        bytes: 0,
    };
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        files.push(TokenFile::open(path)?);
    }
    let level = fair_level(files.iter().map(|file| file.bytes), max_bytes);
    let mut there = 0;
    for (group, file) in files.into_iter().enumerate() {
        there += file.bytes / 2;
        let (path, start) = (file.path, split.tokens.len());
        split.tokens.extend(file.read(level, vocab_size)?);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let documents = spans(&name, group, start, split.tokens.len());
        split.documents.extend(documents);
    }
    Ok((split, there))
}

/// A file of tokens whose header, if it has one, was read.
struct TokenFile<'p> {
    path: &'p Path,
    file: File,
    /// Bytes of tokens.
    bytes: u64,
}

impl<'p> TokenFile<'p> {
    fn open(path: &'p Path) -> Result<Self, CorpusError> {
        let failure = |source| CorpusError::Read {
            path: path.to_owned(),
            source,
        };
        let wrong = |problem: String| CorpusError::TokenFile {
            path: path.to_owned(),
            problem,
        };
        let mut file = File::open(path).map_err(failure)?;
        let size = file.metadata().map_err(failure)?.len();
        let mut header = Vec::new();
        (&mut file)
            .take(HEADER_BYTES as u64)
            .read_to_end(&mut header)
            .map_err(failure)?;
        let bytes = match header.first_chunk().map(|first| u32::from_le_bytes(*first)) {
            Some(MAGIC) => bytes_after_header(&header, size).map_err(wrong)?,
            _ => {
                file.rewind().map_err(failure)?;
                size
            }
        };
        if bytes == 0 {
            return Err(wrong("it holds no tokens".to_owned()));
        }
        if !bytes.is_multiple_of(2) {
            return Err(wrong(format!("it has an odd number of bytes: {size}")));
        }
        Ok(Self { path, file, bytes })
    }

    /// The tokens in the first `limit` bytes.
    fn read(self, limit: u64, vocab_size: Option<usize>) -> Result<Vec<u16>, CorpusError> {
        let wrong = |problem: String| CorpusError::TokenFile {
            path: self.path.to_owned(),
            problem,
        };
        let mut bytes = Vec::new();
        self.file
            .take(limit.min(self.bytes) / 2 * 2)
            .read_to_end(&mut bytes)
            .map_err(|source| CorpusError::Read {
                path: self.path.to_owned(),
                source,
            })?;
        let tokens: Vec<u16> = bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| u16::from_le_bytes(*pair))
            .collect();
        if holds_32_bit_tokens(&tokens) {
            let problem = "every second number is zero, as in a file of 32-bit tokens";
            return Err(wrong(problem.to_owned()));
        }
        if let Some(size) = vocab_size
            && let Some(at) = tokens.iter().position(|token| usize::from(*token) >= size)
        {
            return Err(wrong(format!(
                "its token number {at} is {}, and the tokeniser has a vocabulary of {size}",
                tokens[at]
            )));
        }
        Ok(tokens)
    }
}

/// Of a text in 16-bit tokens never every second one is the same.
fn holds_32_bit_tokens(tokens: &[u16]) -> bool {
    let mut upper = tokens.iter().skip(1).step_by(2);
    tokens.len() >= 64 && upper.all(|token| *token == 0) && tokens.iter().any(|token| *token != 0)
}

/// Bytes of tokens in a file of llm.c, or what is wrong with it.
fn bytes_after_header(header: &[u8], size: u64) -> Result<u64, String> {
    let field = |number: usize| {
        let bytes = header.get(4 * number..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let cut_off = || "it ends within the header of 1024 bytes".to_owned();
    let (version, count) = field(1).zip(field(2)).ok_or_else(cut_off)?;
    if version != VERSION_OF_16_BIT {
        return Err(format!(
            "it has version {version}, and version 1 (16-bit tokens) is read"
        ));
    }
    let found = size.checked_sub(HEADER_BYTES as u64).ok_or_else(cut_off)?;
    let expected = u64::from(count) * 2;
    if found != expected {
        return Err(format!(
            "its header says {expected} bytes of tokens, and there are {found}"
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn raw(tokens: &[u16]) -> Vec<u8> {
        tokens
            .iter()
            .flat_map(|token| token.to_le_bytes())
            .collect()
    }

    fn with_header(version: u32, count: u32, tokens: &[u16]) -> Vec<u8> {
        let mut header = [0u32; 256];
        header[..3].copy_from_slice(&[MAGIC, version, count]);
        header
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .chain(raw(tokens))
            .collect()
    }

    fn read(files: &TokenFiles) -> Result<FromTokenFiles, CorpusError> {
        TokenCorpus::from_token_files(files, None, u64::MAX)
    }

    fn squares(count: u32) -> Vec<u16> {
        (0..count).map(|i| (i * i % 50_257) as u16).collect()
    }

    #[test]
    fn both_formats_give_the_same_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = squares(20_000);
        let write = |name: &str, bytes| fs::write(folder.path().join(name), bytes).unwrap();
        assert_eq!(token_files(folder.path()).unwrap(), None);
        write("train.bin", raw(&tokens));
        write("val.bin", raw(&tokens[..9000]));
        let files = token_files(folder.path()).unwrap().unwrap();
        let nano = read(&files).unwrap().corpus;
        assert_eq!(nano.training.tokens, tokens);
        assert_eq!(nano.validation.documents.len(), 2);
        write("train.bin", with_header(1, 20_000, &tokens));
        write("val.bin", with_header(1, 9_000, &tokens[..9000]));
        assert_eq!(read(&files).unwrap().corpus, nano);
        let validation = nano.validation_set(256, 10).unwrap();
        assert_eq!(validation.loss(&[3.0; 10]).unwrap().bits_per_byte, None);
    }

    #[test]
    fn the_end_of_a_single_file_is_held_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus.bin");
        let tokens = squares(50_000);
        fs::write(&path, raw(&tokens)).unwrap();
        let files = token_files(&path).unwrap().unwrap();
        let corpus = read(&files).unwrap().corpus;
        assert_eq!(corpus.training.tokens, tokens[..45_000]);
        assert_eq!(corpus.validation.tokens, tokens[45_000..]);
        for split in [&corpus.training, &corpus.validation] {
            assert_eq!(split.documents.last().unwrap().end, split.tokens.len());
            assert!(split.documents.is_sorted_by_key(|document| document.end));
        }
    }

    #[test]
    fn of_more_than_the_limit_the_beginning_of_every_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = squares(30_000);
        for name in ["a_train_1.bin", "a_train_2.bin", "a_val.bin"] {
            fs::write(folder.path().join(name), raw(&tokens)).unwrap();
        }
        let files = token_files(folder.path()).unwrap().unwrap();
        let read = TokenCorpus::from_token_files(&files, None, 20_000).unwrap();
        assert_eq!(read.tokens_there, 90_000);
        let training = &read.corpus.training.tokens;
        assert_eq!(*training, [&tokens[..5000], &tokens[..5000]].concat());
        assert_eq!(read.corpus.validation.tokens, tokens[..10_000]);
    }

    #[test]
    fn files_of_another_kind_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.bin");
        let wide: Vec<u16> = squares(100).into_iter().flat_map(|t| [t, 0]).collect();
        for (bytes, reason) in [
            (Vec::new(), "holds no tokens"),
            (with_header(1, 0, &[]), "holds no tokens"),
            (vec![1, 2, 3], "odd number of bytes: 3"),
            (raw(&wide), "32-bit tokens"),
            (with_header(7, 2, &[1, 2]), "version 7"),
            (
                with_header(1, 3, &[1, 2]),
                "says 6 bytes of tokens, and there are 4",
            ),
            (
                with_header(1, 3, &[])[..600].to_vec(),
                "ends within the header",
            ),
            (MAGIC.to_le_bytes().to_vec(), "ends within the header"),
        ] {
            fs::write(&path, bytes).unwrap();
            let files = token_files(&path).unwrap().unwrap();
            let error = read(&files).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
