//! Work without the interpreter's lock that Ctrl-C ends the wait for.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often the interpreter is asked whether a signal has come.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(50);

/// Does the work on a thread of its own. If a signal handler raises meanwhile, its exception is
/// returned at once; the work, which touches nothing of Python, then ends unseen.
pub fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let (done, mut result) = channel();
    let thread = std::thread::Builder::new().name("isoflop".to_owned());
    // Nobody listens any more after Ctrl-C.
    thread.spawn(move || drop(done.send(work())))?;
    loop {
        let wait;
        // A receiver belongs to one thread at a time: it goes in and comes out.
        (wait, result) = py.detach(move || (result.recv_timeout(BETWEEN_SIGNALS), result));
        match wait {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                let sentence = "isoflop has failed where it never should: please report this";
                return Err(PyRuntimeError::new_err(sentence));
            }
        }
    }
}
