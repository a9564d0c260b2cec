//! Reading a plan, and everything that may be wrong with one.

use super::adaptive;
use super::{ExecutorKind, RunSpec, SweepPlan};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Why a plan can't be run.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a plan.
    #[error("{}{}: {message}", path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    NotAPlan {
        /// The file.
        path: PathBuf,
        /// Line of the fault, counted from 1, where one can be named.
        line: Option<usize>,
        /// What is wrong and what was expected.
        message: String,
    },
    /// Two runs would be the same.
    #[error("runs `{0}` and `{1}` are the same run: give one of them another seed or remove it")]
    SameRun(String, String),
}

/// Bytes of a plan that are read at most: 100,000 runs fit.
const LARGEST: u64 = 64 << 20;
/// Characters of a run's name at most.
const LONGEST_NAME: usize = 200;

pub(super) fn read(path: &Path) -> Result<SweepPlan, PlanError> {
    let unreadable = |source| PlanError::Unreadable {
        path: path.into(),
        source,
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        let message = format!("{size} bytes are too many for a plan: at most {LARGEST} are read");
        return Err(fault(path, message));
    }
    parse(&std::fs::read_to_string(path).map_err(unreadable)?, path)
}

pub(super) fn parse(text: &str, path: &Path) -> Result<SweepPlan, PlanError> {
    let plan: SweepPlan = toml::from_str(text).map_err(|error| PlanError::NotAPlan {
        path: path.into(),
        line: error
            .span()
            .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1),
        message: error.message().to_owned(),
    })?;
    check(&plan).map_err(|message| fault(path, message))?;
    Ok(plan)
}

fn fault(path: &Path, message: String) -> PlanError {
    PlanError::NotAPlan {
        path: path.into(),
        line: None,
        message,
    }
}

fn check(plan: &SweepPlan) -> Result<(), String> {
    check_trainer(plan)?;
    let executor = &plan.executor;
    if executor.cores_per_run == 0 || executor.parallel == Some(0) {
        return Err("`cores_per_run` and `parallel` must be at least 1".to_owned());
    }
    if executor
        .slurm
        .as_ref()
        .is_some_and(|slurm| slurm.runs_per_task == 0)
    {
        return Err("`runs_per_task` must be at least 1".to_owned());
    }
    let foreign = match executor.kind {
        ExecutorKind::Local => executor.slurm.is_some() || executor.ray.is_some(),
        ExecutorKind::Slurm => executor.ray.is_some(),
        ExecutorKind::Ray => executor.slurm.is_some(),
    };
    if foreign {
        let kind = format!("{:?}", executor.kind).to_lowercase();
        return Err(format!(
            "the executor is `{kind}`, yet options of another one are given"
        ));
    }
    check_limits(plan)?;
    adaptive::check(plan)?;
    let mut names = BTreeSet::new();
    for run in &plan.runs {
        check_run(run)?;
        if !names.insert(&run.name) {
            return Err(format!("two runs are named `{}`", run.name));
        }
    }
    Ok(())
}

fn check_trainer(plan: &SweepPlan) -> Result<(), String> {
    let trainer = &plan.trainer;
    let Some(program) = trainer.command.first() else {
        return Err("`trainer.command` is empty: expected a program and its arguments".to_owned());
    };
    if program.is_empty() || trainer.command.iter().any(|part| part.contains('\0')) {
        return Err("`trainer.command` needs a program, and no NUL characters".to_owned());
    }
    if !trainer.command.iter().any(|part| part.contains("{spec}")) {
        return Err(
            "`trainer.command` has no `{spec}`: the command could not know which run to make"
                .to_owned(),
        );
    }
    if !trainer.command.iter().any(|part| part.contains("{result}")) {
        return Err(
            "`trainer.command` has no `{result}`: the command could not say what came out"
                .to_owned(),
        );
    }
    let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
    if let Some(name) = trainer.environment.iter().find(|name| !is_name(name)) {
        return Err(format!(
            "`{name}` in `trainer.environment` is not a variable's name: give names only, values are taken from the environment of the sweep"
        ));
    }
    Ok(())
}

