//! A budget for a day: when it is spent, and what becomes of the requests after that. Arithmetic, not a simulation:
//! requests come as the day has them, money goes evenly within each part of it, and nobody changes what they do because
//! of it.

use super::HOURS_PER_DAY;

/// What may be spent in a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// So much [$].
    pub per_day_dollars: f64,
    /// And then.
    pub beyond: Beyond,
}

/// What becomes of requests for which no money is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Something cheaper answers them.
    Degrade,
    /// They wait until midnight.
    Queue,
    /// They are refused.
    Refuse,
}

/// A part of a day in which requests and money come and go evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartOfDay {
    /// How long it is [h].
    pub hours: f64,
    /// Requests that come in it.
    pub requests: f64,
    /// What is spent in it [$].
    pub dollars: f64,
}

/// How far a budget goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpentBudget {
    /// When it is spent, from the start of the day [h]; `None` if it lasts.
    pub spent_at_hour: Option<f64>,
    /// Requests of the day that come later, of all of them.
    pub share_after: f64,
    /// How many that are.
    pub requests_after: f64,
    /// What the day would cost without it [$].
    pub wanted_dollars: f64,
    /// How long the first of them would wait for the next day [h]; `None` if none comes.
    pub longest_wait_hours: Option<f64>,
}

impl Beyond {
    /// All of them, in the order of scenarios.
    pub const ALL: [Self; 3] = [Self::Degrade, Self::Queue, Self::Refuse];

    /// Its name in scenarios and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Degrade => "degrade",
            Self::Queue => "queue",
            Self::Refuse => "refuse",
        }
    }
}

/// Sums of the parts of a day are off by no more than this part.
const ROUNDING: f64 = 1e-9;

/// When so many dollars are spent on a day of these parts, one after the other, which start at midnight.
pub fn moment_spent(parts: &[PartOfDay], per_day_dollars: f64) -> SpentBudget {
    let wanted_dollars: f64 = parts.iter().map(|part| part.dollars).sum();
    let all: f64 = parts.iter().map(|part| part.requests).sum();
    let (mut spent, mut hour) = (0.0, 0.0);
    let mut found: Option<(f64, f64)> = None;
    let is_enough = wanted_dollars <= per_day_dollars * (1.0 + ROUNDING);
    for part in parts.iter().filter(|_| !is_enough) {
        match &mut found {
            Some((_, after)) => *after += part.requests,
            None if spent + part.dollars > per_day_dollars => {
                let of_part = (per_day_dollars - spent) / part.dollars;
                found = Some((hour + part.hours * of_part, part.requests * (1.0 - of_part)));
            }
            None => spent += part.dollars,
        }
        hour += part.hours;
    }
    let requests_after = found.map_or(0.0, |(_, after)| after);
    SpentBudget {
        spent_at_hour: found.map(|(at, _)| at),
        share_after: if all > 0.0 { requests_after / all } else { 0.0 },
        requests_after,
        wanted_dollars,
        longest_wait_hours: found.filter(|_| requests_after > 0.0).map(|(at, _)| HOURS_PER_DAY - at),
    }
}
