//! A controller at work, seen from a terminal.

use super::status::{Answer, summary, text};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use isoflop_sweep::{Beginning, ControllerError, Ended, Status, begin, executor_for};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{IsTerminal, Write};

/// Runs a controller to its end; `only_end` begins nothing new.
pub(super) fn drive(
    beginning: Beginning,
    only_end: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let folder = beginning.folder.clone();
    let isoflop = std::env::current_exe()?;
    let mut controller = begin(&beginning, |plan, holder| {
        executor_for(&plan.executor, &folder, isoflop.clone(), &holder.host)
    })
    .map_err(failure)?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, controller.leave_flag())?;
    }
    if only_end {
        controller.only_end();
    }
    let mut line = Line::new();
    let ended = controller.run(&mut |status| line.show(status));
    line.clear();
    let ended = ended.map_err(failure)?;
    let status = Status {
        controller: None,
        ..controller.status().map_err(failure)?
    };
    let (live, exit) = (status.counts.active, exit(&status));
    output.answer(&Answer::new(&folder, status), text)?;
    match ended {
        Ended::Done => Ok(exit),
        Ended::Held => Ok(Exit::No),
        Ended::Left => {
            let path = folder.root().display();
            output.note(format!(
                "{live} runs go on without the controller; `isoflop sweep resume {path}` takes their results in, `isoflop sweep cancel {path}` ends them"
            ));
            Ok(Exit::No)
        }
    }
}

/// Done only if every run came to a result without dispute.
fn exit(status: &Status) -> Exit {
    let counts = &status.counts;
    if counts.failed + counts.cancelled + counts.conflicts + counts.open() == 0 {
        Exit::Done
    } else {
        Exit::No
    }
}

fn failure(error: ControllerError) -> Failure {
    match error {
        ControllerError::Lock(error) => Failure::no(error)
            .hint("`isoflop sweep watch` shows how it goes; `isoflop sweep resume --take-over` takes it from a machine that can't be reached"),
        ControllerError::Refused(message) => Failure::no(format!("the engine refuses: {message}")),
        error => Failure::misuse(error),
    }
}

/// One line of progress, on a terminal only.
struct Line {
    is_terminal: bool,
}

impl Line {
    fn new() -> Self {
        Line {
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, status: &Status) {
        if self.is_terminal {
            // Nothing is left to do where standard error is closed.
            let _ = write!(std::io::stderr(), "\r\x1b[2K{}", summary(status));
            let _ = std::io::stderr().flush();
        }
    }

    fn clear(&mut self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
