//! The buffer beside a plain queue of bytes.

use proptest::prelude::*;
use proptest::test_runner::contextualize_config;

use super::*;

fn receive(buffer: &mut ReadBuffer, byte: u8, n: usize) -> usize {
    let spare = buffer.spare();
    let n = n.min(spare.len());
    spare[..n].fill(byte);
    buffer.fill(n);
    n
}

#[test]
fn what_is_given_back_is_used_again() {
    let mut buffer = ReadBuffer::new();
    receive(&mut buffer, 1, 100);
    let place = buffer.filled().as_ptr();
    drop(buffer.take(100));
    for _ in 0..10_000 {
        assert!(buffer.spare().len() >= READ_BUFFER / 2);
        let n = receive(&mut buffer, 2, 3000);
        drop(buffer.take(n));
    }
    // It has gone round many times, and is where it was.
    let at = buffer.filled().as_ptr().addr();
    assert!((place.addr()..=place.addr() + READ_BUFFER).contains(&at));
}

#[test]
fn what_is_kept_is_not_overwritten() {
    let mut buffer = ReadBuffer::new();
    let mut kept = Vec::new();
    for byte in 0..100 {
        let n = receive(&mut buffer, byte, 3000);
        kept.push(buffer.take(n));
    }
    for (byte, kept) in (0..100).zip(&kept) {
        assert!(kept.iter().all(|b| *b == byte));
    }
}

#[test]
fn large_messages_get_room_and_it_is_given_up_after_them() {
    let mut buffer = ReadBuffer::new();
    for _ in 0..3 {
        buffer.saw_message(20_000);
        assert!(buffer.spare().len() >= 20_000);
        let n = receive(&mut buffer, 0, 20_000);
        buffer.consume(n);
    }
    // Too large to come with one read anyway.
    buffer.saw_message(1 << 20);
    assert!(buffer.spare().len() < 2 * MESSAGE_MAX);
    for _ in 0..1000 {
        buffer.saw_message(200);
        let n = receive(&mut buffer, 0, 200);
        buffer.consume(n);
    }
    assert!(buffer.spare().len() <= READ_BUFFER);
    assert_eq!(buffer.size, READ_BUFFER);
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig::with_cases(64)))]

    #[test]
    fn is_a_queue(steps in prop::collection::vec((0..4_u8, 0..40_000_usize), 0..40)) {
        let mut buffer = ReadBuffer::new();
        let mut model: std::collections::VecDeque<u8> = Default::default();
        let mut kept = Vec::new();
        for (number, (kind, n)) in steps.into_iter().enumerate() {
            match kind {
                0 => {
                    let n = receive(&mut buffer, number as u8, n);
                    model.extend(std::iter::repeat_n(number as u8, n));
                }
                1 => {
                    let n = n.min(model.len());
                    buffer.consume(n);
                    model.drain(..n);
                }
                2 => {
                    let n = n.min(model.len());
                    let expected: Vec<u8> = model.drain(..n).collect();
                    kept.push((buffer.take(n), expected));
                    if number % 3 == 0 {
                        kept.pop();
                    }
                }
                _ => buffer.saw_message(n),
            }
            prop_assert_eq!(&*model.make_contiguous(), buffer.filled());
        }
        prop_assert!(kept.iter().all(|(bytes, expected)| bytes == expected));
    }
}
