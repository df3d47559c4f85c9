//! Networks: addresses with a prefix length.

use core::net::IpAddr;

/// An IPv4 or IPv6 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// `10.0.0.0/8`, `2001:db8::/32`; without a length, the one address.
    pub(in super::super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, length)| (a, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let full = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(full), |length| length.parse().ok())?;
        (length <= full).then_some(Self { address, length })
    }

    pub(in super::super) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            // A mapped address is an IPv4 one, as sockets of both families report it.
            (IpAddr::V4(_), IpAddr::V6(other)) => {
                other.to_ipv4_mapped().is_some_and(|mapped| self.contains(IpAddr::V4(mapped)))
            }
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let holds = |network: &str, address: &str| {
            Network::parse(network).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.9.8.7") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && holds("127.0.0.1", "127.0.0.1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("::/0", "1.2.3.4"));
        assert!(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
        for bad in ["10.0.0.0/33", "10.0.0/8", "", "/8", "x"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
