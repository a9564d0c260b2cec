//! What an experiment is asked to do.

use crate::Name;
use isoflop_corpus::CorpusOptions;
use isoflop_quickstart::CorpusChoice;
use isoflop_train::{CHECKPOINT_EVERY, Device, Recipe};
use std::path::PathBuf;
use std::time::Duration;

/// What an experiment is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which one.
    pub name: Name,
    /// Minutes for everything.
    pub minutes: f64,
    /// Where the text comes from.
    pub corpus: CorpusChoice,
    /// The folder for all experiments: each has one of its own in it.
    pub out: PathBuf,
    /// Seed of weights and of the order of the data.
    pub seed: u64,
    /// How runs are trained.
    pub recipe: Recipe,
    /// How much text is gathered.
    pub text: CorpusOptions,
    /// A `tokenizer.json` that encodes the text; one is trained without.
    pub tokenizer: Option<PathBuf>,
    /// Where runs are trained.
    pub device: Device,
    /// Time between checkpoints: what a kill costs at most.
    pub checkpoint_every: Duration,
    /// Runs that are trained at the same time on the processor, each on a thread of its own. A GPU
    /// takes one after the other.
    pub workers: usize,
    /// Length of the runs as a multiple of the shortest that make sense, instead of what fits the
    /// minutes. For checks.
    pub scale: Option<f64>,
}

/// Minutes that an experiment takes unless told otherwise.
pub(crate) const MINUTES: f64 = 4.0;

impl Options {
    /// The defaults for an experiment.
    #[must_use]
    pub fn of(name: Name) -> Self {
        Self {
            name,
            minutes: MINUTES,
            corpus: CorpusChoice::Registry,
            out: "isoflop-experiments".into(),
            seed: 0,
            recipe: Recipe::default(),
            text: CorpusOptions::default(),
            tokenizer: None,
            device: Device::Cpu,
            checkpoint_every: CHECKPOINT_EVERY,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            scale: None,
        }
    }

    /// The command that repeats it.
    #[must_use]
    pub fn command(&self) -> String {
        format!(
            "isoflop experiment {} {} --out {}",
            self.name,
            self.asked(),
            self.out.display()
        )
    }

    /// What decides the runs, as it is given.
    pub(crate) fn asked(&self) -> String {
        let training = self.as_quickstart().training_arguments();
        format!("--minutes {} {training}", self.minutes)
    }

    /// Runs at the same time on the device.
    pub(crate) fn at_once(&self) -> usize {
        match self.device {
            Device::Cpu => self.workers.max(1),
            Device::Cuda | Device::CudaTf32 => 1,
        }
    }

    /// What it shares with a quickstart: how text is gathered and runs are trained.
    pub(crate) fn as_quickstart(&self) -> isoflop_quickstart::Options {
        isoflop_quickstart::Options {
            minutes: self.minutes,
            corpus: self.corpus.clone(),
            seed: self.seed,
            recipe: self.recipe,
            text: self.text.clone(),
            tokenizer: self.tokenizer.clone(),
            device: self.device,
            ..isoflop_quickstart::Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_says_all_that_decides_the_runs() {
        let mut options = Options::of(Name::Wsd);
        assert_eq!(
            options.command(),
            "isoflop experiment wsd --minutes 4 --corpus registry --seed 0 --out isoflop-experiments"
        );
        options.corpus = CorpusChoice::Synthetic;
        options.text.text_field = Some("story".to_owned());
        options.tokenizer = Some("tokenizer.json".into());
        options.device = Device::Cuda;
        assert_eq!(
            options.asked(),
            "--minutes 4 --corpus synthetic --seed 0 --text-field story --tokenizer tokenizer.json --device cuda"
        );
    }
}
