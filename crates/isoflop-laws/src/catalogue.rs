//! The registry of laws and published fits: list, find by name, explain.

use crate::{Counts, Law, LawCard, LawError, PublishedFit, laws};
use serde::Serialize;
use std::sync::LazyLock;

/// Laws that answer the same kind of question.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Family {
    /// The kind of question, such as `Loss of size and data`.
    pub title: &'static str,
    /// The laws, the usual ones first.
    pub laws: &'static [&'static LawCard],
}

static CATALOGUE: LazyLock<Vec<&'static LawCard>> =
    LazyLock::new(|| families().iter().flat_map(|f| f.laws).copied().collect());

/// Why no law was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no law or published fit named `{name}`: {}",
    suggestion(.nearest)
)]
pub struct UnknownLaw {
    /// The name as given.
    pub name: String,
    /// The nearest name in the catalogue, if one is near.
    pub nearest: Option<&'static str>,
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`isoflop laws` lists them all".to_owned(),
    }
}

/// A law, or a law with somebody's published constants.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    /// A form whose parameters are to be fitted, such as `chinchilla`.
    Form(&'static LawCard),
    /// A form with published constants, such as `besiroglu-2024`.
    Published(&'static LawCard, &'static PublishedFit),
}

impl Entry {
    /// The name that finds this entry.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Entry::Form(card) => card.name,
            Entry::Published(_, fit) => fit.name,
        }
    }

    /// The law's card.
    #[must_use]
    pub fn card(&self) -> &'static LawCard {
        match self {
            Entry::Form(card) | Entry::Published(card, _) => card,
        }
    }

    /// The published fit that was named or, for a form, its first one.
    #[must_use]
    pub fn fit(&self) -> Option<&'static PublishedFit> {
        match self {
            Entry::Form(card) => card.published.first(),
            Entry::Published(_, fit) => Some(fit),
        }
    }

    /// What N and C count, where constants are known.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        self.fit().map(|fit| fit.counts)
    }

    /// The law with the constants of [`Entry::fit`]; `None` where none are published.
    ///
    /// # Errors
    /// [`LawError`] if the constants are not the law's parameters.
    pub fn law(&self) -> Option<Result<Box<dyn Law>, LawError>> {
        self.fit().map(|fit| self.card().law(&fit.values()))
    }
}

/// Every law by family, in the order in which they are listed.
#[must_use]
pub fn families() -> &'static [Family] {
    laws::FAMILIES
}

/// Every law, in the order in which they are listed.
#[must_use]
pub fn catalogue() -> &'static [&'static LawCard] {
    &CATALOGUE
}

/// The title of the family that a law belongs to.
fn family_of(card: &LawCard) -> &'static str {
    let family = families()
        .iter()
        .find(|family| family.laws.iter().any(|law| law.name == card.name));
    family.map_or("", |family| family.title)
}

/// Every published fit with its law.
pub fn published_fits() -> impl Iterator<Item = (&'static LawCard, &'static PublishedFit)> {
    catalogue()
        .iter()
        .flat_map(|card| card.published.iter().map(move |fit| (*card, fit)))
}

/// The law or published fit of this name; case and `_` for `-` do not matter.
///
/// # Errors
/// [`UnknownLaw`], with the nearest name if one is near.
pub fn find(name: &str) -> Result<Entry, UnknownLaw> {
    let wanted = name.trim().to_lowercase().replace('_', "-");
    if let Some(card) = catalogue().iter().find(|card| card.name == wanted) {
        return Ok(Entry::Form(card));
    }
    if let Some((card, fit)) = published_fits().find(|(_, fit)| fit.name == wanted) {
        return Ok(Entry::Published(card, fit));
    }
    Err(UnknownLaw {
        name: name.to_owned(),
        nearest: nearest(&wanted),
    })
}

/// The name with the smallest Damerau–Levenshtein distance, if at most a third of it is wrong.
fn nearest(wanted: &str) -> Option<&'static str> {
    let forms = catalogue().iter().map(|card| card.name);
    let fits = published_fits().map(|(_, fit)| fit.name);
    let (distance, name) = forms
        .chain(fits)
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.chars().count()).then_some(name)
}

