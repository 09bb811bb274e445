//! Which public types may cross threads.

use aioli_task::driver::{Hold, Home};
use aioli_task::interrupt::SignalRegistration;
use aioli_task::*;

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}
fn is_unpin<T: Unpin>() {}
fn is_send_value<T: Send>(_: &T) {}

/// Counts through autoref whether a type is `Send`: the inherent method wins where it applies.
struct Probe<T>(std::marker::PhantomData<T>);
trait NotSend {
    fn is_send(&self) -> bool {
        false
    }
}
impl<T> NotSend for Probe<T> {}
impl<T: Send> Probe<T> {
    fn is_send(&self) -> bool {
        true
    }
}
macro_rules! is_send {
    ($ty:ty) => {
        Probe::<$ty>(std::marker::PhantomData).is_send()
    };
}

type Ready = std::future::Ready<u8>;
type Local = std::rc::Rc<u8>;

#[test]
fn what_crosses_threads() {
    is_send::<BlockingTask<u8>>();
    is_sync::<BlockingTask<u8>>();
    is_send::<Cancelled>();
    is_sync::<Cancelled>();
    is_send::<Context>();
    is_sync::<Context>();
    is_send::<ContextVar<u8>>();
    is_sync::<ContextVar<u8>>();
    is_send::<Done>();
    is_sync::<Done>();
    is_send::<Exit<u8>>();
    is_send::<ExitFuture<Ready>>();
    is_sync::<ExitFuture<Ready>>();
    is_send::<Hold>();
    is_sync::<Hold>();
    is_send::<Home>();
    is_sync::<Home>();
    is_send::<LoopClosed>();
    is_send::<LoopHandle>();
    is_sync::<LoopHandle>();
    is_send::<Panic>();
    is_sync::<Panic>();
    is_send::<Raising>();
    is_sync::<Raising>();
    is_send::<Reason>();
    is_sync::<Reason>();
    is_send::<ReasonKind>();
    is_send::<Report>();
    is_sync::<Report>();
    is_send::<Requests>();
    is_sync::<Requests>();
    is_send::<Shielded<u8>>();
    is_send::<SignalRegistration>();
    is_sync::<SignalRegistration>();
    is_send::<Stop>();
    is_sync::<Stop>();
    is_send::<Task<u8>>();
    is_sync::<Task<u8>>();
    is_send::<TaskHandle>();
    is_sync::<TaskHandle>();
    is_send::<Tasks<u8>>();
    is_send::<ToThread<u8>>();
    is_sync::<ToThread<u8>>();
    is_send::<Token<u8>>();
    is_send::<Unwinder>();
    is_sync::<Unwinder>();
    is_send::<Unwinding>();
    is_send::<testing::Counts>();
}

#[test]
fn what_stays_on_its_thread() {
    assert!(is_send!(Task<u8>));
    assert!(!is_send!(Task<Local>));
    assert!(!is_send!(Runner));
    assert!(!is_send!(RunnerBuilder));
    assert!(!is_send!(CallHandle));
    assert!(!is_send!(DoneCallback));
    assert!(!is_send!(ExitFuture<std::future::Ready<Local>>));
    assert!(!is_send!(testing::PassInfo<'static>));
    is_send::<testing::AllTasksBlocked>();
    is_sync::<testing::AllTasksBlocked>();
    is_unpin::<testing::AllTasksBlocked>();
}

#[test]
fn futures_are_send_when_their_inputs_are() {
    is_send_value(&exit(std::future::ready(1)));
    is_send_value(&catch(std::future::ready(1)));
    is_send_value(&shield(std::future::ready(1)));
    is_send_value(&isolate(std::future::ready(1)));
    is_send_value(&yield_now());
    is_send_value(&Cancelled::new(Reason::new(ReasonKind::Cancel)).raise());
}

#[test]
fn what_may_move_while_it_is_polled() {
    is_unpin::<Task<u8>>();
    is_unpin::<Shielded<u8>>();
    is_unpin::<Done>();
    is_unpin::<ToThread<u8>>();
    is_unpin::<ExitFuture<Ready>>();
}

#[test]
fn a_handle_is_two_words() {
    assert_eq!(size_of::<Task<[u8; 100]>>(), 2 * size_of::<usize>());
}
