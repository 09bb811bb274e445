//! The order among sources of any age. Who is woken first is tested with registrations.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use super::Order;
use crate::driver::Event;
use crate::ready::Ready;
use crate::source::Source;
use crate::table::Table;

/// Sources that have been reported so long ago, in a table, with an event for each.
fn reported(now: u32, ages: &[u32], by_level: bool) -> (Order, Table, Vec<Event>) {
    let (mut table, mut events) = (Table::default(), Vec::new());
    for age in ages {
        let source = table.insert(|token| Arc::new(Source::new(7, token)));
        source.set_turn(now.wrapping_sub(*age));
        if by_level {
            source.readiness.transition_to_level();
        }
        let (token, ready) = (source.token, Ready::READABLE);
        events.push(Event { token, ready });
    }
    let order = Order {
        turn: now,
        ..Order::default()
    };
    (order, table, events)
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig::with_cases(64)))]

    #[test]
    fn by_level_the_oldest_go_first_and_equal_ones_as_they_came(
        now: u32,
        ages in proptest::collection::vec(0..20_u32, 0..80),
    ) {
        let (mut order, table, mut events) = reported(now, &ages, true);
        let mut expected = events.clone();
        expected.sort_by_key(|event| {
            std::cmp::Reverse(now.wrapping_sub(table.get(event.token).unwrap().turn()))
        });
        order.arrange(&table, &mut events);
        prop_assert_eq!(events, expected);
    }

    #[test]
    fn by_edge_nothing_changes(
        now: u32,
        ages in proptest::collection::vec(0..20_u32, 0..80),
    ) {
        let (mut order, table, mut events) = reported(now, &ages, false);
        let expected = events.clone();
        order.arrange(&table, &mut events);
        prop_assert_eq!(events, expected);
    }
}

#[test]
fn a_source_that_is_gone_disturbs_nobody() {
    let (mut order, mut table, mut events) = reported(9, &[1, 2, 3], true);
    let tokens: Vec<_> = events.iter().map(|event| event.token).collect();
    table.remove(tokens[1]);
    order.arrange(&table, &mut events);
    let mut sorted: Vec<_> = events.iter().map(|event| event.token).collect();
    sorted.retain(|token| *token != tokens[1]);
    assert_eq!(sorted, [tokens[2], tokens[0]]);
    assert_eq!(events.len(), 3);
}
