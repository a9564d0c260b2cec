//! Runs as CSV and JSONL, under the names of [`Column`].

use crate::column::Column;
use crate::run::Run;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Writes runs as CSV with a header: the fixed columns, then every `metric_*` and `label_*`
/// that any run has.
///
/// A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV
/// Injection"); reading the file with [`import_file`](crate::import_file) takes it away again.
///
/// # Errors
/// Any error of `out`.
pub fn write_csv<'a>(
    runs: impl IntoIterator<Item = &'a Run> + Clone,
    out: impl Write,
) -> io::Result<()> {
    let columns = columns_of(runs.clone());
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| neutralise(column.to_string())))?;
    for run in runs {
        writer.write_record(columns.iter().map(|column| cell(column.value(run))))?;
    }
    writer.flush()
}

/// Writes runs as JSON objects, one a line; what is unknown is `null`.
///
/// # Errors
/// Any error of `out`.
pub fn write_jsonl<'a>(
    runs: impl IntoIterator<Item = &'a Run> + Clone,
    mut out: impl Write,
) -> io::Result<()> {
    for run in runs {
        serde_json::to_writer(&mut out, &run.to_json())?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

impl Run {
    /// The run as a JSON object under the names of [`Column`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        let columns = columns_of([self]).into_iter();
        let fields: Map<String, Value> = columns
            .map(|column| (column.to_string(), column.value(self)))
            .collect();
        Value::Object(fields)
    }
}

fn columns_of<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Vec<Column> {
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    for run in runs {
        metrics.extend(run.metrics.keys());
        labels.extend(run.labels.keys());
    }
    let metrics = metrics.into_iter().cloned().map(Column::Metric);
    let labels = labels.into_iter().cloned().map(Column::Label);
    let fixed = Column::FIXED.iter().cloned();
    fixed.chain(metrics).chain(labels).collect()
}

fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => neutralise(text),
        other => other.to_string(),
    }
}

/// Characters that make a spreadsheet read a cell as a formula.
const FORMULA_STARTS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

fn neutralise(text: String) -> String {
    // Apostrophes in front are doubled too, so that reading back is exact.
    if text.trim_start_matches('\'').starts_with(FORMULA_STARTS) && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text
    }
}

/// Undoes [`neutralise`].
pub(crate) fn without_apostrophe(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA_STARTS) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Status;
    use isoflop_laws::{Loss, Params};
    use proptest::prelude::*;

    fn sample() -> [Run; 2] {
        [
            Run {
                params: Params::new(7e9).ok(),
                loss: Loss::new(2.53).ok(),
                metrics: [("pass_rate".to_owned(), 0.25)].into(),
                status: Status::Finished,
                ..Run::new("a, \"quoted\"")
            },
            Run {
                lr: Some(3e-3),
                ..Run::new("=cmd|' /C calc'!A0")
            },
        ]
    }

    #[test]
    fn csv_has_every_column_once_and_neutralises_formulas() {
        let mut out = Vec::new();
        write_csv(&sample(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        run,params,params_non_embedding,tokens,unique_tokens,flops,flop_count,loss,loss_std,bits_per_byte,step,batch_tokens,lr,schedule,seed,dataset,family,status,reason,corpus_fingerprint,wall_secs,spec,metric_pass_rate
        "a, ""quoted""",7000000000,,,,,,2.53,,,,,,,,,,finished,,,,,0.25
        '=cmd|' /C calc'!A0,,,,,,,,,,,,0.003,,,,,planned,,,,,
        "#);
    }

    #[test]
    fn jsonl_has_one_object_a_line_with_null_for_the_unknown() {
        let mut out = Vec::new();
        write_jsonl(&sample(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {"batch_tokens":null,"bits_per_byte":null,"corpus_fingerprint":null,"dataset":null,"family":null,"flop_count":null,"flops":null,"loss":2.53,"loss_std":null,"lr":null,"metric_pass_rate":0.25,"params":7000000000,"params_non_embedding":null,"reason":null,"run":"a, \"quoted\"","schedule":null,"seed":null,"spec":null,"status":"finished","step":null,"tokens":null,"unique_tokens":null,"wall_secs":null}
        {"batch_tokens":null,"bits_per_byte":null,"corpus_fingerprint":null,"dataset":null,"family":null,"flop_count":null,"flops":null,"loss":null,"loss_std":null,"lr":0.003,"params":null,"params_non_embedding":null,"reason":null,"run":"=cmd|' /C calc'!A0","schedule":null,"seed":null,"spec":null,"status":"planned","step":null,"tokens":null,"unique_tokens":null,"wall_secs":null}
        "#);
    }

    #[test]
    fn cells_that_start_a_formula_are_neutralised_unless_they_are_numbers() {
        for text in ["=1+1", "+cmd", "-cmd", "@sum", "\tx", "\rx", "'=x", "-1+2"] {
            assert_eq!(neutralise(text.to_owned()), format!("'{text}"));
        }
        for text in ["-1.5", "+3", "-1e-4", "plain", "'quoted'", ""] {
            assert_eq!(neutralise(text.to_owned()), text);
        }
    }

    proptest! {
        #[test]
        fn a_neutralised_text_reads_back_as_it_was(text in "['=+@\\-\ta-z0-9]{0,6}") {
            let written = neutralise(text.clone());
            let safe = !written.starts_with(FORMULA_STARTS) || written.parse::<f64>().is_ok();
            prop_assert!(safe);
            prop_assert_eq!(without_apostrophe(&written), text.as_str());
        }
    }
}
