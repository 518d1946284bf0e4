//! The limit on connections from one address.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Counts the connections of each address. Its bound is the number of open connections: who has none is forgotten.
#[derive(Debug)]
pub struct Permits {
    limit: Option<NonZeroU32>,
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection's place among those of its address, given back when the last clone is dropped.
///
/// It is in the extensions of every request: whoever upgrades a connection keeps a clone for as long as the socket lives.
/// Behind a believed proxy it counts the request, and after an upgrade the socket, for the client's own address.
#[derive(Clone, Debug)]
pub struct ConnectionPermit {
    _place: Option<Arc<Place>>,
}

#[derive(Debug)]
struct Place {
    permits: Arc<Permits>,
    address: IpAddr,
}

impl Permits {
    /// At most `limit` connections from one address; `None` is no limit.
    #[must_use]
    pub fn new(limit: Option<NonZeroU32>) -> Arc<Self> {
        Arc::new(Self {
            limit,
            open: Mutex::default(),
        })
    }

    /// A place for one more connection from `address`, or nothing if it has as many as it may.
    #[must_use]
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        let Some(limit) = self.limit else {
            return Some(ConnectionPermit::uncounted());
        };
        let address = counted_as(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_insert(0);
        if *count >= limit.get() {
            return None;
        }
        *count += 1;
        Some(ConnectionPermit {
            _place: Some(Arc::new(Place {
                permits: Arc::clone(self),
                address,
            })),
        })
    }

    /// How many connections `address` has that are counted.
    #[must_use]
    pub fn open(&self, address: IpAddr) -> u32 {
        self.open.lock().get(&counted_as(address)).copied().unwrap_or(0)
    }
}

impl ConnectionPermit {
    /// A permit that counts for nobody: for connections of proxies, and where there is no limit.
    pub(super) fn uncounted() -> Self {
        Self { _place: None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.permits.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// An IPv6 address counts as its /64 network, which is what one customer of a provider has at least.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_free_again_when_the_last_clone_of_its_permit_goes() {
        let permits = Permits::new(NonZeroU32::new(1));
        let permit = permits.take(address("192.0.2.1")).unwrap();
        let clone = permit.clone();
        assert!(permits.take(address("192.0.2.1")).is_none());
        assert!(permits.take(address("192.0.2.2")).is_some());
        drop(permit);
        assert!(permits.take(address("::ffff:192.0.2.1")).is_none());
        drop(clone);
        assert!(permits.take(address("192.0.2.1")).is_some());
        assert!(permits.open.lock().is_empty());
    }

    #[test]
    fn a_v6_network_counts_as_one_address() {
        let permits = Permits::new(NonZeroU32::new(1));
        let _permit = permits.take(address("2001:db8::1")).unwrap();
        assert!(permits.take(address("2001:db8::ffff:1")).is_none());
        assert!(permits.take(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let permits = Permits::new(None);
        let _many: Vec<_> = (0..10_000)
            .map(|_| permits.take(address("192.0.2.1")).unwrap())
            .collect();
        assert_eq!(permits.open(address("192.0.2.1")), 0);
    }
}
