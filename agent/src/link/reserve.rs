//! Room on the disk that is held for the worst case.
//!
//! Even emptying a spool needs a few new pages, because redb never writes over what is committed. On a
//! disk that is full there would be none. So a file beside the spool holds some room, and is removed when
//! the disk is full.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

/// Enough to drop or acknowledge many times over: each takes some dozens of pages of 4 KiB.
const BYTES: u32 = 2 << 20;

/// The file, if it could be made.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    /// A reserve that is not held yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, held: false }
    }

    /// Whether there is a reserve to give up.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Takes the room, if the disk has it.
    pub(super) fn hold(&mut self) -> bool {
        self.held = self.make().is_ok();
        if !self.held {
            let _ = fs::remove_file(&self.path);
        }
        self.held
    }

    /// Gives the room to whoever needs it next; false if there was none.
    pub(super) fn give_up(&mut self) -> bool {
        let held = std::mem::take(&mut self.held);
        held && fs::remove_file(&self.path).is_ok()
    }

    fn make(&self) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, i64::from(BYTES)) {
            Ok(()) => Ok(()),
            // Some file systems can't set room aside; written zeros take it as well.
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => {
                let zeros = [0; 4096];
                for _ in 0..BYTES / 4096 {
                    file.write_all(&zeros)?;
                }
                file.sync_all()
            }
            Err(error) => Err(error.into()),
        }
    }
}
