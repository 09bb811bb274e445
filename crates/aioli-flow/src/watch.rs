//! Watching tasks end, without taking anything from them.

use std::pin::Pin;
use std::task::{Context, Poll};

use aioli_task::{Done, TaskHandle};

use crate::woken::Woken;

/// Tasks whose end is of interest, by index; only those that have been woken are looked at.
pub(crate) struct Watch {
    waiting: Vec<Option<Done>>,
    woken: Woken,
}

impl Watch {
    pub(crate) fn new() -> Watch {
        Watch {
            waiting: Vec::new(),
            woken: Woken::new(),
        }
    }

    /// Watches one task more, under the next index.
    pub(crate) fn add(&mut self, task: &TaskHandle) {
        self.woken.add(self.waiting.len());
        self.waiting.push(Some(task.done()));
    }

    /// Hands on the indices of the tasks that have ended since, in the order in which they did, as
    /// long as `on_end` wants more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, mut on_end: impl FnMut(usize) -> Poll<()>) {
        self.woken.set_parent(cx.waker());
        for _ in 0..self.woken.len() {
            let Some((index, waker)) = self.woken.pop() else {
                break;
            };
            let Some(done) = &mut self.waiting[index] else {
                continue;
            };
            if Pin::new(done)
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                self.waiting[index] = None;
                if on_end(index).is_ready() {
                    break;
                }
            }
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("tasks", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
