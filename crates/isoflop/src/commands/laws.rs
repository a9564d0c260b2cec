//! `isoflop laws`: the catalogue of laws and published fits.

use crate::failure::{Exit, Failure};
use crate::output::{Output, columns};
use crate::text::{labelled, paragraph};
use isoflop_fit::FITTED_LAWS;
use isoflop_laws::{
    Explanation, Family, LawCard, Parameter, PublishedFit, catalogue, explain, families, find,
};
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
    families: Vec<Named>,
}

/// A family by the names of its laws, which `laws` describes.
#[derive(Serialize)]
struct Named {
    title: &'static str,
    laws: Vec<&'static str>,
}

impl Named {
    fn new(family: &Family) -> Self {
        Self {
            title: family.title,
            laws: family.laws.iter().map(|card| card.name).collect(),
        }
    }
}

/// A law, and whether it can be fitted to runs.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    law: Explanation,
    is_fitted: bool,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    match args.name {
        None => {
            let laws = catalogue();
            let families = families().iter().map(Named::new).collect();
            output.answer(&Catalogue { laws, families }, |_| list())?;
        }
        Some(name) => {
            let explained = explain(&find(&name)?);
            let is_fitted = FITTED_LAWS
                .iter()
                .any(|law| law.name() == explained.card.name);
            let said = Explained {
                law: explained,
                is_fitted,
            };
            output.answer(&said, one)?;
        }
    }
    Ok(Exit::Done)
}

fn list() -> String {
    let mut text = String::new();
    for family in families() {
        text += &format!("{}\n", family.title);
        for card in family.laws {
            text += &line(card.name, card.title);
            let fits: Vec<&str> = card.published.iter().map(|fit| fit.name).collect();
            if !fits.is_empty() {
                text += &line("", &format!("fits: {}", fits.join(", ")));
            }
        }
        text += "\n";
    }
    text + "Explain a law or a published fit of it: isoflop laws NAME\n"
}

/// A name in a column as wide as the longest one, then what it is.
fn line(name: &str, text: &str) -> String {
    let longest = catalogue().iter().map(|card| card.name.len()).max();
    let width = longest.unwrap_or_default();
    paragraph(&format!("  {name:<width$}  {text}"), width + 4)
}

fn one(said: &Explained) -> String {
    let (law, card) = (&said.law, &said.law.card);
    let mut text = format!("{}: {}\n\n", card.name, card.title);
    text += &labelled("Formula", card.formula);
    text += &labelled("Units", card.units);
    text += &labelled("Logarithms", &format!("to base {}", card.log_base));
    text += &labelled("Holds", card.valid);
    for (index, criticism) in card.criticism.iter().enumerate() {
        text += &labelled(if index == 0 { "Criticism" } else { "" }, criticism);
    }
    text += &labelled("Source", &card.citation.to_string());
    text += &labelled("Cite as", &card.citation.reference());
    if said.is_fitted {
        text += &labelled(
            "Fitted by",
            &format!("isoflop fit RUNS --law {}", card.name),
        );
    }
    text += "\nParameters\n";
    text += &parameters(card.parameters);
    let wanted = law.fit.map(|fit| fit.name);
    for fit in card.published {
        if wanted.is_none_or(|name| name == fit.name) {
            text += "\n";
            text += &published(fit);
        }
    }
    if card.published.is_empty() {
        text += "\nWithout published constants: none could be checked, or none holds elsewhere.\n";
    }
    text
}

fn parameters(parameters: &[Parameter]) -> String {
    let longest = parameters.iter().map(|p| p.symbol.chars().count()).max();
    let width = longest.unwrap_or_default().max(8);
    let line = |one: &Parameter| {
        let mut text = format!("  {:<width$}  {}", one.symbol, one.meaning);
        // A pure number has no unit to tell.
        if one.unit != "1" {
            text += &format!(" ({})", one.unit);
        }
        paragraph(&text, width + 4)
    };
    parameters.iter().map(line).collect()
}

fn published(fit: &PublishedFit) -> String {
    let mut text = format!("{}\n", fit.name);
    let mut say = |label: &str, what: &str| text += &labelled(label, what);
    say("  Fitted on", &fit.fitted_on.to_string());
    say("  Counts", &fit.counts.to_string());
    if !fit.note.is_empty() {
        say("  Note", fit.note);
    }
    for sentence in fit.provenance() {
        say("  Constants", &sentence);
    }
    say("  Source", &fit.citation.to_string());
    say("  Cite as", &fit.citation.reference());
    let rows = fit.constants.iter().map(|constant| {
        vec![
            constant.symbol.to_owned(),
            number(constant.value),
            constant.uncertainty.to_string(),
            constant.provenance.to_string(),
        ]
    });
    text + &columns(&["constant", "value", "uncertainty", "known"], rows)
}

/// A constant with all its digits, as people write it: `406.4`, `8.8e13`.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}
