//! A Ray cluster, through its Jobs API.
//!
//! Every attempt is a job whose submission id holds the attempt's nonce: asking twice begins it
//! once, and a job is found again by name whatever became of the answer. The entrypoint is a
//! constant, for Ray gives it to a shell; the program and the attempt's folder come as environment
//! variables. What Ray says of a job is a hint: a new head knows nothing of jobs that still run.

mod api;

use super::{Batch, Executor, ExecutorError, Job, Seen, Sight};
use crate::key::Nonce;
use crate::plan::ExecutorPlan;
use api::{Api, Failed};
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every job runs.
const ENTRYPOINT: &str = "exec \"$ISOFLOP_PROGRAM\" sweep worker \"$ISOFLOP_ATTEMPT\"";
/// Begins the submission id of every job.
const PREFIX: &str = "isoflop-";
/// Attempts in flight where the plan names no limit.
const MOST_LIVE: usize = 1000;
/// Attempts that are begun together at most: Ray takes about one a second, and results are taken in
/// between.
const MOST_AT_ONCE: usize = 8;
/// The first version in which a page in a browser cannot submit jobs (CVE-2025-62593).
const SAFE: (u32, u32) = (2, 52);

/// A Ray cluster.
#[derive(Debug)]
pub struct Ray {
    api: Api,
    isoflop: PathBuf,
    cores: usize,
    memory_mib: u64,
    gpus: f64,
    parallel: usize,
    poll: Duration,
    version_seen: bool,
}

impl Ray {
    /// `isoflop` is this program, at a path that every node has. The token is that of Ray's own
    /// commands: `RAY_AUTH_TOKEN`, the file `RAY_AUTH_TOKEN_PATH`, or `~/.ray/auth_token`.
    ///
    /// # Errors
    /// [`ExecutorError::Refused`] for an address that is none, or one beyond this machine without a
    /// token: whoever reaches such a Ray runs programs on it (CVE-2023-48022).
    pub fn new(plan: &ExecutorPlan, isoflop: PathBuf) -> Result<Self, ExecutorError> {
        let options = plan.ray.clone().unwrap_or_default();
        let api = Api::new(&options.address).map_err(ExecutorError::Refused)?;
        if !(api.is_loopback() || api.has_token() || options.insecure) {
            return Err(ExecutorError::Refused(format!(
                "{} is not this machine and there is no token: whoever reaches such a Ray runs programs on it. Set RAY_AUTH_TOKEN, or `insecure = true` in the plan",
                options.address
            )));
        }
        Ok(Ray {
            api,
            isoflop,
            cores: plan.cores_per_run,
            memory_mib: plan.memory_per_run_mib,
            gpus: options.gpus_per_run,
            parallel: plan.parallel.unwrap_or(MOST_LIVE),
            poll: Duration::from_secs_f64(options.poll_secs.clamp(0.05, 3600.0)),
            version_seen: false,
        })
    }

    fn begin(&self, job: &Job) -> Result<String, ExecutorError> {
        let name = submission_id(&job.attempt.nonce);
        let mut body = json!({
            "entrypoint": ENTRYPOINT,
            "submission_id": name,
            "entrypoint_num_cpus": self.cores,
            "entrypoint_memory": self.memory_mib * 1024 * 1024,
            "runtime_env": {"env_vars": {
                "ISOFLOP_PROGRAM": text(&self.isoflop)?,
                "ISOFLOP_ATTEMPT": text(job.folder.root())?,
            }},
            "metadata": {"isoflop_run": job.attempt.key.to_string()},
        });
        if self.gpus > 0.0 {
            body["entrypoint_num_gpus"] = self.gpus.into();
        }
        match self.api.post("jobs/", &body) {
            Ok(_) => Ok(name),
            // An earlier question was heard, though its answer was not.
            Err(Failed::Said { message, .. }) if message.contains("already exists") => Ok(name),
            Err(failed) => Err(self.failure(failed)),
        }
    }

    fn failure(&self, failed: Failed) -> ExecutorError {
        match failed {
            Failed::Said {
                status: 401 | 403, ..
            } => ExecutorError::Refused(format!(
                "Ray at {} wants another token: set RAY_AUTH_TOKEN to that of the cluster",
                self.api.address()
            )),
            // What Ray can't read it will not read at the next try either.
            Failed::Said {
                status: 400,
                message,
            } => ExecutorError::Refused(format!("Ray refuses the job: {message}")),
            other => ExecutorError::Unclear(format!("Ray at {}: {other}", self.api.address())),
        }
    }

    /// A warning of a version that is open to attack; asked once.
    fn outdated(&mut self) -> Option<String> {
        if self.version_seen {
            return None;
        }
        let answer = self.api.get("version").ok()?;
        self.version_seen = true;
        let version = answer["ray_version"].as_str()?.to_owned();
        let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
        let found = (parts.next()??, parts.next()??);
        (found < SAFE).then(|| {
            format!(
                "Ray {version} lets pages in a browser on this machine submit jobs (CVE-2025-62593): {}.{} does not",
                SAFE.0, SAFE.1
            )
        })
    }
}

fn submission_id(nonce: &Nonce) -> String {
    format!("{PREFIX}{nonce}")
}

