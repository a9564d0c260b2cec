//! The command line of isoflop: reads arguments, calls the crates below, writes answers.
//!
//! - [`cli`] the arguments that every command shares, and `--help`
//! - [`commands`] one small file per command
//! - [`runs_argument`] where runs come from, and what is said of those that are not used
//! - [`fitting`] fits laws to the runs that a command was given
//! - [`saved_fit`] a fit as a file
//! - [`analysis_argument`] runs and the question asked of them, for figures and the report
//! - [`law_argument`] the law that a command answers by
//! - [`plot`] small plots below answers, on a terminal
//! - [`points`] the runs to forecast
//! - [`ledger_file`] the ledger of forecasts as a file
//! - [`output`] how answers are written: text or one JSON object, colour, tables
//! - [`text`] pieces of text that several answers share
//! - [`interrupt`] Ctrl-C
//! - [`failure`] why a command ends without an answer, and the exit status
//!
//! Invariant: no mathematics here, and no other crate writes to the terminal.

#![warn(clippy::unwrap_used)]

mod analysis_argument;
mod cli;
mod commands;
mod failure;
mod fitting;
mod interrupt;
mod law_argument;
mod ledger_file;
mod output;
mod plot;
mod points;
mod runs_argument;
mod saved_fit;
mod text;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Wrong use ends here with clap's own message and status 2; `--help` with status 0.
    let cli = cli::Cli::read();
    let mut output = output::Output::new(cli.json);
    match cli.command.run(&mut output) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}
