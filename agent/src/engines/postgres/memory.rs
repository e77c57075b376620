//! What a collector remembers from run to run.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

/// The memory of one collector: held by one run at a time, and dropped on request even while a run holds it.
#[derive(Default)]
pub(super) struct Memory<T> {
    value: Mutex<T>,
    stale: AtomicBool,
}

impl<T: Default> Memory<T> {
    /// Waits for the memory, which is empty at first and after [`Memory::forget`].
    pub(super) async fn recall(&self) -> MutexGuard<'_, T> {
        let mut value = self.value.lock().await;
        if self.stale.swap(false, Ordering::Relaxed) {
            *value = T::default();
        }
        value
    }

    /// Empties the memory before the next run.
    pub(super) fn forget(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_forgotten_is_gone_for_the_next_run() {
        let memory = Memory::<u32>::default();
        let mut run = memory.recall().await;
        memory.forget();
        *run = 7;
        drop(run);
        assert_eq!(*memory.recall().await, 0);
        *memory.recall().await = 8;
        assert_eq!(*memory.recall().await, 8);
    }
}
