//! Slots beside what they promise: bounds, nobody overtakes, and nothing lies idle or is lost.

use proptest::prelude::*;

use super::*;
use crate::origin::Origin;
use crate::route::Via;

const HOSTS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Begin(usize),
    /// Those in hand end, by their place.
    Leave(usize),
    GiveUp(usize),
    Redeem(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..HOSTS).prop_map(Step::Begin),
        2 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::GiveUp),
        2 => any::<usize>().prop_map(Step::Redeem),
    ]
}

fn routes() -> Vec<Arc<Route>> {
    let origin = |n| Origin::of(&format!("http://h{n}/").parse().unwrap()).unwrap();
    let route = |n| Route {
        origin: Arc::new(origin(n)),
        via: Via::Direct,
        server_name: None,
        raw: false,
    };
    (0..HOSTS).map(|n| Arc::new(route(n))).collect()
}

/// What the test knows of the requests.
#[derive(Default)]
struct Requests {
    /// Hosts of those with a slot.
    slots: Vec<usize>,
    /// Those that wait or were granted a slot they have not taken, in the order they came.
    tickets: Vec<usize>,
}

impl Requests {
    fn pick(list: &mut Vec<usize>, at: usize) -> Option<usize> {
        (!list.is_empty()).then(|| list.remove(at % list.len()))
    }

    fn apply(&mut self, state: &mut State, step: &Step, routes: &[Arc<Route>], limits: &Limits) {
        match *step {
            Step::Begin(route) => {
                let host = state.enter(&routes[route]);
                if state.try_grant(host, limits) {
                    self.slots.push(host);
                } else {
                    self.tickets.push(state.wait(host, limits));
                }
            }
            Step::Leave(at) => {
                if let Some(host) = Requests::pick(&mut self.slots, at) {
                    let woken = state.leave(host, limits);
                    assert!(woken.is_empty(), "nobody has left a waker");
                }
            }
            Step::GiveUp(at) => {
                if let Some(key) = Requests::pick(&mut self.tickets, at) {
                    assert!(state.give_up(key, limits).is_empty());
                }
            }
            Step::Redeem(at) => {
                if !self.tickets.is_empty() {
                    let at = at % self.tickets.len();
                    if let Some(host) = state.redeem(self.tickets[at]) {
                        self.tickets.remove(at);
                        self.slots.push(host);
                    }
                }
            }
        }
    }

    fn check(&self, state: &State, limits: &Limits) {
        let granted = |key: &&usize| state.tickets[**key].stage == Stage::Granted;
        let held = self.tickets.iter().filter(granted).count();
        assert_eq!(state.active, self.slots.len() + held);
        assert!(state.active <= limits.connections);
        assert_eq!(state.users(), self.slots.len() + self.tickets.len());
        for (at, key) in self.tickets.iter().enumerate() {
            let Ticket { host, stage, .. } = state.tickets[*key];
            let entry = &state.hosts[host];
            assert!(entry.held <= limits.per_host && entry.active <= entry.held);
            match stage {
                Stage::Route => assert_eq!(entry.held, limits.per_host, "it could go on"),
                Stage::Session => assert_eq!(state.active, limits.connections, "it could go on"),
                Stage::Granted => {}
                Stage::Gap => panic!("who waits is no gap"),
            }
            let overtaken = self.tickets[..at].iter().any(|earlier| {
                let earlier = &state.tickets[*earlier];
                earlier.host == host && progress(earlier.stage) < progress(stage)
            });
            assert!(
                !overtaken,
                "who came earlier is further in the line of a route"
            );
        }
    }
}

fn progress(stage: Stage) -> usize {
    match stage {
        Stage::Route => 0,
        Stage::Session => 1,
        Stage::Granted => 2,
        Stage::Gap => 3,
    }
}

proptest! {
    #[test]
    fn slots_are_bounded_fair_and_never_lost(
        steps in proptest::collection::vec(step(), 0..200),
        per_host in 1..4_usize,
        connections in 1..6_usize,
    ) {
        let limits = Limits::default().per_host(per_host).connections(connections);
        let (routes, mut state) = (routes(), State::default());
        let mut requests = Requests::default();
        for step in &steps {
            requests.apply(&mut state, step, &routes, &limits);
            requests.check(&state, &limits);
        }
        // All that are left come to an end, within as many rounds as there are.
        for _ in 0..steps.len() {
            let all = 0..requests.tickets.len();
            for step in all.rev().map(Step::Redeem).chain([Step::Leave(0)]) {
                requests.apply(&mut state, &step, &routes, &limits);
                requests.check(&state, &limits);
            }
        }
        prop_assert_eq!((state.active, state.users(), state.hosts.len()), (0, 0, 0));
        // Gaps at the end of the line of the session go when it is asked for the next time.
        while let Some(key) = state.line.pop(&mut state.tickets) {
            prop_assert!(false, "{} waits", key);
        }
        prop_assert_eq!(state.tickets.len(), 0);
    }
}