/// A path as Ray can be told it: text, without the `$` that Ray replaces in variables.
fn text(path: &Path) -> Result<&str, ExecutorError> {
    let text = path.to_str().filter(|text| !text.contains(['$', '\0']));
    text.ok_or_else(|| {
        ExecutorError::Refused(format!(
            "Ray can't be told the path {}: name a folder without `$`, in UTF-8",
            path.display()
        ))
    })
}

impl Executor for Ray {
    fn room(&mut self, live: &[Job]) -> usize {
        self.parallel.saturating_sub(live.len()).min(MOST_AT_ONCE)
    }

    fn submit(&mut self, batch: &Batch) -> Result<Vec<(Nonce, String)>, ExecutorError> {
        // Refused before anything is begun.
        text(&self.isoflop)?;
        let jobs = batch.jobs.iter();
        jobs.map(|job| {
            text(job.folder.root())?;
            Ok((job.attempt.nonce.clone(), self.begin(job)?))
        })
        .collect()
    }

    fn look(&mut self, live: &[Job]) -> Result<Seen, ExecutorError> {
        let mut seen = Seen::default();
        if live.is_empty() {
            return Ok(seen);
        }
        let answer = self.api.get("jobs/").map_err(|failed| match failed {
            // Not to be asked for every job: it says nothing of them.
            Failed::Said { status, message } => {
                ExecutorError::Unclear(format!("Ray answers {status}: {message}"))
            }
            other => self.failure(other),
        })?;
        let Some(jobs) = answer.as_array() else {
            let message = format!("Ray at {} lists no jobs", self.api.address());
            return Err(ExecutorError::Unclear(message));
        };
        let states: HashMap<&str, &str> = jobs
            .iter()
            .filter_map(|job| Some((job["submission_id"].as_str()?, job["status"].as_str()?)))
            .collect();
        for job in live {
            let nonce = &job.attempt.nonce;
            let name = submission_id(nonce);
            let sight = match states.get(name.as_str()) {
                Some(&"PENDING") => Sight::Waiting,
                Some(&"RUNNING") => Sight::Running,
                // Ended, or unknown to a new head: in both cases its files must say more.
                _ => Sight::Missing,
            };
            seen.sights.insert(nonce.clone(), sight);
            let known = states.contains_key(name.as_str());
            if known && job.attempt.handle.as_deref() != Some(name.as_str()) {
                seen.handles.push((nonce.clone(), name));
            }
        }
        seen.notes.extend(self.outdated());
        Ok(seen)
    }

    fn cancel(&mut self, jobs: &[Job]) -> Result<(), ExecutorError> {
        let mut first = None;
        for job in jobs {
            let path = format!("jobs/{}/stop", submission_id(&job.attempt.nonce));
            match self.api.post(&path, &json!({})) {
                // A job that Ray does not know has nothing to stop.
                Ok(_) | Err(Failed::Said { status: 404, .. }) => {}
                Err(failed) => first = first.or_else(|| Some(self.failure(failed))),
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn poll_every(&self) -> Duration {
        self.poll
    }

    fn beat(&self) -> Duration {
        // Twice a look, so that a living worker never stands still between two of them.
        (self.poll / 2).clamp(Duration::from_millis(100), Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ExecutorKind, RayPlan};

    fn ray(address: &str, insecure: bool) -> Result<Ray, ExecutorError> {
        let plan = ExecutorPlan {
            kind: ExecutorKind::Ray,
            ray: Some(RayPlan {
                address: address.to_owned(),
                insecure,
                ..RayPlan::default()
            }),
            ..ExecutorPlan::default()
        };
        Ray::new(&plan, PathBuf::from("/usr/bin/isoflop"))
    }

    #[test]
    fn a_ray_elsewhere_needs_a_token_or_the_users_word() {
        // The test's own environment may hold a token.
        if std::env::var_os("RAY_AUTH_TOKEN").is_none() {
            let refused = ray("http://ray.example:8265", false).unwrap_err();
            assert!(refused.to_string().contains("RAY_AUTH_TOKEN"), "{refused}");
        }
        assert!(ray("http://ray.example:8265", true).is_ok());
        for here in [
            "http://127.0.0.1:8265",
            "http://localhost:1/",
            "http://[::1]:8265",
        ] {
            assert!(ray(here, false).is_ok(), "{here}");
        }
        // A name that only begins like this machine's.
        for elsewhere in ["http://127.0.0.1.example:8265", "http://localhost.example"] {
            assert!(
                !ray(elsewhere, true).unwrap().api.is_loopback(),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in [
            "",
            "127.0.0.1:8265",
            "ftp://127.0.0.1",
            "ray://127.0.0.1:10001",
        ] {
            let refused = ray(wrong, false).unwrap_err();
            assert!(
                refused.to_string().contains("http://"),
                "{wrong}: {refused}"
            );
        }
    }

    #[test]
    fn paths_that_ray_would_change_are_refused() {
        for wrong in ["/tmp/$HOME/x", "/tmp/${HOME}"] {
            assert!(matches!(
                text(Path::new(wrong)),
                Err(ExecutorError::Refused(_))
            ));
        }
        assert_eq!(
            text(Path::new("/tmp/a b'\"; rm -rf x")).unwrap(),
            "/tmp/a b'\"; rm -rf x"
        );
    }
}
