//! What is seen while an experiment works: a bar on a terminal, now and then a line elsewhere.

use super::text;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use isoflop_experiments::{Event, Progress};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(30);

/// Positions of the bar.
const LENGTH: u64 = 1000;

/// The screen.
pub struct Show {
    bar: Option<ProgressBar>,
    spoke: Instant,
}

impl Show {
    /// A bar if standard error is a terminal.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("  [{bar:30}] {percent:>3} %  {prefix}  {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::with_draw_target(Some(LENGTH), ProgressDrawTarget::stderr());
            bar.with_style(style.progress_chars("━╸ "))
        });
        Self {
            bar,
            spoke: Instant::now(),
        }
    }

    /// Shows something that happened.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Gathering => self.say("gathering text and training the tokeniser"),
            Event::Corpus(facts) => self.say(&text::corpus(facts)),
            Event::Measuring => self.say("measuring this machine's speed"),
            Event::Planned {
                runs,
                ended,
                time,
                resumed,
            } => self.say(&text::planned(*runs, *ended, *time, *resumed)),
            Event::Progress(progress) => self.progress(progress),
            Event::Written(path) => self.say(&format!("wrote {}", path.display())),
        }
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn progress(&mut self, progress: &Progress) {
        if let Some(bar) = &self.bar {
            bar.set_position((progress.whole * LENGTH as f64) as u64);
            bar.set_prefix(format!("{} left", text::duration(progress.left)));
            bar.set_message(format!("{} of {} runs", progress.ended, progress.of));
        } else if self.spoke.elapsed() > QUIET {
            self.say(&text::progress(progress));
        }
    }

    fn say(&mut self, text: &str) {
        self.spoke = Instant::now();
        // Nothing is left to do where standard error itself is closed.
        let _ = match &self.bar {
            Some(bar) => {
                bar.println(text);
                Ok(())
            }
            None => writeln!(std::io::stderr(), "{text}"),
        };
    }
}
