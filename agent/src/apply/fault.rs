//! Places at which a test may make the agent die.

use std::fmt;
use std::sync::Arc;

use super::journal::entry::Event;

/// A place between two things that must not depend on each other's completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultPoint {
    /// A line of this name is about to be written.
    BeforeLine(&'static str),
    /// A line of this name is on the disk; its effect has not begun.
    AfterLine(&'static str),
    /// The statement was sent.
    Running,
    /// The statement has ended; nothing of that is in the journal.
    AfterStatement,
    /// The statement that switches arms has ended; nothing of that is in the journal.
    AfterSwitch,
    /// The removal has ended; nothing of that is in the journal.
    AfterRemoval,
}

impl FaultPoint {
    /// The place before this event's line.
    pub fn before(event: &Event) -> Self {
        Self::BeforeLine(event.name())
    }

    /// The place behind this event's line.
    pub fn after(event: &Event) -> Self {
        Self::AfterLine(event.name())
    }
}

/// Called at every place; does nothing outside tests. It may end the process, or answer `true` to have the
/// task stand still for ever, as if the process had ended there.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<dyn Fn(FaultPoint) -> bool + Send + Sync>>);

impl Faults {
    /// Calls `hook` at every place.
    pub fn new(hook: impl Fn(FaultPoint) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Passes `point`, unless the hook says that the process ended there.
    pub(super) async fn pass(&self, point: FaultPoint) {
        if let Some(hook) = &self.0
            && hook(point)
        {
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(hooked)" } else { "Faults(none)" })
    }
}
