//! What `quickstart` and `experiment` are both told: the text, the seed, the device; and what they say
//! when they are stopped.

use crate::failure::Failure;
use isoflop_corpus::CorpusOptions;
use isoflop_quickstart::CorpusChoice;
use isoflop_train::Device;
use std::path::{Path, PathBuf};

/// On what text, from which seed and where runs are trained.
#[derive(Debug, clap::Args)]
pub struct TrainingArgs {
    /// A folder or file of text (also JSON lines, Parquet, and tokens as nanoGPT writes them);
    /// `registry`: Rust sources that cargo has unpacked; `synthetic`: a source of known entropy
    #[arg(long, default_value = "registry", value_name = "PATH")]
    pub corpus: CorpusChoice,
    /// Field of JSON lines or Parquet that holds the text; `text` or `content` if not given
    #[arg(long, value_name = "NAME")]
    text_field: Option<String>,
    /// Encode the text by this `tokenizer.json`; one is trained if not given
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// Seed of weights and data order
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 32))]
    pub seed: u64,
    /// Where to train: `cpu`, or `cuda` or `cuda-tf32` (in programs built with `--features cuda`)
    #[arg(long, default_value = "cpu")]
    pub device: Device,
}

impl TrainingArgs {
    /// How text is gathered.
    pub fn text(&self) -> CorpusOptions {
        CorpusOptions {
            text_field: self.text_field.clone(),
            ..CorpusOptions::default()
        }
    }
}

/// Some runs have ended, the others have not: says where they are kept, and the command that goes on.
pub fn stopped((ended, of): (usize, usize), out: &Path, command: &str) -> Failure {
    let out = out.display();
    Failure::no(format!(
        "stopped: {ended} of {of} runs have ended and are kept in `{out}`"
    ))
    .hint(format!("`{command}` goes on from there"))
}
