//! From documents to a corpus: duplicates out, size limited, split, fingerprint.

use crate::document::{Corpus, CorpusSummary, Count, Document, Fingerprint, SplitBy};
use crate::error::CorpusError;
use crate::exclusion::{Excluded, Exclusion};
use crate::limit::{Measured, keep_within};
use crate::near_duplicate::{Signer, near_duplicates};
use crate::split::validation_groups;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

/// How much text is gathered, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusOptions {
    /// Text used at most, in bytes; more is thinned fairly between groups.
    pub max_bytes: u64,
    /// Text needed at least, in bytes.
    pub min_bytes: u64,
    /// The field of JSON lines, or column of a Parquet table, that holds the text. `None`: the only
    /// one that holds text, else `text`, else `content`; which it was is in the summary.
    pub text_field: Option<String>,
}

impl Default for CorpusOptions {
    /// 96 MB is about 40 million tokens at a vocabulary of 1024: more than a laptop trains on in
    /// half an hour without repetition, and documents enough to measure a loss to 0.3 %. Below 1 MB not even the smallest ladder has enough.
    fn default() -> Self {
        Self {
            max_bytes: 96_000_000,
            min_bytes: 1_000_000,
            text_field: None,
        }
    }
}

impl Measured for Document {
    fn group(&self) -> &str {
        &self.group
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn bytes(&self) -> u64 {
        self.text.len() as u64
    }
}

/// Makes a corpus of `documents`, which come from `place`.
///
/// Duplicates are removed before the split, so that none crosses it.
pub(crate) fn assemble(
    place: &Path,
    mut documents: Vec<Document>,
    mut excluded: Excluded,
    split_by: SplitBy,
    options: &CorpusOptions,
) -> Result<Corpus, CorpusError> {
    documents.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    let documents = without_duplicates(documents, &mut excluded);
    let (documents, over) = keep_within(documents, options.max_bytes);
    over.iter()
        .for_each(|document| excluded.add(Exclusion::OverLimit, document.bytes()));
    require_enough(place, &documents, &excluded, options)?;
    let (training, validation) = split(documents).ok_or_else(|| CorpusError::Indivisible {
        path: place.to_owned(),
    })?;
    let summary = CorpusSummary {
        split_by,
        training: count(&training),
        validation: count(&validation),
        training_groups: groups(&training),
        validation_groups: groups(&validation),
        excluded: excluded.0,
        guessed_fields: Vec::new(),
    };
    let fingerprint = Fingerprint::of_documents(&training, &validation);
    Ok(Corpus {
        training,
        validation,
        fingerprint,
        summary,
    })
}

/// Leaves out texts that equal, or nearly equal, an earlier one.
fn without_duplicates(documents: Vec<Document>, excluded: &mut Excluded) -> Vec<Document> {
    let hashes: Vec<_> = documents
        .par_iter()
        .map(|document| blake3::hash(document.text.as_bytes()))
        .collect();
    let mut seen = HashSet::new();
    let mut unique = Vec::new();
    for (document, hash) in documents.into_iter().zip(hashes) {
        if seen.insert(hash) {
            unique.push(document);
        } else {
            excluded.add(Exclusion::Duplicate, document.bytes());
        }
    }
    let signer = Signer::new();
    let signatures = unique
        .par_iter()
        .map(|document| signer.sign(&document.text))
        .collect();
    let mut kept = Vec::new();
    for (document, is_copy) in unique.into_iter().zip(near_duplicates(signatures)) {
        if is_copy {
            excluded.add(Exclusion::NearDuplicate, document.bytes());
        } else {
            kept.push(document);
        }
    }
    kept
}

fn require_enough(
    place: &Path,
    documents: &[Document],
    excluded: &Excluded,
    options: &CorpusOptions,
) -> Result<(), CorpusError> {
    let path = place.to_owned();
    if documents.is_empty() {
        let (files, reasons) = (excluded.files(), excluded.to_string());
        return Err(CorpusError::NoText {
            path,
            files,
            reasons,
        });
    }
    let bytes = count(documents).bytes;
    if bytes < options.min_bytes {
        return Err(CorpusError::TooLittleText {
            path,
            bytes,
            needed: options.min_bytes,
        });
    }
    Ok(())
}

/// Training and validation documents; `None` if there is only one group.
fn split(documents: Vec<Document>) -> Option<(Vec<Document>, Vec<Document>)> {
    let mut bytes_of: BTreeMap<&str, u64> = BTreeMap::new();
    for document in &documents {
        *bytes_of.entry(&document.group).or_default() += document.bytes();
    }
    let held_out: HashSet<String> = validation_groups(&bytes_of)?.into_iter().collect();
    Some(
        documents
            .into_iter()
            .partition(|document| !held_out.contains(&document.group)),
    )
}

fn count(documents: &[Document]) -> Count {
    let mut count = Count::default();
    documents
        .iter()
        .for_each(|document| count.add(document.bytes()));
    count
}

fn groups(documents: &[Document]) -> usize {
    documents
        .iter()
        .map(|document| &document.group)
        .collect::<BTreeSet<_>>()
        .len()
}
