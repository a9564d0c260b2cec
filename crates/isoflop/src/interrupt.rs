//! Ctrl-C: the first asks for a stop at the next step, the second ends at once.

use crate::failure::Failure;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_shutdown};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What a shell reports for a program that Ctrl-C ended: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// Becomes true at the first Ctrl-C or SIGTERM.
///
/// # Errors
/// Status 2 if signals can't be handled here.
pub fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the second signal finds the flag that the first one set.
        register_conditional_shutdown(signal, INTERRUPTED, stop.clone())
            .and_then(|_| register(signal, stop.clone()))
            .map_err(|error| Failure::misuse(format!("signals can't be handled: {error}")))?;
    }
    Ok(stop)
}