fn check_limits(plan: &SweepPlan) -> Result<(), String> {
    let limits = &plan.limits;
    if limits.attempts == 0 {
        return Err("`limits.attempts` must be at least 1".to_owned());
    }
    for (name, value) in [
        ("spend_flops", limits.spend_flops),
        ("diverged_above", limits.diverged_above),
        ("diverged_after", Some(limits.diverged_after)),
    ] {
        if value.is_some_and(|value| !(value.is_finite() && value >= 0.0)) {
            return Err(format!(
                "`limits.{name}` must be a finite number, zero or more"
            ));
        }
    }
    Ok(())
}

fn check_run(run: &RunSpec) -> Result<(), String> {
    let name = &run.name;
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(format!(
            "a run's name needs 1 to {LONGEST_NAME} characters, got `{name}`"
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(format!(
            "the name {name:?} has control characters: they would disturb terminals"
        ));
    }
    if run
        .learning_rate
        .is_some_and(|rate| !(rate.is_finite() && rate > 0.0))
    {
        return Err(format!(
            "`learning_rate` of run `{name}` must be a positive number"
        ));
    }
    if i64::try_from(run.seed).is_err() {
        return Err(format!("`seed` of run `{name}` must be below 2^63"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "ladder"
[trainer]
command = ["python3", "train.py", "{spec}", "{result}"]
[[run]]
name = "a"
params = 1e6
tokens = 2e7
"#;

    fn error(text: &str) -> String {
        parse(text, Path::new("sweep.toml"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_short_plan_has_defaults_that_a_person_would_choose() {
        let plan = parse(GOOD, Path::new("sweep.toml")).unwrap();
        assert_eq!(plan.executor.kind, ExecutorKind::Local);
        assert_eq!(plan.limits.attempts, 3);
        assert_eq!(plan.runs[0].compute().get(), 1.2e14);
    }

    #[test]
    fn faults_name_the_file_the_line_and_what_was_expected() {
        let text = error(&GOOD.replace("tokens = 2e7", "tokens = -1.0"));
        assert!(
            text.contains("sweep.toml, line 8") && text.contains("number of tokens"),
            "{text}"
        );
        let text = error(&GOOD.replace("params", "parms"));
        assert!(text.contains("parms"), "{text}");
        let text = error(&GOOD.replace("\"{result}\"", "\"x\""));
        assert!(text.contains("{result}"), "{text}");
        assert!(error(&GOOD.replace("\"a\"", "\"a\\u001b[2J\"")).contains("control characters"));
        let twice = GOOD.to_owned() + "[[run]]\nname = \"a\"\nparams = 2e6\ntokens = 2e7\n";
        assert!(error(&twice).contains("two runs are named `a`"));
    }

    #[test]
    fn the_built_in_trainer_is_named_and_written_by_its_name() {
        let command = "[\"python3\", \"train.py\", \"{spec}\", \"{result}\"]";
        let text = GOOD.replace(command, "\"built-in\"");
        let plan = parse(&text, Path::new("sweep.toml")).unwrap();
        assert_eq!(plan.trainer.command, crate::plan::built_in_trainer());
        let written = crate::write_plan(&plan, &[]);
        assert!(written.contains("command = \"built-in\"\n"), "{written}");
        assert_eq!(parse(&written, Path::new("sweep.toml")).unwrap(), plan);
        let other = error(&GOOD.replace(command, "\"builtin\""));
        assert!(
            other.contains("line 4") && other.contains("\"built-in\""),
            "{other}"
        );
    }

    #[test]
    fn two_names_for_one_run_are_refused() {
        let twice = GOOD.to_owned() + "[[run]]\nname = \"b\"\nparams = 1e6\ntokens = 2e7\n";
        let plan = parse(&twice, Path::new("sweep.toml")).unwrap();
        let error = plan.keyed_runs(Path::new(".")).unwrap_err().to_string();
        assert!(error.contains("`a` and `b` are the same run"), "{error}");
    }

    #[test]
    fn a_change_of_the_trainers_code_changes_every_key() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.py"), "1").unwrap();
        let mut plan = parse(GOOD, Path::new("sweep.toml")).unwrap();
        plan.trainer.depends_on = vec!["train.py".into()];
        let before = plan.keyed_runs(folder.path()).unwrap();
        std::fs::write(folder.path().join("train.py"), "2").unwrap();
        let after = plan.keyed_runs(folder.path()).unwrap();
        assert_ne!(before[0].key, after[0].key);
    }
}
