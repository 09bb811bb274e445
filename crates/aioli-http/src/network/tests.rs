//! Networks against a model that compares bits one by one, and their texts.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn bits(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Whether both have the same family and the first `n` bits in common, the slow way.
fn agree(a: IpAddr, b: IpAddr, n: u8) -> bool {
    let bit = |bytes: &[u8], i: usize| bytes[i / 8] >> (7 - i % 8) & 1;
    let (a, b) = (bits(a), bits(b));
    a.len() == b.len() && (0..usize::from(n)).all(|i| bit(&a, i) == bit(&b, i))
}

#[test]
fn texts() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::1", "::1/128"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ("::ffff:0:0/90", "::ffc0:0:0/90"),
    ] {
        assert_eq!(
            text.parse::<Network>().unwrap().to_string(),
            shown,
            "{text}"
        );
    }
    for text in [
        "",
        "/",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/33",
        "::/129",
        "10.0.0/8",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "a.example",
        "010.0.0.1",
        "::1%eth0",
        "[::1]",
        " ::1",
    ] {
        assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
    }
}

#[test]
fn families_are_apart() {
    let all_v4: Network = "0.0.0.0/0".parse().unwrap();
    let all_v6: Network = "::/0".parse().unwrap();
    let v4: IpAddr = Ipv4Addr::LOCALHOST.into();
    let v6: IpAddr = Ipv6Addr::LOCALHOST.into();
    assert!(all_v4.contains(v4) && !all_v4.contains(v6));
    assert!(all_v6.contains(v6) && !all_v6.contains(v4));
}

proptest! {
    #[test]
    fn containing_is_agreeing_in_the_first_bits(
        a in any::<u32>(), flip in 0..33_u32, prefix in 0..=32_u8,
    ) {
        let b = a ^ 1_u32.checked_shl(flip).unwrap_or(0);
        let (a, b) = (Ipv4Addr::from_bits(a).into(), Ipv4Addr::from_bits(b).into());
        let network = Network::new(a, prefix).unwrap();
        prop_assert_eq!(network.contains(b), agree(a, b, prefix));
    }

    #[test]
    fn also_of_the_long_addresses(
        a in any::<u128>(), flip in 0..129_u32, prefix in 0..=128_u8,
    ) {
        let b = a ^ 1_u128.checked_shl(flip).unwrap_or(0);
        let (a, b) = (Ipv6Addr::from_bits(a), Ipv6Addr::from_bits(b));
        prop_assume!(a.to_ipv4_mapped().is_none() && b.to_ipv4_mapped().is_none());
        let network = Network::new(a.into(), prefix).unwrap();
        prop_assert_eq!(network.contains(b.into()), agree(a.into(), b.into(), prefix));
    }

    #[test]
    fn a_text_comes_back(a in any::<u128>(), v4 in any::<bool>(), prefix in 0..=32_u8) {
        let address: IpAddr = if v4 {
            Ipv4Addr::from_bits(a as u32).into()
        } else {
            Ipv6Addr::from_bits(a).into()
        };
        let network = Network::new(address, prefix).unwrap();
        prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
    }
}
