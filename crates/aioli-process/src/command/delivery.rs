//! How a process is ended when whoever runs it to its end is cancelled.

use crate::process::Process;
use aioli_flow::{AsyncClose, race};
use aioli_task::{Cancelled, shield};
use std::{fmt, pin::Pin, sync::Arc};

type Deliver = dyn Fn(Arc<Process>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// What a request to cancel does to the process.
#[derive(Clone)]
pub(super) enum Delivery {
    /// Closes it: asks it to end, and kills it after the grace time.
    Close,
    /// Runs the user's function until the process has ended.
    Custom(Arc<Deliver>),
}

impl Delivery {
    pub(super) fn custom<F>(deliver: impl Fn(Arc<Process>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::Custom(Arc::new(move |process| Box::pin(deliver(process))))
    }

    /// Ends the process, and goes on with the cancellation when it has ended.
    pub(super) async fn deliver(&self, cancelled: Cancelled, process: Process) -> ! {
        // Dropped in here, the request goes to the handler around.
        let cancelled = cancelled.keep();
        shield(self.end(process)).await;
        cancelled.raise().await
    }

    async fn end(&self, mut process: Process) {
        let deliver = match self {
            Self::Close => return process.aclose().await,
            Self::Custom(deliver) => deliver,
        };
        // Nobody reads any more, and a process that writes would wait for ever.
        process.close_pipes();
        let process = Arc::new(process);
        let delivering = async {
            deliver(process.clone()).await;
            // It has done what it wanted; the process takes its time.
            std::future::pending::<()>().await;
        };
        race((process.wait(), delivering)).await;
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Close => "Close",
            Self::Custom(_) => "Custom",
        })
    }
}
