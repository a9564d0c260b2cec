//! `isoflop laws`: the catalogue of laws and published fits.

use crate::failure::{Exit, Failure};
use crate::output::{Output, columns};
use crate::text::{labelled, paragraph};
use isoflop_laws::{Explanation, LawCard, PublishedFit, Uncertainty, catalogue, explain, find};
use serde::Serialize;

/// List the laws and their published constants, or explain one.
///
/// Example:
///   isoflop laws besiroglu-2024
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Law or published fit to explain
    name: Option<String>,
}

#[derive(Serialize)]
struct Catalogue {
    laws: &'static [&'static LawCard],
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    match args.name {
        None => output.answer(&Catalogue { laws: catalogue() }, list)?,
        Some(name) => output.answer(&explain(&find(&name)?), one)?,
    }
    Ok(Exit::Done)
}

fn list(catalogue: &Catalogue) -> String {
    let mut text = String::from("A law, what it is, and the published fits of it:\n");
    for card in catalogue.laws {
        text += &format!("\n  {}\n    {}\n", card.name, card.title);
        let fits: Vec<&str> = card.published.iter().map(|fit| fit.name).collect();
        if !fits.is_empty() {
            text += &paragraph(&format!("    {}", fits.join(", ")), 4);
        }
    }
    text + "\nExplain one: isoflop laws NAME\n"
}

fn one(law: &Explanation) -> String {
    let card = &law.card;
    let mut text = format!("{}: {}\n\n", card.name, card.title);
    text += &labelled("Formula", card.formula);
    text += &labelled("Units", card.units);
    let source = card.citation;
    let source = format!("{} {}, {}", source.authors, source.year, source.place);
    text += &labelled("Source", &source);
    text += &labelled("Holds", card.valid);
    for criticism in card.criticism {
        text += &labelled("Criticism", criticism);
    }
    let wanted = law.fit.map(|fit| fit.name);
    for fit in card.published {
        if wanted.is_none_or(|name| name == fit.name) {
            text += "\n";
            text += &published(fit);
        }
    }
    text
}

fn published(fit: &PublishedFit) -> String {
    let mut text = format!("{}, fitted on {}\n", fit.name, fit.fitted_on.data);
    text = paragraph(text.trim_end(), 2);
    if !fit.note.is_empty() {
        text += &paragraph(&format!("  {}", fit.note), 2);
    }
    let rows = fit.constants.iter().map(|constant| {
        let spread = match constant.uncertainty {
            Uncertainty::StandardError(error) => format!("± {error}"),
            Uncertainty::Interval { lo, hi, .. } => format!("{lo} to {hi}"),
            Uncertainty::NotPublished => "not published".to_owned(),
        };
        vec![
            constant.symbol.to_owned(),
            constant.value.to_string(),
            spread,
        ]
    });
    text + &columns(&["constant", "value", "uncertainty"], rows)
}
