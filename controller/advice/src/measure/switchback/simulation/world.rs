//! Made-up servers whose statements are known, minute by minute.

use querysmith_shared::change::coins::Arm;
use querysmith_shared::id::StatementId;

use crate::measure::chance::Chance;
use crate::measure::switchback::window::{StatementSums, StatementWindow};

/// What a server is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct World {
    /// Its name in figures.
    pub name: &'static str,
    /// Statements.
    pub statements: usize,
    /// A job runs in the second half of every twelve minutes: the period of a pair.
    pub periodic_job: bool,
    /// Half the statements go to and fro between two plans.
    pub two_plans: bool,
    /// Checkpoints slow everything down.
    pub checkpoints: bool,
}

/// Forty statements: lognormal means, Zipf's calls, heavy tails, a load all share and a noise each has of its own, both
/// remembered, a day's tide, spikes, drift.
pub const ORDINARY: World =
    World { name: "ordinary", statements: 40, periodic_job: false, two_plans: false, checkpoints: false };
/// The job that a fixed order takes for the change.
pub const PERIODIC_JOB: World = World { name: "periodic_job", periodic_job: true, ..ORDINARY };
/// Plans that flip by themselves.
pub const TWO_PLANS: World = World { name: "two_plans", two_plans: true, ..ORDINARY };
/// Nothing levels out.
pub const FIVE_STATEMENTS: World = World { name: "five_statements", statements: 5, ..ORDINARY };

/// Every world in which a change that does nothing must be left alone.
pub const WORLDS: [World; 4] = [ORDINARY, PERIODIC_JOB, TWO_PLANS, FIVE_STATEMENTS];

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    /// Every statement takes this many times as long.
    All(f64),
    /// The statement whose share of the time is nearest to a tenth does.
    OneOfATenth(f64),
}

impl Effect {
    /// No effect at all.
    pub const NONE: Self = Self::All(1.0);
}

const CALLS_PER_S: f64 = 120.0;
/// Share of the database's time that no statement is listed for.
const UNLISTED: f64 = 0.05;
/// Load that all statements share: deviation, and memory from minute to minute.
const LOAD: (f64, f64) = (0.12, 0.97);
/// Noise of each statement's time.
const OWN: (f64, f64) = (0.10, 0.90);
/// Noise of each statement's calls.
const CALLS: (f64, f64) = (0.35, 0.90);
/// Of the calls; the time has half of it.
const TIDE: f64 = 0.35;
const DAY_MINUTES: f64 = 1_440.0;
/// Upwards, per day.
const DRIFT: f64 = 0.02;
/// Chance of a spike in a minute: about one a day. Mean length in minutes and mean height as a logarithm.
const SPIKE: (f64, f64, f64) = (0.0008, 15.0, 0.5);
/// The periodic job: thirty per cent more.
const JOB: f64 = 1.3;
const JOB_MINUTES: u64 = 12;
/// Chance that a statement changes its plan in a minute.
const FLIP: f64 = 1.0 / 45.0;
/// Chance that a checkpoint begins in a minute, its minutes, its factor.
const CHECKPOINT: (f64, u32, f64) = (0.05, 4, 1.5);

struct Statement {
    mean_ms: f64,
    calls_per_minute: f64,
    /// Variation of single calls.
    variation: f64,
    own: f64,
    calls: f64,
    /// Logarithm of the other plan's factor.
    other_plan: f64,
    on_other_plan: bool,
    /// What the change does, as a logarithm.
    effect: f64,
}

/// A server that lives minute by minute.
pub(super) struct Server {
    world: World,
    chance: Chance,
    statements: Vec<Statement>,
    /// Minutes lived.
    pub(super) minute: u64,
    load: f64,
    /// Minutes left and height.
    spikes: Vec<(f64, f64)>,
    /// Minutes into the day at the start.
    phase: f64,
    checkpoint_left: u32,
}

/// One minute of a server.
pub(super) struct Lived {
    pub(super) sums: StatementSums,
    pub(super) checkpoint: bool,
}

