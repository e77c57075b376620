//! Places for the event streams, shared out so that no caller can take them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// Streams open at a time. Each is a connection and a few kilobytes.
pub const MOST_STREAMS: usize = 500;
/// Streams of one account or token: as many tabs as anybody has open, twice over.
pub const MOST_PER_CALLER: usize = 20;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All places are taken.
    Everybody,
    /// This caller has theirs.
    Caller,
}

/// The places of one server. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Places {
    taken: Arc<Mutex<HashMap<Uuid, usize>>>,
}

/// One place; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    caller: Uuid,
    places: Places,
}

impl Places {
    /// A place for `caller`, if there is one.
    pub fn take(&self, caller: Uuid) -> Result<Place, Full> {
        self.with(|taken| {
            if taken.values().sum::<usize>() >= MOST_STREAMS {
                return Err(Full::Everybody);
            }
            let own = taken.entry(caller).or_default();
            if *own >= MOST_PER_CALLER {
                return Err(Full::Caller);
            }
            *own += 1;
            Ok(Place { caller, places: self.clone() })
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Uuid, usize>) -> T) -> T {
        // The map is whole after every statement, so a panic elsewhere leaves nothing half done.
        work(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.with(|taken| {
            if let Some(own) = taken.get_mut(&self.caller) {
                *own -= 1;
                if *own == 0 {
                    taken.remove(&self.caller);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_leaves_places_for_others_and_gives_theirs_back() {
        let places = Places::default();
        let (greedy, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut held: Vec<_> = (0..MOST_PER_CALLER).map(|_| places.take(greedy).unwrap()).collect();
        assert_eq!(places.take(greedy).unwrap_err(), Full::Caller);
        let _theirs = places.take(other).unwrap();
        held.pop();
        held.push(places.take(greedy).unwrap());
        drop(held);
        assert_eq!(places.with(|taken| taken.len()), 1, "who holds none is forgotten");
    }

    #[test]
    fn all_callers_together_are_bounded() {
        let places = Places::default();
        let held: Vec<_> =
            (0..MOST_STREAMS as u128).map(|n| places.take(Uuid::from_u128(n)).unwrap()).collect();
        assert_eq!(places.take(Uuid::from_u128(9_999)).unwrap_err(), Full::Everybody);
        drop(held);
        places.take(Uuid::from_u128(9_999)).unwrap();
    }
}
