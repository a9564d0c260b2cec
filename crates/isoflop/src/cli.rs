//! The arguments that every command shares.

use crate::commands::Command;
use clap::{CommandFactory, FromArgMatches, Parser};

/// Know a language model's final loss, and its best size, before you pay for the training run.
///
/// Example:
///   isoflop plan --law besiroglu-2024 --gpus 512xH100 --days 30 --mfu 0.4
#[derive(Debug, Parser)]
#[command(
    version,
    verbatim_doc_comment,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "Exit status: 0 done; 1 the answer is \"no\" or the data are insufficient; \
                  2 wrong use or unreadable input.\n\
                  Sizes are written as people write them: 70B, 1.4T, 5.76e23."
)]
pub struct Cli {
    /// Print one JSON object on standard output and nothing else
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// What the command is, examples, usage, arguments: in this order, and on one screen.
const HELP: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

impl Cli {
    /// Reads the arguments of the process. Wrong use ends the process with clap's own message
    /// and status 2; `--help` with status 0.
    pub fn read() -> Self {
        let matches = Self::one_page().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The command, with help that fits on a screen.
    pub fn one_page() -> clap::Command {
        on_one_page(Self::command())
    }
}

/// Puts the first line of the description into `about` and its examples before the usage.
/// Otherwise clap sees a long description and spreads the arguments over two lines each.
fn on_one_page(command: clap::Command) -> clap::Command {
    let long = command.get_long_about().map(ToString::to_string);
    let command = match long.as_deref().and_then(|long| long.split_once('\n')) {
        Some((first, examples)) => command
            .about(first.trim().to_owned())
            .before_help(examples.trim_matches('\n').to_owned() + "\n\n"),
        None => command,
    };
    let command = command.long_about(None).help_template(HELP);
    let names: Vec<String> = command
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, on_one_page)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_all_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_fits_on_a_screen() {
        let mut command = Cli::one_page().term_width(100);
        command.build();
        for command in command.get_subcommands_mut() {
            let help = command.render_help().to_string();
            let lines = help.lines().count();
            assert!(lines <= 50, "{}: {lines} lines\n{help}", command.get_name());
        }
    }

    #[test]
    fn every_command_starts_its_help_with_one_sentence_and_an_example() {
        for command in Cli::command().get_subcommands() {
            let about = command.get_long_about().or(command.get_about());
            let about = about.map(ToString::to_string).unwrap_or_default();
            let name = command.get_name();
            assert!(
                about.lines().next().is_some_and(|line| line.len() > 10),
                "{name}"
            );
            assert!(
                about.contains(&format!("isoflop {name}")),
                "{name} shows no example"
            );
        }
    }
}
