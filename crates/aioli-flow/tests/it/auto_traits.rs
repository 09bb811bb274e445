//! Futures are `Send` when their inputs are; types that must stay on their thread say so here.

use std::future::Ready;

use aioli_flow::testing::{
    Cut, Everywhere, Failure, How, Scenario, SequenceError, Sequencer, Step, Summary, Turn,
};
use aioli_flow::{
    AsCompleted, AsyncClose, Attempt, CancelScope, CompletionOrder, Elapsed, First, Gather, Group,
    Of2, Of3, Of4, Of5, Of6, Of7, Of8, Promise, Promised, Pushed, Put, RaceAll, RescheduleError,
    Staggered, StartError, Started, Starting, TaskGroup, TimeoutScope, TryGather, Wait, Waiting,
    Yielder, checkpoint, finally, for_each, gather, isolate, move_on_after, next, race, shield_for,
    staggered, timeout, timeout_at, timeout_scope, try_gather, try_with, wait_up_to, with,
};
use aioli_task::{Task, Tasks};
use aioli_time::{Deadline, sleep};

fn is_send_type<T: Send>() {}
fn is_all<T: Send + Sync + Unpin>() {}
fn is_send<T: Send>(_: T) {}

/// Implemented once for every type, and a second time for what is `Send`: a call with an inferred
/// `A` compiles only for types that are not.
trait NotSend<A> {
    fn check() {}
}

impl<T: ?Sized> NotSend<()> for T {}
impl<T: ?Sized + Send> NotSend<u8> for T {}

#[test]
fn every_public_type() {
    is_all::<Elapsed>();
    is_all::<RescheduleError>();
    is_all::<TimeoutScope>();
    is_all::<CancelScope>();
    is_all::<StartError>();
    is_all::<Started<u8>>();
    is_all::<Starting<u8>>();
    is_all::<First>();
    is_all::<Group>();
    is_all::<TaskGroup>();
    is_all::<Staggered<u8, u8>>();
    is_all::<Attempt<u8>>();
    is_all::<Promise<u8>>();
    is_all::<Promised<u8>>();
    is_all::<Pushed<u8>>();
    is_all::<Yielder<u8>>();
    is_all::<Put<'_, u8>>();
    is_all::<Of2<u8, u8>>();
    is_all::<Of3<u8, u8, u8>>();
    is_all::<Of4<u8, u8, u8, u8>>();
    is_all::<Of5<u8, u8, u8, u8, u8>>();
    is_all::<Of6<u8, u8, u8, u8, u8, u8>>();
    is_all::<Of7<u8, u8, u8, u8, u8, u8, u8>>();
    is_all::<Of8<u8, u8, u8, u8, u8, u8, u8, u8>>();
    is_all::<AsCompleted<u8>>();
    is_all::<Wait<'_, Vec<Task<u8>>>>();
    is_all::<Waiting<'_, Tasks<u8>>>();
    is_send_type::<aioli_flow::BoxError>();
    is_all::<Cut>();
    is_all::<How>();
    is_all::<Everywhere>();
    is_all::<Summary>();
    is_all::<Failure>();
    is_all::<Sequencer>();
    is_all::<SequenceError>();
    is_all::<Step>();
    is_all::<Turn>();
    <Scenario as NotSend<_>>::check();
    // Their bodies need not be `Send`, and their types are forgotten.
    <aioli_flow::Gen<u8> as NotSend<_>>::check();
    <aioli_flow::Next<'_, u8> as NotSend<_>>::check();
    <aioli_flow::Stack as NotSend<_>>::check();
    // A task whose output is not `Send` stays on its thread.
    <AsCompleted<std::rc::Rc<u8>> as NotSend<_>>::check();
}

struct Conn;

impl AsyncClose for Conn {
    async fn aclose(self) {
        sleep(1).await;
    }
}

impl aioli_flow::TryClose for Conn {
    type Error = u8;
    async fn try_close(self) -> Result<(), u8> {
        sleep(1).await;
        Ok(())
    }
}

fn ok() -> Ready<Result<u8, u8>> {
    std::future::ready(Ok(1))
}

#[test]
fn every_future_is_send_when_its_inputs_are() {
    is_send(gather((sleep(1), sleep(2))));
    is_send(try_gather((ok(), ok())));
    is_send([sleep(1)].gather());
    is_send([ok()].try_gather());
    is_send(race((sleep(1), sleep(2))));
    is_send(race([sleep(1)]));
    is_send([sleep(1)].race());
    is_send(staggered(1, [ok()]));
    is_send(timeout(1, sleep(2)));
    is_send(timeout_at(Deadline::NEVER, sleep(2)));
    is_send(timeout_scope(1, async |_| sleep(1).await));
    is_send(CancelScope::new().run(sleep(1)));
    is_send(checkpoint());
    is_send(move_on_after(1, sleep(2)));
    is_send(wait_up_to(1, sleep(2)));
    is_send(shield_for(1, sleep(2)));
    is_send(isolate(sleep(1)));
    is_send(with(Conn, async |_| sleep(1).await));
    is_send(try_with(Conn, async |_| sleep(1).await));
    is_send(finally(sleep(1), sleep(2)));
    is_send(for_each(futures::stream::iter([1]), async |_| {
        sleep(1).await
    }));
    is_send(next(&mut futures::stream::iter([1])));
    is_send(TaskGroup::scope(async |_| {
        sleep(1).await;
        Ok(())
    }));
    is_send(Vec::<Task<u8>>::new().as_completed().for_each(async |_| ()));
}
