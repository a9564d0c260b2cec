//! The store's tables, and how an older store becomes a present one.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Marks the file as an isoflop store (`isof` in ASCII), so that another program's database is
/// never written to.
pub(super) const APPLICATION_ID: i32 = 0x6973_6f66;

/// Step k brings a store from schema version k to k + 1. Released steps are never edited.
const STEPS: [&str; 4] = [
    "CREATE TABLE runs (
        run TEXT PRIMARY KEY NOT NULL,
        params REAL, params_non_embedding REAL, tokens REAL, unique_tokens REAL,
        flops REAL, flop_count TEXT, loss REAL, loss_std REAL, bits_per_byte REAL,
        step INTEGER, batch_tokens REAL, lr REAL, schedule TEXT, seed INTEGER,
        dataset TEXT, family TEXT, metrics TEXT NOT NULL,
        status TEXT NOT NULL, reason TEXT,
        corpus_fingerprint TEXT, wall_secs REAL, spec TEXT NOT NULL
     ) STRICT;
     CREATE TABLE checkpoints (
        run TEXT NOT NULL, step INTEGER NOT NULL, tokens REAL NOT NULL,
        loss REAL, train_loss REAL, lr REAL,
        PRIMARY KEY (run, step)
     ) STRICT, WITHOUT ROWID;",
    "CREATE TABLE exclusions (run TEXT PRIMARY KEY NOT NULL, why TEXT NOT NULL) STRICT;
     CREATE TABLE provenance (
        run TEXT NOT NULL, field TEXT NOT NULL, source TEXT NOT NULL, line INTEGER NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (run, field, source, line, note)
     ) STRICT, WITHOUT ROWID;",
    "ALTER TABLE runs ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';",
    "CREATE TABLE tags (
        run TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (run, name)
     ) STRICT, WITHOUT ROWID;",
];

/// The schema version that this program writes.
pub(super) const VERSION: i32 = STEPS.len() as i32;

/// Refuses a file that this program must not touch, by reading its header only.
///
/// The SQLite header holds the schema version at byte 60 and the application id at byte 68, both
/// big-endian (SQLite file format, section 1.3). Opening the database first could already roll
/// its write-ahead log into the file.
pub(super) fn check_header(path: &Path) -> Result<(), StoreError> {
    let mut header = Vec::with_capacity(72);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::unreadable(path, error)),
    };
    file.take(72)
        .read_to_end(&mut header)
        .map_err(|error| StoreError::unreadable(path, error))?;
    if header.is_empty() {
        return Ok(());
    }
    if header.len() < 72 || !header.starts_with(b"SQLite format 3\0") {
        return Err(StoreError::NotAStore { path: path.into() });
    }
    check_marks(path, number_at(&header, 60), number_at(&header, 68))
}

/// Whether the file is an isoflop store of any version, told by its header.
#[must_use]
pub fn is_store(path: &Path) -> bool {
    let mut header = Vec::with_capacity(72);
    let read = File::open(path).and_then(|file| file.take(72).read_to_end(&mut header));
    read.is_ok()
        && header.len() == 72
        && header.starts_with(b"SQLite format 3\0")
        && number_at(&header, 68) == APPLICATION_ID
}

fn number_at(header: &[u8], start: usize) -> i32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[start..start + 4]);
    i32::from_be_bytes(bytes)
}

fn check_marks(path: &Path, version: i32, application: i32) -> Result<(), StoreError> {
    // A new database has neither mark until its first migration is committed.
    if application != APPLICATION_ID && (application != 0 || version != 0) {
        return Err(StoreError::NotAStore { path: path.into() });
    }
    if version > VERSION {
        return Err(StoreError::Newer {
            path: path.into(),
            found: version,
            known: VERSION,
        });
    }
    Ok(())
}

/// Brings the store to [`VERSION`], all steps in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    migrate_to(connection, path, VERSION)
}

pub(super) fn migrate_to(
    connection: &mut Connection,
    path: &Path,
    target: i32,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    // The header may lag behind the write-ahead log: check what SQLite itself sees.
    check_marks(path, version, application)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables > 0 {
        return Err(StoreError::NotAStore { path: path.into() });
    }
    if version >= target {
        return Ok(());
    }
    for step in &STEPS[version as usize..target as usize] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", target)?;
    transaction.commit()?;
    Ok(())
}
