//! The history of W&B runs as its API gives it (`run.history()`, `run.scan_history()`) and people
//! save it: a table with one row for each step at which something was logged.

use crate::column::Column;
use crate::import::cell::is_missing;
use crate::import::format::Format;
use crate::import::history::LoggedRun;
use crate::import::recognise::{fold, known};
use crate::import::table::{Table, TableRow};
use crate::import::{ImportOptions, RowsAre};
use crate::selection::Dropped;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::Logged;

/// The step of a row.
const STEP: &str = "_step";
/// What W&B logs beside it.
const CLOCKS: [&str; 2] = ["_runtime", "_timestamp"];
/// pandas writes its row numbers under these.
const ROW_NUMBERS: [&str; 2] = ["", "Unnamed: 0"];

/// Gathers the rows of one or several runs.
pub(in crate::import) struct WandbHistory {
    source: String,
    keys: Vec<Option<String>>,
    step: usize,
    run: Option<usize>,
    runs: Vec<LoggedRun>,
    index: HashMap<String, usize>,
    broken: Vec<Dropped>,
}

impl WandbHistory {
    /// A reader for tables of this header, if they are histories; told from the header and a first
    /// chunk. A table of finished runs has the same columns, but a state, or one row a run.
    pub fn of(source: &str, first: &Table, options: &ImportOptions) -> Option<Self> {
        let header = &first.header;
        let at = |wanted: &str| header.iter().position(|name| name.trim() == wanted);
        let step = at(STEP)?;
        let has_clock = CLOCKS.into_iter().any(|clock| at(clock).is_some());
        let is_said = options.format == Some(Format::Wandb);
        if options.rows == RowsAre::Points || !(has_clock || is_said) {
            return None;
        }
        let run = run_column(header, options);
        if let Some(run) = run {
            let names = first
                .rows
                .iter()
                .filter_map(|row| row.cells.get(run)?.as_deref());
            let distinct: HashSet<&str> = names.collect();
            let has_state = header.iter().any(|name| means(name, &Column::Status));
            if has_state || (first.rows.len() > 1 && distinct.len() == first.rows.len()) {
                return None;
            }
        }
        let keys = header.iter().enumerate().map(|(column, name)| {
            let is_value =
                column != step && Some(column) != run && !ROW_NUMBERS.contains(&name.trim());
            is_value.then(|| name.trim().to_owned())
        });
        Some(WandbHistory {
            source: source.to_owned(),
            keys: keys.collect(),
            step,
            run,
            runs: Vec::new(),
            index: HashMap::new(),
            broken: Vec::new(),
        })
    }

    /// Adds the rows of a table of this header.
    pub fn add(&mut self, table: Table) {
        self.broken.extend(table.broken);
        for row in &table.rows {
            self.add_row(row);
        }
    }

    /// The runs, and the rows that are no points of any.
    pub fn finish(self) -> (Logged, Vec<Dropped>) {
        let note = "the rows are read as the history of W&B runs: each is a point of a learning \
                    curve at its `_step`";
        let logged = Logged {
            runs: self.runs,
            notes: vec![note.to_owned()],
        };
        (logged, self.broken)
    }

    fn add_row(&mut self, row: &TableRow) {
        let cell = |at: usize| {
            row.cells
                .get(at)?
                .as_deref()
                .filter(|text| !is_missing(text))
        };
        let name = self.run.and_then(cell).map(str::to_owned);
        let step = cell(self.step).and_then(whole);
        let Some(step) = step else {
            return self.broken.push(Dropped {
                run: name.unwrap_or_default(),
                line: Some(row.line),
                reason: format!(
                    "`{STEP}` is {}: expected a whole number",
                    cell(self.step).map_or("missing".to_owned(), |text| format!("`{text}`"))
                ),
            });
        };
        let name = name.unwrap_or_else(|| name_of(&self.source));
        let at = *self.index.entry(name.clone()).or_insert_with(|| {
            self.runs.push(LoggedRun {
                name,
                source: self.source.clone(),
                ..LoggedRun::default()
            });
            self.runs.len() - 1
        });
        let run = &mut self.runs[at];
        run.line = row.line;
        for (column, key) in self.keys.iter().enumerate() {
            let (Some(key), Some(text)) = (key, cell(column)) else {
                continue;
            };
            match text.trim().parse() {
                Ok(value) => run.log(key, step, value),
                Err(_) => {
                    run.settings.insert(key.clone(), text.to_owned());
                }
            }
        }
    }
}

/// pandas writes a whole number as `100.0` where the column has gaps.
fn whole(text: &str) -> Option<u64> {
    let value: f64 = text.trim().parse().ok()?;
    let is_whole = value >= 0.0 && value.fract() == 0.0 && value < 9e15;
    is_whole.then_some(value as u64)
}

/// The column that names the run: the one that was mapped, or the best known name.
fn run_column(header: &[String], options: &ImportOptions) -> Option<usize> {
    let mapped = header.iter().position(|name| {
        let said = options.map.get(name);
        said.is_some_and(|(column, _)| *column == Column::Run)
    });
    mapped.or_else(|| {
        let named = header.iter().enumerate().filter_map(|(at, name)| {
            let (column, rank) = known(&fold(name))?;
            (*column == Column::Run).then_some((rank, at))
        });
        named.min().map(|(_, at)| at)
    })
}

fn means(name: &str, column: &Column) -> bool {
    known(&fold(name)).is_some_and(|(found, _)| found == column)
}

/// The file's name without its endings.
fn name_of(source: &str) -> String {
    let file = Path::new(source).file_name().unwrap_or_default();
    let file = file.to_string_lossy();
    let bare = file.trim_end_matches(".gz").trim_end_matches(".zst");
    let endings = [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"];
    let stem = endings.iter().find_map(|ending| bare.strip_suffix(ending));
    match stem.unwrap_or(bare) {
        "" => source.to_owned(),
        stem => stem.to_owned(),
    }
}
