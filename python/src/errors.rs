//! The exceptions, with the sentences that the command line prints.

use isoflop_fit::{FitError, ForecastError};
use isoflop_laws::UnknownLaw;
use isoflop_plan::{BudgetError, DesignError, LawInUseError, LedgerError};
use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, create_exception};
use std::fmt::Display;

create_exception!(
    isoflop,
    IsoflopError,
    PyValueError,
    "Wrong use, or input that cannot be read."
);
create_exception!(
    isoflop,
    InsufficientData,
    IsoflopError,
    "The answer is \"no\", or the runs do not determine it."
);

/// Wrong use: what ends the command line with status 2.
pub fn misuse(error: impl Display) -> PyErr {
    IsoflopError::new_err(error.to_string())
}

/// Wrong use, and what can be done about it.
pub fn misuse_with_hint(error: impl Display, hint: impl Display) -> PyErr {
    IsoflopError::new_err(format!("{error}\n\nhint: {hint}"))
}

/// The data do not suffice: what ends it with status 1.
pub fn no(error: impl Display) -> PyErr {
    InsufficientData::new_err(error.to_string())
}

pub fn of_fit(error: FitError) -> PyErr {
    match error {
        FitError::Unknown(unknown) => of_law(unknown),
        FitError::NotFitted { .. } | FitError::Option { .. } => misuse(error),
        insufficient => no(insufficient),
    }
}

pub fn of_law(unknown: UnknownLaw) -> PyErr {
    let sentence = format!("there is no law `{}`", unknown.name);
    match unknown.nearest {
        Some(name) => misuse_with_hint(sentence, format!("did you mean `{name}`?")),
        None => misuse_with_hint(sentence, "`isoflop.laws()` lists them all"),
    }
}

pub fn of_law_in_use(error: LawInUseError) -> PyErr {
    match error {
        LawInUseError::Unknown(unknown) => of_law(unknown),
        other => misuse(other),
    }
}

pub fn of_forecast(error: ForecastError) -> PyErr {
    match error {
        ForecastError::NoOptimum { .. } | ForecastError::Law(_) => no(error),
        wrong => misuse(wrong),
    }
}

pub fn of_design(error: DesignError) -> PyErr {
    match error {
        DesignError::TargetAffordable { .. } | DesignError::Noise(_) => misuse(error),
        other => no(other),
    }
}

pub fn of_budget(error: BudgetError) -> PyErr {
    match error {
        BudgetError::UnknownDevice(name) => misuse_with_hint(
            format!("there is no accelerator `{name}`"),
            "`isoflop.accelerators()` lists them all",
        ),
        other => misuse(other),
    }
}

pub fn of_ledger(path: &str, error: LedgerError) -> PyErr {
    match error {
        LedgerError::Unreadable { .. } | LedgerError::Changed { .. } => misuse_with_hint(
            format!("{path}: {error}"),
            "`isoflop forecast check` says what was changed",
        ),
        other => misuse(other),
    }
}
