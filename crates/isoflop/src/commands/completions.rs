//! `isoflop completions`: completion scripts for shells.

use crate::cli::Cli;
use crate::failure::{Exit, Failure};
use crate::output::Output;

use clap_complete::Shell;

/// Print the completion script for a shell.
///
/// Example:
///   isoflop completions bash > ~/.local/share/bash-completion/completions/isoflop
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// Shell to complete in
    shell: Shell,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::one_page(), "isoflop", &mut script);
    output.raw(&script)?;
    Ok(Exit::Done)
}
