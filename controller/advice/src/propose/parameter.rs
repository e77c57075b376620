//! A parameter as a proposal: that it can be set, to what, and what that means for whom.

use querysmith_shared::change::parameter::{SetParameter, forbidden};
use querysmith_shared::change::{Change, ChangeKind};
use querysmith_shared::id::ChangeId;
use querysmith_shared::observation::settings::Setting;
use querysmith_shared::parameter::{Amount, Dimension, ParameterType, is_same, normal, readable};

use super::by_hand::Unfit;
use super::draft::{self, DurationEstimate, Grounds, ProposalDraft, StatementEffect};
use super::how_tried::HowTried;
use crate::evidence::Evidence;
use crate::finding::EvidenceItem;
use crate::overview::Overview;
use crate::words;

/// Statements whose time is watched while a parameter is on trial: the busiest.
const WATCHED: usize = 20;

/// The change that sets a parameter to what a person wrote.
pub(super) fn change(evidence: &Evidence, name: &str, value: &str) -> Result<SetParameter, Unfit> {
    let name = name.trim().to_ascii_lowercase();
    let Some(setting) = evidence.parameters.iter().find(|setting| setting.name.eq_ignore_ascii_case(&name))
    else {
        return Err(Unfit::UnknownParameter(name));
    };
    if let Some(why) = not_settable(setting) {
        return Err(Unfit::NeverSet { name, why });
    }
    let value = checked_value(setting, value)?;
    let unit = setting.unit.as_deref();
    if is_same(&setting.value, &value, setting.value_type, unit) {
        return Err(Unfit::SetAlready { name, value: readable(&setting.value, unit) });
    }
    if !matches!(setting.source.as_str(), "default" | "configuration file") {
        return Err(Unfit::SetElsewhere { name, setter: setting.source.clone() });
    }
    let under_way = evidence.changes.iter().any(|known| {
        let is_open = !known.state.is_final();
        is_open && matches!(&known.change, Change::SetParameter(other) if other.name == name)
    });
    if under_way {
        return Err(Unfit::UnderWay(name));
    }
    let replaces = readable(&setting.value, unit);
    let before = setting.by_alter_system.then(|| replaces.clone());
    Ok(SetParameter { name, value, replaces, before })
}

/// Why a parameter is not set from here, in words that follow its name; `None` if it may be.
pub fn not_settable(setting: &Setting) -> Option<String> {
    let forbidden = forbidden(&setting.name.to_ascii_lowercase()).map(|why| why.to_string());
    forbidden.or_else(|| not_by_a_reload(setting).map(str::to_owned))
}

fn not_by_a_reload(setting: &Setting) -> Option<&'static str> {
    match (setting.value_type, setting.context.as_str()) {
        (ParameterType::String, _) => Some("takes text, and what that may do can't be told"),
        (_, "sighup" | "superuser" | "user") => None,
        (_, "postmaster") => Some("takes effect at a restart only"),
        (_, "backend" | "superuser-backend") => Some("takes effect in new sessions only"),
        (_, _) => Some("can't be set while the server runs"),
    }
}

fn checked_value(setting: &Setting, text: &str) -> Result<String, Unfit> {
    let unfit = |expected: String| Unfit::Value {
        name: setting.name.clone(),
        value: text.trim().to_owned(),
        expected,
    };
    let value = normal(text, setting.value_type).ok_or_else(|| unfit(expected(setting)))?;
    match setting.value_type {
        ParameterType::Enum => match setting.choices.iter().any(|choice| choice.eq_ignore_ascii_case(&value))
        {
            true => Ok(value),
            false => Err(unfit(expected(setting))),
        },
        ParameterType::Integer | ParameterType::Real => {
            let unit = setting.unit.as_deref();
            let amount = |text: &str| Amount::parse(text).map(|amount| amount.in_unit(unit));
            let bound = |text: &Option<String>| text.as_deref().and_then(amount);
            let (Some(wanted), low, high) = (amount(&value), bound(&setting.min), bound(&setting.max)) else {
                return Err(unfit(expected(setting)));
            };
            let fits = |bound: Option<Amount>, in_order: fn(f64, f64) -> bool| {
                bound.is_none_or(|bound| {
                    bound.dimension == wanted.dimension && in_order(bound.number, wanted.number)
                })
            };
            if !fits(low, |low, wanted| low <= wanted) || !fits(high, |high, wanted| wanted <= high) {
                return Err(unfit(expected(setting)));
            }
            Ok(with_unit(value, setting))
        }
        ParameterType::Bool | ParameterType::String => Ok(value),
    }
}

/// A bare number of a parameter with a unit is written out: hosts allow amounts, not numbers. What is 0 or below stands
/// for something else than an amount.
fn with_unit(value: String, setting: &Setting) -> String {
    let is_bare = Amount::parse(&value).is_some_and(|amount| amount.dimension == Dimension::Plain);
    if is_bare { readable(&value, setting.unit.as_deref()) } else { value }
}

