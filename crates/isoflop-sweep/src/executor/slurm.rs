//! A Slurm cluster, through `sbatch` arrays.
//!
//! Jobs are known by name, for the name holds the batch's nonce: Slurm may forget a job that it
//! acknowledged and give its number to another one. The script is constant; which attempts a task
//! makes is in a file, so that nothing of a plan passes through a shell.

use super::engine_command::run;
use super::{Batch, Executor, ExecutorError, Job, Seen, Sight};
use crate::folder::SweepFolder;
use crate::key::Nonce;
use crate::plan::{ExecutorPlan, SlurmPlan};
use isoflop_runs::write_atomically;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every job runs. `$1` is this program, `$2` the list of attempts.
const SCRIPT: &str =
    "#!/bin/sh\nexec \"$1\" sweep worker --list \"$2\" --line \"$SLURM_ARRAY_TASK_ID\"\n";
/// Begins the name of every job.
const PREFIX: &str = "isoflop-";
/// Attempts in flight where the plan names no limit.
const MOST_LIVE: usize = 1000;
/// Looks between two questions about drained nodes.
const NODES_EVERY: u32 = 6;
/// Why Slurm holds a job that it could not start.
const LAUNCH_FAILED: &str = "launch failed requeued held";
/// Jobs that one `scancel` ends.
const NUMBERS_A_COMMAND: usize = 200;
/// What `sbatch` says when asking again is of no use.
const FINAL: [&str; 7] = [
    "invalid partition",
    "invalid account",
    "invalid qos",
    "unrecognized option",
    "invalid option",
    "requested node configuration is not available",
    "invalid generic resource",
];

/// A Slurm cluster.
#[derive(Debug)]
pub struct Slurm {
    folder: SweepFolder,
    isoflop: PathBuf,
    cores: usize,
    memory_mib: u64,
    parallel: usize,
    options: SlurmPlan,
    /// Numbers of jobs as Slurm last named them, by batch and place in the array.
    numbers: HashMap<(Nonce, u32), String>,
    /// Those of them that Slurm says are running.
    running: HashSet<(Nonce, u32)>,
    looks: u32,
}

/// A line of `squeue`.
struct Line<'a> {
    number: &'a str,
    state: &'a str,
    batch: Nonce,
    index: u32,
    reason: &'a str,
}

impl Slurm {
    /// `isoflop` is this program, at a path that every node has.
    #[must_use]
    pub fn new(plan: &ExecutorPlan, folder: &SweepFolder, isoflop: PathBuf) -> Self {
        Slurm {
            folder: folder.clone(),
            isoflop,
            cores: plan.cores_per_run,
            memory_mib: plan.memory_per_run_mib,
            parallel: plan.parallel.unwrap_or(MOST_LIVE),
            options: plan.slurm.clone().unwrap_or_default(),
            numbers: HashMap::new(),
            running: HashSet::new(),
            looks: 0,
        }
    }

    fn index(&self, task: u32) -> u32 {
        task / self.per_task()
    }

    fn per_task(&self) -> u32 {
        u32::try_from(self.options.runs_per_task.max(1)).unwrap_or(u32::MAX)
    }

    fn arguments(&self, batch: &Batch, tasks: usize) -> Vec<OsString> {
        let last = tasks.saturating_sub(1);
        let mut arguments: Vec<OsString> = vec![
            "--parsable".into(),
            "--export=NONE".into(),
            "--requeue".into(),
            "--open-mode=append".into(),
            format!("--array=0-{last}").into(),
            format!("--job-name={PREFIX}{}", batch.nonce).into(),
            "--ntasks=1".into(),
            format!("--cpus-per-task={}", self.cores).into(),
            format!("--mem={}", self.memory_mib).into(),
        ];
        let mut output = OsString::from("--output=");
        // Slurm reads % in file names; a folder with one in its name keeps no job log.
        output.push(match batch.folder.to_string_lossy().contains(['%', '\\']) {
            true => PathBuf::from("/dev/null"),
            false => batch.folder.join("slurm-%a.log"),
        });
        arguments.push(output);
        // The plan's own options last: they win.
        arguments.extend(self.options.options.iter().map(OsString::from));
        arguments.push(batch.folder.join("job.sh").into());
        arguments.push(self.isoflop.clone().into());
        arguments.push(batch.folder.join("attempts").into());
        arguments
    }

