//! How often anybody may ask.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};

use super::problem::Problem;
use crate::network::network;

/// Sign-ins of one name from one address: enough for a person who mistypes, useless for guessing.
const SIGN_INS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// Sign-ins from one address, whatever the names.
const SIGN_INS_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Sign-ins of one name from all addresses together: whoever owns a thousand machines still guesses no faster.
const SIGN_INS_PER_NAME: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Requests per second of everybody together, and how many may come at once: a console takes about ten for
/// a page, so this is hundreds of people, and still less than the store can answer.
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
const REQUESTS_AT_ONCE: NonZeroU32 = NonZeroU32::new(2_000).expect("not zero");
/// Names and addresses that are remembered; above it those that have recovered are forgotten.
const MOST_KEYS: usize = 10_000;

/// The limits of one server.
#[derive(Debug)]
pub struct Limits {
    clock: DefaultClock,
    requests: DefaultDirectRateLimiter,
    sign_ins: DefaultKeyedRateLimiter<(String, Option<IpAddr>)>,
    sign_in_addresses: DefaultKeyedRateLimiter<Option<IpAddr>>,
    sign_in_names: DefaultKeyedRateLimiter<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clock: DefaultClock::default(),
            requests: DefaultDirectRateLimiter::direct(
                Quota::per_second(REQUESTS_PER_SECOND).allow_burst(REQUESTS_AT_ONCE),
            ),
            sign_ins: DefaultKeyedRateLimiter::keyed(Quota::per_minute(SIGN_INS_PER_MINUTE)),
            sign_in_addresses: DefaultKeyedRateLimiter::keyed(Quota::per_minute(SIGN_INS_PER_ADDRESS)),
            sign_in_names: DefaultKeyedRateLimiter::keyed(Quota::per_minute(SIGN_INS_PER_NAME)),
        }
    }
}

impl Limits {
    /// Counts one request.
    pub fn request(&self) -> Result<(), Problem> {
        self.requests.check().map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::too_many("the controller gets more requests than it takes", seconds(wait))
        })
    }

    /// Counts one attempt to sign in, or to use the set-up code (then without a name).
    pub fn sign_in(&self, name: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        if self.sign_ins.len() > MOST_KEYS {
            self.sign_ins.retain_recent();
            self.sign_in_addresses.retain_recent();
            self.sign_in_names.retain_recent();
        }
        let (name, address) = (name.to_lowercase(), address.map(network));
        let refuse = |wait: Duration| {
            Problem::too_many("too many attempts to sign in", seconds(wait))
                .hint("wait, then try again; an admin can set a new password")
        };
        self.sign_in_addresses
            .check_key(&address)
            .map_err(|until| refuse(until.wait_time_from(self.clock.now())))?;
        self.sign_ins
            .check_key(&(name.clone(), address))
            .map_err(|until| refuse(until.wait_time_from(self.clock.now())))?;
        self.sign_in_names.check_key(&name).map_err(|until| refuse(until.wait_time_from(self.clock.now())))
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_attempt_of_a_minute_waits_and_others_do_not() {
        let limits = Limits::default();
        let here = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..10 {
            limits.sign_in("Mara", here).unwrap();
        }
        let problem = limits.sign_in("mara", here).unwrap_err();
        assert_eq!(problem.status, 429);
        assert!(problem.retry_after_s.is_some_and(|wait| (1..=60).contains(&wait)));
        limits.sign_in("jonas", here).unwrap();
        limits.sign_in("mara", Some(IpAddr::from([192, 0, 2, 2]))).unwrap();
    }

    #[test]
    fn more_than_the_store_can_answer_is_not_let_in() {
        let limits = Limits::default();
        let refused = (0..10_000).filter(|_| limits.request().is_err()).count();
        assert!(refused > 5_000, "{refused}");
    }

    #[test]
    fn a_site_counts_as_one_address_and_a_name_is_not_tried_from_everywhere() {
        let limits = Limits::default();
        let site = |host: u128| Some(IpAddr::from(std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) + host)));
        let refused = (0..20).filter(|host| limits.sign_in("mara", site(*host)).is_err()).count();
        assert!((9..=10).contains(&refused), "{refused}");
        let machine = |n: u8| Some(IpAddr::from([198, 51, 100, n]));
        let refused = (0..100).filter(|n| limits.sign_in("jonas", machine(*n)).is_err()).count();
        assert!((35..=40).contains(&refused), "{refused}");
    }

    #[test]
    fn one_address_does_not_try_every_name() {
        let limits = Limits::default();
        let refused = (0..100).filter(|n| limits.sign_in(&n.to_string(), None).is_err()).count();
        assert!((35..=41).contains(&refused), "{refused}");
    }
}
