//! The extension module `isoflop._native`: a thin binding over the crates.
//!
//! Runs come in as Arrow streams, columns or paths. Answers go out as the JSON that the command
//! line prints, numbers in the shortest form that reads back to the same bits. Everything else is
//! Python. Work is done without the interpreter's lock, and Ctrl-C ends the wait for it.

mod answer;
mod arrow;
mod design;
mod errors;
mod fitted;
mod frame;
mod interrupt;
mod ledger;
mod metric;
mod published;
mod request;
mod runs;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use super::*;

    #[pymodule_export]
    use super::errors::{InsufficientData, IsoflopError};
    #[pymodule_export]
    use super::fitted::{Fit, backtest, fit};
    #[pymodule_export]
    use super::frame::{from_columns, from_stream};
    #[pymodule_export]
    use super::ledger::{score, scores};
    #[pymodule_export]
    use super::metric::predict_metric;
    #[pymodule_export]
    use super::published::{
        accelerators, design_published, diagnose_published, laws, plan_published, predict_published,
    };
    #[pymodule_export]
    use super::runs::{Runs, read, write_record, write_text};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
