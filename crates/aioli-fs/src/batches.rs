//! An iterator that blocks, run on the pool in batches, and handed out one by one.

use aioli_task::ToThread;
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// How many items one job fetches: enough to make the hop to the pool cheap for each, few
/// enough to hold little memory and to start handing out soon.
const BATCH: usize = 128;

/// The items of a blocking iterator.
///
/// The iterator travels: it belongs to the running job, or rests here.
pub(crate) struct Batches<I: Iterator> {
    items: VecDeque<I::Item>,
    rest: Rest<I>,
}

enum Rest<I: Iterator> {
    Idle(I),
    Fetching(ToThread<Batch<I>>),
    Ended,
}

/// What a job brings: its items, and the iterator unless it has ended.
type Batch<I> = (VecDeque<<I as Iterator>::Item>, Option<I>);

impl<I> Batches<I>
where
    I: Iterator<Item: Send> + Send + 'static,
{
    pub(crate) fn new(iterator: I) -> Self {
        Self {
            items: VecDeque::new(),
            rest: Rest::Idle(iterator),
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<I::Item>> {
        loop {
            if !self.items.is_empty() {
                ready!(aioli_sync::budget::poll_proceed(cx));
                return Poll::Ready(self.items.pop_front());
            }
            match &mut self.rest {
                Rest::Ended => return Poll::Ready(None),
                Rest::Fetching(job) => {
                    let (items, iterator) = ready!(Pin::new(job).poll(cx));
                    self.items = items;
                    self.rest = iterator.map_or(Rest::Ended, Rest::Idle);
                }
                Rest::Idle(_) => {
                    let rest = std::mem::replace(&mut self.rest, Rest::Ended);
                    if let Rest::Idle(iterator) = rest {
                        self.rest = Rest::Fetching(aioli_task::to_thread(|| fetch(iterator)));
                    }
                }
            }
        }
    }
}

fn fetch<I: Iterator>(mut iterator: I) -> Batch<I> {
    let items: VecDeque<_> = iterator.by_ref().take(BATCH).collect();
    let ended = items.len() < BATCH;
    (items, (!ended).then_some(iterator))
}

impl<I: Iterator> Unpin for Batches<I> {}
