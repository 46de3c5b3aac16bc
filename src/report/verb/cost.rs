//! What a run costs, as tables for a page or a screen.

use crate::report::text::numbers::{percent, price};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::verb::run::outcome_in_words;
use crate::stats::rounded;
use crate::study::{BreakEvenReport, CostReport};

/// Prices of units and days, hidden costs, ways to rent, and what is assumed; in this order.
pub fn cost_tables(cost: &CostReport) -> Vec<Table> {
    vec![summary(cost), hidden(cost), commitments(cost), sources(cost)]
}

fn dollars(value: Option<f64>) -> Cell {
    Cell::number(value, price)
}

/// Own servers beside the API.
fn summary(cost: &CostReport) -> Table {
    let numbers = &cost.numbers;
    let mut rows = vec![
        row("an hour", numbers.fleet_hour, None),
        row("a request", numbers.per_request, Some(numbers.api_per_request)),
        row(
            "1M tokens, simulated utilisation",
            numbers.per_million_tokens,
            Some(numbers.api_per_million_tokens),
        ),
    ];
    if let Some(best) = &cost.best {
        let api = Some(numbers.api_per_million_tokens);
        rows.push(row("1M tokens, best within the SLOs", best.per_million_tokens, api));
    }
    rows.push(row(
        "1M output tokens, prompts free",
        numbers.per_million_output_tokens,
        None,
    ));
    if let Some(session) = &cost.per_session {
        rows.push(row("a session", session.own, Some(session.api)));
    }
    if cost.day.users.is_some() {
        rows.push(row("a user and day", numbers.per_user_day, numbers.api_per_user_day));
    }
    rows.push(row("a day", numbers.per_day, Some(numbers.api_per_day)));
    rows.push(row(
        "a month of 30 days",
        numbers.per_month,
        Some(numbers.api_per_month),
    ));
    rows.extend(notes(cost));
    Table {
        caption: caption(cost),
        columns: vec![Column::words("$"), Column::numbers("own GPUs"), Column::numbers("API")],
        rows,
    }
}

fn caption(cost: &CostReport) -> String {
    let assumed = if cost.assumed {
        ", all assumed: write [cost]"
    } else {
        ""
    };
    let unknown = cost
        .prices
        .help
        .as_ref()
        .map_or(String::new(), |help| format!("; {help}"));
    format!(
        "Prices of {} ({}), {}{assumed}{unknown}",
        cost.prices.date, cost.prices.file, cost.commitment
    )
}

fn row(what: &str, own: Option<f64>, api: Option<f64>) -> Vec<Cell> {
    vec![Cell::words(what), dollars(own), dollars(api)]
}

/// What is no price: break-even, the rule of thumb, energy, and the budget.
fn notes(cost: &CostReport) -> Vec<Vec<Cell>> {
    let line = |what: &str, own: String, api: String| vec![Cell::words(what), Cell::words(own), Cell::words(api)];
    let against = &cost.against_api;
    let mut rows = Vec::new();
    let mut break_even = |what: &str, found: &Option<BreakEvenReport>| {
        if let Some(found) = found {
            rows.push(line(what, in_words(found), String::new()));
        }
    };
    break_even("own GPUs cost less above", &against.break_even);
    let people = format!("with people at {} a month above", price(against.people_per_month));
    break_even(&people, &against.break_even_with_people);
    let rule = &against.rule_of_thumb;
    if let (Some(says), Some(utilisation)) = (rule.says, rule.utilisation) {
        let says = format!("{says} at {}", percent(utilisation));
        rows.push(line("rule of thumb (own > 50 %, API < 30 %)", says, String::new()));
    }
    if let (Some(energy), Some(joules)) = (&cost.energy, cost.numbers.joules_per_token) {
        let text = format!(
            "{} J a token, {} kWh and {} kg CO2 a day ({})",
            rounded(joules),
            rounded(energy.kwh_per_day),
            rounded(energy.carbon_kg_per_day),
            energy.region
        );
        rows.push(line("energy", text, String::new()));
    }
    if let Some(budget) = &cost.budget {
        let own = budget.own.map_or_else(|| "-".to_owned(), |own| outcome_in_words(&own));
        let what = format!("{} a day", price(budget.per_day));
        rows.push(line(&what, own, outcome_in_words(&budget.api)));
    }
    rows
}

fn in_words(found: &BreakEvenReport) -> String {
    let rate = format!("{} req/s", rounded(found.requests_per_s));
    match (found.utilisation, found.utilisation_ci95) {
        (Some(of), Some([low, high])) => format!(
            "{rate}, {} of what they can do ({} to {})",
            percent(of),
            percent(low),
            percent(high)
        ),
        (Some(of), None) => format!("{rate}, {} of what they can do", percent(of)),
        (None, _) => format!("{rate}, {} of the day's mean", percent(found.of_day)),
    }
}

fn hidden(cost: &CostReport) -> Table {
    let rows = cost.hidden.iter().map(|line| {
        vec![
            Cell::words(line.name.replace('_', " ")),
            dollars(line.own_per_day),
            dollars(Some(line.api_per_day)),
            Cell::words(line.share.replace('_', " ")),
            Cell::words(line.why.as_str()),
        ]
    });
    Table {
        caption: "Costs of a day that stand on no price list".to_owned(),
        columns: vec![
            Column::words("cost"),
            Column::numbers("own GPUs"),
            Column::numbers("API"),
            Column::words("of the rent"),
            Column::words("why"),
        ],
        rows: rows.collect(),
    }
}

fn commitments(cost: &CostReport) -> Table {
    let rows = cost.commitments.iter().map(|one| {
        vec![
            Cell::words(one.name.replace('_', " ")),
            dollars(one.fleet_hour),
            dollars(one.per_month),
            dollars(one.per_million_tokens),
            Cell::number(one.break_even_requests_per_s, |rate| format!("{} req/s", rounded(rate))),
        ]
    });
    Table {
        caption: "The same servers, rented otherwise".to_owned(),
        columns: vec![
            Column::words("commitment"),
            Column::numbers("an hour"),
            Column::numbers("a month"),
            Column::numbers("1M tokens"),
            Column::numbers("cheaper than the API above"),
        ],
        rows: rows.collect(),
    }
}

fn sources(cost: &CostReport) -> Table {
    let rows = cost.sources.iter().map(|one| {
        vec![
            Cell::words(one.name.as_str()),
            Cell::number(Some(one.value), rounded),
            Cell::words(one.source.as_str()),
        ]
    });
    Table {
        caption: format!(
            "What is assumed. No price holds {}",
            cost.against_api.no_price_holds.join("; ")
        ),
        columns: vec![
            Column::words("figure"),
            Column::numbers("value"),
            Column::words("source"),
        ],
        rows: rows.collect(),
    }
}
