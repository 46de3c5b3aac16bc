//! Alert rules for a scenario's servers: their thresholds come from simulated healthy runs, and what they are worth
//! from other healthy runs and from runs in which something fails. Each rule is evaluated on the simulated time series
//! as a Prometheus would evaluate it.

mod alert_answer;
mod alert_question;
mod alert_rule;
mod alert_rules;
mod alert_runs;
mod alert_thresholds;
mod firings;
mod over_time;
mod watched_number;

pub use alert_answer::{AlertAnswer, Detection, FalseAlarms, RuleVerdict, RuleWorth, SimulatedFailure};
pub use alert_question::AlertQuestion;
pub use alert_rule::{AlertRule, Severity, WrongSide};
pub use firings::{Firing, firings};
pub use watched_number::WatchedNumber;
