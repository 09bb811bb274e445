//! Which machines have a core to spare, and which of two quotas is the smaller one.

use super::{Machine, Quota};

fn spares(cores: usize, quota: Option<(u64, u64)>) -> bool {
    let quota = quota.map(|(time, period)| Quota { time, period });
    Machine { cores, quota }.has_core_to_spare()
}

#[test]
fn there_is_a_core_to_spare_where_another_one_is_and_all_may_be_busy() {
    assert!(!spares(1, None));
    assert!(spares(2, None));
    assert!(spares(64, None));
    assert!(!spares(1, Some((1_000_000, 100_000))));
    assert!(!spares(2, Some((100_000, 100_000))));
    assert!(!spares(2, Some((199_999, 100_000))));
    assert!(spares(2, Some((200_000, 100_000))));
    assert!(spares(2, Some((u64::MAX, 1))));
    assert!(!spares(4, Some((350_000, 100_000))));
    assert!(!spares(2, Some((0, u64::MAX))));
}

#[test]
fn the_smaller_quota_is_the_one_that_allows_less_a_second() {
    let [half, whole, long] = [(50, 100), (100, 100), (1_000_000, 1_000_000)]
        .map(|(time, period)| Quota { time, period });
    assert_eq!(half.min(whole), half);
    assert_eq!(whole.min(half), half);
    assert_eq!(long.min(half), half);
    let huge = Quota {
        time: u64::MAX,
        period: 1,
    };
    assert_eq!(huge.min(whole), whole);
}
