//! Runs and the question asked of them, for every command that shows figures.

use crate::failure::Failure;
use crate::fitting::CertaintyArguments;
use crate::output::Output;
use crate::runs_argument::{ReadingArguments, RunRows, stores_in};
use isoflop_fit::FitError;
use isoflop_laws::{Flops, Params, Tokens};
use isoflop_report::{Analysis, AnalysisError, Evidence, LossUnit, Question, Target};
use isoflop_runs::{Run, Store};
use std::path::{Path, PathBuf};

/// Runs, and the run to forecast from them.
#[derive(Debug, Clone, clap::Args)]
pub struct AnalysisArguments {
    /// A file of runs, a directory, a store, or - for standard input
    pub runs: PathBuf,
    /// Budget of the run to forecast, at its best size [default: 10 times the largest run]
    #[arg(long, value_name = "C", conflicts_with_all = ["params", "hold_out_above"])]
    flops: Option<Flops>,
    /// Size of the run to forecast
    #[arg(long, value_name = "N", requires = "tokens")]
    params: Option<Params>,
    /// Data of the run to forecast
    #[arg(long, value_name = "D", requires = "params")]
    tokens: Option<Tokens>,
    /// Forecast the run of most compute from the runs up to this compute
    #[arg(long, value_name = "C", conflicts_with = "params")]
    hold_out_above: Option<Flops>,
    /// Law to fit (`isoflop laws`); auto takes the one that forecasts best within the runs
    #[arg(long, default_value = "auto", value_name = "NAME")]
    law: String,
    /// Show losses in bits per byte of text, at so many bytes a token
    #[arg(long, value_name = "BYTES")]
    bytes_per_token: Option<f64>,
    #[command(flatten)]
    reading: ReadingArguments,
    #[command(flatten)]
    pub certainty: CertaintyArguments,
}

impl AnalysisArguments {
    /// What the runs hold, whether or not a law can be fitted to them.
    ///
    /// # Errors
    /// Status 2 if nothing there can be read as runs.
    pub fn evidence(&self, output: &mut Output) -> Result<Evidence, Failure> {
        let rows = self.reading.read(&self.runs)?;
        rows.report(&rows.select(), output);
        Ok(evidence_of(&self.runs, &rows))
    }

    /// Law, target and unit.
    ///
    /// # Errors
    /// Status 2 for values that cannot be.
    pub fn question(&self) -> Result<Question, Failure> {
        let target = match (
            self.flops,
            self.params.zip(self.tokens),
            self.hold_out_above,
        ) {
            (Some(flops), _, _) => Target::Budget(flops),
            (_, Some((params, tokens)), _) => Target::Run(params, tokens),
            (_, _, Some(largest)) => Target::HeldOut(largest),
            _ => Target::TenTimes,
        };
        Ok(Question {
            target,
            options: self.certainty.options(Some(&self.law))?,
            unit: self.unit()?,
        })
    }

    /// The unit of losses.
    ///
    /// # Errors
    /// Status 2 unless the bytes of a token are positive.
    pub fn unit(&self) -> Result<LossUnit, Failure> {
        match self.bytes_per_token {
            None => Ok(LossUnit::NatsPerToken),
            Some(bytes) if bytes.is_finite() && bytes > 0.0 => Ok(LossUnit::BitsPerByte {
                bytes_per_token: bytes,
            }),
            Some(bytes) => Err(Failure::misuse(format!(
                "--bytes-per-token is {bytes}: expected a positive number such as 4.3"
            ))),
        }
    }

    /// Runs, laws and the answer.
    ///
    /// # Errors
    /// Status 1 if the runs do not determine a law, status 2 if they cannot be read.
    pub fn analysis(&self, output: &mut Output) -> Result<Analysis, Failure> {
        let evidence = self.evidence(output)?;
        let rows = evidence.dataset.observations.len();
        if rows == 0 {
            let sentence = format!("no run of {} can be used", self.runs.display());
            return Err(Failure::no(sentence)
                .hint("the notes above say why; a fit needs the loss and two of N, D and C"));
        }
        let question = self.question()?;
        let working = output.working(format!("fitting {rows} rows"));
        let analysis = Analysis::new(evidence, question);
        working.done();
        analysis.map_err(Failure::from)
    }
}

/// Runs with the checkpoints of the stores they lie in.
pub fn evidence_of(path: &Path, rows: &RunRows) -> Evidence {
    let runs: Vec<Run> = rows.rows.iter().map(|row| row.run.clone()).collect();
    // Runs were read from these stores just before: one that cannot be opened has no curves.
    let stores = stores_in(path).into_iter();
    let stores: Vec<Store> = stores
        .filter_map(|file| Store::open_existing(&file).ok())
        .collect();
    Evidence::new(&runs, rows.select(), |run| {
        let found = stores.iter().find_map(|store| {
            let checkpoints = store.checkpoints(run).ok()?;
            (!checkpoints.is_empty()).then_some(checkpoints)
        });
        found.unwrap_or_default()
    })
}

impl From<AnalysisError> for Failure {
    fn from(error: AnalysisError) -> Failure {
        match error {
            AnalysisError::Fit(error @ (FitError::NotFitted { .. } | FitError::Option { .. })) => {
                Failure::misuse(error)
            }
            insufficient => Failure::no(insufficient),
        }
    }
}
