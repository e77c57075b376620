//! Disks that are full or damaged.

use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicBool;

use redb::backends::FileBackend;
use redb::{Builder, StorageBackend};

use super::*;

/// A file on a disk of limited size that can also be switched off.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    size: Arc<AtomicU64>,
    off: Arc<AtomicBool>,
}

fn full() -> io::Error {
    ErrorKind::StorageFull.into()
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        if self.off.load(Ordering::SeqCst) || len > self.size.load(Ordering::SeqCst) {
            return Err(full());
        }
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if self.off.load(Ordering::SeqCst) {
            return Err(full());
        }
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        if self.off.load(Ordering::SeqCst) {
            return Err(full());
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }
}

struct Switches {
    size: Arc<AtomicU64>,
    off: Arc<AtomicBool>,
}

fn open(place: &Place) -> (Outbox, Switches) {
    let (size, off) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::new(AtomicBool::new(false)));
    let switches = Switches { size: Arc::clone(&size), off: Arc::clone(&off) };
    let opener: Opener = Box::new(move |path: &Path| {
        let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
        let disk = Disk { file: FileBackend::new(file)?, size: Arc::clone(&size), off: Arc::clone(&off) };
        Builder::new().set_check_integrity_on_open(true).create_with_backend(disk)
    });
    (Outbox::open_with(&place.0, SpoolConfig::default(), opener).unwrap(), switches)
}

/// Appends until it works again: the file is opened anew after a pause.
async fn append_when_possible(outbox: &Outbox) -> u64 {
    let begun = std::time::Instant::now();
    loop {
        match append(outbox, sample()).await {
            Ok(sequence) => return sequence,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_counted_and_the_gap_told_once_it_works_again() {
    let place = Place::new();
    let (outbox, disk) = open(&place);
    assert_eq!(append(&outbox, sample()).await.unwrap(), 1);
    disk.off.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(matches!(append(&outbox, sample()).await, Err(OutboxError::Unwritable)));
        assert!(matches!(append(&outbox, change()).await, Err(OutboxError::Unwritable)));
    }
    assert_eq!(outbox.stats().failed_appends, 6);
    disk.off.store(false, Ordering::SeqCst);
    let incarnation = outbox.incarnation();
    let failed_before = outbox.stats().failed_appends;
    let sequence = append_when_possible(&outbox).await;
    let failed = outbox.stats().failed_appends - 3;
    assert!(failed >= failed_before - 3);
    let reports = waiting(&outbox, Lane::Telemetry).await;
    assert_eq!(numbers(&reports), [1, 2, sequence]);
    let gaps = gaps(&reports);
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].reason, gaps[0].dropped_reports), (GapReason::DiskFull, failed));
    assert_eq!(outbox.incarnation(), incarnation, "a full disk is no damage");
    outbox.close().await;
}

/// Keeps appending to a disk that is full: the newest stay, and the gap says how many went.
async fn check_full_disk(outbox: &Outbox, appends: u64) {
    let mut last = 0;
    for _ in 0..appends {
        last = append(outbox, text(20_000)).await.unwrap();
    }
    let reports = waiting(outbox, Lane::Telemetry).await;
    assert_eq!(numbers(&reports).last(), Some(&last), "the newest is kept");
    let dropped = outbox.stats().dropped_reports;
    assert!(dropped > 0, "the disk was never full");
    let gaps = gaps(&reports);
    assert!(gaps.iter().all(|gap| gap.reason == GapReason::DiskFull), "{gaps:?}");
    assert_eq!(gaps.iter().map(|gap| gap.dropped_reports).sum::<u64>(), dropped);
    assert_eq!(reports.len() as u64 - gaps.len() as u64 + dropped, appends);
    append(outbox, change()).await.unwrap();
    outbox.acknowledge(Lane::Telemetry, last).await;
    assert_eq!(outbox.stats().reports, 1, "only the change waits");
    append(outbox, sample()).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_keeps_the_newest_and_can_be_emptied() {
    let place = Place::new();
    let (outbox, disk) = open(&place);
    disk.size.store(3 << 20, Ordering::SeqCst);
    check_full_disk(&outbox, 400).await;
    assert_eq!(outbox.stats().failed_appends, 0);
    outbox.close().await;
}

/// The same on a real disk of six megabytes, where this may be mounted.
#[tokio::test]
async fn a_small_disk_keeps_the_newest_and_can_be_emptied() {
    struct Mounted(Place);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("-l").arg(&self.0.0).status();
        }
    }
    let place = Place::new();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
        .arg(&place.0)
        .stderr(std::process::Stdio::null())
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let mounted = Mounted(place);
    let outbox = mounted.0.open();
    check_full_disk(&outbox, 600).await;
    assert_eq!(outbox.stats().failed_appends, 0);
    outbox.close().await;
}

async fn check_damage(damage: impl FnOnce(&Path)) {
    let place = Place::new();
    let outbox = place.open();
    for _ in 0..20 {
        append(&outbox, text(10_000)).await.unwrap();
    }
    let incarnation = outbox.incarnation();
    outbox.close().await;
    damage(&place.file());

    let outbox = place.open();
    assert_ne!(outbox.incarnation(), incarnation, "numbers count anew");
    let reports = waiting(&outbox, Lane::Telemetry).await;
    assert_eq!(numbers(&reports), [1]);
    assert_eq!(gaps(&reports)[0].reason, GapReason::SpoolDamaged);
    assert!(place.0.join("spool.damaged").exists(), "the damaged file is kept");
    assert_eq!(append(&outbox, sample()).await.unwrap(), 2);
    outbox.close().await;
}

#[tokio::test]
async fn a_damaged_file_is_kept_and_a_new_one_begun() {
    check_damage(|file| fs::write(file, b"this is no database").unwrap()).await;
    check_damage(|file| fs::write(file, vec![0; 1 << 20]).unwrap()).await;
    check_damage(|file| {
        let length = fs::metadata(file).unwrap().len();
        fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length / 2).unwrap();
    })
    .await;
    check_damage(|file| {
        let mut bytes = fs::read(file).unwrap();
        let text = bytes.windows(64).position(|some| some.iter().all(|byte| *byte == b'x')).unwrap();
        bytes[text + 5] = b'y';
        fs::write(file, bytes).unwrap();
    })
    .await;
}
