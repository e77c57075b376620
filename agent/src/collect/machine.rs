//! Figures of this machine, from `/proc`.

use std::path::Path;

use crate::apply::throttle::Pressure;

/// CPU time of all cores since the machine's start, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    busy: u64,
    total: u64,
}

impl CpuTime {
    /// Share of all cores that was busy since `before`, 0 to 1.
    pub fn busy_fraction_since(self, before: Self) -> f32 {
        let total = self.total.saturating_sub(before.total);
        let busy = self.busy.saturating_sub(before.busy);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        if total == 0 { 0.0 } else { (busy as f64 / total as f64).clamp(0.0, 1.0) as f32 }
    }
}

/// A total and what is left of it, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// All of it.
    pub total: u64,
    /// What programs could still get.
    pub available: u64,
}

/// CPU time until now; `None` where the kernel does not say.
pub fn cpu_time() -> Option<CpuTime> {
    parse_cpu_time(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// Memory of the machine.
pub fn memory() -> Amount {
    parse_memory(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default())
}

/// Load average over one minute.
pub fn load() -> f32 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// How long tasks have waited for CPUs and disks over five minutes; `None` where the kernel does not say
/// (`CONFIG_PSI`, Linux 4.20).
pub fn pressure() -> Option<Pressure> {
    let read = |name: &str| parse_pressure(&std::fs::read_to_string(format!("/proc/pressure/{name}")).ok()?);
    Some(Pressure { cpu_percent: read("cpu")?, io_percent: read("io")? })
}

/// The share of the time in which some task waited, per cent, over five minutes.
fn parse_pressure(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    some.split(' ').find_map(|field| field.strip_prefix("avg300="))?.parse().ok()
}

/// Number of CPUs that this process may use.
pub fn cpu_count() -> u16 {
    std::thread::available_parallelism().map_or(1, |count| u16::try_from(count.get()).unwrap_or(u16::MAX))
}

/// The file system that `path` is on; `None` if it can't be reached.
pub fn disk(path: &Path) -> Option<Amount> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    let block = found.fragment_size();
    Some(Amount { total: found.blocks() * block, available: found.blocks_available() * block })
}

fn parse_cpu_time(stat: &str) -> Option<CpuTime> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of user already.
    let ticks: Vec<u64> =
        line.split_ascii_whitespace().take(8).filter_map(|text| text.parse().ok()).collect();
    let total = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Some(CpuTime { busy: total - idle, total })
}

fn parse_memory(meminfo: &str) -> Amount {
    let kilobytes = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    Amount { total: kilobytes("MemTotal:"), available: kilobytes("MemAvailable:") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_read_over_five_minutes() {
        let text = "some avg10=0.41 avg60=6.44 avg300=19.53 total=4183015673\nfull avg10=0.00 avg60=0.00 avg300=1.00 total=0\n";
        assert_eq!(parse_pressure(text), Some(19.53));
        assert_eq!(parse_pressure("full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"), None);
        assert_eq!(parse_pressure(""), None);
    }

    #[test]
    fn the_kernels_files_are_read() {
        let before = parse_cpu_time("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1 1\n").unwrap();
        let after = parse_cpu_time("cpu  150 0 75 850 75 0 0 0 9 9\n").unwrap();
        assert!((after.busy_fraction_since(before) - 0.5).abs() < 1e-6);
        assert!(before.busy_fraction_since(after).abs() < 1e-6);
        assert_eq!(parse_cpu_time(""), None);
        let memory = parse_memory("MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    250 kB\n");
        assert_eq!(memory, Amount { total: 1_024_000, available: 256_000 });
        assert!(disk(Path::new("/")).unwrap().total > 0);
        assert_eq!(disk(Path::new("/does/not/exist")), None);
    }
}
