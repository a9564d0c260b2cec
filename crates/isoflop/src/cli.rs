//! The arguments that every command shares.

use crate::commands::Command;
use clap::Parser;

/// Know a language model's final loss, and its best size, before you pay for the training run.
///
/// Example:
///   isoflop plan --law besiroglu-2024 --gpus 512xH100 --days 30 --mfu 0.4
#[derive(Debug, Parser)]
#[command(
    version,
    verbatim_doc_comment,
    propagate_version = true,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_of_all_commands_are_consistent() {
        Cli::command().debug_assert();
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
