//! Which handler is current: a stack of frames per thread, pushed around the poll of a body.
//!
//! A handler that is polled for the first time pushes a frame without a node. The node is made
//! when a handler below needs a parent, or when the body turns out to be pending; a body that is
//! ready at its first poll never touches the tree.

use std::cell::RefCell;

use super::tree::{Node, NodeRef};

enum Frame {
    /// Handlers polled from here on hang below this node, or are outermost.
    Base(Option<NodeRef>),
    /// A handler whose body is being polled, linked or not.
    Handler {
        node: Option<NodeRef>,
        is_shield: bool,
    },
}

thread_local! {
    static STACK: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// The current handler, linked into its tree now if it was not yet.
pub(crate) fn node() -> Option<NodeRef> {
    STACK.with_borrow_mut(|stack| {
        let linked = stack.iter().rposition(|frame| match frame {
            Frame::Base(_) => true,
            Frame::Handler { node, .. } => node.is_some(),
        });
        let mut above = match linked.map(|at| &stack[at]) {
            Some(Frame::Base(node) | Frame::Handler { node, .. }) => node.clone(),
            None => None,
        };
        for frame in &mut stack[linked.map_or(0, |at| at + 1)..] {
            if let Frame::Handler { node, is_shield } = frame {
                *node = Some(Node::below(above.as_ref(), *is_shield));
                above = node.clone();
            }
        }
        above
    })
}

/// Whether a handler or a task is around the caller, without linking anything.
pub(crate) fn is_inside() -> bool {
    STACK.with_borrow(|stack| match stack.last() {
        None | Some(Frame::Base(None)) => false,
        Some(_) => true,
    })
}

/// Pushes a frame. On a thread whose locals are gone already there is no stack, and futures are
/// only dropped there.
fn push(frame: Frame) {
    let _ = STACK.try_with(|stack| stack.borrow_mut().push(frame));
}

fn pop() -> Option<Frame> {
    STACK
        .try_with(|stack| stack.borrow_mut().pop())
        .ok()
        .flatten()
}

/// Makes a node (or none) the current handler until it is dropped.
#[must_use]
pub(crate) struct Base(());

impl Base {
    pub(crate) fn enter(node: Option<NodeRef>) -> Base {
        push(Frame::Base(node));
        Base(())
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        drop(pop());
    }
}

/// A handler whose body is being polled or dropped, until `leave` or a panic.
#[must_use]
pub(crate) struct InHandler(());

impl InHandler {
    pub(crate) fn enter(node: Option<NodeRef>, is_shield: bool) -> InHandler {
        push(Frame::Handler { node, is_shield });
        InHandler(())
    }

    /// Leaves the frame; returns the node, if the handler was linked meanwhile or before.
    pub(crate) fn leave(self) -> Option<NodeRef> {
        std::mem::forget(self);
        match pop() {
            Some(Frame::Handler { node, .. }) => node,
            _ => unreachable!("frames are left in the reverse order of entering"),
        }
    }
}

impl Drop for InHandler {
    fn drop(&mut self) {
        drop(pop());
    }
}