fn expected(setting: &Setting) -> String {
    let unit = setting.unit.as_deref();
    match setting.value_type {
        ParameterType::Bool => "on or off".to_owned(),
        ParameterType::Enum => words::list(&setting.choices),
        ParameterType::Integer | ParameterType::Real => {
            let bound = |text: &Option<String>| text.as_deref().map(|text| readable(text, unit));
            let kind =
                if setting.value_type == ParameterType::Integer { "a whole number" } else { "a number" };
            let with = if unit.is_some() { " with its unit" } else { " without a unit" };
            match (bound(&setting.min), bound(&setting.max)) {
                (Some(low), Some(high)) => format!("{kind}{with}, from {low} to {high}"),
                _ => format!("{kind}{with}"),
            }
        }
        ParameterType::String => "text".to_owned(),
    }
}

/// The draft for setting a parameter that [`change`] has checked.
pub(super) fn draft(
    overview: &Overview<'_>,
    grounds: Grounds,
    set: SetParameter,
    tried: HowTried,
    change_id: ChangeId,
) -> ProposalDraft {
    let evidence = overview.evidence;
    let mut busiest: Vec<_> =
        overview.statements.iter().filter(|statement| statement.time_share > 0.0).collect();
    busiest.sort_by(|one, other| other.time_share.total_cmp(&one.time_share));
    let statements = busiest.into_iter().take(WATCHED).map(StatementEffect::not_simulated);
    let mut items = grounds.evidence;
    if let Some(setting) = evidence.parameters.iter().find(|setting| setting.name == set.name) {
        items.extend(described(setting));
    }
    ProposalDraft {
        change_id,
        instance: evidence.instance.id,
        kind: ChangeKind::SetParameter,
        title: format!("Set {} to {} instead of {}", set.name, set.value, set.replaces),
        reason: format!(
            "{} It is for the whole server: every session without a value of its own gets it at once. What it does can't \
             be told before it is tried, so nothing is predicted.",
            grounds.why
        ),
        finding_ids: grounds.finding_ids,
        evidence: items,
        statements: statements.collect(),
        predicted: None,
        cost_log_ratio: None,
        simulated: false,
        not_simulated_reason: Some("the planner is not asked about parameters".to_owned()),
        size_bytes: None,
        write_cost: "None by itself.".to_owned(),
        entries_per_hour: None,
        lock: "None: the server reads its files again, which stops nobody.".to_owned(),
        duration_estimate_s: Some(DurationEstimate { low: 0.01, high: 5.0 }),
        tried,
        risks: risks(evidence, &set, tried),
        // A value that was refused is asked for again only by a person, who knows.
        evidence_digest: super::memory::digest(1.0, 1.0),
        model_version: evidence.model.version,
        change: Change::SetParameter(set),
    }
}

fn described(setting: &Setting) -> Vec<EvidenceItem> {
    let unit = setting.unit.as_deref();
    let item = |label: &str, value: &str| EvidenceItem::new(label, readable(value, unit), "pg_settings");
    let mut items = vec![item("value now", &setting.value)];
    items.push(EvidenceItem::new("from", from(setting).to_owned(), "pg_settings"));
    items.extend(setting.boot_value.as_deref().map(|value| item("PostgreSQL's default", value)));
    items
}

fn from(setting: &Setting) -> &str {
    if setting.by_alter_system { "an earlier ALTER SYSTEM" } else { &setting.source }
}

fn risks(evidence: &Evidence, set: &SetParameter, tried: HowTried) -> Vec<String> {
    let measured = match tried {
        HowTried::BeforeAfter => {
            "What it does is compared with the time before it only. Load that comes and goes with the hour looks like an \
             effect, so nobody but a person keeps it; harm takes it back by itself."
        }
        HowTried::Switchback | HowTried::SlowSwitchback => {
            "While it is tried it is put in place and taken back in turns, each time for every session at once. If it \
             harms, that is about half of the time until it is told."
        }
    };
    let mut risks = vec![measured.to_owned()];
    risks.extend(memory_risk(evidence, set));
    if is_of_the_planner(&set.name) {
        risks.push("Plans of all statements may change, for worse as well as for better.".to_owned());
    }
    risks.extend(draft::not_applied_here(evidence));
    risks
}

/// What every session may take, times the sessions there may be.
fn memory_risk(evidence: &Evidence, set: &SetParameter) -> Option<String> {
    let per = match set.name.as_str() {
        "work_mem" => "sort or hash, of which a statement may have several",
        "temp_buffers" => "session",
        _ => return None,
    };
    let value = Amount::parse(&set.value).filter(|amount| amount.dimension == Dimension::Bytes)?;
    let of_name = |name: &str| evidence.parameters.iter().find(|setting| setting.name == name);
    let sessions: f64 = of_name("max_connections")?.value.parse().ok()?;
    Some(format!(
        "It is for each {per}: with all {sessions} connections busy that is {} at the least.",
        words::bytes(value.number * sessions)
    ))
}

/// What PostgreSQL's documentation has under "Query Planning", and what plans are costed with beside it.
fn is_of_the_planner(name: &str) -> bool {
    let beginnings = ["enable_", "cpu_", "geqo", "jit", "parallel_", "min_parallel_", "max_parallel_"];
    let names = [
        "constraint_exclusion",
        "cursor_tuple_fraction",
        "default_statistics_target",
        "effective_cache_size",
        "effective_io_concurrency",
        "from_collapse_limit",
        "hash_mem_multiplier",
        "join_collapse_limit",
        "plan_cache_mode",
        "random_page_cost",
        "recursive_worktable_factor",
        "seq_page_cost",
        "work_mem",
    ];
    names.contains(&name) || beginnings.iter().any(|beginning| name.starts_with(beginning))
}