impl Server {
    pub(super) fn new(world: World, effect: Effect, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let ranks = permuted(world.statements, &mut chance);
        let zipf = |rank: usize| 1.0 / (rank as f64 + 1.0).powf(1.1);
        let whole: f64 = ranks.iter().map(|rank| zipf(*rank)).sum();
        let mut statements: Vec<Statement> = ranks
            .iter()
            .map(|rank| Statement {
                mean_ms: (1.8 * chance.normal()).exp(),
                calls_per_minute: 60.0 * CALLS_PER_S * zipf(*rank) / whole,
                variation: (0.2 + 0.5 * chance.normal()).exp(),
                own: OWN.0 * chance.normal(),
                calls: CALLS.0 * chance.normal(),
                other_plan: if world.two_plans && chance.uniform() < 0.5 {
                    chance.normal().abs()
                } else {
                    0.0
                },
                on_other_plan: chance.uniform() < 0.5,
                effect: 0.0,
            })
            .collect();
        match effect {
            Effect::All(factor) => statements.iter_mut().for_each(|each| each.effect = factor.ln()),
            Effect::OneOfATenth(factor) => {
                let time = |each: &Statement| each.mean_ms * each.calls_per_minute;
                let whole: f64 = statements.iter().map(time).sum();
                let off = |each: &Statement| (time(each) / whole - 0.1).abs();
                let nearest = statements.iter_mut().min_by(|one, other| off(one).total_cmp(&off(other)));
                nearest.expect("a world has statements").effect = factor.ln();
            }
        }
        let load = LOAD.0 * chance.normal();
        let phase = DAY_MINUTES * chance.uniform();
        Self { world, chance, statements, minute: 0, load, spikes: Vec::new(), phase, checkpoint_left: 0 }
    }

    /// The next minute, in this arm.
    pub(super) fn live(&mut self, arm: Arm) -> Lived {
        let chance = &mut self.chance;
        let remembered = |value: f64, (deviation, memory): (f64, f64), chance: &mut Chance| {
            memory * value + deviation * (1.0 - memory * memory).sqrt() * chance.normal()
        };
        self.load = remembered(self.load, LOAD, chance);
        if chance.uniform() < SPIKE.0 {
            self.spikes.push((chance.exponential(SPIKE.1).floor() + 1.0, chance.exponential(SPIKE.2)));
        }
        let spike: f64 = self.spikes.iter().map(|(_, height)| height).sum();
        self.spikes.iter_mut().for_each(|(left, _)| *left -= 1.0);
        self.spikes.retain(|(left, _)| *left > 0.0);
        let time = self.minute as f64;
        let tide = TIDE * (std::f64::consts::TAU * (time + self.phase) / DAY_MINUTES).sin();
        let mut common = 0.5 * tide + self.load + spike + DRIFT * time / DAY_MINUTES;
        if self.world.periodic_job && self.minute % JOB_MINUTES >= JOB_MINUTES / 2 {
            common += JOB.ln();
        }
        if self.world.checkpoints && self.checkpoint_left == 0 && chance.uniform() < CHECKPOINT.0 {
            self.checkpoint_left = CHECKPOINT.1;
        }
        let checkpoint = self.checkpoint_left > 0;
        if checkpoint {
            self.checkpoint_left -= 1;
            common += CHECKPOINT.2.ln();
        }
        let mut windows = Vec::with_capacity(self.statements.len());
        for (number, statement) in self.statements.iter_mut().enumerate() {
            statement.own = remembered(statement.own, OWN, chance);
            statement.calls = remembered(statement.calls, CALLS, chance);
            if statement.other_plan > 0.0 && chance.uniform() < FLIP {
                statement.on_other_plan = !statement.on_other_plan;
            }
            let calls = chance.poisson(statement.calls_per_minute * (tide + statement.calls).exp());
            if calls == 0 {
                continue;
            }
            let count = calls as f64;
            let square = statement.variation.powi(2);
            let sampling = (square / count).ln_1p().sqrt() * 0.6_f64.sqrt() * chance.student5();
            let mut log = common + statement.own + sampling;
            log += if arm == Arm::B { statement.effect } else { 0.0 };
            log += if statement.on_other_plan { statement.other_plan } else { 0.0 };
            let mean_ms = statement.mean_ms * log.exp();
            windows.push(StatementWindow {
                id: StatementId(number as i64),
                calls,
                total_ms: mean_ms * count,
                sum_squares_ms2: mean_ms * mean_ms * (1.0 + square) * count,
                blocks: calls * 10,
                unfinished: 0,
                unfinished_ms: 0.0,
            });
        }
        self.minute += 1;
        Lived { sums: listed(windows), checkpoint }
    }
}

/// As the database would say it: some time belongs to statements that are not listed.
pub(super) fn listed(windows: Vec<StatementWindow>) -> StatementSums {
    let time: f64 = windows.iter().map(|window| window.total_ms).sum();
    StatementSums::new(time / (1.0 - UNLISTED), windows)
}

fn permuted(count: usize, chance: &mut Chance) -> Vec<usize> {
    let mut ranks: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let other = (chance.uniform() * (last + 1) as f64) as usize;
        ranks.swap(last, other.min(last));
    }
    ranks
}