/// What `isoflop laws NAME` shows, as one record.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The name that was asked for: the law's, or that of a published fit.
    pub asked_for: &'static str,
    /// The title of the law's family.
    pub family: &'static str,
    /// Everything the catalogue says of the law.
    #[serde(flatten)]
    pub card: LawCard,
    /// The published fit that was asked for; `None` if a form was.
    pub fit: Option<PublishedFit>,
    /// Whether the law predicts a loss from size and data.
    pub is_surface: bool,
}

/// Everything that is known of a law or published fit.
#[must_use]
pub fn explain(entry: &Entry) -> Explanation {
    let ones = vec![1.0; entry.card().parameters.len()];
    let is_surface = entry
        .card()
        .law(&ones)
        .is_ok_and(|law| law.surface().is_some());
    Explanation {
        asked_for: entry.name(),
        family: family_of(entry.card()),
        card: *entry.card(),
        fit: match entry {
            Entry::Form(_) => None,
            Entry::Published(_, fit) => Some(**fit),
        },
        is_surface,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_found_and_unique() {
        let mut names = BTreeSet::new();
        for card in catalogue() {
            assert!(names.insert(card.name), "{} twice", card.name);
            assert!(matches!(find(card.name), Ok(Entry::Form(found)) if found.name == card.name));
        }
        for (card, fit) in published_fits() {
            assert!(names.insert(fit.name), "{} twice", fit.name);
            let Ok(Entry::Published(form, found)) = find(fit.name) else {
                panic!("{} not found", fit.name)
            };
            assert_eq!((form.name, found.name), (card.name, fit.name));
        }
    }

    #[test]
    fn every_published_fit_gives_one_constant_for_each_parameter_in_order() {
        for (card, fit) in published_fits() {
            let parameters: Vec<_> = card.parameters.iter().map(|p| p.symbol).collect();
            let constants: Vec<_> = fit.constants.iter().map(|c| c.symbol).collect();
            assert_eq!(constants, parameters, "{}", fit.name);
            let law = card.law(&fit.values()).unwrap();
            assert_eq!(law.values(), fit.values(), "{}", fit.name);
            assert_eq!(law.card().name, card.name);
        }
    }

    #[test]
    fn every_card_says_what_it_is_where_it_holds_and_what_is_said_against_it() {
        for card in catalogue() {
            for text in [card.title, card.formula, card.units, card.valid] {
                assert!(!text.is_empty(), "{}", card.name);
            }
            assert!(card.citation.year >= 2017, "{}", card.name);
            assert!(!card.criticism.is_empty(), "{}", card.name);
            assert!(matches!(card.log_base, "e" | "10"), "{}", card.name);
        }
    }

    #[test]
    fn every_card_refuses_too_few_values_and_values_that_are_no_numbers() {
        for card in catalogue() {
            let error = card.law(&[]).unwrap_err().to_string();
            assert!(error.contains(card.name), "{error}");
            let bad = vec![f64::NAN; card.parameters.len()];
            let error = card.law(&bad).unwrap_err().to_string();
            assert!(error.contains(card.parameters[0].symbol), "{error}");
        }
    }

    #[test]
    fn a_misspelt_name_suggests_the_nearest() {
        for (wrong, right) in [
            ("chinchila", "chinchilla"),
            ("hofmann-2022", "hoffmann-2022"),
            ("kaplan2020", "kaplan-2020"),
        ] {
            assert_eq!(find(wrong).unwrap_err().nearest, Some(right));
        }
        let error = find("zzzzzz").unwrap_err().to_string();
        assert!(error.contains("isoflop laws"), "{error}");
    }

    #[test]
    fn an_explanation_is_one_json_object() {
        let entry = find("besiroglu-2024").unwrap();
        let json = serde_json::to_value(explain(&entry)).unwrap();
        assert_eq!(json["asked_for"], "besiroglu-2024");
        assert_eq!(json["name"], "chinchilla");
        assert_eq!(json["family"], "Loss of size and data");
        assert_eq!(json["fit"]["constants"][3]["value"], 0.3478);
        assert_eq!(json["fit"]["counts"]["params"], "total");
        assert_eq!(json["is_surface"], true);
    }
}
