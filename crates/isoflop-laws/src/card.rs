//! What is known of a law beside its formula: source, units, conventions, published constants,
//! the range they were fitted on, and what has been said against it.

use crate::{FlopCount, Law, LawError, ParamCount};
use serde::Serialize;

mod text;

/// Where a law or a constant was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Citation {
    /// Authors as they are cited, such as `Hoffmann et al.`.
    pub authors: &'static str,
    /// Year of publication.
    pub year: u16,
    /// Title of the work.
    pub title: &'static str,
    /// Identifier on arxiv.org, such as `2203.15556`; empty where there is none.
    pub arxiv: &'static str,
    /// Equation, section or table.
    pub place: &'static str,
}

/// What the numbers of a fit count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Which parameters N counts; `None` where the law has no N.
    pub params: Option<ParamCount>,
    /// How C was obtained; `None` where the law has no C.
    pub flops: Option<FlopCount>,
}

impl Counts {
    /// A law without N and C.
    pub const NONE: Self = Self {
        params: None,
        flops: None,
    };
    /// Total parameters and C = 6ND.
    pub const TOTAL: Self = Self {
        params: Some(ParamCount::Total),
        flops: Some(FlopCount::SixNd),
    };
    /// Non-embedding parameters and C = 6ND.
    pub const NON_EMBEDDING: Self = Self {
        params: Some(ParamCount::NonEmbedding),
        flops: Some(FlopCount::SixNd),
    };
}

/// A parameter of a law's formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name in the formula, in JSON and on the command line.
    pub symbol: &'static str,
    /// Its unit; `1` for a pure number.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

impl Parameter {
    /// A parameter of a formula.
    #[must_use]
    pub const fn new(symbol: &'static str, unit: &'static str, meaning: &'static str) -> Self {
        Self {
            symbol,
            unit,
            meaning,
        }
    }
}

/// How far a published constant may be from the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uncertainty {
    /// Standard error, in the constant's unit.
    StandardError(f64),
    /// An interval with its nominal level.
    Interval {
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
        /// Nominal level, such as 0.8.
        level: f64,
    },
    /// The publication gives none.
    NotPublished,
}

/// Whether a constant was read in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Given by the publication, and confirmed by recomputing one of its own numbers or by a
    /// public implementation.
    Confirmed,
    /// As the publication prints it; nothing of its own was recomputed.
    Printed,
    /// Computed from other numbers that the publication prints; the note says from which.
    Derived,
    /// Quoted at second hand: check it against the publication before relying on it.
    Unverified,
}

/// A published constant of a law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Constant {
    /// The [`Parameter`]'s symbol.
    pub symbol: &'static str,
    /// Its value in the parameter's unit.
    pub value: f64,
    /// How far it may be from the truth.
    pub uncertainty: Uncertainty,
    /// Whether it was read in its source.
    pub provenance: Provenance,
    /// What else must be known to use it; empty where nothing.
    pub note: &'static str,
}

impl Constant {
    /// A constant as its publication prints it, without uncertainty.
    #[must_use]
    pub const fn printed(symbol: &'static str, value: f64) -> Self {
        Self {
            symbol,
            value,
            uncertainty: Uncertainty::NotPublished,
            provenance: Provenance::Printed,
            note: "",
        }
    }

    /// The same constant, confirmed by recomputation or by a public implementation.
    #[must_use]
    pub const fn confirmed(self, note: &'static str) -> Self {
        Self {
            provenance: Provenance::Confirmed,
            note,
            ..self
        }
    }

    /// A constant computed from other numbers that the publication prints.
    #[must_use]
    pub const fn derived(symbol: &'static str, value: f64, note: &'static str) -> Self {
        Self {
            provenance: Provenance::Derived,
            note,
            ..Self::printed(symbol, value)
        }
    }

    /// The same constant, quoted at second hand.
    #[must_use]
    pub const fn unverified(self, note: &'static str) -> Self {
        Self {
            provenance: Provenance::Unverified,
            note,
            ..self
        }
    }

