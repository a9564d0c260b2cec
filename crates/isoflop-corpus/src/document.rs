//! A corpus of text: documents on two sides of a split, and what was left out.

use crate::exclusion::Exclusion;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One text, usually one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it is from, with `/` between folders and no part that depends on the machine:
    /// `serde-1.0.229/src/lib.rs`.
    pub name: String,
    /// What it belongs to (a crate, a folder or a file); a group is wholly on one side of the
    /// split.
    pub group: String,
    /// The text.
    pub text: String,
}

/// Text for training and, from other groups, text for validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    /// Documents to train on, in order of group and name.
    pub training: Vec<Document>,
    /// Documents to measure the loss on, in order of group and name.
    pub validation: Vec<Document>,
    /// Identifies the documents, their order and their split.
    pub fingerprint: Fingerprint,
    /// What is used and what was left out.
    pub summary: CorpusSummary,
}

/// A number of files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Number of files (or documents).
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Count {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What a split keeps together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitBy {
    /// All files of a crate.
    Crate,
    /// All files below one folder of the corpus.
    Subfolder,
    /// A file.
    File,
    /// A contiguous piece of a file, where there are too few files.
    Piece,
}

/// What a corpus is made of, for the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusSummary {
    /// What the split keeps together.
    pub split_by: SplitBy,
    /// Documents for training.
    pub training: Count,
    /// Documents for validation.
    pub validation: Count,
    /// Groups in training.
    pub training_groups: usize,
    /// Groups in validation.
    pub validation_groups: usize,
    /// Files left out, under the first rule that applied.
    pub excluded: BTreeMap<Exclusion, Count>,
    /// Fields of JSON lines and Parquet tables that the text is from, where nobody named one.
    #[serde(default)]
    pub guessed_fields: Vec<String>,
}

/// BLAKE3 hash that identifies a corpus; shown and stored as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Hash over names, groups and contents in order, training before validation.
    pub(crate) fn of_documents(training: &[Document], validation: &[Document]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("isoflop corpus fingerprint v1");
        for (side, documents) in [("training", training), ("validation", validation)] {
            hasher.update(side.as_bytes());
            hasher.update(&(documents.len() as u64).to_le_bytes());
            for document in documents {
                for part in [&document.name, &document.group, &document.text] {
                    // Hashing each part first makes the boundaries between parts unambiguous.
                    hasher.update(blake3::hash(part.as_bytes()).as_bytes());
                }
            }
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// Hash of this text as a tokeniser, given as its `tokenizer.json`, encodes it.
    pub(crate) fn with_tokenizer(self, json: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("isoflop text and tokeniser v1");
        hasher.update(&self.0);
        hasher.update(json.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// Hash of a description that determines a corpus completely, such as a synthetic source.
    pub(crate) fn of_description(description: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("isoflop synthetic fingerprint v1");
        hasher.update(description.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// Hash of tokens whose text is not known, training before validation.
    pub(crate) fn of_tokens(training: &[u16], validation: &[u16]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("isoflop token fingerprint v1");
        for tokens in [training, validation] {
            let bytes: Vec<u8> = tokens
                .iter()
                .flat_map(|token| token.to_le_bytes())
                .collect();
            hasher.update(blake3::hash(&bytes).as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The first 16 hexadecimal digits: enough for file names and tables.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..16].to_owned()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = blake3::HexError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(name: &str, text: &str) -> Document {
        Document {
            name: name.into(),
            group: name.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_fingerprint_changes_with_name_text_order_and_split() {
        let (a, b) = (document("a", "xy"), document("b", "z"));
        let moved = document("ax", "y");
        let prints = [
            Fingerprint::of_documents(&[a.clone(), b.clone()], &[]),
            Fingerprint::of_documents(&[b.clone(), a.clone()], &[]),
            Fingerprint::of_documents(std::slice::from_ref(&a), std::slice::from_ref(&b)),
            Fingerprint::of_documents(&[moved, b], &[]),
            Fingerprint::of_documents(&[a], &[]),
        ];
        let unique: std::collections::HashSet<_> = prints.iter().collect();
        assert_eq!(unique.len(), prints.len());
    }

    #[test]
    fn a_fingerprint_survives_json() {
        let print = Fingerprint::of_documents(&[], &[]);
        let json = serde_json::to_string(&print).unwrap();
        assert_eq!(json.len(), 66);
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), print);
        assert!(serde_json::from_str::<Fingerprint>("\"zz\"").is_err());
    }
}
