//! `isoflop import`: runs from where they are, into a store.

use crate::failure::{Exit, Failure};
use crate::output::{Output, columns};
use isoflop_runs::{
    ColumnGuess, ColumnMap, Dropped, FinalLoss, Format, GuessKind, ImportOptions, Imported,
    Recorded, RowsAre, Store, import_bytes, import_source,
};
use serde::Serialize;
use std::path::PathBuf;

/// Bring runs of other tools into a store, with learning curves and where each value came from.
///
/// Examples:
///   isoflop import wandb/ --into runs.db
///   isoflop import mlruns/ http://127.0.0.1:5000 --into runs.db
///   isoflop import tb-logs/ --set tokens=1.4B --into runs.db
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Files, folders, addresses of MLflow servers, or - for standard input
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// The store to write to; created if there is none
    #[arg(long, value_name = "STORE")]
    into: PathBuf,
    /// What the sources are: csv, json, jsonl, parquet, trainer-state, tensorboard, wandb, mlflow
    /// or log [default: told from the source]
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// Read their column as ours, such as valid_ce=loss or size=params:M
    #[arg(long = "map", value_name = "THEIRS=OURS[:UNIT]")]
    map: Vec<String>,
    /// A value for runs whose source does not say it, such as params=19M
    #[arg(long = "set", value_name = "COLUMN=VALUE")]
    set: Vec<String>,
    /// How a learning curve becomes a final loss: last, annealed or mean-of-last-K
    #[arg(long, default_value = "last", value_name = "RULE")]
    final_loss: FinalLoss,
    /// Rows of one name are points of one run's learning curve
    #[arg(long)]
    checkpoints: bool,
    /// Bytes of text per token: turns bits per byte into nats per token
    #[arg(long, value_name = "BYTES")]
    bytes_per_token: Option<f64>,
    /// Lines of a log, with groups named after columns: 'step (?<step>\d+) loss (?<loss>\S+)'
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
}

/// What became of each source.
#[derive(Debug, Serialize)]
struct Answer {
    store: String,
    sources: Vec<SourceAnswer>,
}

#[derive(Debug, Serialize)]
struct SourceAnswer {
    source: String,
    runs: usize,
    added: usize,
    updated: usize,
    unchanged: usize,
    superseded: usize,
    curve_points: usize,
    dropped: Vec<DroppedAnswer>,
    columns: Vec<String>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DroppedAnswer {
    run: String,
    line: Option<u64>,
    reason: String,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let options = args.options()?;
    // Everything is read before anything is written, and written in one transaction: a source that
    // cannot be read, a conflict or an interruption leaves the store as it was.
    let mut imported = Vec::new();
    for source in &args.sources {
        let working = output.working(format!("reading {source}"));
        let read = match source.as_str() {
            "-" => import_bytes("standard input", std::io::stdin().lock(), &options),
            source => import_source(source, &options),
        };
        working.done();
        imported.push(read.map_err(Failure::misuse)?);
    }
    let mut store = Store::open(&args.into).map_err(Failure::misuse)?;
    let recorded = store.record_imported(&imported).map_err(Failure::no)?;
    let mut sources = Vec::new();
    for (imported, recorded) in imported.into_iter().zip(recorded) {
        report(&imported, output);
        sources.push(SourceAnswer::new(imported, &recorded));
    }
    let answer = Answer {
        store: args.into.display().to_string(),
        sources,
    };
    output.answer(&answer, text)?;
    let runs: usize = answer.sources.iter().map(|source| source.runs).sum();
    Ok(if runs == 0 { Exit::No } else { Exit::Done })
}

impl Args {
    fn options(&self) -> Result<ImportOptions, Failure> {
        let mut map = ColumnMap::default();
        for pair in &self.map {
            map.add(pair).map_err(Failure::misuse)?;
        }
        let mut options = ImportOptions {
            format: self.from,
            map,
            rows: match self.checkpoints {
                true => RowsAre::Checkpoints,
                false => RowsAre::Runs,
            },
            final_loss: self.final_loss,
            bytes_per_token: self.bytes_per_token,
            pattern: self.pattern.clone(),
            ..ImportOptions::default()
        };
        for pair in &self.set {
            options.add_value(pair).map_err(Failure::misuse)?;
        }
        Ok(options)
    }
}

/// Guesses, notes and rows that are no runs, on standard error.
fn report(imported: &Imported, output: &mut Output) {
    // Labels are many and change nothing, unless another column was preferred to them.
    let is_said = |guess: &&ColumnGuess| match guess.kind {
        GuessKind::Exact => false,
        GuessKind::Kept => guess.note.is_some(),
        GuessKind::Mapped | GuessKind::Recognised => true,
    };
    for guess in imported.columns.iter().filter(is_said) {
        output.note(guess);
    }
    for note in &imported.notes {
        output.note(note);
    }
    for Dropped { run, line, reason } in &imported.dropped {
        let line = line.map_or_else(String::new, |line| format!("line {line} "));
        let name = if run.is_empty() {
            String::new()
        } else {
            format!("({run}) ")
        };
        output.note(format!("{line}{name}is not a run: {reason}"));
    }
}

impl SourceAnswer {
    fn new(imported: Imported, recorded: &[Recorded]) -> Self {
        let count = |what: Recorded| recorded.iter().filter(|one| **one == what).count();
        let dropped = imported.dropped.into_iter().map(|one| DroppedAnswer {
            run: one.run,
            line: one.line,
            reason: one.reason,
        });
        SourceAnswer {
            runs: imported.rows.len(),
            added: count(Recorded::Added),
            updated: count(Recorded::Updated),
            unchanged: count(Recorded::Unchanged),
            superseded: count(Recorded::Superseded),
            curve_points: imported.rows.iter().map(|row| row.curve.len()).sum(),
            dropped: dropped.collect(),
            columns: imported.columns.iter().map(ToString::to_string).collect(),
            notes: imported.notes,
            source: imported.source,
        }
    }
}

fn text(answer: &Answer) -> String {
    let header = [
        "source",
        "runs",
        "added",
        "updated",
        "unchanged",
        "curve points",
        "dropped",
    ];
    let rows = answer.sources.iter().map(|source| {
        let counts = [
            source.runs,
            source.added,
            source.updated,
            source.unchanged + source.superseded,
            source.curve_points,
            source.dropped.len(),
        ];
        let mut row = vec![source.source.clone()];
        row.extend(counts.iter().map(ToString::to_string));
        row
    });
    columns(&header, rows) + &format!("\nThe runs are in {}.\n", answer.store)
}
