//! Context variables: values that tasks, callbacks and threads inherit by copy.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::task::Header;

type Value = Arc<dyn Any + Send + Sync>;

/// A set of context variables and their values; copying it is one pointer.
///
/// # Examples
///
/// ```
/// use aioli_task::{ContextVar, copy_context};
///
/// static DEPTH: ContextVar<u32> = ContextVar::new();
/// let mut context = copy_context();
/// context.run(|| DEPTH.set(1));
/// assert_eq!(DEPTH.get(), None);
/// assert_eq!(context.run(|| DEPTH.get()), Some(1));
/// ```
#[doc(alias = "contextvars.Context")]
#[derive(Clone, Default)]
pub struct Context(Option<Arc<HashMap<usize, Value>>>);

thread_local! {
    static CURRENT: RefCell<Context> = const { RefCell::new(Context(None)) };
    /// Whether the current context has variables; looked at around every poll of a task.
    static IS_SET: Cell<bool> = const { Cell::new(false) };
}

/// Makes `context` the current one; returns the one before.
fn exchange(context: Context) -> Context {
    IS_SET.set(context.0.is_some());
    CURRENT.replace(context)
}

/// A copy of the current context.
///
/// # Examples
///
/// ```
/// let context = aioli_task::copy_context();
/// assert_eq!(context.len(), 0);
/// ```
#[doc(alias = "contextvars.copy_context")]
#[must_use]
#[inline]
pub fn copy() -> Context {
    if !IS_SET.get() {
        return Context::default();
    }
    CURRENT
        .try_with(|context| context.borrow().clone())
        .unwrap_or_default()
}

impl Context {
    /// Runs `f` with this context as the current one; what `f` sets stays in it.
    #[doc(alias = "contextvars.Context.run")]
    pub fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        struct Restore<'a> {
            inside: &'a mut Context,
            outside: Context,
        }
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                *self.inside = exchange(mem::take(&mut self.outside));
            }
        }
        let outside = exchange(mem::take(self));
        let _restore = Restore {
            inside: self,
            outside,
        };
        f()
    }

    /// How many variables have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// Whether no variable has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no variable was ever set.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    fn set(&mut self, key: usize, value: Option<Value>) -> Option<Value> {
        let map = Arc::make_mut(self.0.get_or_insert_default());
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("len", &self.len()).finish()
    }
}

/// Runs `f`, the poll of a task or the drop of its future, in the context of the task, which keeps
/// what `f` sets. `f` catches panics.
// PERF: `yield`: `f` goes into no call, for then what it captures would be in memory for each poll.
#[inline(always)]
pub(crate) fn in_task<R>(task: &Header, f: impl FnOnce() -> R) -> R {
    let outside = match task.has_context() || IS_SET.get() {
        true => enter(task),
        false => Context::default(),
    };
    let result = f();
    if IS_SET.get() || !outside.is_none() {
        leave(task, outside);
    }
    result
}

/// Makes the context of a task the current one; returns the one before.
#[inline(never)]
fn enter(task: &Header) -> Context {
    exchange(task.take_context())
}

/// Gives the current context to a task, and makes `outside` the current one.
#[inline(never)]
fn leave(task: &Header, outside: Context) {
    task.put_context(exchange(outside));
}

/// Runs `f`, which may panic, in the context of a task.
#[inline(never)]
pub(crate) fn exchanged<R>(task: &Header, f: impl FnOnce() -> R) -> R {
    let mut context = task.take_context();
    let result = catch_unwind(AssertUnwindSafe(|| context.run(f)));
    task.put_context(context);
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Gives a new task a copy of the current context.
#[inline]
pub(crate) fn inherit(task: &Header) {
    #[inline(never)]
    fn inherit_some(task: &Header) {
        task.put_context(copy());
    }
    if IS_SET.get() {
        inherit_some(task);
    }
}

/// A variable with a value a context; make it a `static`.
///
/// A task copies the context of its spawner when it is spawned, and a job of
/// [`to_thread`](crate::to_thread) that of its caller. What is set later in one is not seen in the
/// other.
///
/// # Examples
///
/// ```
/// use aioli_task::{ContextVar, run, spawn};
///
/// static REQUEST: ContextVar<u64> = ContextVar::new();
/// run(async {
///     REQUEST.set(7);
///     let child = spawn(async {
///         let inherited = REQUEST.get();
///         REQUEST.set(8);
///         inherited
///     });
///     assert_eq!(child.await, Some(7));
///     assert_eq!(REQUEST.get(), Some(7));
/// });
/// ```
#[doc(alias = "contextvars.ContextVar")]
pub struct ContextVar<T> {
    /// Given out on first use; zero is none yet.
    key: AtomicUsize,
    marker: PhantomData<fn() -> T>,
}

static NEXT_KEY: AtomicUsize = AtomicUsize::new(1);

impl<T: Clone + Send + Sync + 'static> ContextVar<T> {
    /// A variable without a value.
    #[must_use]
    pub const fn new() -> ContextVar<T> {
        ContextVar {
            key: AtomicUsize::new(0),
            marker: PhantomData,
        }
    }

    fn key(&self) -> usize {
        let key = self.key.load(Ordering::Relaxed);
        if key != 0 {
            return key;
        }
        let new = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
        let stored = self
            .key
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
        stored.map_or_else(|other| other, |_| new)
    }

    /// The value in the current context.
    #[doc(alias = "contextvars.ContextVar.get")]
    #[must_use]
    pub fn get(&self) -> Option<T> {
        let key = self.key();
        CURRENT.with_borrow(|context| {
            let value = context.0.as_ref()?.get(&key)?;
            value.downcast_ref::<T>().cloned()
        })
    }

    /// The value in the current context, or `default`.
    #[must_use]
    pub fn get_or(&self, default: T) -> T {
        self.get().unwrap_or(default)
    }

    /// Sets the value in the current context; the token takes it back.
    #[doc(alias = "contextvars.ContextVar.set")]
    pub fn set(&self, value: T) -> Token<T> {
        let key = self.key();
        let before = CURRENT.with_borrow_mut(|context| context.set(key, Some(Arc::new(value))));
        IS_SET.set(true);
        Token {
            key,
            before,
            marker: PhantomData,
        }
    }

    /// Restores the value from before the [`set`](ContextVar::set) that gave the token.
    ///
    /// # Panics
    ///
    /// When the token is another variable's.
    #[doc(alias = "contextvars.ContextVar.reset")]
    pub fn reset(&self, token: Token<T>) {
        assert!(
            token.key == self.key(),
            "the token belongs to another variable"
        );
        let old = CURRENT.with_borrow_mut(|context| context.set(token.key, token.before));
        drop(old);
    }
}

impl<T: Clone + Send + Sync + 'static> Default for ContextVar<T> {
    fn default() -> ContextVar<T> {
        ContextVar::new()
    }
}

impl<T> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").finish_non_exhaustive()
    }
}

/// The value a [`ContextVar`] had before it was set.
#[doc(alias = "contextvars.Token")]
pub struct Token<T> {
    key: usize,
    before: Option<Value>,
    marker: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}
