//! Repetition of requests.
//!
//! The pauses are the same as in the Python SDK: one second, doubled after each
//! attempt, never more than 60 seconds, with up to 20 percent added at random.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Error;

/// Number of attempts, including the first one.
pub const MAX_ATTEMPTS: u32 = 6;

/// Longest pause before the random part is added.
pub const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Calls `operation` until it succeeds, fails for good, or six attempts are used up.
///
/// Only temporary errors lead to another attempt; see [`Error::is_temporary`]. The
/// caller is responsible for passing only operations that may be repeated. For a
/// `POST` this means that an idempotency key is set.
pub fn with_retries<R>(mut operation: impl FnMut() -> Result<R, Error>) -> Result<R, Error> {
    let mut attempt = 1;
    loop {
        match operation() {
            Err(error) if error.is_temporary() && attempt < MAX_ATTEMPTS => {
                std::thread::sleep(pause(attempt, jitter()));
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Pause after the given attempt. `jitter` lies between 0 and 1.
pub fn pause(attempt: u32, jitter: f64) -> Duration {
    let base = Duration::from_secs(1u64 << (attempt - 1).min(6)).min(MAX_PAUSE);
    base.mul_f64(1.0 + 0.2 * jitter)
}

/// A number between 0 and 1 that is good enough to spread clients.
fn jitter() -> f64 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.subsec_nanos());
    f64::from(nanos % 1_000) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stop_at_one_minute() {
        let seconds: Vec<u64> = (1..=8).map(|attempt| pause(attempt, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_missing_scope_is_not_repeated() {
        let mut calls = 0;
        let result: Result<(), Error> = with_retries(|| {
            calls += 1;
            Err(Error::Appliance { status: 403, code: "MRL-4003".into(), detail: "restore".into() })
        });
        assert!(result.is_err());
        assert_eq!(calls, 1);
    }
}
