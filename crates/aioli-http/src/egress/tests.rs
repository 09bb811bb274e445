//! Which addresses are public, and which rule comes first.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(policy: &Egress, addresses: &[&str], want: Result<(), EgressRule>) {
    for address in addresses {
        assert_eq!(policy.check(address.parse().unwrap()), want, "{address}");
    }
}

#[test]
fn what_is_public() {
    let public = Egress::public_only();
    check(
        &public,
        &[
            "9.9.9.9",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:9.9.9.9",
            "2606:4700::1111",
            "2a00::1",
            "64:ff9b::9.9.9.9",
            "2002:909:909::1",
            "2001:200::1",
        ],
        Ok(()),
    );
    check(
        &public,
        &[
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ],
        Err(EgressRule::NotPublic),
    );
}

#[test]
fn denied_beats_allowed_beats_the_rest() {
    let ten: Network = "10.0.0.0/8".parse().unwrap();
    let policy = Egress::public_only()
        .allow("10.1.0.0/16")
        .allow("127.0.0.1")
        .deny("9.9.9.9");
    check(
        &policy,
        &["10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1"],
        Ok(()),
    );
    check(
        &policy,
        &["10.2.0.1", "127.0.0.2", "64:ff9b::10.1.2.3"],
        Err(EgressRule::NotPublic),
    );
    let nine = EgressRule::Denied("9.9.9.9".parse().unwrap());
    check(
        &policy,
        &["9.9.9.9", "64:ff9b::9.9.9.9", "2002:909:909::"],
        Err(nine),
    );

    let policy = Egress::anywhere().allow("10.1.0.0/16").deny("10.0.0.0/8");
    check(
        &policy,
        &["10.1.2.3", "::ffff:10.0.0.1", "::10.0.0.1"],
        Err(EgressRule::Denied(ten)),
    );
    check(&policy, &["127.0.0.1", "::1"], Ok(()));

    let policy = Egress::listed_only().allow("2001:db8::/32");
    check(&policy, &["2001:db8::5"], Ok(()));
    check(
        &policy,
        &["9.9.9.9", "2001:db9::"],
        Err(EgressRule::NotListed),
    );
}

#[test]
fn malformed_networks_are_remembered() {
    assert!(Egress::anywhere().deny("10.0.0.0/33").is_malformed());
    assert!(
        Egress::anywhere()
            .allow("intranet")
            .allow("10.0.0.1")
            .is_malformed()
    );
    assert!(!Egress::anywhere().allow("::/0").is_malformed());
}

proptest! {
    /// However an IPv4 address is dressed, it is judged the same.
    #[test]
    fn dresses_do_not_matter(bits in any::<u32>()) {
        let plain = Ipv4Addr::from_bits(bits);
        let nat64 = Ipv6Addr::from_bits(0x64_ff9b_u128 << 96 | u128::from(bits));
        let six_to_four = Ipv6Addr::from_bits(0x2002_u128 << 112 | u128::from(bits) << 80);
        let public = Egress::public_only();
        let want = public.check(plain.into());
        for dressed in [plain.to_ipv6_mapped(), nat64, six_to_four] {
            prop_assert_eq!(public.check(dressed.into()), want, "{}", dressed);
        }
        let denying = Egress::anywhere().deny(&plain.to_string());
        for dressed in [plain.to_ipv6_mapped(), nat64, six_to_four] {
            prop_assert!(denying.check(dressed.into()).is_err(), "{}", dressed);
        }
    }
}
