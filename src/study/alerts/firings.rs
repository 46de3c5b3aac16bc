//! When a rule raises its alert.

use super::alert_rule::AlertRule;
use crate::metrics::ExposedRun;

/// An alert: from when to when its rule held, after it had held long enough [s].
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Firing {
    pub start_s: f64,
    pub end_s: f64,
}

/// A rule is evaluated as often as servers are scraped, in the middle between two scrapes: the two go by clocks of
/// their own, and ranges that end on a sample hold one more or less from release to release of Prometheus.
pub(super) fn evaluations(run: &ExposedRun) -> impl Iterator<Item = f64> + use<> {
    let interval_s = run.interval().seconds();
    (0..run.len()).map(move |instant| (instant as f64 + 0.5) * interval_s)
}

/// The alerts that a rule raises in a run.
pub fn firings(rule: &AlertRule, run: &ExposedRun) -> Vec<Firing> {
    let values = evaluations(run).map(|at_s| (at_s, rule.number.value(run, at_s)));
    let wrong = values.map(|(at_s, value)| (at_s, value.is_some_and(|value| rule.is_wrong(value))));
    held(wrong, rule.for_s.into())
}

/// From when to when something held, after it had held so long.
fn held(instants: impl Iterator<Item = (f64, bool)>, for_s: f64) -> Vec<Firing> {
    let mut all: Vec<Firing> = Vec::new();
    let mut since: Option<f64> = None;
    let mut is_firing = false;
    for (at_s, holds) in instants {
        if !holds {
            (since, is_firing) = (None, false);
            continue;
        }
        let since = *since.get_or_insert(at_s);
        if is_firing {
            all.last_mut().expect("it fires").end_s = at_s;
        } else if at_s - since >= for_s {
            is_firing = true;
            all.push(Firing {
                start_s: at_s,
                end_s: at_s,
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_raised_once_its_condition_has_held_long_enough() {
        let instants = |holds: &str| -> Vec<(f64, bool)> {
            let all = holds.chars().enumerate();
            all.map(|(place, mark)| (15.0 * place as f64, mark == 'x')).collect()
        };
        let starts = |holds: &str, for_s: f64| -> Vec<f64> {
            let all = held(instants(holds).into_iter(), for_s);
            all.iter().map(|firing| firing.start_s).collect()
        };
        assert_eq!(starts("..xxx..x", 0.0), [30.0, 105.0]);
        assert_eq!(starts("..xxxxx.xxx", 30.0), [60.0, 150.0]);
        assert!(starts("..xx.xx.xx", 30.0).is_empty());
        let ends = held(instants("..xxx.").into_iter(), 15.0);
        assert_eq!((ends[0].start_s, ends[0].end_s), (45.0, 60.0));
    }
}
