//! What a run costs, on the screen of the run: two lines, and one for the budget.

use std::fmt::Write;

use crate::config::on_one_line;
use crate::report::text::numbers::{percent, price};
use crate::stats::rounded;
use crate::study::{BudgetOutcome, BudgetReport, CostReport};

/// The lines, each with its label.
pub(super) fn cost_lines(cost: &CostReport) -> Vec<(&'static str, String)> {
    let mut lines = vec![("Cost", own_line(cost)), ("API", api_line(cost))];
    lines.extend(cost.budget.map(|budget| ("Budget", budget_line(&budget))));
    lines
}

fn own_line(cost: &CostReport) -> String {
    let numbers = &cost.numbers;
    let (Some(hour), Some(tokens)) = (numbers.fleet_hour, numbers.per_million_tokens) else {
        let help = cost.prices.help.as_deref().unwrap_or_default();
        return on_one_line(help).into_owned();
    };
    let mut text = format!("{} an hour · {} per 1M tokens", price(hour), price(tokens));
    if let Some(output) = numbers.per_million_output_tokens {
        let _ = write!(text, " ({} of output)", price(output));
    }
    if let (Some(day), Some(month)) = (numbers.per_day, numbers.per_month) {
        let _ = write!(text, " · {} a day, {} a month", price(day), price(month));
    }
    if let Some(user) = numbers.per_user_day {
        let _ = write!(text, ", {} a user and day", price(user));
    }
    let idle = cost.hidden.iter().find(|line| line.name == "headroom");
    if cost.assumed {
        text.push_str(" · all prices assumed: write [cost]");
    }
    if let (Some(idle), Some(rent)) = (idle.and_then(|line| line.own_per_day), cost.day.rent)
        && rent > 0.0
        && cost.day.users.is_none()
    {
        let _ = write!(text, " · {} of it for idle GPUs", percent(idle / rent));
    }
    text
}

fn api_line(cost: &CostReport) -> String {
    let numbers = &cost.numbers;
    let mut text = format!(
        "{} per 1M tokens · {} a day",
        price(numbers.api_per_million_tokens),
        price(numbers.api_per_day)
    );
    if let Some(found) = cost.against_api.break_even {
        let (rate, of_day) = (rounded(found.requests_per_s), percent(found.of_day));
        let _ = write!(
            text,
            " · own GPUs cost less above {rate} req/s, {of_day} of the day's mean"
        );
    }
    if let Some(found) = cost.against_api.break_even_with_people {
        let _ = write!(text, ", with people above {}", rounded(found.requests_per_s));
    }
    text
}

fn budget_line(budget: &BudgetReport) -> String {
    let mut text = format!("{} a day", price(budget.per_day));
    if let Some(own) = budget.own {
        let _ = write!(text, " · own GPUs: {}", outcome_in_words(&own));
    }
    let _ = write!(text, " · API: {}", outcome_in_words(&budget.api));
    text
}

pub(in crate::report::verb) fn outcome_in_words(outcome: &BudgetOutcome) -> String {
    let Some(hour) = outcome.spent_at_hour else {
        return format!("lasts, {} is spent", price(outcome.wanted));
    };
    let mut text = format!("spent at {}", time_of_day(hour));
    if let Some(they_are) = outcome.they_are {
        let _ = write!(
            text,
            ", {} of the requests are {they_are} after it",
            percent(outcome.share_after)
        );
    }
    if let Some(hours) = outcome.longest_wait_hours {
        let _ = write!(text, " for up to {} h", rounded(hours));
    }
    text
}

/// An hour of the day as clocks show it, cut to the minute.
fn time_of_day(hour: f64) -> String {
    // Sums of minutes are off by far less than a second.
    let minutes = (hour * 60.0 + 1e-6).floor();
    format!("{:02}:{:02}", (minutes / 60.0).floor(), minutes % 60.0)
}
