//! Commands of an engine: run without a shell, and not waited for forever.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time that a command has to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the command prints, or why it did not succeed, in words.
pub(super) fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    // Read as they come: a full pipe would stop the command.
    let output = child
        .stdout
        .take()
        .map(|pipe| std::thread::spawn(move || read(pipe)));
    let errors = child
        .stderr
        .take()
        .map(|pipe| std::thread::spawn(move || read(pipe)));
    let asked = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if asked.elapsed() < PATIENCE => sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "`{program}` did not answer within {} s",
                    PATIENCE.as_secs()
                ));
            }
            Err(error) => return Err(format!("`{program}` can't be waited for: {error}")),
        }
    };
    let joined = |reader: Option<std::thread::JoinHandle<String>>| {
        reader
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default()
    };
    let (output, errors) = (joined(output), joined(errors));
    if status.success() {
        Ok(output)
    } else {
        Err(format!("`{program}` failed: {}", errors.trim()))
    }
}

fn read(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
