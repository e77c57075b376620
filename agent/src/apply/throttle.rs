//! Whether a server is too busy for work to begin on it: pure comparison of what was read with the host's limits.
//!
//! Each limit counts alone, and none can be talked over from afar. What has begun goes on, and what is taken back waits
//! for none of them.

use std::time::Duration;

use querysmith_shared::change::ChangeKind;

use super::amount;

/// From which load on nothing begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Share of the last five minutes in which some task waited for a CPU, per cent; 100 never stops anything.
    pub cpu_percent: u8,
    /// Share of the last five minutes in which some task waited for a disk, per cent; 100 never stops anything.
    pub io_percent: u8,
    /// How far behind a standby may be in replaying, time.
    pub replication_lag: Duration,
    /// How far behind a standby may be in replaying, bytes: one that has stopped doesn't tell the time.
    pub replication_lag_bytes: u64,
    /// Sessions that may be waiting for locks for longer than [`BLOCKED_AFTER`].
    pub blocked_sessions: u32,
}

/// A session that waits for a lock for a shorter time is part of ordinary work.
pub const BLOCKED_AFTER: Duration = Duration::from_secs(5);

impl Default for Throttle {
    /// Azure postpones at 80 % of CPU or I/O (Microsoft Learn, "Apply existing automatic tuning recommendations");
    /// half a minute behind, a standby is no longer where readers expect it.
    fn default() -> Self {
        Self {
            cpu_percent: 80,
            io_percent: 80,
            replication_lag: Duration::from_secs(30),
            replication_lag_bytes: 1 << 30,
            blocked_sessions: 5,
        }
    }
}

/// How busy the host is: the kernel's pressure stall information, some task, over five minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pressure {
    /// Waited for a CPU, per cent of the time.
    pub cpu_percent: f64,
    /// Waited for a disk, per cent of the time.
    pub io_percent: f64,
}

/// How busy a server is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Load {
    /// Its host; `None` where that is another one than the agent's, or the kernel doesn't say.
    pub pressure: Option<Pressure>,
    /// Its standbys.
    pub standbys: Vec<Standby>,
    /// Sessions that have been waiting for locks.
    pub blocked_sessions: u32,
}

/// How far behind a standby is.
#[derive(Debug, Clone, PartialEq)]
pub struct Standby {
    /// What it calls itself.
    pub name: String,
    /// Since it replayed what was written; `None` where it doesn't tell.
    pub lag: Option<Duration>,
    /// What it has not replayed yet, bytes.
    pub lag_bytes: u64,
}

/// Whether the kind of change is work for the server. To set a parameter is none, and may be the remedy.
pub fn is_work(kind: ChangeKind) -> bool {
    match kind {
        ChangeKind::CreateIndex
        | ChangeKind::Analyze
        | ChangeKind::DropIndex
        | ChangeKind::CreateStatistics
        | ChangeKind::SetStatisticsTarget => true,
        ChangeKind::SetParameter => false,
    }
}

/// Why nothing may begin under this load; `None` if it may.
pub fn obstacle(throttle: &Throttle, load: &Load) -> Option<String> {
    let share = |what: &str, share: f64, most: u8, key: &str| {
        (most < 100 && share > f64::from(most)).then(|| {
            format!(
                "tasks waited for {what} in {share:.0} % of the last five minutes, and this host's limit is {most} % \
                 (throttle.{key} in its allow-list)"
            )
        })
    };
    let pressure = load.pressure.and_then(|pressure| {
        share("a CPU", pressure.cpu_percent, throttle.cpu_percent, "cpu_percent")
            .or_else(|| share("a disk", pressure.io_percent, throttle.io_percent, "io_percent"))
    });
    let behind = || load.standbys.iter().find_map(|standby| behind(throttle, standby));
    let blocked = || {
        let (sessions, most) = (load.blocked_sessions, throttle.blocked_sessions);
        (sessions > most).then(|| {
            format!(
                "{sessions} sessions wait for locks for more than {} s, and this host's limit is {most} \
                 (throttle.blocked_sessions in its allow-list)",
                BLOCKED_AFTER.as_secs()
            )
        })
    };
    pressure.or_else(behind).or_else(blocked)
}

fn behind(throttle: &Throttle, standby: &Standby) -> Option<String> {
    let Standby { name, lag, lag_bytes } = standby;
    let (how_far, most, key) = match lag {
        Some(lag) if *lag > throttle.replication_lag => {
            let seconds = |span: Duration| format!("{} s", span.as_secs());
            (seconds(*lag), seconds(throttle.replication_lag), "replication_lag_s")
        }
        _ if *lag_bytes > throttle.replication_lag_bytes => {
            let most = amount::bytes(throttle.replication_lag_bytes);
            (amount::bytes(*lag_bytes), most, "replication_lag_bytes")
        }
        _ => return None,
    };
    Some(format!(
        "standby {name} is {how_far} behind, and this host's limit is {most} (throttle.{key} in its allow-list)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standby(lag_s: Option<u64>, lag_bytes: u64) -> Standby {
        Standby { name: "replica".into(), lag: lag_s.map(Duration::from_secs), lag_bytes }
    }

    #[test]
    fn each_limit_counts_alone() {
        let idle = Load::default();
        let busy = |cpu_percent, io_percent| Load {
            pressure: Some(Pressure { cpu_percent, io_percent }),
            ..Load::default()
        };
        let with = |standby| Load { standbys: vec![self::standby(Some(0), 0), standby], ..Load::default() };
        for (load, expected) in [
            (idle, None),
            (busy(80.0, 80.0), None),
            (
                busy(80.5, 0.0),
                Some("waited for a CPU in 80 % of the last five minutes, and this host's limit is 80 %"),
            ),
            (busy(0.0, 93.2), Some("waited for a disk in 93 %")),
            (with(standby(Some(30), 1 << 30)), None),
            (with(standby(Some(31), 0)), Some("standby replica is 31 s behind")),
            (with(standby(None, (1 << 30) + 1)), Some("standby replica is 1.0 GB behind")),
            (Load { blocked_sessions: 5, ..Load::default() }, None),
            (
                Load { blocked_sessions: 6, ..Load::default() },
                Some("6 sessions wait for locks for more than 5 s"),
            ),
        ] {
            let obstacle = obstacle(&Throttle::default(), &load);
            match (&obstacle, expected) {
                (Some(text), Some(part)) => assert!(text.contains(part), "{text}"),
                (None, None) => {}
                odd => panic!("{load:?}: {odd:?}"),
            }
        }
    }

    #[test]
    fn a_limit_of_a_hundred_per_cent_is_none() {
        let throttle = Throttle { cpu_percent: 100, io_percent: 100, ..Throttle::default() };
        let full = Pressure { cpu_percent: 100.0, io_percent: 100.0 };
        assert_eq!(obstacle(&throttle, &Load { pressure: Some(full), ..Load::default() }), None);
    }
}
