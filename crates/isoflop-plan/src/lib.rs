//! Decisions from scaling laws: forecasts, budgets, diagnosis, design of experiments, backtests.
//!
//! Invariant: this crate reads no file and no clock; the time of a forecast is given by the caller.

#![warn(clippy::unwrap_used)]

mod accelerator;
mod agreement;
mod allocation_rule;
mod architecture;
mod backtest;
mod belief;
mod design;
mod diagnosis;
mod elasticity;
mod forecast;
mod growth;
mod in_sample;
mod known_model;
mod law_in_use;
mod ledger;
mod metric;
mod plan;
mod published_forecast;
mod repetition;
mod saved_fit;
mod sealed;
mod serving;
mod simulate;
mod stopping;
mod surface;

pub use accelerator::{ACCELERATORS, Accelerator, BudgetError, Cluster, days_for_money};
pub use agreement::{Agreement, AgreementError, OtherConstant, Region, agreement};
pub use allocation_rule::{ALLOCATION_RULES, AllocationRule, Given, Share};
pub use architecture::{Architecture, CountedArchitecture, architectures_near};
pub use backtest::{
    Backtest, BacktestError, BacktestPoint, ByExtrapolation, ErrorSummary, Forecaster, Split,
    backtest, pooled,
};
pub use design::{
    Design, DesignAnswer, DesignError, DesignRequest, LAWS_IN_PLAY, NoiseFrom, PlannedRun,
    USUAL_NOISE, design, design_by_forecasts, design_in_play, interval_of_width,
};
pub use diagnosis::{BALANCED_WITHIN, Diagnosis, Verdict, diagnose};
pub use elasticity::{Elasticities, ElasticityIntervals, elasticities, elasticity_intervals};
pub use forecast::{Conventions, ForecastPoint, LawForecast};
pub use growth::{Growth, growth};
pub use in_sample::{InSample, in_sample};
pub use known_model::{KNOWN_MODELS, KnownModel, known_model};
pub use law_in_use::{LawInUse, LawInUseError, LawSurface, SaidLoss};
pub use ledger::{Event, Ledger, LedgerEntry, LedgerError, Outcome, Score, TrackRecord};
pub use metric::{
    MetricAnswer, MetricError, MetricFit, MetricForecast, MetricLaw, MetricRun, UnknownMetricLaw,
    fit_metric,
};
pub use plan::{Plan, PlanAnswer, PlanError, PlanRequest, SameLoss, VALLEY_TOLERANCE, plan};
pub use published_forecast::{PublishedForecastError, conventions_of, published_forecast};
pub use repetition::Repeated;
pub use saved_fit::{SavedFit, SavedFitError};
pub use sealed::{ForecastBody, SealError, SealedForecast, SealedRun};
pub use serving::{ServedModel, cheapest_to_serve, tokens_to_reach};
pub use simulate::{IsoflopGrid, measure};
pub use stopping::{EfficientStop, StoppingError, efficient_stop};
pub use surface::{
    Surface, SurfaceError, SurfacePoint, Valley, cheapest_for, data_for, optimum, size_for, valley,
};
