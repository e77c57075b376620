//! What a listener is told, and when: each topic in its own rhythm, so that a busy fleet does not make
//! every open console read everything again all the time. Pure: the clock is an argument.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::wake::{Hint, Topic};

/// What people decide and wait for is told at once, or nearly.
const PROMPT: Duration = Duration::from_millis(300);
/// What telemetry changes, it changes all the time.
const CALM: Duration = Duration::from_secs(5);
/// Beyond this many of one topic, the topic as a whole is told.
const MOST_IDS: usize = 20;

/// One event's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Announcement {
    /// What kind of thing changed; `all` after hints were lost.
    pub topic: &'static str,
    /// Which one, if it is one.
    pub id: Option<Uuid>,
}

/// Hints that wait to be told to one listener. At most [`MOST_IDS`] for each topic.
#[derive(Debug, Default)]
pub struct Announcer {
    waiting: Vec<Waiting>,
    everything: bool,
}

#[derive(Debug)]
struct Waiting {
    topic: Topic,
    /// Which ones; empty once it is the topic as a whole.
    ids: Vec<Uuid>,
    whole: bool,
    /// Not before.
    due: Instant,
    /// There is something to tell.
    news: bool,
}

impl Announcer {
    /// Takes a hint.
    pub fn take(&mut self, hint: Hint, now: Instant) {
        let found = self.waiting.iter().position(|waiting| waiting.topic == hint.topic);
        let at = found.unwrap_or_else(|| {
            self.waiting.push(Waiting {
                topic: hint.topic,
                ids: Vec::new(),
                whole: false,
                due: now,
                news: false,
            });
            self.waiting.len() - 1
        });
        let waiting = &mut self.waiting[at];
        waiting.news = true;
        match hint.id {
            Some(id) if waiting.ids.contains(&id) => {}
            Some(id) if waiting.ids.len() < MOST_IDS => waiting.ids.push(id),
            Some(_) | None => waiting.whole = true,
        }
    }

    /// Notes that hints were lost: everything may have changed.
    pub fn lost(&mut self) {
        self.everything = true;
    }

    /// What is to be told now.
    pub fn due(&mut self, now: Instant) -> Vec<Announcement> {
        if std::mem::take(&mut self.everything) {
            for waiting in &mut self.waiting {
                waiting.told(now);
            }
            return vec![Announcement { topic: "all", id: None }];
        }
        let mut told = Vec::new();
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.news && waiting.due <= now) {
            let topic = waiting.topic.as_str();
            if waiting.whole {
                told.push(Announcement { topic, id: None });
            } else {
                told.extend(waiting.ids.iter().map(|id| Announcement { topic, id: Some(*id) }));
            }
            waiting.told(now);
        }
        told
    }

    /// When to look again; `None` if nothing waits.
    pub fn next(&self) -> Option<Instant> {
        self.waiting.iter().filter(|waiting| waiting.news).map(|waiting| waiting.due).min()
    }
}

impl Waiting {
    fn told(&mut self, now: Instant) {
        self.ids.clear();
        self.whole = false;
        self.news = false;
        self.due = now + rhythm(self.topic);
    }
}

fn rhythm(topic: Topic) -> Duration {
    match topic {
        Topic::Findings | Topic::Proposals | Topic::Changes | Topic::Outcomes => PROMPT,
        Topic::Instances | Topic::Queries | Topic::Agents | Topic::Jobs => CALM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(topic: Topic, id: u128) -> Hint {
        Hint { topic, id: (id > 0).then(|| Uuid::from_u128(id)) }
    }

    #[test]
    fn the_first_is_told_at_once_and_the_next_in_its_rhythm() {
        let start = Instant::now();
        let mut announcer = Announcer::default();
        announcer.take(hint(Topic::Queries, 1), start);
        assert_eq!(announcer.due(start).len(), 1);
        announcer.take(hint(Topic::Queries, 1), start);
        announcer.take(hint(Topic::Queries, 1), start);
        assert_eq!(announcer.due(start), []);
        assert_eq!(announcer.next(), Some(start + CALM));
        assert_eq!(announcer.due(start + CALM).len(), 1);
        assert_eq!(announcer.next(), None);
    }

    #[test]
    fn many_of_one_topic_become_the_topic() {
        let now = Instant::now();
        let mut announcer = Announcer::default();
        for id in 1..=100 {
            announcer.take(hint(Topic::Findings, id), now);
        }
        assert_eq!(announcer.due(now), [Announcement { topic: "findings", id: None }]);
    }

    #[test]
    fn after_a_loss_everything_is_told_once() {
        let now = Instant::now();
        let mut announcer = Announcer::default();
        announcer.take(hint(Topic::Changes, 0), now);
        announcer.lost();
        assert_eq!(announcer.due(now), [Announcement { topic: "all", id: None }]);
        assert_eq!(announcer.due(now + CALM), []);
    }
}
