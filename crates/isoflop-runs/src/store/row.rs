//! A run as a row of the table `runs`, and back.

use super::StoreError;
use crate::column::{flop_count_name, read_flop_count};
use crate::run::{Run, Status};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

const COLUMNS: &str = "run, params, params_non_embedding, tokens, unique_tokens, flops, \
    flop_count, loss, loss_std, bits_per_byte, step, batch_tokens, lr, schedule, seed, dataset, \
    family, metrics, status, reason, corpus_fingerprint, wall_secs, spec, labels";

/// Puts the row in place of any other of the same run.
pub(super) fn write(connection: &Connection, run: &Run) -> Result<(), StoreError> {
    let metrics = serde_json::to_string(&run.metrics).map_err(|e| StoreError::json(run, e))?;
    let spec = serde_json::to_string(&run.spec).map_err(|e| StoreError::json(run, e))?;
    let labels = serde_json::to_string(&run.labels).map_err(|e| StoreError::json(run, e))?;
    let marks = vec!["?"; 24].join(", ");
    let mut statement =
        connection.prepare_cached(&format!("REPLACE INTO runs ({COLUMNS}) VALUES ({marks})"))?;
    let cells: [&dyn ToSql; 24] = [
        &run.run,
        &run.params.map(f64::from),
        &run.params_non_embedding.map(f64::from),
        &run.tokens.map(f64::from),
        &run.unique_tokens.map(f64::from),
        &run.flops.map(f64::from),
        &run.flop_count.map(flop_count_name),
        &run.loss.map(f64::from),
        &run.loss_std,
        &run.bits_per_byte,
        &run.step.map(u64::cast_signed),
        &run.batch_tokens.map(f64::from),
        &run.lr,
        &run.schedule,
        &run.seed.map(u64::cast_signed),
        &run.dataset,
        &run.family,
        &metrics,
        &run.status.name(),
        &run.reason,
        &run.corpus_fingerprint,
        &run.wall_secs,
        &spec,
        &labels,
    ];
    statement.execute(&cells[..])?;
    Ok(())
}

/// The row of a run as it was recorded, exclusions aside.
pub(super) fn read(connection: &Connection, key: &str) -> Result<Option<Run>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS}, NULL FROM runs WHERE run = ?"))?;
    let found = statement
        .query_row(params![key], |row| Ok(from_row(row)))
        .optional()?;
    found.transpose()
}

/// Every run by name, with exclusions applied.
pub(super) fn read_all(connection: &Connection, key: Option<&str>) -> Result<Vec<Run>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {columns}, exclusions.why FROM runs LEFT JOIN exclusions USING (run)
         WHERE ?1 IS NULL OR run = ?1 ORDER BY run",
        columns = COLUMNS
    ))?;
    let mut rows = statement.query(params![key])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(from_row(row)?);
    }
    add_tags(connection, key, &mut runs)?;
    Ok(runs)
}

/// Puts the tags over the labels of runs that are in the order of their names.
fn add_tags(
    connection: &Connection,
    key: Option<&str>,
    runs: &mut [Run],
) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT run, name, value FROM tags WHERE ?1 IS NULL OR run = ?1")?;
    let mut rows = statement.query(params![key])?;
    while let Some(row) = rows.next()? {
        let tagged: String = row.get(0)?;
        if let Ok(at) = runs.binary_search_by(|run| run.run.cmp(&tagged)) {
            runs[at].labels.insert(row.get(1)?, row.get(2)?);
        }
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<Run, StoreError> {
    let key: String = row.get(0)?;
    let status: String = row.get(18)?;
    let mut run = Run {
        params: quantity(row, 1)?,
        params_non_embedding: quantity(row, 2)?,
        tokens: quantity(row, 3)?,
        unique_tokens: quantity(row, 4)?,
        flops: quantity(row, 5)?,
        flop_count: row
            .get::<_, Option<String>>(6)?
            .and_then(|name| read_flop_count(&name)),
        loss: quantity(row, 7)?,
        loss_std: row.get(8)?,
        bits_per_byte: row.get(9)?,
        step: row.get::<_, Option<i64>>(10)?.map(i64::cast_unsigned),
        batch_tokens: quantity(row, 11)?,
        lr: row.get(12)?,
        schedule: row.get(13)?,
        seed: row.get::<_, Option<i64>>(14)?.map(i64::cast_unsigned),
        dataset: row.get(15)?,
        family: row.get(16)?,
        metrics: json(&key, &row.get::<_, String>(17)?)?,
        status: status.parse()?,
        reason: row.get(19)?,
        corpus_fingerprint: row.get(20)?,
        wall_secs: row.get(21)?,
        spec: json(&key, &row.get::<_, String>(22)?)?,
        labels: json(&key, &row.get::<_, String>(23)?)?,
        run: key,
    };
    if let Some(why) = row.get::<_, Option<String>>(24)? {
        run.status = Status::Excluded;
        run.reason = Some(why);
    }
    Ok(run)
}

pub(super) fn quantity<Q>(row: &Row<'_>, index: usize) -> Result<Option<Q>, StoreError>
where
    Q: TryFrom<f64, Error = isoflop_laws::QuantityError>,
{
    let value: Option<f64> = row.get(index)?;
    Ok(value.map(Q::try_from).transpose()?)
}

fn json<T: serde::de::DeserializeOwned>(key: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Json {
        run: key.to_owned(),
        source,
    })
}
