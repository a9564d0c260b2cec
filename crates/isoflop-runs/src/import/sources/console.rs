//! Console logs, by the patterns of known programs or by the user's own.

use super::console_patterns::{PROGRAMS, Program};
use super::{Importer, Logged, name_below, read_file};
use crate::column::Column;
use crate::import::format::Format;
use crate::import::history::LoggedRun;
use crate::import::{ImportError, ImportOptions};
use regex::{Regex, RegexBuilder};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Reads `.log`, `.txt` and `.out` files.
pub(super) struct Console;

/// Bytes of a file in which a known program must show itself.
const START: usize = 256 * 1024;
/// Longer lines are no lines of a log.
const MAX_LINE: usize = 64 * 1024;
/// Compiled patterns of the user's may not grow beyond this.
const MAX_PATTERN: usize = 1 << 20;

/// A program's patterns, compiled.
struct Matcher {
    note: Option<&'static str>,
    name: &'static str,
    patterns: Vec<Regex>,
}

static MATCHERS: LazyLock<Vec<Matcher>> =
    LazyLock::new(|| PROGRAMS.iter().filter_map(Matcher::of).collect());

/// Colours of a terminal.
static COLOURS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;]*m").ok());

impl Matcher {
    /// Every pattern compiles: a test says so.
    fn of(program: &Program) -> Option<Matcher> {
        let patterns: Result<Vec<Regex>, _> =
            program.patterns.iter().map(|p| Regex::new(p)).collect();
        Some(Matcher {
            note: program.note,
            name: program.name,
            patterns: patterns.ok()?,
        })
    }

    fn custom(pattern: &str) -> Result<Matcher, ImportError> {
        let bad = |error: &dyn std::fmt::Display| ImportError::BadPattern(error.to_string());
        let regex = RegexBuilder::new(pattern)
            .size_limit(MAX_PATTERN)
            .build()
            .map_err(|error| bad(&error))?;
        let mut has_loss = false;
        for name in regex.capture_names().flatten() {
            let column: Result<Column, _> = name.parse();
            if name != "train_loss" && name != "val_loss" {
                column.map_err(|error| bad(&error))?;
            }
            has_loss |= name.ends_with("loss") || name == "bits_per_byte";
        }
        if !has_loss {
            return Err(bad(&"it has no group `(?<loss>…)`"));
        }
        Ok(Matcher {
            note: None,
            name: "the pattern",
            patterns: vec![regex],
        })
    }

    fn captures<'l>(&self, line: &'l str) -> Option<(&Regex, regex::Captures<'l>)> {
        let mut found = self.patterns.iter();
        found.find_map(|regex| Some((regex, regex.captures(line)?)))
    }

    fn matches(&self, text: &str) -> usize {
        lines(text)
            .filter(|line| self.captures(line).is_some())
            .count()
    }
}

impl Importer for Console {
    fn format(&self) -> Format {
        Format::Log
    }

    fn claims(&self, path: &Path) -> bool {
        is_log_name(path)
            && read_file(path).is_ok_and(|bytes| {
                let start = &bytes[..bytes.len().min(START)];
                program_of(&String::from_utf8_lossy(start)).is_some()
            })
    }

    fn read(
        &self,
        folder: &Path,
        files: &[PathBuf],
        options: &ImportOptions,
        logged: &mut Logged,
    ) -> Result<(), ImportError> {
        let custom = options
            .pattern
            .as_deref()
            .map(Matcher::custom)
            .transpose()?;
        for path in files {
            let name = name_below(folder, &path.with_extension(""));
            add_log(&read_file(path)?, path, name, custom.as_ref(), logged);
        }
        Ok(())
    }
}

/// Reads a log that is in memory.
pub(super) fn read_bytes(
    bytes: &[u8],
    path: &Path,
    pattern: Option<&str>,
    logged: &mut Logged,
) -> Result<(), ImportError> {
    let custom = pattern.map(Matcher::custom).transpose()?;
    let name = path.with_extension("").display().to_string();
    add_log(bytes, path, name, custom.as_ref(), logged);
    Ok(())
}

fn add_log(bytes: &[u8], path: &Path, name: String, custom: Option<&Matcher>, logged: &mut Logged) {
    let text = String::from_utf8_lossy(bytes);
    let shown = path.display();
    let Some(matcher) = custom.or_else(|| program_of(&text)) else {
        let note = format!("{shown}: no line is one of a program that is known");
        return logged.notes.push(note);
    };
    let mut run = LoggedRun {
        name,
        source: shown.to_string(),
        ..LoggedRun::default()
    };
    read_log(matcher, &text, &mut run);
    if run.series.is_empty() {
        let note = format!("{shown}: no line matches {}", matcher.name);
        return logged.notes.push(note);
    }
    derive(&mut run);
    let note = matcher.note.map(str::to_owned);
    if let Some(note) = note.filter(|note| !logged.notes.contains(note)) {
        logged.notes.push(note);
    }
    logged.runs.push(run);
}

