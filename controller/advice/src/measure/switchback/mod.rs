//! Switchback: did a change that can be toggled help?
//!
//! A setting is put in place, taken back, put in place again, window by window, and the windows are compared in pairs. A
//! **pair** is two windows of five minutes, one without the change (arm A) and one with it (arm B), each after a minute
//! of washout. Which arm goes first is decided by a coin from a list that was fixed before the trial
//! (`querysmith_shared::change::coins`). The agent goes through the pairs by itself; here is the rule that they are
//! measured by, as a fold from windows to decisions ([`trial::Trial`], [`decision::Decision`]), and what lays an agent's
//! reports beside its server's counters ([`live::LiveTrial`]).
//!
//! # Why it may be believed
//!
//! Before and after differ in more than the change: jobs, tides, caches, neighbours. Within a pair they
//! differ as well, but the coin does not know. If the change does nothing, the pair's two windows would have been
//! the same in either order; so, given how far apart they are and all that was seen before, the *sign* of their
//! difference is a fair coin. That is all the test needs: no normal distribution, no independence of windows, no
//! constant noise. A fixed order does not have it. A job with the period of a pair was taken for the change in 498 of
//! 500 simulated trials that ran A before B always.
//!
//! What is assumed besides: what a window does to the next is over after the washout. Settings whose effect
//! needs a cache to fill are tried with [`slow_to_settle`] windows.
//!
//! # From windows to a difference
//!
//! A statement's time is the log of its mean time of a call, calls that did not finish included with the
//! time they had taken (`window.rs`): what hangs must not look quick. Logs, because heavy tails ruin sums. The whole is
//! the mean over statements by **weights frozen before the trial** (`mix.rs`): the share of the time, less the noisier
//! the statement is. With weights from the trial, calls that move to another statement would look like a gain. A
//! statement counts in a pair if it was called ten times in both windows; all that count must make up four fifths of
//! the time, or the change is not kept.
//!
//! The whole is seen in two ways. The **plain** difference has load, checkpoints and backups taken off with slopes from
//! before the trial (`covariates.rs`). The **steady** one is the step at the toggle itself, with jumps that lie elsewhere
//! taken out (`steady.rs`): one spike in ten pairs is otherwise enough to miss the time that +30 % may take.
//!
//! # From differences to a verdict
//!
//! Gamblers bet on each pair's difference being above zero (harm), or below -3 % (benefit), before it is seen; the
//! size of the stake is the difference over the usual noise, which is the median of all earlier ones
//! (`evidence.rs`, `betting.rs`). If the change does nothing nobody gets rich: wealth of 1 / α comes with
//! probability α at most, however often one looks. The money is divided between the steady difference (most of it) and
//! the plain one, which also sees what takes effect minutes after its toggle.
//!
//! - **Revert** at wealth 100 on harm (α = 1 %): seven pairs at least. Or when one statement is slower by more than 10 %,
//!   at wealth 1 / (α · its share of the time): many statements, one α for all of them. Both rules together have a
//!   proven bound of 2 %; simulated, they stay below 1 %. Or by the guardrail.
//! - **Keep** at wealth 20 on benefit (α = 5 %), if no harm is above half of its proof, the counted statements cover
//!   enough, and a pair was run in the busiest hour of the day. If only the hour is wanting, the trial pauses until then.
//! - **Inconclusive** after 60 pairs, or when more than three windows were missing: settings and indexes go back,
//!   statistics stay.
//!
//! A pair with a window that can't be used is thrown away whole: no readings, reset counters, another version, another
//! role. Its coin is used up. That must not depend on what the windows said, and it does not.
//!
//! # The guardrail
//!
//! Minutes, not statistics (`guardrail.rs`): with the change twice as slow for three minutes is a strike. The old setting
//! comes back at once and stays for an hour; if that mended it the strike counts, and with the second one the trial is
//! over. The pair in which it struck counts with what was seen, so that a bad window can't vanish from the evidence.
//!
//! # How it is known to work
//!
//! `simulation` runs the real trial on made-up servers: an ordinary one and three that are nastier. `make
//! bench-verdict` counts false reverts in thousands of trials of nothing, and how soon true harm is found, and fails if
//! a bar is missed. Thresholds and their reasons are in [`crate::thresholds::switchback`].
//!
//! [`slow_to_settle`]: crate::thresholds::switchback::SwitchbackThresholds::slow_to_settle

// What goes in.
pub mod plan;
pub mod window;

pub mod mix;

// The fold.
pub mod trial;

// What comes out.
pub mod assessment;
pub mod decision;
pub mod guardrail;

// On a real server.
pub mod live;

// How a pair is seen, and what is made of it.
mod covariates;
mod difference;
mod evidence;
mod steady;

pub mod simulation;
#[cfg(test)]
mod tests;
