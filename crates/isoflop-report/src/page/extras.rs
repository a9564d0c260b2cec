//! What a report about runs has beyond a forecast: budgets to try, and how sure the answer is.

use isoflop_laws::{Flops, Loss, Params, Tokens};

/// Parts of a report that may be absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extras {
    /// Budgets to try in the page.
    pub explorer: Option<Explorer>,
    /// How sure the answer is and why, one sentence each.
    pub how_sure: Vec<String>,
    /// Figures that the runs do not allow, and why.
    pub left_out: Vec<(String, String)>,
    /// What was derived or mixed when runs were read.
    pub notes: Vec<String>,
}

/// The best model of each budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Explorer {
    /// By compute.
    pub points: Vec<ExplorerPoint>,
    /// Rules to compare with.
    pub schools: Vec<School>,
    /// The budget that the page starts with.
    pub target: Flops,
    /// Largest compute of a fitted run.
    pub largest: Flops,
}

/// The best model of one budget, and its forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExplorerPoint {
    /// The budget C.
    pub flops: Flops,
    /// Best size N.
    pub params: Params,
    /// Ends of the interval of the best size.
    pub params_interval: Option<(Params, Params)>,
    /// Best data D.
    pub tokens: Tokens,
    /// Predicted loss.
    pub loss: Loss,
    /// Lower end of the interval.
    pub low: Loss,
    /// Upper end of the interval.
    pub high: Loss,
}

/// A rule N = N₀ (C / C₀)^a, D = C / 6N.
#[derive(Debug, Clone, PartialEq)]
pub struct School {
    /// Who says so.
    pub name: String,
    /// a.
    pub exponent: f64,
    /// N₀.
    pub anchor_params: Params,
    /// C₀.
    pub anchor_flops: Flops,
}

impl Explorer {
    /// Some of the points, for a table.
    pub(super) fn shown(&self) -> Vec<&ExplorerPoint> {
        const ROWS: usize = 9;
        let step = self.points.len().div_ceil(ROWS).max(1);
        self.points.iter().step_by(step).collect()
    }
}
