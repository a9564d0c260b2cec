//! From what the user names, a file, a folder or an address, to runs.

use super::format::Format;
use super::history;
use super::rows::RowReader;
use super::sources::wandb_history::WandbHistory;
use super::sources::{self, Importer, Logged};
use super::table::Table;
use super::{ImportError, ImportOptions, Imported, format, python_dict};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Folders are searched to this depth.
const MAX_DEPTH: usize = 16;

/// Imports what `source` names: a file, a folder that holds runs of one kind, or the address of
/// an MLflow server (`http://…`).
///
/// Links inside a folder are not followed.
///
/// # Errors
/// [`ImportError`] where the source as a whole is unusable; single runs that are unusable are
/// listed in [`Imported::dropped`].
pub fn import_source(source: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
    if source.starts_with("http://") || source.starts_with("https://") {
        let mut logged = Logged::default();
        sources::mlflow_server::read(source, &mut logged)?;
        return from_logged(source, logged, options);
    }
    import_file(Path::new(source), options)
}

/// Whether a file or folder holds what a tracker or trainer logged, as opposed to tables.
#[must_use]
pub fn holds_logged_runs(path: &Path) -> bool {
    if path.is_dir() {
        let (files, _) = files_in(path);
        return files
            .iter()
            .any(|file| sources::for_file(file, None).is_some());
    }
    sources::for_file(path, None).is_some()
}

/// Imports a file or a folder.
///
/// # Errors
/// Those of [`import_source`].
pub fn import_file(path: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    if options.pattern.is_some() && options.format.is_none() {
        let format = Some(Format::Log);
        return import_file(
            path,
            &ImportOptions {
                format,
                ..options.clone()
            },
        );
    }
    let name = path.display().to_string();
    let unreadable = |error| ImportError::unreadable(&name, error);
    if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return import_folder(path, options);
    }
    let is_export = options.format == Some(Format::Wandb) && is_table(path, None);
    match sources::for_file(path, options.format).filter(|_| !is_export) {
        Some(importer) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            import_logged(importer, folder, &[path.to_owned()], &name, options)
        }
        None if is_parquet(path, options.format) => import_parquet(path, options),
        None => import_bytes(&name, File::open(path).map_err(unreadable)?, options),
    }
}

/// Imports what `input` holds: a table, or one file of a tracker or trainer where the options say
/// which (`trainer_state.json`, a TensorBoard event file, an offline run of W&B, a console log).
/// `name` stands for it in messages and in
/// the names of runs that have none.
///
/// # Errors
/// Those of [`import_source`].
pub fn import_bytes(
    name: &str,
    input: impl Read,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let bytes = format::read_unpacked(name, input)?;
    if let Some(logged) = sources::read_bytes(name, &bytes, options) {
        return from_logged(name, logged?, options);
    }
    if is_parquet_bytes(&bytes, options.format) {
        return import_parquet_bytes(name, bytes, options);
    }
    let layout = options.format.filter(|format| *format != Format::Wandb);
    let (mut table, decimal_comma) = format::table_of(name, &bytes, layout)?;
    drop(bytes);
    python_dict::expand(&mut table);
    let mut reader = TableReader::new(name, &table, options, decimal_comma)?;
    reader.add(table);
    reader.finish(name, options)
}

/// Reads the chunks of one table, as what its rows are.
enum TableReader<'a> {
    Rows(RowReader<'a>),
    History(WandbHistory),
}

impl<'a> TableReader<'a> {
    fn new(
        name: &str,
        first: &Table,
        options: &'a ImportOptions,
        decimal_comma: bool,
    ) -> Result<Self, ImportError> {
        match WandbHistory::of(name, first, options) {
            Some(history) => Ok(TableReader::History(history)),
            None => RowReader::new(name, first, options, decimal_comma).map(TableReader::Rows),
        }
    }

    fn add(&mut self, table: Table) {
        match self {
            TableReader::Rows(rows) => rows.add(table, &[]),
            TableReader::History(history) => history.add(table),
        }
    }

    fn finish(self, name: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
        match self {
            TableReader::Rows(rows) => Ok(rows.finish()),
            TableReader::History(history) => {
                let (logged, broken) = history.finish();
                let mut imported = from_logged(name, logged, options)?;
                imported.dropped.extend(broken);
                imported.dropped.sort_by_key(|dropped| dropped.line);
                Ok(imported)
            }
        }
    }
}

