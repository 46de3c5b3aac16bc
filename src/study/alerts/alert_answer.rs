//! What alert rules are worth.

use serde::Serialize;

use super::alert_rule::AlertRule;

/// What the rules of a scenario are worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertAnswer {
    /// Seconds between two scrapes, and two evaluations.
    pub scrape_interval_s: f64,
    /// Healthy hours that thresholds come from.
    pub healthy_hours_for_thresholds: f64,
    /// Other healthy hours, in which every alert is a false one.
    pub healthy_hours_judged: f64,
    /// What was made to fail, in words, each with how often.
    pub failures: Vec<SimulatedFailure>,
    /// The rules with what they are worth.
    pub rules: Vec<RuleWorth>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Something that was made to fail.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SimulatedFailure {
    pub name: String,
    pub times: usize,
}

/// A rule, and what it is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleWorth {
    /// The rule.
    #[serde(flatten)]
    pub rule: AlertRule,
    /// How often it cries wolf.
    pub false_alarms: FalseAlarms,
    /// What it finds of each failure, in their order.
    pub detection: Vec<Detection>,
    /// Whether to have it.
    pub verdict: RuleVerdict,
}

/// Alerts in healthy hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FalseAlarms {
    /// How many.
    pub count: usize,
    /// The same for each day; `None` if no time was judged.
    pub per_day: Option<f64>,
    /// The most that it may be for each day, with 95 % confidence, if alerts come at random; `None` likewise.
    pub per_day_at_most: Option<f64>,
}

/// Alerts during failures of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Which.
    pub failure: String,
    /// How many of them raised the alert, before the next one or the end of the run.
    pub detected: usize,
    /// Of all of them; `None` if there were none.
    pub rate: Option<f64>,
    /// How long it took in the median, from when something failed [s]; `None` if none was found.
    pub delay_s: Option<f64>,
    /// How long it took at most [s].
    pub longest_delay_s: Option<f64>,
}

/// Whether to have a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// It finds failures and is quiet otherwise.
    Useful,
    /// It cries wolf too often.
    TooManyFalseAlarms,
    /// No failure that was simulated raised it.
    DetectsNothing,
}

/// More than one false alarm a day for each rule, and nobody looks any more: an on-call shift of twelve hours has room
/// for two incidents (Google, "Site Reliability Engineering", chapter 11).
const MOST_FALSE_ALARMS_PER_DAY: f64 = 1.0;

const SECONDS_PER_DAY: f64 = 86_400.0;

impl FalseAlarms {
    /// So many in so many healthy seconds.
    pub(super) fn of(count: usize, seconds: f64) -> Self {
        let days = Some(seconds / SECONDS_PER_DAY).filter(|&days| days > 0.0);
        Self {
            count,
            per_day: days.map(|days| count as f64 / days),
            per_day_at_most: days.map(|days| most_expected(count) / days),
        }
    }
}

impl Detection {
    /// Of failures of which so many there were, those that were found took so long.
    pub(super) fn of(failure: &str, times: usize, mut delays_s: Vec<f64>) -> Self {
        delays_s.sort_by(f64::total_cmp);
        Self {
            failure: failure.to_owned(),
            detected: delays_s.len(),
            rate: (times > 0).then(|| delays_s.len() as f64 / times as f64),
            delay_s: delays_s.get(delays_s.len() / 2).copied(),
            longest_delay_s: delays_s.last().copied(),
        }
    }
}

impl RuleVerdict {
    pub(super) fn on(false_alarms: &FalseAlarms, detection: &[Detection]) -> Self {
        if detection.iter().all(|one| one.detected == 0) {
            return Self::DetectsNothing;
        }
        match false_alarms.per_day {
            Some(per_day) if per_day > MOST_FALSE_ALARMS_PER_DAY => Self::TooManyFalseAlarms,
            _ => Self::Useful,
        }
    }
}

/// The mean of a Poisson distribution that gives so few or fewer with a probability of 5 %: the upper end of Garwood's
/// interval (F. Garwood, Biometrika 28, 1936).
fn most_expected(count: usize) -> f64 {
    let (mut low, mut high) = (0.0, 10.0 + 3.0 * (count as f64 + 1.0));
    for _ in 0..60 {
        let mean = f64::midpoint(low, high);
        // P(N <= count), by its terms from the largest logarithm on.
        let mut term = -mean;
        let mut probability = f64::exp(term);
        for k in 1..=count {
            term += f64::ln(mean / k as f64);
            probability += f64::exp(term);
        }
        if probability > 0.05 {
            low = mean;
        } else {
            high = mean;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_some_days_leaves_room_for_three() {
        // The rule of three, and Garwood's table.
        for (count, most) in [(0, 2.996), (1, 4.744), (2, 6.296), (10, 16.962)] {
            assert!(
                (most_expected(count) - most).abs() < 1e-3,
                "{count}: {}",
                most_expected(count)
            );
        }
        let alarms = FalseAlarms::of(1, 43_200.0);
        assert_eq!(alarms.per_day, Some(2.0));
        assert_eq!(FalseAlarms::of(0, 0.0).per_day, None);
    }

    #[test]
    fn a_rule_that_finds_nothing_is_worth_nothing() {
        let quiet = FalseAlarms::of(0, 86_400.0);
        let noisy = FalseAlarms::of(2, 86_400.0);
        let found = [Detection::of("crash", 2, vec![30.0])];
        let missed = [Detection::of("crash", 2, Vec::new())];
        assert_eq!(RuleVerdict::on(&quiet, &found), RuleVerdict::Useful);
        assert_eq!(RuleVerdict::on(&noisy, &found), RuleVerdict::TooManyFalseAlarms);
        assert_eq!(RuleVerdict::on(&quiet, &missed), RuleVerdict::DetectsNothing);
        assert_eq!((found[0].rate, found[0].delay_s), (Some(0.5), Some(30.0)));
    }
}
