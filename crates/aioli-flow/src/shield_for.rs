//! A shield with a budget.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;

use aioli_task::{Seconds, report, shield};

use crate::timeout::{Elapsed, wait_up_to};

/// Shields `f` from requests to cancel, for at most a length of time.
///
/// For clean-up that must not hold up a cancellation for ever. When the budget is spent, `f` is
/// dropped where it is (no handler inside is asked), that is reported to the loop's error handler,
/// and the requests that have waited are delivered. The time begins at the first poll.
///
/// # Cancel safety
///
/// A request to cancel waits until `f` is done or its budget is spent. Dropping the returned
/// future drops `f`.
///
/// # Errors
///
/// [`Elapsed`] when the budget was spent.
///
/// # Panics
///
/// When the number of seconds is NaN, and when `f` panics.
///
/// # Examples
///
/// ```
/// use aioli_flow::shield_for;
/// use aioli_time::sleep;
/// use std::time::Duration;
///
/// aioli_task::run(async {
///     let flush = sleep(Duration::from_millis(1));
///     assert!(shield_for(Duration::from_secs(5), flush).await.is_ok());
/// });
/// ```
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn shield_for<F: Future>(
    budget: impl Seconds,
    f: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let location = Location::caller();
    let budget = crate::timeout::Length(budget.into_duration());
    async move {
        let bounded = async move {
            let f = pin!(f);
            wait_up_to(budget, f).await
        };
        let output = shield(bounded).await;
        if output.is_none() {
            report(format!(
                "a shielded clean-up was dropped: its budget was spent, at {location}"
            ));
        }
        output.ok_or(Elapsed)
    }
}
