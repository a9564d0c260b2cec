//! Text and synthetic corpora, split into training and validation and tokenised for training.
//!
//! The way of the data, in the order of the modules:
//!
//! 1. A corpus of text is gathered from cargo's own registry ([`registry_corpus`]) or from any
//!    folder ([`folder_corpus`]): unsuitable and duplicate files are left out and counted, and
//!    what stays is split so that no group (crate, folder or file) is on both sides.
//! 2. [`TokenCorpus::from_text`] trains a byte-level BPE tokeniser on the training side and
//!    encodes both, with a cache on disk. [`RuleSource`] makes the same type from a source whose
//!    entropy rate is known exactly.
//!    [`TokenCorpus::with_tokenizer`] encodes by a `tokenizer.json` of others, and
//!    [`TokenCorpus::from_token_files`] reads tokens that others have made.
//!    [`Input`] does all this for whatever place a user names.
//! 3. [`TokenCorpus::training_windows`] and [`TokenCorpus::validation_set`] are what a trainer
//!    reads.
//!
//! Invariant: everything is a function of the text, the options and the seed; never of the
//! machine, the clock, the number of threads or the order in which a folder is listed.

#![warn(clippy::unwrap_used)]

mod assemble;
mod document;
mod error;
mod exclusion;
mod folder;
mod input;
mod limit;
mod near_duplicate;
mod permutation;
mod pre_tokens;
mod registry;
mod split;
mod synthetic;
mod text_file;
mod token_cache;
mod token_corpus;
mod token_files;
mod tokenizer;
mod training_windows;
mod validation;

pub use assemble::CorpusOptions;
pub use document::{Corpus, CorpusSummary, Count, Document, Fingerprint, SplitBy};
pub use error::CorpusError;
pub use exclusion::Exclusion;
pub use folder::folder_corpus;
pub use input::{Input, LoadedInput};
pub use registry::{cargo_home, registry_corpus};
pub use synthetic::{RuleSource, RuleSourceSpec};
pub use token_corpus::{DocumentSpan, TokenCorpus, TokenSplit};
pub use token_files::{FromTokenFiles, TokenFiles, token_files};
pub use tokenizer::{TextTokenizer, VOCABULARY_SIZES};
pub use training_windows::TrainingWindows;
pub use validation::{ValidationLoss, ValidationSet, ValidationWindow};
