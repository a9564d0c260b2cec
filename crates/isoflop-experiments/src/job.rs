//! The whole of an experiment: corpus, plan, runs, verdict, record.

use crate::design::PlannedRun;
use crate::engine::{Progress, train_all};
use crate::error::ExperimentError;
use crate::experiments;
use crate::judgement::{Conventions, Judgement, LEVEL, Outcome};
use crate::options::Options;
use crate::plan::{Plan, program};
use crate::records::{self, Records};
use crate::text::Texts;
use crate::training::Surroundings;
use isoflop_laws::FlopCount;
use isoflop_quickstart::{CorpusFacts, JobFolder, LoadedCorpus};
use isoflop_runs::{Store, write_csv};
use isoflop_train::check_device;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How an experiment ended.
#[derive(Debug)]
pub enum Ending {
    /// There is a verdict.
    Done(Box<Outcome>),
    /// It was stopped; the same options go on from here.
    Stopped {
        /// Runs that have ended.
        ended: usize,
        /// All runs.
        of: usize,
    },
}

/// Something that happened, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    /// The text is being gathered and tokenised.
    Gathering,
    /// The corpus is there.
    Corpus(&'a CorpusFacts),
    /// This machine's speed is being measured.
    Measuring,
    /// The runs are planned, or were by an earlier start.
    Planned {
        /// How many.
        runs: usize,
        /// Of them, how many have ended already.
        ended: usize,
        /// Time that all of them take.
        time: Duration,
        /// Whether an earlier start planned them.
        resumed: bool,
    },
    /// The runs have moved on.
    Progress(&'a Progress),
    /// A file of the result is written.
    Written(&'a Path),
}

/// Whoever is told.
pub type Observer<'o> = dyn FnMut(Event<'_>) + 'o;

/// Trains what an experiment needs and judges its claim.
///
/// Everything lies in a folder of `options.out`; started again with the same options, it goes on
/// where it ended, and finished runs are kept. When `stop` becomes true it saves the runs at hand
/// after the step and ends.
///
/// # Errors
/// [`ExperimentError`], each with what to do.
pub fn experiment(
    options: &Options,
    stop: &AtomicBool,
    tell: &mut Observer<'_>,
) -> Result<Ending, ExperimentError> {
    let begun = Instant::now();
    // A week is the longest that anyone has asked a laptop for.
    if !(options.minutes > 0.0 && options.minutes <= 10_080.0) {
        return Err(ExperimentError::Minutes(options.minutes));
    }
    check_device(options.device)?;
    let folder = JobFolder::open(&options.out.join(options.name.folder()))?;
    let (plan, corpus) = plan_and_corpus(options, &folder, begun, tell)?;
    let store = Mutex::new(Store::open(&folder.store())?);
    let readings = plan.runs.iter().map(|run| run.reading);
    let texts = Texts::of(&corpus.tokens, readings, plan.recipe.context);
    let around = Surroundings {
        corpus: &corpus,
        texts: &texts,
        store: &store,
        device: options.device,
        checkpoint_every: options.checkpoint_every,
    };
    let (training, mut trained) = (Instant::now(), None);
    let flow = train_all(
        &plan.runs,
        &around,
        &folder,
        plan.workers,
        stop,
        &mut |progress| {
            trained.get_or_insert(progress.whole);
            tell(Event::Progress(&progress));
        },
    )?;
    let ended = count_ended(&around.store(), &plan.runs)?;
    if flow.is_break() {
        let of = plan.runs.len();
        return Ok(Ending::Stopped { ended, of });
    }
    // Only a start that trained everything tells how fast the machine was.
    let pace = trained
        .filter(|share| *share < 0.02)
        .map(|_| training.elapsed().as_secs_f64() / plan.seconds().max(1e-9));
    let records = Records::load(&around.store(), &plan.runs, options.seed)?;
    let judgement = experiments::judge(options.name, &records)?;
    let told = Told {
        options,
        plan: &plan,
        records: &records,
        folder: folder.path(),
        pace,
        begun,
    };
    told.write(judgement, tell)
        .map(|outcome| Ending::Done(Box::new(outcome)))
}

/// The corpus and the runs, or what an earlier start stored of them. The corpus is shared by all
/// experiments of the folder.
fn plan_and_corpus(
    options: &Options,
    folder: &JobFolder,
    begun: Instant,
    tell: &mut Observer<'_>,
) -> Result<(Plan, LoadedCorpus), ExperimentError> {
    tell(Event::Gathering);
    let cache = options.out.join("corpus");
    let earlier = Plan::load(folder, options)?;
    let resumed = earlier.is_some();
    let corpus = match &earlier {
        Some(plan) => LoadedCorpus::reload(
            (&options.corpus, options.tokenizer.as_deref()),
            &plan.facts,
            &plan.recipe,
            &cache,
        )?,
        None => LoadedCorpus::gather(&options.as_quickstart(), &cache)?,
    };
    tell(Event::Corpus(&corpus.facts));
    let plan = match earlier {
        Some(plan) => plan,
        None => {
            tell(Event::Measuring);
            let plan = Plan::make(options, &corpus, begun)?;
            plan.store(folder)?;
            plan
        }
    };
    tell(Event::Planned {
        runs: plan.runs.len(),
        ended: count_ended(&Store::open(&folder.store())?, &plan.runs)?,
        time: Duration::from_secs_f64(plan.seconds()),
        resumed,
    });
    Ok((plan, corpus))
}

fn count_ended(store: &Store, runs: &[PlannedRun]) -> Result<usize, ExperimentError> {
    let mut ended = 0;
    for run in runs {
        ended += usize::from(store.run(&run.name)?.is_some());
    }
    Ok(ended)
}

/// Pace above which a warning is due.
const SLOWER: f64 = 1.15;

struct Told<'a> {
    options: &'a Options,
    plan: &'a Plan,
    records: &'a Records,
    folder: &'a Path,
    pace: Option<f64>,
    begun: Instant,
}

