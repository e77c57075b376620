//! Which values of a parameter the host's owner allows.

use std::collections::BTreeMap;

use querysmith_shared::change::parameter::{SetParameter, forbidden};
use querysmith_shared::parameter::{Amount, is_plain};
use serde::Deserialize;

/// The values that a rule allows of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// The smallest and the largest number, and how they are written.
    pub range: Option<Range>,
    /// Further values, each allowed as it is.
    pub values: Vec<String>,
}

/// A range of numbers with both ends in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// The smallest.
    pub min: Amount,
    /// The largest.
    pub max: Amount,
    /// Both as the list has them.
    pub text: String,
}

impl Bounds {
    /// Why the value isn't one of these; `None` if it is. What has another unit than the range isn't compared: the
    /// owner's words count, not what they might mean.
    pub(super) fn objection(&self, set: &SetParameter) -> Option<String> {
        let SetParameter { name, value, .. } = set;
        if self.values.contains(value) {
            return None;
        }
        let in_range = |range: &Range| {
            Amount::parse(value).is_some_and(|amount| {
                amount.dimension == range.min.dimension
                    && (range.min.number..=range.max.number).contains(&amount.number)
            })
        };
        if self.range.as_ref().is_some_and(in_range) {
            return None;
        }
        let range = self.range.iter().map(|range| range.text.clone());
        let allowed: Vec<String> = range.chain(self.values.iter().cloned()).collect();
        Some(format!("{name} = {value}: this host's allow-list lets it be {}", allowed.join(", ")))
    }
}

/// As in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileBounds {
    min: Option<FileAmount>,
    max: Option<FileAmount>,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum FileAmount {
    Whole(i64),
    Number(f64),
    WithUnit(String),
}

impl FileAmount {
    fn text(&self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::WithUnit(text) => text.clone(),
        }
    }
}

/// The parameters of a rule; the error names the one that isn't understood.
pub(super) fn parse(file: BTreeMap<String, FileBounds>) -> Result<BTreeMap<String, Bounds>, String> {
    file.into_iter()
        .map(|(name, bounds)| {
            if let Some(why) = forbidden(&name) {
                return Err(format!("parameters.{name} {why}: it is never set from here"));
            }
            let bounds = bounds.into_bounds().map_err(|wrong| format!("parameters.{name}: {wrong}"))?;
            Ok((name, bounds))
        })
        .collect()
}

impl FileBounds {
    fn into_bounds(self) -> Result<Bounds, String> {
        let amount = |file: &FileAmount| {
            let text = file.text();
            Amount::parse(&text).ok_or_else(|| {
                format!("{text:?} is no number with a unit of PostgreSQL's: kB, MB, GB, ms, s, min …")
            })
        };
        let range = match (self.min, self.max) {
            (None, None) => None,
            (Some(min), Some(max)) => {
                let text = format!("{} to {}", min.text(), max.text());
                let (min, max) = (amount(&min)?, amount(&max)?);
                if min.dimension != max.dimension {
                    return Err(format!("min and max must have the same kind of unit: {text}"));
                }
                if min.number > max.number {
                    return Err(format!("min is above max: {text}"));
                }
                Some(Range { min, max, text })
            }
            (Some(_), None) | (None, Some(_)) => return Err("min and max belong together".to_owned()),
        };
        if let Some(value) = self.values.iter().find(|value| !is_plain(value)) {
            return Err(format!("values: {value:?} is neither a number nor a word in small letters"));
        }
        if range.is_none() && self.values.is_empty() {
            return Err("give min and max, or values".to_owned());
        }
        Ok(Bounds { range, values: self.values })
    }
}
