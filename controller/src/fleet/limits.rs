//! How often one network may ask to be enrolled, and how many at a time. Pure: the time is an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::network::network;

/// Attempts that one network has at once, and gets back each second.
const ATTEMPTS: f64 = 10.0;
/// Most networks that are remembered; beyond it everyone shares one budget.
const MAX_ADDRESSES: usize = 10_000;
/// Enrolments under way at a time. Each takes milliseconds, unless somebody wants to hold a place.
const MOST_AT_ONCE: usize = 32;
/// Those of one network among them, so that no network holds every place; more than come in one second.
const MOST_OF_ONE: usize = 16;

/// Enrolments that are under way. A cheap handle.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One enrolment that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    network: IpAddr,
}

impl Places {
    /// A place for `address`, if there is one.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut taken = self.taken();
        if taken.values().sum::<usize>() >= MOST_AT_ONCE {
            return None;
        }
        let of_one = taken.entry(network).or_default();
        if *of_one >= MOST_OF_ONE {
            return None;
        }
        *of_one += 1;
        Some(Place { places: self.clone(), network })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(of_one) = taken.get_mut(&self.network) {
            *of_one -= 1;
        }
        taken.retain(|_, count| *count > 0);
    }
}

/// A bucket of attempts for each network.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    buckets: HashMap<IpAddr, Bucket>,
    crowd: Option<Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Attempts {
    /// Whether `address` may try once more now.
    pub(super) fn allow(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = network(address);
        if !self.buckets.contains_key(&address) && self.buckets.len() >= MAX_ADDRESSES {
            let full = Duration::from_secs(1);
            self.buckets.retain(|_, bucket| now.duration_since(bucket.at) < full);
        }
        let fresh = Bucket { left: ATTEMPTS, at: now };
        let bucket = if self.buckets.contains_key(&address) || self.buckets.len() < MAX_ADDRESSES {
            self.buckets.entry(address).or_insert(fresh)
        } else {
            self.crowd.get_or_insert(fresh)
        };
        let refilled = bucket.left + now.duration_since(bucket.at).as_secs_f64() * ATTEMPTS;
        *bucket = Bucket { left: refilled.min(ATTEMPTS), at: now };
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u32) -> IpAddr {
        Ipv4Addr::from(last).into()
    }

    #[test]
    fn ten_a_second_and_no_more() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        let allowed = (0..25).filter(|_| attempts.allow(address(1), start)).count();
        assert_eq!(allowed, 10);
        assert!(attempts.allow(address(2), start));
        assert!(!attempts.allow(address(1), start + Duration::from_millis(50)));
        assert!(attempts.allow(address(1), start + Duration::from_millis(150)));
        let later = start + Duration::from_secs(60);
        assert_eq!((0..25).filter(|_| attempts.allow(address(1), later)).count(), 10);
    }

    #[test]
    fn a_site_of_ipv6_has_the_attempts_of_one() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        let site = |host: u128| IpAddr::from((0x2001_0db8_u128 << 96 | host).to_be_bytes());
        assert_eq!((0..1_000).filter(|host| attempts.allow(site(*host), start)).count(), 10);
        assert_eq!(attempts.buckets.len(), 1);
    }

    #[test]
    fn no_network_holds_every_place_and_all_together_hold_no_more_than_there_are() {
        let places = Places::default();
        let mut held: Vec<Place> = (0..100).filter_map(|_| places.take(address(1))).collect();
        assert_eq!(held.len(), MOST_OF_ONE);
        held.extend((2..200).filter_map(|last| places.take(address(last))));
        assert_eq!(held.len(), MOST_AT_ONCE);
        held.clear();
        assert!(places.taken().is_empty());
        assert!(places.take(address(1)).is_some());
    }

    #[test]
    fn a_crowd_of_addresses_shares_one_budget_and_bounded_memory() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        let crowd = (0..20_000).filter(|last| attempts.allow(address(*last), start)).count();
        assert_eq!(crowd, MAX_ADDRESSES + 10);
        assert_eq!(attempts.buckets.len(), MAX_ADDRESSES);
        assert!(attempts.allow(address(99_999), start + Duration::from_secs(2)));
        assert_eq!(attempts.buckets.len(), 1);
    }
}
