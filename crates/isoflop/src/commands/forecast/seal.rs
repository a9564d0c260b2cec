//! `isoflop forecast seal`: put a forecast on record before its run is made.

use crate::commands::predict::{self, Answer as Said};
use crate::failure::{Exit, Failure};
use crate::law_argument::{LawArgument, Needs, Source};
use crate::ledger_file::LedgerFile;
use crate::output::Output;
use crate::points::PointArguments;
use crate::text::{basis, paragraph, reach, warnings};
use isoflop_plan::{
    Conventions, ForecastBody, ForecastPoint, LawForecast, SavedFit, SealedForecast,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Put the forecast of a run on record, under a hash, before the run is made.
///
/// Example:
///   isoflop forecast seal big-run runs.csv --params 7B --tokens 140B
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A name for what is forecast
    name: String,
    #[command(flatten)]
    law: LawArgument,
    #[command(flatten)]
    points: PointArguments,
    #[command(flatten)]
    ledger: LedgerFile,
}

#[derive(Serialize)]
struct Answer {
    name: String,
    ledger: String,
    hash: String,
    sealed_at: jiff::Timestamp,
    law: String,
    conventions: Conventions,
    level: f64,
    n_used: usize,
    forecasts: Vec<ForecastPoint>,
    warnings: Vec<String>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let Source::Fitted(saved) = args.law.read(Needs::AnyLaw, output)? else {
        let hint = "`isoflop forecast seal NAME RUNS --params 7B --tokens 140B`";
        let sentence = "a forecast is sealed with the runs that it rests on, and none were given";
        return Err(Failure::misuse(sentence).hint(hint));
    };
    let points = args.points.read(saved.fit.param_count)?;
    let said = predict::by_fit(&saved, &points, args.law.certainty.level)?;
    let (n_used, warnings) = (saved.fit.n_used, said.warnings.clone());
    let body = body(args.name, *saved, said);
    let sealed = args.ledger.change(|ledger| {
        let known = ledger.scores();
        if known.iter().any(|score| score.name == body.name) {
            return Err(isoflop_plan::LedgerError::NameTaken(body.name));
        }
        ledger.seal(body)
    })?;
    let answer = Answer {
        n_used,
        warnings,
        ..answer(&sealed, args.ledger.path().display().to_string())
    };
    output.answer(&answer, text)?;
    Ok(Exit::Done)
}

fn body(name: String, saved: SavedFit, said: Said) -> ForecastBody {
    let constants = saved.fit.parameters.iter();
    let constants: BTreeMap<String, f64> = constants.map(|p| (p.symbol.clone(), p.value)).collect();
    ForecastBody {
        name,
        sealed_at: jiff::Timestamp::now(),
        conventions: said.conventions,
        corpus_fingerprint: saved.corpus_fingerprint,
        level: said.level,
        stated: LawForecast {
            law: said.law,
            constants,
            forecasts: said.forecasts,
        },
        others: vec![],
        inputs: saved.runs,
    }
}

fn answer(sealed: &SealedForecast, ledger: String) -> Answer {
    let body = sealed.body();
    Answer {
        name: body.name.clone(),
        ledger,
        hash: sealed.hash().to_owned(),
        sealed_at: body.sealed_at,
        law: body.stated.law.clone(),
        conventions: body.conventions,
        level: body.level,
        n_used: body.inputs.len(),
        forecasts: body.stated.forecasts.clone(),
        warnings: vec![],
    }
}

fn text(answer: &Answer) -> String {
    let furthest = answer.forecasts.iter().filter_map(|p| p.extrapolation);
    let reach = reach(furthest.reduce(f64::max));
    let mut text = basis(&answer.law, answer.conventions, Some(answer.n_used), &reach);
    text += "\n";
    for (index, point) in answer.forecasts.iter().enumerate() {
        let said = predict::in_words(point, answer.level);
        let label = match answer.forecasts.len() {
            1 => String::new(),
            _ => format!("Point {}. ", index + 1),
        };
        text += &paragraph(&format!("{label}{said}"), 0);
    }
    text += &format!("\nSealed as {} in {}, hash:\n", answer.name, answer.ledger);
    text += &format!("{}\n", answer.hash);
    text += &paragraph(
        &format!(
            "When its result is there: isoflop forecast score {} --loss LOSS",
            answer.name
        ),
        0,
    );
    text + &warnings(&answer.warnings)
}
