//! `isoflop train`: one run with the built-in trainer, from a specification to a result.

use crate::failure::{Exit, Failure};
use crate::output::Output;
use indicatif::HumanDuration;
use isoflop_train::{Progress, RunPlaces, RunResult, RunSpec, Wish, train_spec};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Train one model as a JSON file says, and write its result.
///
/// Killed at any instant and started again it goes on from its checkpoint, to the same bits. On
/// SIGTERM and Ctrl-C it saves its state and leaves; on SIGUSR1 it saves and goes on.
///
/// Example:
///   echo '{"params": 1e5, "tokens": 1e6, "settings": {"corpus": "text"}}' > run.json
///   isoflop train run.json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The specification (docs/train.md)
    spec: PathBuf,
    /// The result to write; SPEC.result.json if not given
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
    /// The learning curve to write; SPEC.curve.jsonl if not given
    #[arg(long, value_name = "FILE")]
    curve: Option<PathBuf>,
    /// Folder of the checkpoint; SPEC.checkpoint if not given
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let spec = RunSpec::read(&args.spec).map_err(Failure::misuse)?;
    let beside = RunPlaces::beside(&args.spec);
    let places = RunPlaces {
        result: args.result.unwrap_or(beside.result),
        curve: args.curve.unwrap_or(beside.curve),
        checkpoint: args.checkpoint.unwrap_or(beside.checkpoint),
    };
    let (leave, save) = (Arc::default(), Arc::default());
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&leave))?;
    }
    signal_hook::flag::register(SIGUSR1, Arc::clone(&save))?;
    let mut watch = Watch {
        leave,
        save,
        is_terminal: std::io::stderr().is_terminal(),
        shown: None,
        begun: None,
    };
    let result = train_spec(&spec, &places, &mut |progress| watch.look(progress));
    watch.clear();
    let Some(result) = result.map_err(Failure::misuse)? else {
        let again = args.spec.display();
        output.note(format!(
            "the state is saved; `isoflop train {again}` goes on"
        ));
        return Ok(Exit::No);
    };
    let is_finished = result.loss.is_some();
    output.answer(&result, text)?;
    // A divergence is a result: a sweep takes it as one.
    Ok(if is_finished || args_are_of_a_sweep(&spec) {
        Exit::Done
    } else {
        Exit::No
    })
}

/// A sweep gives every run its key, and reads the result itself.
fn args_are_of_a_sweep(spec: &RunSpec) -> bool {
    spec.key.is_some()
}

/// Looks at signals, and shows how far the run is.
struct Watch {
    leave: Arc<AtomicBool>,
    save: Arc<AtomicBool>,
    is_terminal: bool,
    shown: Option<Instant>,
    /// When the first step of this process was seen, and which it was.
    begun: Option<(Instant, u64)>,
}

impl Watch {
    fn look(&mut self, progress: Progress) -> Wish {
        let is_due = self
            .shown
            .is_none_or(|shown| shown.elapsed() > Duration::from_millis(200));
        let (begun, first) = *self.begun.get_or_insert((Instant::now(), progress.step));
        if self.is_terminal && is_due {
            self.shown = Some(Instant::now());
            let Progress { step, steps, loss } = progress;
            let left = match time_left(begun.elapsed(), step - first, steps - step) {
                Some(left) => format!(", {:#} left", HumanDuration(left)),
                None => String::new(),
            };
            // Nothing is left to do where standard error is closed.
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[2Kstep {step} of {steps}, loss {loss:.4}{left}"
            );
        }
        if self.leave.load(Ordering::Relaxed) {
            Wish::Leave
        } else if self.save.swap(false, Ordering::Relaxed) {
            Wish::Save
        } else {
            Wish::GoOn
        }
    }

    fn clear(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Time for `left` more steps at the pace of the `done` steps that took `elapsed`; `None` before the
/// first, and while the loss is measured.
fn time_left(elapsed: Duration, done: u64, left: u64) -> Option<Duration> {
    let paced = done > 0 && left > 0;
    let secs = elapsed.as_secs_f64() * left as f64 / done as f64;
    paced
        .then(|| Duration::try_from_secs_f64(secs).ok())
        .flatten()
}

fn text(result: &RunResult) -> String {
    let shape = &result.spec.shape;
    let what = format!(
        "{} parameters (width {}, {} layers), {} tokens, {} steps, {:.3e} FLOPs\n",
        result.params, shape.width, shape.layers, result.tokens, result.step, result.flops
    );
    match (result.loss, &result.reason) {
        (Some(loss), _) => {
            let std = result
                .loss_std
                .map_or_else(String::new, |std| format!(" ± {std:.4}"));
            format!("{what}loss {loss:.4}{std} nats per token\n")
        }
        (None, Some(reason)) => format!("{what}{reason}\n"),
        (None, None) => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_steps_left_at_the_pace_of_those_done() {
        let minute = Duration::from_secs(60);
        assert_eq!(time_left(minute, 30, 90), Some(3 * minute));
        // Nothing is known in front of the first step, and nothing is left after the last.
        assert_eq!(time_left(minute, 0, 90), None);
        assert_eq!(time_left(minute, 30, 0), None);
        assert_eq!(format!("{:#} left", HumanDuration(3 * minute)), "3m left");
    }
}
