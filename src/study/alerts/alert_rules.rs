//! The rules that there are.

use super::alert_rule::{AlertRule, Severity, WrongSide};
use super::watched_number::WatchedNumber;
use crate::stats::unrounded;

/// A rule without its threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleForm {
    name: &'static str,
    pub(super) number: WatchedNumber,
    wrong_side: WrongSide,
    for_s: u32,
    severity: Severity,
    summary: &'static str,
    runbook: &'static str,
}

impl RuleForm {
    /// The rule with a threshold, and where it comes from.
    pub(super) fn with_threshold(self, threshold: f64, from: &'static str) -> AlertRule {
        let wrong_side = match self.wrong_side {
            WrongSide::Above => '>',
            WrongSide::Below => '<',
        };
        AlertRule {
            name: self.name,
            number: self.number,
            wrong_side: self.wrong_side,
            condition: format!("{} {wrong_side} {}", self.number.promql(), unrounded(threshold)),
            threshold,
            threshold_from: from,
            for_s: self.for_s,
            severity: self.severity,
            summary: self.summary,
            runbook: self.runbook,
        }
    }

    const fn above(name: &'static str, number: WatchedNumber) -> Self {
        Self {
            name,
            number,
            wrong_side: WrongSide::Above,
            for_s: 60,
            severity: Severity::Page,
            summary: "",
            runbook: "",
        }
    }
}

/// All rules, without thresholds.
pub(super) const RULES: [RuleForm; 9] = [
    RuleForm {
        wrong_side: WrongSide::Below,
        summary: "Fewer servers answer than there should be",
        runbook: "A crashed server comes back by itself once it has loaded its model. If it does not within some \
                  minutes, look at its log and replace the machine; until then refuse low priorities rather than let \
                  queues grow.",
        ..RuleForm::above("ServersDown", WatchedNumber::ServersUp)
    },
    RuleForm {
        summary: "More requests end without an answer than may",
        runbook: "Errors of one failed server end when the router has found out. If they go on, look at which \
                  outcome it is: refused and timed out mean too much load (shed it, stop retries), failed means a \
                  server.",
        ..RuleForm::above("TooManyErrors", WatchedNumber::Errors)
    },
    RuleForm {
        summary: "Users wait too long for the first token",
        runbook: "A burst drains by itself. If the queue is long too, there is too little capacity: add servers or \
                  refuse requests. If it is not, look for long prompts and for a cold prefix cache.",
        ..RuleForm::above("FirstTokenSlow", WatchedNumber::FirstTokenP99)
    },
    RuleForm {
        for_s: 120,
        severity: Severity::Ticket,
        summary: "More requests wait on servers than in healthy times",
        runbook: "A burst drains by itself. If it lasts, compare the rate of requests with the capacity, and add \
                  servers.",
        ..RuleForm::above("QueueLong", WatchedNumber::Waiting)
    },
    RuleForm {
        for_s: 120,
        severity: Severity::Ticket,
        summary: "More requests wait at the router than in healthy times",
        runbook: "The router finds no server that takes them. It ends by itself when servers are back; otherwise add \
                  some, or refuse requests.",
        ..RuleForm::above("RouterQueueLong", WatchedNumber::RouterQueue)
    },
    RuleForm {
        for_s: 300,
        summary: "The queue grows and does not drain",
        runbook: "It does not end by itself while the load lasts: refuse or shed load now, then add servers. Retries \
                  of impatient clients keep it up: stop them first.",
        ..RuleForm::above("QueueGrows", WatchedNumber::QueueGrowth)
    },
    RuleForm {
        for_s: 120,
        severity: Severity::Ticket,
        summary: "A server is slower than servers are in healthy times",
        runbook: "A larger batch slows all of them, and ends with the load. If one alone is slow, look at its clocks, \
                  temperature and links, take it out of the router and restart it.",
        ..RuleForm::above("TokensSlow", WatchedNumber::SlowestBetweenTokens)
    },
    RuleForm {
        for_s: 300,
        severity: Severity::Ticket,
        summary: "A KV cache is all but full",
        runbook: "It ends by itself with the load. If it lasts, requests wait for memory or are preempted: add \
                  servers, or cut max_model_len and max_num_seqs.",
        ..RuleForm::above("KvCacheFull", WatchedNumber::KvUsage)
    },
    RuleForm {
        for_s: 120,
        severity: Severity::Ticket,
        summary: "Requests lose their memory and are computed again",
        runbook: "It ends by itself with the load. If it lasts, cut max_num_seqs, or give the KV cache more memory.",
        ..RuleForm::above("Preempting", WatchedNumber::Preemptions)
    },
];
