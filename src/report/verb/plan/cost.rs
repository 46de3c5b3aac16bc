//! Cost: what the traffic costs on own GPUs and through an API, and what a budget lasts for.

use super::report::PlanReport;
use super::section::PlanSection;
use crate::report::cost::cost_tables;
use crate::report::text::numbers::{or_unknown, percent, price};
use crate::report::verb::run::outcome_in_words;
use crate::stats::rounded;
use crate::study::CostReport;

pub(super) fn section(report: &PlanReport) -> PlanSection {
    const HEADING: &str = "3 Cost: what does it cost, and what else could it?";
    let Some(cost) = &report.production.cost else {
        return PlanSection::saying(HEADING, vec!["not known: no request was answered".to_owned()]);
    };
    let mut tables = cost_tables(cost);
    // What is assumed stands last.
    let details = tables.pop().into_iter().collect();
    PlanSection {
        tables,
        details,
        ..PlanSection::saying(HEADING, in_words(cost))
    }
}

fn in_words(cost: &CostReport) -> Vec<String> {
    let numbers = &cost.numbers;
    let api = &cost.against_api;
    let mut lines = vec![format!(
        "own GPUs {} a day, {} a month ({}); the same tokens through an API {} a day, {} a month",
        or_unknown(numbers.per_day, price),
        or_unknown(numbers.per_month, price),
        cost.commitment,
        price(numbers.api_per_day),
        price(numbers.api_per_month)
    )];
    let best = cost.best.as_ref().map_or_else(String::new, |best| {
        let interval = best
            .per_million_tokens_ci95
            .map_or_else(String::new, |[low, high]| format!(" [{}, {}]", price(low), price(high)));
        format!(
            ", {}{interval} at the most that the SLOs allow, of which the traffic is {}",
            or_unknown(best.per_million_tokens, price),
            percent(best.utilisation)
        )
    });
    lines.push(format!(
        "a million tokens costs {} as simulated{best}",
        or_unknown(numbers.per_million_tokens, price)
    ));
    lines.extend(api.break_even.map(|even| {
        let of_most = even.utilisation.map_or_else(String::new, |share| {
            let interval = even.utilisation_ci95.map_or_else(String::new, |[low, high]| {
                format!(" [{}, {}]", percent(low), percent(high))
            });
            format!(", {}{interval} of the most that the servers answer", percent(share))
        });
        format!(
            "both cost the same at {} requests/s{of_most}",
            rounded(even.requests_per_s)
        )
    }));
    let rule = &api.rule_of_thumb;
    lines.push(match (rule.says, rule.utilisation) {
        (Some(says), Some(share)) => format!(
            "rule of thumb: {}; at {} it says {says}, the arithmetic says {}",
            rule.rule,
            percent(share),
            api.cheaper_with_people.unwrap_or("nothing without prices")
        ),
        _ => format!("rule of thumb: {}", rule.rule),
    });
    lines.push(format!("no price holds {}", api.no_price_holds.join(", ")));
    if let Some(budget) = &cost.budget {
        let own = budget
            .own
            .as_ref()
            .map_or_else(String::new, |own| format!("own GPUs {}; ", outcome_in_words(own)));
        lines.push(format!(
            "budget of {} a day: {own}API {}",
            price(budget.per_day),
            outcome_in_words(&budget.api)
        ));
    }
    lines
}
