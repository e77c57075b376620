//! The host's clocks: one that people set, and one that nobody can.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use querysmith_shared::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// What the clocks show at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Tells one boot of the host from another.
    pub boot: String,
    /// Time since that boot, with what the host slept: nobody can set it.
    pub uptime: Duration,
    /// The time of day, which can be set.
    pub wall: Timestamp,
}

impl Reading {
    /// How long after `earlier` this is; `None` if that can't be known, because the time of day went backwards
    /// over a reboot. Within one boot the time of day plays no part.
    pub fn since(&self, earlier: &Self) -> Option<Duration> {
        if self.boot == earlier.boot {
            return self.uptime.checked_sub(earlier.uptime);
        }
        (self.wall >= earlier.wall).then(|| self.wall.since(earlier.wall))
    }
}

/// Where readings come from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The clocks now.
    fn read(&self) -> Reading;
}

/// The clocks of this host.
#[derive(Debug, Default)]
pub struct HostClock {
    boot: OnceLock<String>,
}

impl Clock for HostClock {
    fn read(&self) -> Reading {
        // Without an id every process counts as a boot of its own, and the time of day tells how long it was.
        let boot = self.boot.get_or_init(|| {
            std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map_or_else(|_| format!("process {}", std::process::id()), |id| id.trim().to_owned())
        });
        let uptime = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
        Reading { boot: boot.clone(), uptime, wall: Timestamp::from(SystemTime::now()) }
    }
}