/// Whether a file has the name of a log.
pub(super) fn is_log_name(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    ["log", "txt", "out", "stdout"].contains(&&*extension)
}

/// The program with the most lines in a text; at least two, since one could be by chance.
fn program_of(text: &str) -> Option<&'static Matcher> {
    let counted = MATCHERS
        .iter()
        .map(|matcher| (matcher.matches(text), matcher));
    let best = counted.max_by_key(|(count, _)| *count)?;
    (best.0 >= 2).then_some(best.1)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    // Progress bars overwrite a line with carriage returns.
    text.split(['\n', '\r'])
        .filter(|line| !line.is_empty() && line.len() <= MAX_LINE)
}

fn read_log(matcher: &Matcher, text: &str, run: &mut LoggedRun) {
    let mut step = 0;
    for line in lines(text) {
        let line = match COLOURS.as_ref() {
            Some(colours) if line.contains('\u{1b}') => colours.replace_all(line, ""),
            _ => line.into(),
        };
        let Some((regex, captures)) = matcher.captures(&line) else {
            continue;
        };
        let value = |name: &str| captures.name(name).and_then(|found| number(found.as_str()));
        if let Some(at) = value("step").filter(|at| *at >= 0.0) {
            step = at as u64;
        }
        for name in regex
            .capture_names()
            .flatten()
            .filter(|name| *name != "step")
        {
            let Some(value) = value(name) else { continue };
            match name {
                "rank_params" => {
                    let so_far = run.settings.get("params").and_then(|text| number(text));
                    let sum = value + so_far.unwrap_or(0.0);
                    run.settings.insert("params".to_owned(), sum.to_string());
                }
                "params"
                | "params_non_embedding"
                | "batch_tokens"
                | "sequence_length"
                | "batch_samples" => {
                    run.settings.insert(name.to_owned(), value.to_string());
                }
                name => run.log(name, step, value),
            }
        }
    }
}

/// Tokens from samples and the length of a sequence.
fn derive(run: &mut LoggedRun) {
    let setting =
        |run: &LoggedRun, name: &str| run.settings.get(name).and_then(|text| number(text));
    let Some(length) = setting(run, "sequence_length") else {
        return;
    };
    if let Some(samples) = setting(run, "batch_samples") {
        run.settings
            .insert("batch_tokens".to_owned(), (samples * length).to_string());
    }
    if let Some(samples) = run.series.get("samples").cloned() {
        for (step, value) in samples {
            run.log("tokens", step, value * length);
        }
    }
}

