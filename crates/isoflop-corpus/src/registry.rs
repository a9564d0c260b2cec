//! Real code that is already there: the crates that cargo has unpacked in its registry.

use crate::assemble::{CorpusOptions, assemble};
use crate::document::{Corpus, Document, SplitBy};
use crate::error::CorpusError;
use crate::exclusion::{
    Excluded, Exclusion, LARGEST_FILE, SMALLEST_FILE, VENDORED_FOLDERS, content_rule,
};
use crate::limit::{Measured, keep_within};
use rayon::prelude::*;
use semver::Version;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Files are read for twice the size of the corpus, as rules and duplicates take some away; a
/// registry of many gigabytes then costs no more time than one of a hundred megabytes.
const READ_FACTOR: u64 = 2;

/// A file that may become a document.
struct Candidate {
    path: PathBuf,
    name: String,
    group: String,
    bytes: u64,
}

impl Measured for Candidate {
    fn group(&self) -> &str {
        &self.group
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Cargo's home folder: `CARGO_HOME`, or `.cargo` in the user's home folder.
///
/// # Errors
/// [`CorpusError::CargoHomeUnknown`] if neither is known.
pub fn cargo_home() -> Result<PathBuf, CorpusError> {
    match std::env::var_os("CARGO_HOME") {
        Some(path) if !path.is_empty() => Ok(path.into()),
        _ => std::env::home_dir()
            .filter(|home| !home.as_os_str().is_empty())
            .map(|home| home.join(".cargo"))
            .ok_or(CorpusError::CargoHomeUnknown),
    }
}

/// The Rust sources of the newest version of every crate in `cargo_home/registry/src`, split by
/// crate.
///
/// Which crates are there depends on what was built on the machine; the corpus's fingerprint
/// records it. Whichever index folder a crate lies in, its files have the same names.
///
/// # Errors
/// [`CorpusError::NoRegistry`], [`CorpusError::NoText`], [`CorpusError::TooLittleText`], or a file
/// that cannot be read.
pub fn registry_corpus(cargo_home: &Path, options: &CorpusOptions) -> Result<Corpus, CorpusError> {
    let sources = cargo_home.join("registry").join("src");
    let crates = unpacked_crates(&sources)?;
    if crates.is_empty() {
        return Err(CorpusError::NoRegistry { path: sources });
    }
    let mut excluded = Excluded::default();
    let mut candidates = Vec::new();
    for (name, versions) in &crates {
        let mut versions = versions.iter().rev();
        if let Some((version, folder)) = versions.next() {
            let files = rust_files(folder)?;
            candidates.extend(usable_files(name, version, files, &mut excluded));
        }
        for (_, folder) in versions {
            for (_, _, bytes) in rust_files(folder)? {
                excluded.add(Exclusion::OlderVersion, bytes);
            }
        }
    }
    let (candidates, over) = keep_within(candidates, READ_FACTOR * options.max_bytes);
    over.iter()
        .for_each(|file| excluded.add(Exclusion::OverLimit, file.bytes));
    let documents = read_code(&candidates, &mut excluded)?;
    assemble(&sources, documents, excluded, SplitBy::Crate, options)
}

/// Reads the files; those that are not UTF-8 or not written by a person are left out.
fn read_code(
    candidates: &[Candidate],
    excluded: &mut Excluded,
) -> Result<Vec<Document>, CorpusError> {
    let read = |file: &Candidate| {
        let bytes = std::fs::read(&file.path).map_err(|source| CorpusError::Read {
            path: file.path.clone(),
            source,
        })?;
        let rule = |text: String| match content_rule(&text) {
            Some(rule) => Err((rule, file.bytes)),
            None => Ok(text),
        };
        let text = String::from_utf8(bytes).map_err(|_| (Exclusion::NotUtf8, file.bytes));
        Ok(text.and_then(rule))
    };
    let texts: Vec<_> = candidates
        .par_iter()
        .map(read)
        .collect::<Result<_, CorpusError>>()?;
    let mut documents = Vec::new();
    for (file, text) in candidates.iter().zip(texts) {
        match text {
            Ok(text) => documents.push(Document {
                name: file.name.clone(),
                group: file.group.clone(),
                text,
            }),
            Err((rule, bytes)) => excluded.add(rule, bytes),
        }
    }
    Ok(documents)
}

/// The unpacked versions of each crate, in order of name and version.
fn unpacked_crates(
    sources: &Path,
) -> Result<BTreeMap<String, BTreeMap<Version, PathBuf>>, CorpusError> {
    let mut crates: BTreeMap<String, BTreeMap<Version, PathBuf>> = BTreeMap::new();
    if !sources.is_dir() {
        return Ok(crates);
    }
    for entry in WalkDir::new(sources)
        .min_depth(2)
        .max_depth(2)
        .sort_by_file_name()
    {
        let entry = entry.map_err(|error| read_error(sources, error))?;
        let Some((name, version)) = entry.file_name().to_str().and_then(crate_and_version) else {
            continue;
        };
        // Of the same version in two registries, the first is kept; both are the same crate.
        crates
            .entry(name)
            .or_default()
            .entry(version)
            .or_insert_with(|| entry.into_path());
    }
    Ok(crates)
}

/// `toml_edit-0.25.18+spec-1.1.0` is version `0.25.18+spec-1.1.0` of `toml_edit`.
fn crate_and_version(folder: &str) -> Option<(String, Version)> {
    folder.match_indices('-').find_map(|(dash, _)| {
        let version = Version::parse(&folder[dash + 1..]).ok()?;
        Some((folder[..dash].to_owned(), version))
    })
}

type RustFile = (PathBuf, String, u64);

/// All `.rs` files below `folder`: path, name relative to it, and size.
fn rust_files(folder: &Path) -> Result<Vec<RustFile>, CorpusError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| read_error(folder, error))?;
        if !entry.file_type().is_file() || entry.path().extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let bytes = entry
            .metadata()
            .map_err(|error| read_error(folder, error))?
            .len();
        let name = portable_name(folder, entry.path());
        files.push((entry.into_path(), name, bytes));
    }
    Ok(files)
}

/// The path of `file` below `folder`, with `/` on every system.
pub(crate) fn portable_name(folder: &Path, file: &Path) -> String {
    let parts = file.strip_prefix(folder).unwrap_or(file).components();
    let parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

pub(crate) fn read_error(folder: &Path, error: walkdir::Error) -> CorpusError {
    let path = error.path().unwrap_or(folder).to_owned();
    CorpusError::Read {
        path,
        source: error.into(),
    }
}

/// The files that pass the rules on place and size.
fn usable_files(
    name: &str,
    version: &Version,
    files: Vec<RustFile>,
    excluded: &mut Excluded,
) -> Vec<Candidate> {
    let mut usable = Vec::new();
    for (path, file, bytes) in files {
        let rule = if file
            .split('/')
            .any(|folder| VENDORED_FOLDERS.contains(&folder))
        {
            Some(Exclusion::Vendored)
        } else if bytes < SMALLEST_FILE {
            Some(Exclusion::TooSmall)
        } else if bytes > LARGEST_FILE {
            Some(Exclusion::TooLarge)
        } else {
            None
        };
        match rule {
            Some(rule) => excluded.add(rule, bytes),
            None => usable.push(Candidate {
                path,
                name: format!("{name}-{version}/{file}"),
                group: name.to_owned(),
                bytes,
            }),
        }
    }
    usable
}
