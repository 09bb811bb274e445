//! Several resources in one: asyncio's `AsyncExitStack`.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};
use std::panic::Location;
use std::pin::Pin;

use aioli_task::{Exit, adopt_at, exit};

use crate::branch::Payload;
use crate::with::{AsyncClose, Closing, Place};

/// Resources that are opened one after the other and closed in the reverse order.
///
/// Use it with [`with`](crate::with()), which closes it on every way out. A stack that is dropped
/// hands what is in it to the loop, to be closed there. It is not `Send`, because what it holds
/// need not be.
///
/// # Examples
///
/// ```
/// use aioli_flow::{AsyncClose, Stack, with};
///
/// struct Part(&'static str);
///
/// impl AsyncClose for Part {
///     async fn aclose(self) {
///         println!("closing {}", self.0);
///     }
/// }
///
/// aioli_task::run(async {
///     with(Stack::new(), async |stack| {
///         let engine = stack.push(Part("engine"));
///         stack.push(Part("wheels"));
///         stack.defer(async { println!("closed first") });
///         println!("driving with the {}", stack[&engine].0);
///     })
///     .await;
/// });
/// ```
#[doc(alias = "contextlib.AsyncExitStack")]
pub struct Stack {
    entries: Vec<Box<dyn Entry>>,
    made_at: Place,
}

/// Refers to a resource of type `R` in the [`Stack`] that it was pushed on.
pub struct Pushed<R> {
    index: usize,
    marker: PhantomData<fn() -> R>,
}

impl Stack {
    /// A stack with nothing in it.
    #[must_use]
    #[track_caller]
    pub fn new() -> Stack {
        Stack {
            entries: Vec::new(),
            made_at: Location::caller(),
        }
    }

    /// Puts a resource on the stack; index the stack with what is returned to use it.
    #[doc(alias = "contextlib.AsyncExitStack.enter_async_context")]
    pub fn push<R: AsyncClose + 'static>(&mut self, resource: R) -> Pushed<R> {
        self.entries.push(Box::new(Resource(resource)));
        Pushed {
            index: self.entries.len() - 1,
            marker: PhantomData,
        }
    }

    /// Puts a clean-up on the stack.
    #[doc(alias = "contextlib.AsyncExitStack.push_async_callback")]
    pub fn defer(&mut self, cleanup: impl Future<Output = ()> + 'static) {
        self.entries.push(Box::new(Cleanup(Box::pin(cleanup))));
    }

    /// How many resources and clean-ups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Moves everything to a stack of its own; this one is empty then.
    #[doc(alias = "contextlib.AsyncExitStack.pop_all")]
    #[must_use = "a dropped stack is closed by the loop"]
    pub fn pop_all(&mut self) -> Stack {
        Stack {
            entries: std::mem::take(&mut self.entries),
            made_at: self.made_at,
        }
    }
}

impl AsyncClose for Stack {
    /// Closes what is on the stack, the last first. A panic does not keep the rest from being
    /// closed; the last panic comes out at the end.
    async fn aclose(mut self) {
        let mut panic: Option<Payload> = None;
        while let Some(entry) = self.entries.pop() {
            match exit(Closing::new(entry.close(), self.made_at)).await {
                Exit::Value(()) => {}
                Exit::Panicked(next) => panic = Some(next),
                Exit::Cancelled(cancelled) => cancelled.raise().await,
            }
        }
        if let Some(panic) = panic {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !self.entries.is_empty() {
            adopt_at(self.pop_all().aclose(), self.made_at);
        }
    }
}

impl Default for Stack {
    #[track_caller]
    fn default() -> Stack {
        Stack::new()
    }
}

impl<R: 'static> Index<&Pushed<R>> for Stack {
    type Output = R;

    /// The resource.
    ///
    /// # Panics
    ///
    /// When it was pushed on another stack.
    fn index(&self, pushed: &Pushed<R>) -> &R {
        let entry = self
            .entries
            .get(pushed.index)
            .and_then(|entry| entry.resource().downcast_ref());
        entry.expect("the resource was pushed on another stack")
    }
}

impl<R: 'static> IndexMut<&Pushed<R>> for Stack {
    fn index_mut(&mut self, pushed: &Pushed<R>) -> &mut R {
        let entry = self.entries.get_mut(pushed.index);
        let resource = entry.and_then(|entry| entry.resource_mut().downcast_mut());
        resource.expect("the resource was pushed on another stack")
    }
}

/// Something on a stack, whose type is forgotten.
trait Entry {
    fn close(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()>>>;
    fn resource(&self) -> &dyn Any;
    fn resource_mut(&mut self) -> &mut dyn Any;
}

struct Resource<R>(R);

impl<R: AsyncClose + 'static> Entry for Resource<R> {
    fn close(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(self.0.aclose())
    }

    fn resource(&self) -> &dyn Any {
        &self.0
    }

    fn resource_mut(&mut self) -> &mut dyn Any {
        &mut self.0
    }
}

struct Cleanup(Pin<Box<dyn Future<Output = ()>>>);

impl Entry for Cleanup {
    fn close(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()>>> {
        self.0
    }

    fn resource(&self) -> &dyn Any {
        &()
    }

    fn resource_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("len", &self.len()).finish()
    }
}

impl<R> fmt::Debug for Pushed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pushed").field(&self.index).finish()
    }
}
