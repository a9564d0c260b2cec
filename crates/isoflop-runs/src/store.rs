//! Runs, learning curves and provenance in one SQLite file.
//!
//! The file is in write-ahead mode with `synchronous = FULL`: when a method that writes has
//! returned, its rows survive a power cut. Several processes may have the store open; a writer
//! waits for another up to the busy timeout.

mod error;
mod row;
mod schema;

use crate::checkpoint::Checkpoint;
use crate::column::Column;
use crate::import::Imported;
use crate::run::{InvalidRun, Run, Status, is_blank};
pub use error::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
pub use schema::is_store;
use std::path::Path;
use std::time::Duration;

/// How long a writer waits for another process before it gives up.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What recording a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The run was not in the store before.
    Added,
    /// The run took a later status and its record replaced the earlier one.
    Updated,
    /// The store already held exactly this.
    Unchanged,
    /// The store already held a record of a later status, which was kept.
    Superseded,
}

/// Where a value of a run came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provenance {
    /// The column of the run.
    pub field: String,
    /// File, address or program.
    pub source: String,
    /// Line of the file, counted from 1; 0 where there are no lines.
    pub line: u64,
    /// Their name for the column, a conversion, or a derivation such as `6ND`.
    pub note: String,
}

/// A store of runs in one SQLite file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the store at `path`, created if there is no file; an older schema is migrated.
    ///
    /// # Errors
    /// [`StoreError::Newer`] and [`StoreError::NotAStore`] leave the file untouched.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        schema::check_header(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Only a file that is ours, or new, is switched to write-ahead mode.
        schema::migrate(&mut connection, path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(Store { connection })
    }

    /// Opens a store that must exist.
    ///
    /// # Errors
    /// [`StoreError::Missing`], and those of [`Store::open`].
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.into() });
        }
        Store::open(path)
    }

    /// A store that is gone when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] where memory is short.
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        schema::migrate(&mut connection, Path::new(":memory:"))?;
        Ok(Store { connection })
    }

    /// Records a run. The record of the latest [`Status`](crate::Status) wins, whatever the order of the calls,
    /// and recording the same again changes nothing; so a history can be replayed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the store holds another record with the same run and status:
    /// nothing is written. [`Store::replace`] overwrites on purpose.
    pub fn record(&mut self, run: &Run) -> Result<Recorded, StoreError> {
        self.record_from(run, &[])
    }

    /// [`Store::record`] with where the values came from.
    ///
    /// # Errors
    /// Those of [`Store::record`].
    pub fn record_from(
        &mut self,
        run: &Run,
        provenance: &[Provenance],
    ) -> Result<Recorded, StoreError> {
        let mut recorded = self.record_all([(run, provenance)])?;
        Ok(recorded.pop().unwrap_or(Recorded::Unchanged))
    }

    /// Records many runs, all or none.
    ///
    /// # Errors
    /// Those of [`Store::record`], for the first run that fails.
    pub fn record_all<'a>(
        &mut self,
        runs: impl IntoIterator<Item = (&'a Run, &'a [Provenance])>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let transaction = self.begin()?;
        let mut all = Vec::new();
        for (run, provenance) in runs {
            all.push(record(&transaction, run, provenance)?);
        }
        transaction.commit()?;
        Ok(all)
    }

    /// Records everything that was imported from any number of sources, all or nothing: runs with
    /// where their values came from, and learning curves. What became of each run, source by
    /// source. Importing the same again changes nothing.
    ///
    /// # Errors
    /// Those of [`Store::record`] and [`Store::record_checkpoints`].
    pub fn record_imported(
        &mut self,
        sources: &[Imported],
    ) -> Result<Vec<Vec<Recorded>>, StoreError> {
        let transaction = self.begin()?;
        let mut all = Vec::new();
        for imported in sources {
            let mut recorded = Vec::with_capacity(imported.rows.len());
            for row in &imported.rows {
                let origin = imported.provenance(row);
                recorded.push(record(&transaction, &row.run, &origin)?);
                add_checkpoints(&transaction, &row.run.run, &row.curve)?;
            }
            all.push(recorded);
        }
        transaction.commit()?;
        Ok(all)
    }

    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        let immediate = TransactionBehavior::Immediate;
        Ok(self.connection.transaction_with_behavior(immediate)?)
    }

    /// Puts a record in place of any other of the same run, whatever its status.
    ///
    /// # Errors
    /// [`StoreError::InvalidRun`] for a record that cannot be kept.
    pub fn replace(&mut self, run: &Run) -> Result<(), StoreError> {
        run.validate()?;
        row::write(&self.connection, run)
    }

    /// Every run, ordered by name. A run that was excluded has the status
    /// [`Status::Excluded`](crate::Status::Excluded) and its reason.
    ///
    /// # Errors
    /// [`StoreError`] where the file is damaged.
    pub fn runs(&self) -> Result<Vec<Run>, StoreError> {
        row::read_all(&self.connection, None)
    }

    /// The run of this name.
    ///
    /// # Errors
    /// [`StoreError`] where the file is damaged.
    pub fn run(&self, key: &str) -> Result<Option<Run>, StoreError> {
        Ok(row::read_all(&self.connection, Some(key))?.pop())
    }

    /// Adds points to a run's learning curve. Points that are there already are left as they are.
    ///
    /// # Errors
    /// [`StoreError::CheckpointConflict`] if a step is there with other values: nothing is
    /// written.
    pub fn record_checkpoints(
        &mut self,
        key: &str,
        checkpoints: &[Checkpoint],
    ) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        add_checkpoints(&transaction, key, checkpoints)?;
        transaction.commit()?;
        Ok(())
    }

    /// A run's learning curve by step.
    ///
    /// # Errors
    /// [`StoreError`] where the file is damaged.
    pub fn checkpoints(&self, key: &str) -> Result<Vec<Checkpoint>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT step, tokens, loss, train_loss, lr FROM checkpoints WHERE run = ? ORDER BY step",
        )?;
        let mut rows = statement.query(params![key])?;
        let mut checkpoints = Vec::new();
        while let Some(row) = rows.next()? {
            checkpoints.push(read_checkpoint(row)?);
        }
        Ok(checkpoints)
    }

    /// Where the values of a run came from.
    ///
    /// # Errors
    /// [`StoreError`] where the file is damaged.
    pub fn provenance(&self, key: &str) -> Result<Vec<Provenance>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT field, source, line, note FROM provenance WHERE run = ?
             ORDER BY field, source, line, note",
        )?;
        let rows = statement.query_map(params![key], |row| {
            Ok(Provenance {
                field: row.get(0)?,
                source: row.get(1)?,
                line: row.get::<_, i64>(2)?.cast_unsigned(),
                note: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps a run out of fits from now on. Its record stays; recording it again does not undo
    /// this, [`Store::include`] does.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or [`InvalidRun::ExcludedWithoutReason`] if `why` is blank.
    pub fn exclude(&mut self, key: &str, why: &str) -> Result<(), StoreError> {
        if is_blank(Some(why)) {
            return Err(InvalidRun::ExcludedWithoutReason(key.to_owned()).into());
        }
        let changed = self.connection.execute(
            "REPLACE INTO exclusions (run, why) SELECT run, ?2 FROM runs WHERE run = ?1",
            params![key, why.trim()],
        )?;
        if changed == 0 {
            return Err(StoreError::NoSuchRun(key.to_owned()));
        }
        Ok(())
    }

    /// Gives a run a label of its own, over what it was recorded with; an empty value takes the
    /// label away again. Recording the run again leaves it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`].
    pub fn tag(&mut self, key: &str, name: &str, value: &str) -> Result<(), StoreError> {
        let changed = if value.is_empty() {
            let delete = "DELETE FROM tags WHERE run = ?1 AND name = ?2";
            self.connection.execute(delete, params![key, name])?;
            usize::from(self.run(key)?.is_some())
        } else {
            self.connection.execute(
                "REPLACE INTO tags (run, name, value) SELECT run, ?2, ?3 FROM runs WHERE run = ?1",
                params![key, name, value],
            )?
        };
        if changed == 0 {
            return Err(StoreError::NoSuchRun(key.to_owned()));
        }
        Ok(())
    }

    /// Undoes [`Store::exclude`]; `false` if the run was not excluded.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`] where the file cannot be written.
    pub fn include(&mut self, key: &str) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .execute("DELETE FROM exclusions WHERE run = ?", params![key])?;
        Ok(changed > 0)
    }
}

fn record(
    connection: &Connection,
    run: &Run,
    provenance: &[Provenance],
) -> Result<Recorded, StoreError> {
    run.validate()?;
    let recorded = merge(connection, run)?;
    if recorded == Recorded::Updated {
        // The values that these spoke of are gone.
        connection.execute("DELETE FROM provenance WHERE run = ?", params![run.run])?;
    }
    if recorded != Recorded::Superseded {
        add_provenance(connection, &run.run, provenance)?;
    }
    Ok(recorded)
}

/// The rule of [`Store::record`]: statuses form a ladder, the higher rung wins; of two records of a
/// run that goes on, the later step.
fn merge(connection: &Connection, run: &Run) -> Result<Recorded, StoreError> {
    let Some(old) = row::read(connection, &run.run)? else {
        row::write(connection, run)?;
        return Ok(Recorded::Added);
    };
    let shown = row::read_all(connection, Some(&run.run))?.pop();
    if old == *run || shown.as_ref() == Some(run) {
        return Ok(Recorded::Unchanged);
    }
    let rung = |run: &Run| {
        (
            run.status,
            run.step.filter(|_| run.status == Status::Running),
        )
    };
    match rung(run).cmp(&rung(&old)) {
        std::cmp::Ordering::Greater => {
            row::write(connection, run)?;
            Ok(Recorded::Updated)
        }
        std::cmp::Ordering::Less => Ok(Recorded::Superseded),
        std::cmp::Ordering::Equal => Err(StoreError::Conflict {
            run: run.run.clone(),
            status: run.status,
            columns: differing_columns(&old, run),
        }),
    }
}

fn differing_columns(a: &Run, b: &Run) -> Vec<String> {
    let metrics = a.metrics.keys().chain(b.metrics.keys());
    let mut metrics: Vec<Column> = metrics.cloned().map(Column::Metric).collect();
    metrics.sort();
    metrics.dedup();
    let labels = a.labels.keys().chain(b.labels.keys());
    let mut labels: Vec<Column> = labels.cloned().map(Column::Label).collect();
    labels.sort();
    labels.dedup();
    let columns = Column::FIXED.iter().cloned().chain(metrics).chain(labels);
    columns
        .filter(|column| column.value(a) != column.value(b))
        .map(|column| column.to_string())
        .collect()
}

fn add_provenance(
    connection: &Connection,
    key: &str,
    provenance: &[Provenance],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT OR IGNORE INTO provenance (run, field, source, line, note) VALUES (?, ?, ?, ?, ?)",
    )?;
    for origin in provenance {
        statement.execute(params![
            key,
            origin.field,
            origin.source,
            origin.line.cast_signed(),
            origin.note
        ])?;
    }
    Ok(())
}

fn add_checkpoints(
    connection: &Connection,
    key: &str,
    checkpoints: &[Checkpoint],
) -> Result<(), StoreError> {
    let mut add = connection.prepare_cached(
        "INSERT INTO checkpoints (run, step, tokens, loss, train_loss, lr)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )?;
    let mut find = connection.prepare_cached(
        "SELECT step, tokens, loss, train_loss, lr FROM checkpoints WHERE run = ? AND step = ?",
    )?;
    for checkpoint in checkpoints {
        let step = checkpoint.step.cast_signed();
        let added = add.execute(params![
            key,
            step,
            checkpoint.tokens.get(),
            checkpoint.loss.map(f64::from),
            checkpoint.train_loss.map(f64::from),
            checkpoint.lr,
        ])?;
        // Nothing is added where the step is there already: then it must be the same point.
        let is_known = added > 0
            || find.query_row(params![key, step], |row| Ok(read_checkpoint(row)))?? == *checkpoint;
        if !is_known {
            return Err(StoreError::CheckpointConflict {
                run: key.to_owned(),
                step: checkpoint.step,
            });
        }
    }
    Ok(())
}

fn read_checkpoint(row: &rusqlite::Row<'_>) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        step: row.get::<_, i64>(0)?.cast_unsigned(),
        tokens: isoflop_laws::Tokens::new(row.get(1)?)?,
        loss: row::quantity(row, 2)?,
        train_loss: row::quantity(row, 3)?,
        lr: row.get(4)?,
    })
}

#[cfg(test)]
mod tests;
