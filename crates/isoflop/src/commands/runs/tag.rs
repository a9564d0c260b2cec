//! `isoflop runs tag`.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use serde::Serialize;
use std::path::PathBuf;

/// Give a run a label, which `--by`, `--where` and `--split` find by its name.
///
/// Example:
///   isoflop runs tag runs.db d64-3 sweep=warmup
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The store
    store: PathBuf,
    /// The run
    run: String,
    /// The label and its value; an empty value takes the label away
    #[arg(value_name = "NAME=VALUE")]
    tag: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    run: String,
    name: String,
    value: String,
}

pub fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let pair = args
        .tag
        .split_once('=')
        .filter(|(name, _)| !name.trim().is_empty());
    let Some((name, value)) = pair else {
        let sentence = format!("`{}` is not a label: expected NAME=VALUE", args.tag);
        return Err(Failure::misuse(sentence));
    };
    let (name, value) = (name.trim(), value.trim());
    let mut store = super::open(&args.store)?;
    store.tag(&args.run, name, value).map_err(Failure::misuse)?;
    let answer = Answer {
        run: args.run.clone(),
        name: name.to_owned(),
        value: value.to_owned(),
    };
    output.answer(&answer, |answer| match answer.value.as_str() {
        "" => format!(
            "{} has no label {} of its own any more.\n",
            answer.run, answer.name
        ),
        value => format!("{}: {} is {value}.\n", answer.run, answer.name),
    })?;
    Ok(Exit::Done)
}