impl Told<'_> {
    fn write(
        &self,
        judgement: Judgement,
        tell: &mut Observer<'_>,
    ) -> Result<Outcome, ExperimentError> {
        let mut csv = Vec::new();
        let path = self.folder.join("runs.csv");
        write_csv(&self.records.rows, &mut csv)
            .map_err(|source| ExperimentError::unwritable(path.clone(), source))?;
        keep(&path, &csv)?;
        tell(Event::Written(&path));
        let mut figures = Vec::new();
        for figure in &judgement.figures {
            figure.write_to(self.folder)?;
            let picture = self.folder.join(format!("{}.png", figure.name));
            tell(Event::Written(&picture));
            figures.push(picture);
        }
        let outcome = self.outcome(judgement, path, figures);
        // Strings, numbers and lists only: there is nothing that serde_json refuses.
        let text = serde_json::to_string_pretty(&outcome).unwrap_or_default() + "\n";
        let path = self.folder.join(format!("{}.json", self.options.name));
        keep(&path, text.as_bytes())?;
        tell(Event::Written(&path));
        Ok(outcome)
    }

    fn outcome(&self, judgement: Judgement, runs: PathBuf, figures: Vec<PathBuf>) -> Outcome {
        let claim = self.options.name.claim();
        let facts = &self.plan.facts;
        Outcome {
            experiment: self.options.name.to_string(),
            claim: claim.sentence.to_owned(),
            source: claim.source.to_owned(),
            verdict: judgement.verdict,
            sentence: judgement.sentence,
            findings: judgement.findings,
            level: LEVEL,
            law: judgement.law,
            conventions: Conventions {
                param_count: judgement.param_count,
                flop_count: FlopCount::Counted,
            },
            loss: "nats per token on fixed clean validation text that no run was trained on".into(),
            n_runs: self.plan.runs.len(),
            n_used: judgement.n_used,
            n_lost: self.records.lost.len(),
            corpus: facts.description.clone(),
            corpus_fingerprint: facts.fingerprint.to_string(),
            seed: self.options.seed,
            flops: self.plan.runs.iter().map(whole_flops).sum(),
            workers: self.plan.workers,
            minutes: self.options.minutes,
            seconds: self.begun.elapsed().as_secs_f64(),
            pace: self.pace,
            warnings: self.warnings(judgement.warnings),
            runs,
            figures,
            command: self.options.command(),
            program: program(),
        }
    }

    fn warnings(&self, mut warnings: Vec<String>) -> Vec<String> {
        for run in &self.records.lost {
            let reason = run.reason.as_deref().unwrap_or("no reason is known");
            warnings.push(format!("{} has no loss: {reason}", run.run));
        }
        if let Some(pace) = self.pace.filter(|pace| *pace > SLOWER) {
            warnings.push(format!(
                "runs took {pace:.1} times as long as measured before the start: other work ran \
                 beside; losses do not depend on it"
            ));
        }
        let unique = self.plan.facts.training_tokens as f64;
        let repeats = self
            .records
            .rows
            .iter()
            .filter(|row| row.unique_tokens.is_some() && records::tokens(row) > unique);
        let repeats = repeats.count();
        if repeats > 0 {
            warnings.push(format!(
                "{repeats} measurements saw the whole text more than once"
            ));
        }
        warnings
    }
}

fn whole_flops(run: &PlannedRun) -> f64 {
    let tokens = isoflop_laws::Tokens::new(run.tokens() as f64);
    let flops = tokens.and_then(|tokens| run.spec.shape.counted_flops(tokens));
    flops.map_or(0.0, isoflop_laws::Flops::get)
}

fn keep(path: &Path, bytes: &[u8]) -> Result<(), ExperimentError> {
    isoflop_runs::write_atomically(path, bytes)
        .map_err(|source| ExperimentError::unwritable(path.to_owned(), source))
}
