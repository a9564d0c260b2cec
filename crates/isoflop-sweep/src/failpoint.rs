//! Named instants at which a test may kill the controller, and one for the worker.

/// The instant at which a test may kill a worker: its result is there, its engine calls it failed.
pub const RESULT_SEALED: &str = "result-sealed";

/// Failpoints of a controller that adds runs.
pub const ROUND_FAILPOINTS: [&str; 2] = ["round-written", "round-enrolled"];

/// Every other failpoint of the controller, in the order in which an attempt passes them.
pub const FAILPOINTS: [&str; 8] = [
    "plan-enrolled",
    "intent-committed",
    "orders-written",
    "batch-submitted",
    "handles-committed",
    "results-read",
    "results-committed",
    "store-written",
];

/// Ends the process, as `kill -9` would, if `ISOFLOP_FAILPOINT` names this instant.
///
/// In release builds this does nothing.
pub(crate) fn pass(name: &'static str) {
    debug_assert!(
        name == RESULT_SEALED || FAILPOINTS.contains(&name) || ROUND_FAILPOINTS.contains(&name),
        "{name}"
    );
    #[cfg(debug_assertions)]
    if std::env::var_os("ISOFLOP_FAILPOINT").is_some_and(|wanted| wanted == name) {
        let own = rustix::process::getpid();
        let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
    }
}