/// A folder: the first kind of importer, in the order of the registry, that finds its files
/// there; other kinds are named in a note.
fn import_folder(folder: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    let name = folder.display().to_string();
    let (files, unreadable) = files_in(folder);
    let mut found: Vec<(&'static dyn Importer, Vec<PathBuf>)> = sources::all()
        .filter(|importer| {
            options
                .format
                .is_none_or(|wanted| wanted == importer.format())
        })
        .map(|importer| (importer, sources::claimed(importer, &files, options)))
        .filter(|(_, claimed)| !claimed.is_empty())
        .collect();
    let tables: Vec<&PathBuf> = files
        .iter()
        .filter(|file| is_table(file, options.format))
        .collect();
    if found.is_empty() && tables.is_empty() {
        return Err(ImportError::NothingFound { source_name: name });
    }
    let mut imported = if found.is_empty() {
        import_tables(&name, &tables, options)?
    } else {
        let (importer, claimed) = found.remove(0);
        import_logged(importer, folder, &claimed, &name, options)?
    };
    for (importer, files) in found {
        imported.notes.push(format!(
            "{} {} files of the folder are not read: `--from {}` reads them instead",
            files.len(),
            importer.format().title(),
            importer.format()
        ));
    }
    imported.notes.extend(unreadable);
    Ok(imported)
}

/// Every file below a folder in a fixed order, and a note on each folder that cannot be read.
fn files_in(folder: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    let walk = walkdir::WalkDir::new(folder)
        .max_depth(MAX_DEPTH)
        .sort_by_file_name();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => unreadable.push(format!("not read: {error}")),
        }
    }
    (files, unreadable)
}

fn import_tables(
    name: &str,
    tables: &[&PathBuf],
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let mut all = Imported {
        source: name.to_owned(),
        rows: Vec::new(),
        dropped: Vec::new(),
        columns: Vec::new(),
        notes: Vec::new(),
    };
    for path in tables {
        let one = import_file(path, options)?;
        let shown = path.display().to_string();
        for guess in one.columns {
            if !all.columns.contains(&guess) {
                all.columns.push(guess);
            }
        }
        all.notes
            .extend(one.notes.iter().map(|note| format!("{shown}: {note}")));
        all.dropped.extend(one.dropped);
        all.rows.extend(one.rows.into_iter().map(|mut row| {
            row.source.get_or_insert_with(|| shown.clone());
            row
        }));
    }
    Ok(all)
}

fn import_logged(
    importer: &dyn Importer,
    folder: &Path,
    files: &[PathBuf],
    name: &str,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let mut logged = Logged::default();
    importer.read(folder, files, options, &mut logged)?;
    from_logged(name, logged, options)
}

fn from_logged(
    name: &str,
    mut logged: Logged,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    if logged.runs.is_empty() {
        let notes = logged.notes.join("; ");
        return Err(ImportError::NoRuns {
            source_name: name.to_owned(),
            notes,
        });
    }
    logged.make_names_unique();
    let table = history::table_of(&mut logged.runs, options.final_loss);
    let mut reader = RowReader::new(name, &table, options, false)?;
    reader.add(table, &logged.runs);
    let mut imported = reader.finish();
    imported.notes.extend(logged.notes);
    Ok(imported)
}

fn is_parquet(path: &Path, format: Option<Format>) -> bool {
    match format {
        Some(format) if format != Format::Wandb => format == Format::Parquet,
        _ => {
            let mut magic = [0; 4];
            let start = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
            start.is_ok() && &magic == b"PAR1"
        }
    }
}

fn is_table(path: &Path, format: Option<Format>) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let has = |ending: &str| name.ends_with(ending);
    match format {
        None | Some(Format::Wandb) => [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"]
            .into_iter()
            .any(has),
        Some(Format::Csv) => has(".csv") || has(".tsv"),
        Some(Format::Json) => has(".json"),
        Some(Format::JsonLines) => has(".jsonl") || has(".ndjson"),
        Some(Format::Parquet) => has(".parquet"),
        Some(_) => false,
    }
}

fn is_parquet_bytes(bytes: &[u8], format: Option<Format>) -> bool {
    match format {
        None | Some(Format::Wandb) => bytes.starts_with(b"PAR1"),
        Some(format) => format == Format::Parquet,
    }
}

#[cfg(feature = "parquet")]
fn import_parquet(path: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| ImportError::unreadable(&name, error))?;
    import_parquet_from(&name, file, options)
}

#[cfg(feature = "parquet")]
fn import_parquet_bytes(
    name: &str,
    bytes: Vec<u8>,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    import_parquet_from(name, bytes::Bytes::from(bytes), options)
}

#[cfg(feature = "parquet")]
fn import_parquet_from(
    name: &str,
    input: impl parquet::file::reader::ChunkReader + 'static,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    let mut reader: Option<TableReader<'_>> = None;
    super::parquet::read(name, input, &mut |chunk: Table| {
        if reader.is_none() {
            reader = Some(TableReader::new(name, &chunk, options, false)?);
        }
        if let Some(reader) = &mut reader {
            reader.add(chunk);
        }
        Ok(())
    })?;
    let reader = reader.ok_or_else(|| ImportError::Empty {
        source_name: name.to_owned(),
    })?;
    reader.finish(name, options)
}

#[cfg(not(feature = "parquet"))]
fn import_parquet(path: &Path, _options: &ImportOptions) -> Result<Imported, ImportError> {
    Err(ImportError::WithoutParquet {
        source_name: path.display().to_string(),
    })
}

#[cfg(not(feature = "parquet"))]
fn import_parquet_bytes(
    name: &str,
    _bytes: Vec<u8>,
    _options: &ImportOptions,
) -> Result<Imported, ImportError> {
    Err(ImportError::WithoutParquet {
        source_name: name.to_owned(),
    })
}
