//! How a process is ended when whoever runs it to its end is cancelled.

use crate::process::Process;
use aioli_flow::{AsyncClose, race};
use std::{fmt, pin::Pin, sync::Arc};

type Deliver = dyn Fn(Arc<Process>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// What a request to cancel does to the process.
#[derive(Clone, Default)]
pub(super) enum Delivery {
    /// Closes it: asks it to end, and kills it after the grace time.
    #[default]
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

    /// Ends the process, and comes back when it has ended. To be shielded.
    pub(super) async fn end(&self, process: Process) {
        let deliver = match self {
            Self::Close => return process.aclose().await,
            Self::Custom(deliver) => deliver,
        };
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