    /// The same constant with its published standard error.
    #[must_use]
    pub const fn give_or_take(self, standard_error: f64) -> Self {
        Self {
            uncertainty: Uncertainty::StandardError(standard_error),
            ..self
        }
    }

    /// The same constant with its published interval.
    #[must_use]
    pub const fn within(self, lo: f64, hi: f64, level: f64) -> Self {
        Self {
            uncertainty: Uncertainty::Interval { lo, hi, level },
            ..self
        }
    }
}

/// The smallest and largest value that a fit has seen, in plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// Smallest value.
    pub lo: f64,
    /// Largest value.
    pub hi: f64,
}

impl Range {
    /// From the smallest to the largest value.
    #[must_use]
    pub const fn new(lo: f64, hi: f64) -> Option<Self> {
        Some(Self { lo, hi })
    }
}

impl FittedOn {
    /// Runs of which no range is stated.
    #[must_use]
    pub const fn data(data: &'static str) -> Self {
        Self {
            data,
            params: None,
            tokens: None,
            flops: None,
        }
    }
}

/// What a published fit was made on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FittedOn {
    /// The corpus, tokeniser and kind of model.
    pub data: &'static str,
    /// N of the runs, as the fit counts it; `None` where the publication does not say.
    pub params: Option<Range>,
    /// D of the runs.
    pub tokens: Option<Range>,
    /// C of the runs, FLOPs.
    pub flops: Option<Range>,
}

/// A law's constants as somebody published them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PublishedFit {
    /// Author and year, such as `hoffmann-2022`; unique in the catalogue.
    pub name: &'static str,
    /// Where it was published.
    pub citation: Citation,
    /// What N and C count.
    pub counts: Counts,
    /// What it was fitted on.
    pub fitted_on: FittedOn,
    /// One constant for each of the law's parameters, in their order.
    pub constants: &'static [Constant],
    /// What must be known to use it; empty where nothing.
    pub note: &'static str,
}

impl PublishedFit {
    /// The constants' values, in the order of the law's parameters.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        self.constants
            .iter()
            .map(|constant| constant.value)
            .collect()
    }

    /// The value of one constant.
    #[must_use]
    pub fn value(&self, symbol: &str) -> Option<f64> {
        let found = self.constants.iter().find(|c| c.symbol == symbol);
        found.map(|constant| constant.value)
    }
}

/// Makes a law from values for its parameters.
pub type Build = fn(&[f64]) -> Result<Box<dyn Law>, LawError>;

/// Everything the catalogue says about a law.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LawCard {
    /// The law's name on the command line, such as `chinchilla`.
    pub name: &'static str,
    /// What the law is, in a few words.
    pub title: &'static str,
    /// The formula in plain text.
    pub formula: &'static str,
    /// Every quantity in the formula with its unit and what it counts.
    pub units: &'static str,
    /// Base of the logarithms in the formula and its constants: `e` or `10`.
    pub log_base: &'static str,
    /// Where the law was published first.
    pub citation: Citation,
    /// The formula's parameters, in the order in which values are given.
    pub parameters: &'static [Parameter],
    /// Published constants; empty where the publication gives none that could be confirmed.
    pub published: &'static [PublishedFit],
    /// Where the law holds, in words.
    pub valid: &'static str,
    /// What has been said against it, each with its source.
    pub criticism: &'static [&'static str],
    /// Makes the law from values for its parameters.
    #[serde(skip)]
    pub build: Build,
}

impl LawCard {
    /// The law with these values, in the order of [`LawCard::parameters`].
    ///
    /// # Errors
    /// [`LawError::WrongCount`] or [`LawError::NotFinite`] for values that cannot be its
    /// parameters.
    pub fn law(&self, values: &[f64]) -> Result<Box<dyn Law>, LawError> {
        (self.build)(values)
    }

    /// The published fit of this name.
    #[must_use]
    pub fn fit(&self, name: &str) -> Option<&'static PublishedFit> {
        self.published.iter().find(|fit| fit.name == name)
    }
}
