//! Several tasks in one hand: spawn all, cancel all, stop all.

use std::future::Future;
use std::ops::{Deref, DerefMut};

use super::join::Task;
use crate::cancel::{Reason, ReasonKind};
use crate::spawn::spawn;

/// A set of tasks, in the order they were spawned; derefs to a slice of [`Task`].
///
/// Dropping it detaches the tasks.
///
/// # Examples
///
/// ```
/// use aioli_task::{SpawnAll, run};
///
/// run(async {
///     let tasks = (0..3).map(|_| std::future::pending::<()>()).spawn_all();
///     assert_eq!(tasks.stop().await, [None, None, None]);
/// });
/// ```
#[derive(Debug)]
pub struct Tasks<T>(Vec<Task<T>>);

impl<T> Tasks<T> {
    /// Asks every task to end.
    #[track_caller]
    pub fn cancel(&self) {
        for task in &self.0 {
            task.cancel();
        }
    }

    /// Asks every task to end, waits until all have, and returns the values of those that ended
    /// with one.
    ///
    /// # Cancel safety
    ///
    /// The requests are made at the first poll; dropping the future then detaches the tasks.
    ///
    /// # Panics
    ///
    /// With the panic of the first task that panicked.
    #[track_caller]
    pub fn stop(self) -> impl Future<Output = Vec<Option<T>>> {
        let reason = Reason::new(ReasonKind::Cancel);
        async move {
            for task in &self.0 {
                task.cancel_for(reason.clone());
            }
            let mut values = Vec::with_capacity(self.0.len());
            for task in self.0 {
                values.push(task.end().await);
            }
            values
        }
    }

    /// Adds a task.
    pub fn push(&mut self, task: Task<T>) {
        self.0.push(task);
    }

    /// The tasks as a vector.
    #[must_use]
    pub fn into_vec(self) -> Vec<Task<T>> {
        self.0
    }
}

impl<T> Default for Tasks<T> {
    fn default() -> Tasks<T> {
        Tasks(Vec::new())
    }
}

impl<T> From<Vec<Task<T>>> for Tasks<T> {
    fn from(tasks: Vec<Task<T>>) -> Tasks<T> {
        Tasks(tasks)
    }
}

impl<T> FromIterator<Task<T>> for Tasks<T> {
    fn from_iter<I: IntoIterator<Item = Task<T>>>(tasks: I) -> Tasks<T> {
        Tasks(tasks.into_iter().collect())
    }
}

impl<T> IntoIterator for Tasks<T> {
    type Item = Task<T>;
    type IntoIter = std::vec::IntoIter<Task<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> Deref for Tasks<T> {
    type Target = [Task<T>];

    fn deref(&self) -> &[Task<T>] {
        &self.0
    }
}

impl<T> DerefMut for Tasks<T> {
    fn deref_mut(&mut self) -> &mut [Task<T>] {
        &mut self.0
    }
}

/// Spawns every future of a collection.
pub trait SpawnAll: IntoIterator<Item: Future<Output: 'static> + 'static> + Sized {
    /// Puts every future on this thread's loop as a task.
    ///
    /// # Panics
    ///
    /// When no loop runs on this thread.
    #[track_caller]
    fn spawn_all(self) -> Tasks<<Self::Item as Future>::Output> {
        let mut tasks = Tasks::default();
        for future in self {
            tasks.push(spawn(future));
        }
        tasks
    }
}

impl<I: IntoIterator<Item: Future<Output: 'static> + 'static>> SpawnAll for I {}
