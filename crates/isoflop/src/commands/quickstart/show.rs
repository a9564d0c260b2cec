//! What is seen while a quickstart works: two bars on a terminal, now and then a line elsewhere.

use super::text;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use isoflop_quickstart::{Event, Progress, Step};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(30);

/// Positions of a bar.
const LENGTH: u64 = 1000;

/// The screen.
pub struct Show {
    bars: Option<Bars>,
    spoke: Instant,
}

struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    run: ProgressBar,
}

impl Show {
    /// Bars if standard error is a terminal.
    pub fn new() -> Self {
        Self {
            bars: std::io::stderr().is_terminal().then(Bars::new),
            spoke: Instant::now(),
        }
    }

    /// Shows something that happened.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Began(step) => self.began(*step),
            Event::Corpus(facts) => self.say(&text::corpus(facts)),
            Event::Planned { plan, resumed } => self.say(&text::plan(plan, *resumed)),
            Event::RunBegan {
                run,
                number,
                of,
                step,
            } => self.began_run(&run.name, *number, *of, *step),
            Event::Progress(progress) => self.progress(progress),
            Event::RunEnded { run, number, of } => self.say(&text::ended(run, *number, *of)),
            Event::Slower(factor) => self.say(&format!(
                "note: runs take {factor:.1} times as long as measured before the start: is the \
                 machine busy?"
            )),
            Event::LeftOut { run, why } => self.say(&format!("{run}: {why}")),
            Event::Sealed { forecast, path } => self.say(&text::sealed(forecast, path)),
            Event::Compared(_) => {}
            Event::Written(path) => self.say(&format!("wrote {}", path.display())),
        }
    }

    /// Takes the bars away.
    pub fn end(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.run.finish_and_clear();
            bars.whole.finish_and_clear();
        }
    }

    fn began(&mut self, step: Step) {
        let words = match step {
            Step::Corpus => "gathering text and training the tokeniser",
            Step::Plan => "measuring this machine's speed",
            Step::Small => "training the small runs",
            Step::Forecast => "fitting the laws",
            Step::Target => "training the target",
            Step::Report => "drawing figures",
        };
        match &self.bars {
            Some(bars) => bars.whole.set_message(words),
            None => self.say(words),
        }
    }

    fn began_run(&mut self, name: &str, number: usize, of: usize, step: u64) {
        if let Some(bars) = &self.bars {
            bars.run.set_prefix(format!("{name} ({number} of {of})"));
        }
        if step > 0 {
            self.say(&format!("{name} goes on at step {step}"));
        }
    }

    fn progress(&mut self, progress: &Progress) {
        if let Some(bars) = &self.bars {
            bars.whole
                .set_position((progress.whole * LENGTH as f64) as u64);
            bars.whole
                .set_prefix(format!("{} left", text::duration(progress.left)));
            bars.run
                .set_position((progress.of_run.share * LENGTH as f64) as u64);
            bars.run
                .set_message(format!("loss {:.3}", progress.of_run.loss));
        } else if self.spoke.elapsed() > QUIET {
            self.say(&text::progress(progress));
        }
    }

    fn say(&mut self, text: &str) {
        self.spoke = Instant::now();
        // Nothing is left to do where standard error itself is closed.
        let _ = match &self.bars {
            Some(bars) => bars.all.println(text),
            None => writeln!(std::io::stderr(), "{text}"),
        };
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = |template: &str| {
            let style = ProgressStyle::with_template(template);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(LENGTH).with_style(style.progress_chars("━╸ "))
        };
        let whole = all.add(bar("  whole  [{bar:30}] {percent:>3} %  {prefix}  {msg}"));
        let run = all.add(bar("  run    [{bar:30}] {percent:>3} %  {prefix}  {msg}"));
        Self { all, whole, run }
    }
}