    fn write_files(&self, batch: &Batch) -> io::Result<usize> {
        DirBuilder::new().mode(0o700).create(&batch.folder)?;
        write_atomically(&batch.folder.join("job.sh"), SCRIPT.as_bytes())?;
        let mut list = Vec::new();
        let tasks = batch.jobs.chunks(self.per_task() as usize);
        let count = tasks.len();
        for task in tasks {
            let paths: Vec<&[u8]> = task
                .iter()
                .map(|job| job.folder.root().as_os_str().as_encoded_bytes())
                .collect();
            list.extend(paths.join(&b'\t'));
            list.push(b'\n');
        }
        write_atomically(&batch.folder.join("attempts"), &list)?;
        Ok(count)
    }

    /// Cancels waiting jobs of this sweep that nothing waits for: a requeued one whose result is
    /// there, a late one that was given up.
    fn sweep_away(&self, waiting: Vec<(Nonce, u32, String)>, wanted: &HashSet<(Nonce, u32)>) {
        let idle: Vec<String> = waiting
            .into_iter()
            // Jobs of other sweeps belong to batches that this one has no folder for.
            .filter(|(batch, _, _)| self.folder.batch(batch).is_dir())
            .filter(|(batch, index, _)| !wanted.contains(&(batch.clone(), *index)))
            .map(|(_, _, number)| number)
            .collect();
        for some in idle.chunks(NUMBERS_A_COMMAND) {
            // A job that stays would find its result, or the word to stop, and end at once.
            let _ = run("scancel", some);
        }
    }

    fn drained(&self) -> Vec<String> {
        let Ok(text) = run("sinfo", &["-h", "-N", "-o", "%n|%T|%E"]) else {
            return Vec::new();
        };
        let mut notes: Vec<String> = text
            .lines()
            .filter_map(|line| {
                let mut parts = line.splitn(3, '|');
                let (node, state, reason) = (parts.next()?, parts.next()?, parts.next()?);
                let out = ["drain", "down", "fail"]
                    .iter()
                    .any(|word| state.contains(word));
                out.then(|| format!("Slurm's node {node} is {state}: {reason}"))
            })
            .collect();
        notes.dedup();
        notes
    }
}

fn parse(line: &str) -> Option<Line<'_>> {
    let mut parts = line.splitn(4, '|');
    let (number, state, name, reason) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let batch = Nonce::try_from(name.strip_prefix(PREFIX)?.to_owned()).ok()?;
    let index = number.split_once('_')?.1.parse().ok()?;
    Some(Line {
        number,
        state,
        batch,
        index,
        reason,
    })
}

impl Executor for Slurm {
    fn room(&mut self, live: &[Job]) -> usize {
        self.parallel.saturating_sub(live.len())
    }

