//! Thresholds of rules, from what healthy runs were like and from what was asked for.

use super::alert_rule::AlertRule;
use super::alert_rules::RULES;
use super::firings::evaluations;
use super::watched_number::WatchedNumber;
use crate::metrics::{ExposedRun, Metric, ServedNumber, Slo, Statistic};

/// What is a threshold, and where it comes from.
type Threshold = (f64, &'static str);

/// So much above what healthy runs ever showed is a fault, and not the chance of another day.
const MARGIN: f64 = 1.25;

/// The rules for servers that were like this when they were healthy; of a router only if there is one.
pub(super) fn rules(healthy: &[ExposedRun], slos: &[Slo]) -> Vec<AlertRule> {
    let all = RULES.into_iter().filter_map(|rule| {
        let mut values: Vec<f64> = healthy.iter().flat_map(|run| values_of(rule.number, run)).collect();
        values.sort_by(f64::total_cmp);
        let (threshold, from) = threshold(rule.number, &values, slos)?;
        Some(rule.with_threshold(threshold, from))
    });
    all.collect()
}

fn values_of(number: WatchedNumber, run: &ExposedRun) -> impl Iterator<Item = f64> {
    evaluations(run).filter_map(move |at_s| number.value(run, at_s))
}

/// From what a number was in healthy times, in order; `None` if it never was anything.
fn threshold(number: WatchedNumber, healthy: &[f64], slos: &[Slo]) -> Option<Threshold> {
    let (least, most) = (*healthy.first()?, *healthy.last()?);
    let nearly_all = healthy[((healthy.len() as f64 * 0.999).ceil() as usize).clamp(1, healthy.len()) - 1];
    let above = |floor: f64| {
        (
            rounded_up((most * MARGIN).max(floor)),
            "a quarter above the healthy maximum",
        )
    };
    Some(match number {
        WatchedNumber::Waiting | WatchedNumber::RouterQueue => (
            rounded_up(nearly_all.max(1.0)),
            "the 99.9th percentile of healthy times",
        ),
        WatchedNumber::QueueGrowth => above(0.05),
        WatchedNumber::SlowestBetweenTokens => above(0.0),
        WatchedNumber::Preemptions => above(0.1),
        WatchedNumber::FirstTokenP99 => first_token_limit(slos).unwrap_or_else(|| above(0.0)),
        WatchedNumber::KvUsage if nearly_all <= 0.95 => (0.95, "95 % of the memory, above healthy times"),
        WatchedNumber::KvUsage => {
            let threshold = rounded_up(nearly_all).min(1.0);
            (threshold, "the 99.9th percentile of healthy times")
        }
        WatchedNumber::Errors => error_limit(slos).unwrap_or_else(|| above(0.01)),
        WatchedNumber::ServersUp => (least, "the fewest of healthy times"),
    })
}

/// The objective on the 99th percentile of times to the first token.
fn first_token_limit(slos: &[Slo]) -> Option<Threshold> {
    let limits = slos.iter().filter_map(Slo::as_latency);
    let of_p99 = limits.filter(|slo| slo.metric == Metric::Ttft && slo.statistic == Statistic::P99);
    of_p99.map(|slo| (slo.limit.seconds(), "the objective ttft.p99")).next()
}

/// The objective on requests without an answer.
fn error_limit(slos: &[Slo]) -> Option<Threshold> {
    let served = slos.iter().filter_map(|slo| match slo {
        Slo::Served(slo) => Some(slo),
        Slo::Latency(_) => None,
    });
    let limits = served.filter_map(|slo| match slo.of {
        ServedNumber::Success => Some((rounded_up(1.0 - slo.bound), "the objective on success")),
        ServedNumber::Errors => Some((slo.bound, "the objective on errors")),
        _ => None,
    });
    limits.reduce(|one, other| if other.0 < one.0 { other } else { one })
}

/// To two digits, so that people can read it.
fn rounded_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return value;
    }
    let exponent = value.log10().floor() as i32 - 1;
    // What is there to two digits already may be off by the last bit.
    let digits = (value / 10_f64.powi(exponent) - 1e-9).ceil();
    format!("{digits}e{exponent}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_have_two_digits_and_are_never_below() {
        for (value, rounded) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (123.0, 130.0),
            (120.0, 120.0),
            (0.0301, 0.031),
            (0.001, 0.001),
            (99.5, 100.0),
        ] {
            assert_eq!(rounded_up(value).to_bits(), f64::to_bits(rounded), "{value}");
        }
    }

    #[test]
    fn what_was_asked_for_goes_before_what_was_simulated() {
        let healthy: Vec<f64> = (1..=2_000).map(|k| f64::from(k) / 1_000.0).collect();
        let slos = [
            Slo::latency("ttft.p99", crate::units::Span::from_micros(500_000)).unwrap(),
            Slo::share("success", 0.999).unwrap(),
        ];
        let found = |number, slos: &[Slo]| threshold(number, &healthy, slos).unwrap().0;
        assert_eq!(found(WatchedNumber::FirstTokenP99, &slos).to_bits(), 0.5_f64.to_bits());
        assert_eq!(found(WatchedNumber::FirstTokenP99, &[]).to_bits(), 2.5_f64.to_bits());
        assert_eq!(found(WatchedNumber::Errors, &slos).to_bits(), 0.001_f64.to_bits());
        assert_eq!(found(WatchedNumber::Waiting, &[]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(threshold(WatchedNumber::Waiting, &[], &[]), None);
    }
}