/// `124,475,904`, `10.65M`, `1.5E-04`, `nan`.
fn number(text: &str) -> Option<f64> {
    let text: String = text.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let (digits, factor) = match text.chars().next_back()? {
        'K' => (&text[..text.len() - 1], 1e3),
        'M' => (&text[..text.len() - 1], 1e6),
        'B' => (&text[..text.len() - 1], 1e9),
        'T' => (&text[..text.len() - 1], 1e12),
        _ => (&text[..], 1.0),
    };
    digits.parse::<f64>().ok().map(|value| value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_of_every_program_compile() {
        assert_eq!(MATCHERS.len(), PROGRAMS.len());
    }

    fn read(text: &str) -> (String, LoggedRun) {
        let matcher = program_of(text).unwrap();
        let mut run = LoggedRun::default();
        read_log(matcher, text, &mut run);
        derive(&mut run);
        (matcher.name.to_owned(), run)
    }

    #[test]
    fn nanogpt_evaluations_are_the_loss_and_single_batches_are_not() {
        let (name, run) = read(
            "tokens per iteration will be: 491,520\nnumber of parameters: 123.59M\n\
             step 0: train loss 10.9897, val loss 10.9894\niter 0: loss 10.9886, time 71442.11ms, mfu -100.00%\n\
             step 1000: train loss 3.5013, val loss 3.5124\n",
        );
        assert_eq!(name, "nanoGPT");
        assert_eq!(run.series["val_loss"], [(0, 10.9894), (1000, 3.5124)]);
        assert_eq!(run.settings["params"], "123590000");
        assert_eq!(run.settings["batch_tokens"], "491520");
    }

    #[test]
    fn nanochat_bits_per_byte_are_read_by_step() {
        let (name, run) = read(
            "Number of parameters: 560,988,160\n\
             Total batch size 524,288 => gradient accumulation steps: 1\n\
             Step 00250 | Validation bpb: 1.012345\n\
             step 00251/21400 (1.17%) | loss: 4.123456 | grad norm: 0.1234 | lrm: 1.00 | dt: 100.00ms\n",
        );
        assert_eq!(name, "nanochat");
        assert_eq!(run.series["val_bpb"], [(250, 1.012345)]);
        assert_eq!(run.series["train_loss"], [(251, 4.123456)]);
        assert_eq!(run.settings["params"], "560988160");
    }

    #[test]
    fn llm_c_is_read_from_its_console_and_from_its_main_log() {
        let (name, run) = read(
            "| total batch size      | 524288                                             |\n\
             | num_parameters        | 124475904                                          |\n\
             val loss 11.009463\n\
             step    1/18865 | loss 11.009463 (+nanz)| norm 15.3 (+nanz)| lr 9.96e-07 | 2759.6 ms\n\
             val loss 10.5\n",
        );
        assert_eq!(name, "llm.c");
        assert_eq!(run.series["val_loss"], [(0, 11.009463), (1, 10.5)]);
        assert_eq!(run.series["lr"], [(1, 9.96e-07)]);
        let (name, run) =
            read("s:0 tel:11.0082\ns:0 trl:11.0 lr:0.000001 norm:15.1\ns:250 tel:6.4\n");
        assert_eq!(name, "llm.c");
        assert_eq!(run.series["val_loss"], [(0, 11.0082), (250, 6.4)]);
    }

    #[test]
    fn olmo_metrics_belong_to_the_step_above_them() {
        let (name, run) = read(
            "2024-02-01\thost:0\tolmo.train:967\tINFO\t[step=100/739328,epoch=0]\n\
             \x20   train/CrossEntropyLoss=7.123\n    throughput/total_tokens=419,430,400\n\
             \x20   optim/learning_rate_group0=0.0001\n\
             host INFO Total number of parameters: 1,176,764,416\n",
        );
        assert_eq!(name, "OLMo");
        assert_eq!(run.series["train_loss"], [(100, 7.123)]);
        assert_eq!(run.series["tokens"], [(100, 419_430_400.0)]);
        assert_eq!(run.settings["params"], "1176764416");
    }

    #[test]
    fn megatron_samples_times_sequence_length_are_tokens_and_ranks_are_added() {
        let (name, run) = read(
            "  seq_length ...................................... 2048\n\
             > number of parameters on (tensor, pipeline) model parallel rank (0, 0): 210753280\n\
             > number of parameters on (tensor, pipeline) model parallel rank (1, 0): 210753280\n\
             [2024-05-01 10:00:00] iteration      100/  500000 | consumed samples:        25600 | elapsed time per iteration (ms): 500.1 | learning rate: 1.500000E-04 | global batch size:   256 | lm loss: 6.123456E+00 | loss scale: 1.0 |\n\
             validation loss at iteration 100 on validation set | lm loss value: 6.100000E+00 | lm loss PPL: 4.46E+02 |\n",
        );
        assert_eq!(name, "Megatron");
        assert_eq!(run.series["tokens"], [(100, 25600.0 * 2048.0)]);
        assert_eq!(run.series["train_loss"], [(100, 6.123456)]);
        assert_eq!(run.series["val_loss"], [(100, 6.1)]);
        assert_eq!(run.settings["params"], "421506560");
    }

    #[test]
    fn torchtitan_lines_are_read_through_their_colours() {
        let (name, run) = read(
            "Model llama3 debugmodel size: 6,139,136 total parameters\n\
             Training starts at step 1, with local batch size 8, global batch size 64, gradient accumulation steps 1, sequence length 2048, total steps 10\n\
             \u{1b}[31mstep: 10  \u{1b}[32mloss:  7.12345  \u{1b}[38;2;180;60;0mgrad_norm:  1.2000  \u{1b}[36mmemory:  2.00GiB(2.5%)\n",
        );
        assert_eq!(name, "torchtitan");
        assert_eq!(run.series["train_loss"], [(10, 7.12345)]);
        assert_eq!(run.settings["batch_tokens"], "131072");
    }

    #[test]
    fn a_pattern_of_ones_own_must_name_columns_and_a_loss() {
        assert!(Matcher::custom(r"it (?<step>\d+) l=(?<loss>\S+)").is_ok());
        for bad in ["(", r"(?<loss>\d+) (?<speed>\d+)", r"(?<step>\d+)"] {
            assert!(Matcher::custom(bad).is_err(), "{bad}");
        }
    }
}