    fn submit(&mut self, batch: &Batch) -> Result<Vec<(Nonce, String)>, ExecutorError> {
        if [self.isoflop.as_path(), batch.folder.as_path()]
            .iter()
            .any(|path| is_untold(path))
        {
            let message = "Slurm can't serve paths with line breaks or tabs: name another folder";
            return Err(ExecutorError::Refused(message.to_owned()));
        }
        let tasks = self
            .write_files(batch)
            .map_err(|error| ExecutorError::Unclear(format!("cannot write the batch: {error}")))?;
        let answer = run("sbatch", &self.arguments(batch, tasks)).map_err(|message| {
            let lower = message.to_lowercase();
            match FINAL.iter().any(|phrase| lower.contains(phrase)) {
                true => ExecutorError::Refused(message),
                false => ExecutorError::Unclear(message),
            }
        })?;
        let number = answer
            .trim()
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ExecutorError::Unclear(format!(
                "`sbatch` answered `{}`",
                answer.trim()
            )));
        }
        Ok(batch
            .jobs
            .iter()
            .map(|job| {
                let handle = format!("{number}_{}", self.index(job.attempt.task));
                (job.attempt.nonce.clone(), handle)
            })
            .collect())
    }

    fn look(&mut self, live: &[Job]) -> Result<Seen, ExecutorError> {
        let mut seen = Seen::default();
        let text = run("squeue", &["--me", "-h", "-r", "-o", "%i|%T|%j|%r"])
            .map_err(ExecutorError::Unclear)?;
        self.numbers.clear();
        self.running.clear();
        let (mut waiting, mut held) = (Vec::new(), Vec::new());
        for line in text.lines().filter_map(parse) {
            if line.state == "PENDING" {
                waiting.push((line.batch.clone(), line.index, line.number.to_owned()));
                if line.reason.contains(LAUNCH_FAILED) {
                    // Slurm's own doing, not a person's wish: it may try again.
                    let _ = run("scontrol", &["release", line.number]);
                } else if line.reason.to_lowercase().contains("held") {
                    held.push(format!("{} ({})", line.number, line.reason));
                }
            }
            if line.state == "RUNNING" {
                self.running.insert((line.batch.clone(), line.index));
            }
            self.numbers
                .insert((line.batch, line.index), line.number.to_owned());
        }
        if let Some(first) = held.first() {
            let count = held.len();
            seen.notes.push(format!(
                "Slurm holds {count} jobs, such as {first}: `scontrol release` frees them"
            ));
        }
        let mut wanted = HashSet::new();
        for job in live {
            let place = (job.attempt.batch.clone(), self.index(job.attempt.task));
            if let Some(number) = self.numbers.get(&place) {
                // The runs of a task come one after the other: most of them wait.
                let runs = self.per_task() == 1 && self.running.contains(&place);
                let sight = if runs { Sight::Running } else { Sight::Waiting };
                seen.sights.insert(job.attempt.nonce.clone(), sight);
                if job.attempt.handle.as_deref() != Some(number) {
                    seen.handles
                        .push((job.attempt.nonce.clone(), number.clone()));
                }
            }
            wanted.insert(place);
        }
        self.sweep_away(waiting, &wanted);
        if self.looks.is_multiple_of(NODES_EVERY) {
            seen.notes.extend(self.drained());
        }
        self.looks += 1;
        Ok(seen)
    }

    fn cancel(&mut self, jobs: &[Job]) -> Result<(), ExecutorError> {
        if self.per_task() > 1 {
            // A task of several runs must go on with the others: the workers' own files must do.
            return Ok(());
        }
        // A number that the last look did not show under our name may be another's by now.
        let numbers: Vec<&String> = jobs
            .iter()
            .filter_map(|job| {
                self.numbers
                    .get(&(job.attempt.batch.clone(), self.index(job.attempt.task)))
            })
            .collect();
        for some in numbers.chunks(NUMBERS_A_COMMAND) {
            run("scancel", some).map_err(ExecutorError::Unclear)?;
        }
        Ok(())
    }

    fn poll_every(&self) -> Duration {
        Duration::from_secs_f64(self.options.poll_secs.clamp(0.05, 3600.0))
    }

    fn beat(&self) -> Duration {
        // Twice a look, so that a living worker never stands still between two of them.
        (self.poll_every() / 2).clamp(Duration::from_millis(100), Duration::from_secs(10))
    }
}

/// Whether a path can't stand in a line of a list.
fn is_untold(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(|byte| matches!(byte, b'\n' | b'\t' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_jobs_are_read_from_the_queue() {
        let nonce = Nonce::issue();
        let text = format!("12_3|RUNNING|{PREFIX}{nonce}|None");
        let line = parse(&text).unwrap();
        assert_eq!((line.batch, line.index, line.state), (nonce, 3, "RUNNING"));
        for other in [
            "12|RUNNING|train|None",
            "",
            "12_[0-3]|PENDING|isoflop-x|None",
            "|||",
        ] {
            assert!(parse(other).is_none(), "{other}");
        }
    }
}
