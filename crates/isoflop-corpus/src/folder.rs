//! Any folder of text, or a single file: plain text, JSON lines and Parquet.

use crate::assemble::{CorpusOptions, assemble};
use crate::document::{Corpus, Document, SplitBy};
use crate::error::CorpusError;
use crate::exclusion::{Excluded, Exclusion};
use crate::limit::fair_level;
use crate::registry::{portable_name, read_error};
use crate::text_file::TextFile;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use walkdir::WalkDir;

/// Groups that a split by subfolder, or by file, needs; with fewer, the next finer unit is used.
const ENOUGH_GROUPS: usize = 20;
/// Longer documents are cut into pieces of this length, so that a single one neither fills the
/// corpus nor counts as one cluster.
const PIECE_BYTES: usize = 32 * 1024;
/// Pieces are not cut shorter than this: a few lines say nothing about the text they are from.
const SHORTEST_PIECE_BYTES: usize = 4 * 1024;
/// Of all files together this much is read for each byte of the corpus, as duplicates take some
/// away.
const READ_FACTOR: u64 = 2;

/// All text below `place`, which may also be a single file.
///
/// Files ending in `.jsonl` or `.ndjson` hold one document in each line, files ending in `.parquet`
/// one in each row, in the field [`CorpusOptions::text_field`]; every other file is one text. Text
/// and JSON lines may be packed with gzip or zstd. Hidden files, and files that are not UTF-8, are
/// left out. The split is by top-level subfolder where there are at least 20, else
/// by file (or line of JSONL) where there are at least 20, else by contiguous pieces of at most 32 KiB.
///
/// # Errors
/// [`CorpusError::Missing`], [`CorpusError::Empty`], [`CorpusError::NoText`],
/// [`CorpusError::TooLittleText`], [`CorpusError::Indivisible`], a file that is damaged or
/// cannot be read, or one without the field.
pub fn folder_corpus(place: &Path, options: &CorpusOptions) -> Result<Corpus, CorpusError> {
    if !place.exists() {
        return Err(CorpusError::Missing {
            path: place.to_owned(),
        });
    }
    let files = files_below(place)?;
    if files.is_empty() {
        return Err(CorpusError::Empty {
            path: place.to_owned(),
        });
    }
    let budget = READ_FACTOR.saturating_mul(options.max_bytes);
    let level = fair_level(files.iter().map(TextFile::expected_bytes), budget).min(budget);
    let contents: Vec<_> = files
        .par_iter()
        .map(|file| file.read(level, options))
        .collect();
    let mut excluded = Excluded::default();
    let mut documents = Vec::new();
    let mut guessed = BTreeSet::new();
    for (file, contents) in files.iter().zip(contents) {
        let Some(contents) = contents? else {
            excluded.add(Exclusion::NotUtf8, file.bytes);
            continue;
        };
        if contents.left_out > 0 {
            excluded.add(Exclusion::OverLimit, contents.left_out);
        }
        documents.extend(contents.documents);
        guessed.extend(contents.guessed_field);
    }
    let (documents, blank) = documents
        .into_iter()
        .partition::<Vec<_>, _>(|document| !document.text.trim().is_empty());
    for document in blank {
        excluded.add(Exclusion::TooSmall, document.text.len() as u64);
    }
    let (documents, split_by) = grouped(documents);
    let mut corpus = assemble(place, documents, excluded, split_by, options)?;
    corpus.summary.guessed_fields = guessed.into_iter().collect();
    Ok(corpus)
}

/// Files that are not hidden, in order of name.
fn files_below(place: &Path) -> Result<Vec<TextFile>, CorpusError> {
    let is_hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let mut files = Vec::new();
    let below = WalkDir::new(place).follow_links(true).sort_by_file_name();
    for entry in below.into_iter().filter_entry(|entry| !is_hidden(entry)) {
        let entry = match entry {
            // A link to a folder above: its files are there already.
            Err(error) if error.loop_ancestor().is_some() => continue,
            entry => entry.map_err(|error| read_error(place, error))?,
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let bytes = entry
            .metadata()
            .map_err(|error| read_error(place, error))?
            .len();
        let name = match portable_name(place, entry.path()) {
            name if name.is_empty() => entry.file_name().to_string_lossy().into_owned(),
            name => name,
        };
        files.push(TextFile {
            path: entry.into_path(),
            name,
            bytes,
        });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Gives each document its group, by the coarsest unit of which there are enough; long documents
/// are cut into pieces.
fn grouped(mut documents: Vec<Document>) -> (Vec<Document>, SplitBy) {
    let subfolder = |document: &Document| {
        document
            .name
            .split_once('/')
            .map_or_else(String::new, |(folder, _)| folder.to_owned())
    };
    let subfolders: BTreeSet<String> = documents.iter().map(subfolder).collect();
    if subfolders.len() >= ENOUGH_GROUPS {
        documents
            .iter_mut()
            .for_each(|document| document.group = subfolder(document));
        return (in_pieces(documents, PIECE_BYTES), SplitBy::Subfolder);
    }
    if documents.len() >= ENOUGH_GROUPS {
        return (in_pieces(documents, PIECE_BYTES), SplitBy::File);
    }
    let total: usize = documents.iter().map(|document| document.text.len()).sum();
    let piece = PIECE_BYTES
        .min(total / (2 * ENOUGH_GROUPS))
        .max(SHORTEST_PIECE_BYTES);
    let mut pieces = in_pieces(documents, piece);
    pieces
        .iter_mut()
        .for_each(|piece| piece.group.clone_from(&piece.name));
    (pieces, SplitBy::Piece)
}

/// Cuts documents that are longer than `bytes` at the ends of lines, or of characters in lines
/// that are longer than a piece.
fn in_pieces(documents: Vec<Document>, bytes: usize) -> Vec<Document> {
    let mut pieces = Vec::new();
    for document in documents {
        if document.text.len() <= bytes {
            pieces.push(document);
            continue;
        }
        let mut rest = document.text.as_str();
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let (text, later) = rest.split_at(piece_end(rest, bytes));
            // Digits are padded, so that the order of names is the order of pieces.
            let name = format!("{}#{number:06}", document.name);
            pieces.push(Document {
                name,
                group: document.group.clone(),
                text: text.to_owned(),
            });
            rest = later;
        }
    }
    pieces
}

/// Where the first piece of `text` ends: after the last line that ends within `bytes`.
fn piece_end(text: &str, bytes: usize) -> usize {
    if text.len() <= bytes {
        return text.len();
    }
    let is_boundary = |end: &usize| text.is_char_boundary(*end);
    let within = (0..=bytes).rev().find(is_boundary).unwrap_or(0);
    match text[..within].rfind('\n') {
        Some(newline) => newline + 1,
        None if within > 0 => within,
        None => text.chars().next().map_or(text.len(), char::len_utf8),
    }
}
