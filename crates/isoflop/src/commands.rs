//! Every command: one line below, one file in this folder.

mod accelerators;
mod backtest;
mod completions;
mod design;
mod diagnose;
mod elasticity;
mod experiment;
mod figure;
mod fit;
mod forecast;
mod import;
mod laws;
mod plan;
mod predict;
mod quickstart;
mod report;
mod runs;
mod serve;
mod simulate;
mod sweep;
mod train;
mod training;

use crate::failure::{Exit, Failure};
use crate::output::Output;

macro_rules! commands {
    ($($variant:ident => $module:ident),+ $(,)?) => {
        /// A command and its arguments; what it does is said by its module's `Args`.
        #[derive(Debug, clap::Subcommand)]
        pub enum Command {
            $($variant($module::Args),)+
        }

        impl Command {
            /// Runs the command and writes its answer.
            pub fn run(self, output: &mut Output) -> Result<Exit, Failure> {
                match self {
                    $(Command::$variant(args) => $module::run(args, output),)+
                }
            }
        }
    };
}

// In the order in which `--help` lists them.
commands! {
    Quickstart => quickstart,
    Experiment => experiment,
    Fit => fit,
    Predict => predict,
    Plan => plan,
    Diagnose => diagnose,
    Elasticity => elasticity,
    Design => design,
    Backtest => backtest,
    Forecast => forecast,
    Simulate => simulate,
    Sweep => sweep,
    Train => train,
    Report => report,
    Figure => figure,
    Serve => serve,
    Import => import,
    Runs => runs,
    Laws => laws,
    Accelerators => accelerators,
    Completions => completions,
}
