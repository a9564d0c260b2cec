//! The journal's tables.

use super::JournalError;
use rusqlite::{Connection, params};
use std::path::Path;

/// Marks the file as a sweep's journal (`swep` in ASCII).
const APPLICATION_ID: i32 = 0x7377_6570;
/// The schema that this release writes.
const VERSION: i32 = 1;

const TABLES: &str = "
    CREATE TABLE controller (epoch INTEGER NOT NULL, host TEXT NOT NULL) STRICT;
    INSERT INTO controller VALUES (0, '');
    CREATE TABLE runs (
        key TEXT PRIMARY KEY NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL,
        flops REAL NOT NULL, state TEXT NOT NULL DEFAULT 'planned',
        accepted TEXT, reason TEXT, conflict INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX runs_by_state ON runs (state, place);
    CREATE TABLE attempts (
        nonce TEXT PRIMARY KEY NOT NULL, key TEXT NOT NULL REFERENCES runs (key),
        number INTEGER NOT NULL, state TEXT NOT NULL, batch TEXT NOT NULL, task INTEGER NOT NULL,
        host TEXT NOT NULL, handle TEXT, outcome TEXT, reason TEXT,
        UNIQUE (key, number)
    ) STRICT;
    CREATE INDEX attempts_by_state ON attempts (state);
";

/// Creates the tables in a new file; refuses the file of another program or release.
pub(super) fn create(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let number = |name: &str| -> Result<i32, rusqlite::Error> {
        connection.pragma_query_value(None, name, |row| row.get(0))
    };
    let (application, version) = (number("application_id")?, number("user_version")?);
    if (application, version) == (APPLICATION_ID, VERSION) {
        return Ok(());
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", params![], |row| {
            row.get(0)
        })?;
    if (application, version, tables) != (0, 0, 0) {
        return Err(JournalError::Foreign(path.display().to_string()));
    }
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES}
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))?;
    Ok(())
}
