//! Text that others have turned into tokens: `.bin` files of 16-bit tokens.
//!
//! Two formats are read and told apart by their first bytes: nanoGPT's, which is nothing but
//! tokens (`data/*/prepare.py`), and llm.c's (`dev/data/data_common.py`), which has a header of
//! 256 32-bit numbers: 20240520, version 1, the number of tokens, zeros. All little-endian.

use crate::document::Fingerprint;
use crate::error::CorpusError;
use crate::token_corpus::{DocumentSpan, TokenCorpus, TokenSplit};
use std::path::{Path, PathBuf};

const MAGIC: u32 = 20_240_520;
const HEADER_BYTES: usize = 1024;
/// Version 1 holds 16-bit tokens; version 7 holds 32-bit ones, which do not fit here.
const VERSION_OF_16_BIT: u32 = 1;
/// Where documents end is not known, so this many tokens count as one, for the standard error.
const TOKENS_PER_DOCUMENT: usize = 8192;

/// The `.bin` files for training and validation in a folder, by their names, which hold `train`
/// or `val`; `None` if either is missing, and the folder is one of text.
///
/// # Errors
/// [`CorpusError::Read`] if the folder cannot be listed.
pub fn token_files(folder: &Path) -> Result<Option<[Vec<PathBuf>; 2]>, CorpusError> {
    let failure = |source| CorpusError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failure)? {
        files.push(entry.map_err(failure)?.path());
    }
    files.sort();
    let named = |part: &str| -> Vec<PathBuf> {
        let is_named = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".bin") && name.contains(part)
        };
        files.iter().filter(is_named).cloned().collect()
    };
    let sides = [named("train"), named("val")];
    Ok((!sides[0].is_empty() && !sides[1].is_empty()).then_some(sides))
}

impl TokenCorpus {
    /// Reads tokens from `.bin` files of nanoGPT or llm.c, of each side in the order given.
    ///
    /// The vocabulary is taken to end at the largest token that occurs. The text of the tokens is
    /// not known, so the loss has no bits per byte.
    ///
    /// # Errors
    /// [`CorpusError::Read`], or [`CorpusError::TokenFile`] for a file of another kind.
    pub fn from_token_files(
        training: &[PathBuf],
        validation: &[PathBuf],
    ) -> Result<Self, CorpusError> {
        let (training, validation) = (read_split(training)?, read_split(validation)?);
        let largest = training.tokens.iter().chain(&validation.tokens).max();
        let vocab_size = largest.map_or(0, |token| usize::from(*token) + 1);
        Ok(Self {
            fingerprint: Fingerprint::of_tokens(&training.tokens, &validation.tokens),
            vocab_size,
            training,
            validation,
            token_bytes: vec![0; vocab_size],
        })
    }
}

fn read_split(paths: &[PathBuf]) -> Result<TokenSplit, CorpusError> {
    let mut split = TokenSplit {
        tokens: Vec::new(),
        documents: Vec::new(),
        bytes: 0,
    };
    for (group, path) in paths.iter().enumerate() {
        let start = split.tokens.len();
        split.tokens.extend(read_tokens(path)?);
        let mut end = start;
        while end < split.tokens.len() {
            end = split.tokens.len().min(end + TOKENS_PER_DOCUMENT);
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{file}:{end}");
            split.documents.push(DocumentSpan { name, group, end });
        }
    }
    Ok(split)
}

fn read_tokens(path: &Path) -> Result<Vec<u16>, CorpusError> {
    let bytes = std::fs::read(path).map_err(|source| CorpusError::Read {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |problem: String| CorpusError::TokenFile {
        path: path.to_owned(),
        problem,
    };
    let tokens = match bytes.first_chunk().map(|first| u32::from_le_bytes(*first)) {
        Some(MAGIC) => after_header(&bytes).map_err(wrong)?,
        _ => &bytes[..],
    };
    if !tokens.len().is_multiple_of(2) {
        return Err(wrong(format!(
            "it has an odd number of bytes: {}",
            bytes.len()
        )));
    }
    let token = |pair: &[u8]| u16::from_le_bytes([pair[0], pair[1]]);
    Ok(tokens.chunks_exact(2).map(token).collect())
}

/// The tokens of a file of llm.c, or what is wrong with it.
fn after_header(bytes: &[u8]) -> Result<&[u8], String> {
    let field = |number: usize| {
        let bytes = bytes.get(4 * number..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let cut_off = || "it ends within the header of 1024 bytes".to_owned();
    let (version, count) = field(1).zip(field(2)).ok_or_else(cut_off)?;
    if version != VERSION_OF_16_BIT {
        return Err(format!(
            "it has version {version}, and version 1 (16-bit tokens) is read"
        ));
    }
    let tokens = bytes.get(HEADER_BYTES..).ok_or_else(cut_off)?;
    let expected = count as usize * 2;
    if tokens.len() != expected {
        let found = tokens.len();
        return Err(format!(
            "its header says {expected} bytes of tokens, and there are {found}"
        ));
    }
    Ok(tokens)
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

    #[test]
    fn both_formats_give_the_same_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let tokens: Vec<u16> = (0..20_000u32).map(|i| (i * i % 50_257) as u16).collect();
        let write = |name: &str, bytes| fs::write(folder.path().join(name), bytes).unwrap();
        write("train.bin", raw(&tokens));
        assert_eq!(token_files(folder.path()).unwrap(), None);
        write("val.bin", raw(&tokens[..9000]));
        let [train, val] = token_files(folder.path()).unwrap().unwrap();
        let nano = TokenCorpus::from_token_files(&train, &val).unwrap();
        assert_eq!(nano.training.tokens, tokens);
        assert_eq!(nano.validation.documents.len(), 2);
        write("train.bin", with_header(1, 20_000, &tokens));
        write("val.bin", with_header(1, 9_000, &tokens[..9000]));
        assert_eq!(TokenCorpus::from_token_files(&train, &val).unwrap(), nano);
        let validation = nano.validation_set(256, 10).unwrap();
        assert_eq!(validation.loss(&[3.0; 10]).unwrap().bits_per_byte, None);
    }

    #[test]
    fn files_of_another_kind_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.bin");
        for (bytes, reason) in [
            (vec![1, 2, 3], "odd number of bytes: 3"),
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
            let files = std::slice::from_ref(&path);
            let error = TokenCorpus::from_token_files(files, files)
                .unwrap_err()
                .to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
