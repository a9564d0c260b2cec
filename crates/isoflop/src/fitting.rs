//! Fits laws to the runs that a command was given.

use crate::failure::Failure;
use crate::output::Output;
use crate::runs_argument::RunRows;
use isoflop_fit::{Fit, FitError, FitOptions, fit, name_observations};
use isoflop_laws::Steps;
use isoflop_runs::Selection;

/// How sure intervals are, and from which seed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct CertaintyArguments {
    /// Coverage that intervals claim
    #[arg(long, default_value_t = 0.9, value_name = "SHARE")]
    pub level: f64,
    /// Seed of the resampling
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl CertaintyArguments {
    /// Options of a fit of this law, or of the one that forecasts best.
    ///
    /// # Errors
    /// Status 2 if there is no such law, or it cannot be fitted.
    pub fn options(&self, law: Option<&str>) -> Result<FitOptions, Failure> {
        Ok(FitOptions {
            law: law.unwrap_or("auto").parse().map_err(Failure::from)?,
            level: self.level,
            seed: self.seed,
            ..FitOptions::default()
        })
    }
}

/// Runs that a law is fitted to, with what became of the others.
#[derive(Debug, Clone)]
pub struct FittableRuns {
    /// The rows as they were read.
    pub rows: RunRows,
    /// Those that can be used.
    pub selection: Selection,
}

impl FittableRuns {
    /// Selects the runs that can be used, and says on standard error what became of the others.
    ///
    /// # Errors
    /// Status 1 if none can be used.
    pub fn new(rows: RunRows, output: &mut Output) -> Result<Self, Failure> {
        let selection = rows.select();
        rows.report(&selection, output);
        Self::selected(rows, selection)
    }

    /// The same, saying nothing.
    ///
    /// # Errors
    /// Status 1 if none can be used.
    pub fn quietly(rows: RunRows) -> Result<Self, Failure> {
        let selection = rows.select();
        Self::selected(rows, selection)
    }

    fn selected(rows: RunRows, selection: Selection) -> Result<Self, Failure> {
        if selection.dataset.observations.is_empty() {
            let of = rows.rows.len() + rows.dropped.len();
            let sentence = format!("no run of {} can be used, of {of} rows", rows.source);
            return Err(Failure::no(sentence)
                .hint("the notes above say why; a fit needs the loss and two of N, D and C"));
        }
        Ok(Self { rows, selection })
    }

    /// Fits a law to them.
    ///
    /// # Errors
    /// Status 1 if the runs do not determine the law, status 2 for options out of range.
    pub fn fit(&self, options: FitOptions, output: &mut Output) -> Result<Fit, Failure> {
        let n = self.selection.dataset.observations.len();
        let options = FitOptions {
            steps: self.steps(),
            ..options
        };
        let working = output.working(format!("fitting {n} rows"));
        let fitted = fit(&self.selection.dataset, &options);
        working.done();
        let mut fitted = fitted.map_err(Failure::from)?;
        let (data, steps) = (&self.selection.dataset, options.steps.as_deref());
        name_observations(&mut fitted, data, steps, |position| self.run_at(position));
        Ok(fitted)
    }

    /// The name of the run at a position in the dataset, and its line.
    pub fn run_at(&self, position: usize) -> String {
        let row = &self.rows.rows[self.selection.used[position]];
        row.run.at_line(row.line)
    }

    /// Optimiser steps of the runs, if all have them.
    fn steps(&self) -> Option<Vec<Steps>> {
        let used = self.selection.used.iter();
        used.map(|&index| Steps::new(self.rows.rows[index].run.step? as f64).ok())
            .collect()
    }
}

impl From<FitError> for Failure {
    fn from(error: FitError) -> Failure {
        match error {
            FitError::Unknown(unknown) => Failure::from(unknown),
            FitError::NotFitted { .. } | FitError::Option { .. } => Failure::misuse(error),
            insufficient => Failure::no(insufficient),
        }
    }
}
