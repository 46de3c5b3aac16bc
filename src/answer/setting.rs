//! What a study simulated, in the words of its reports.

use std::fmt::Write;

use super::{run_report, servers_in_words};
use crate::config::on_one_line;
use crate::report::StudySetting;
use crate::stats::counted;
use crate::study::{Control, Input};

/// The setting of a study of `input`, each variation with so many runs, with what was changed or taken for granted.
pub fn of(control: &Control, input: &Input, runs: u32, assumptions: Vec<String>) -> StudySetting {
    let scenario = &input.scenario;
    let requests = input
        .requests_expected()
        .map_or_else(|| "all requests".to_owned(), |requests| format!("{requests} requests"));
    let seed = scenario.seed;
    let runs = match runs {
        0 | 1 => format!("{requests}, seed {seed}"),
        runs => format!("{requests} with each of {runs} seeds from {seed}"),
    };
    let mut rests_on = vec![run_report::fidelity(scenario, false)];
    rests_on.extend(assumptions);
    StudySetting {
        name: scenario.name.clone(),
        server: server(input),
        engine: scenario.engine(),
        runs,
        scenario_hash: scenario.hash(),
        seed,
        assumptions: rests_on,
        command: control.command.clone(),
        scenario: settings(input),
    }
}

/// The setting of variations side by side: in its line only what all have in common.
pub fn of_all(control: &Control, inputs: &[&Input], runs: u32, assumptions: Vec<String>) -> StudySetting {
    let mut setting = of(control, inputs[0], runs, assumptions);
    let lines: Vec<String> = inputs.iter().map(|input| server(input)).collect();
    let is_common = |part: &&str| lines.iter().all(|line| line.split(" · ").any(|it| it == *part));
    let parts: Vec<&str> = lines[0].split(" · ").filter(is_common).collect();
    setting.server = parts.join(" · ");
    setting
}

fn server(input: &Input) -> String {
    let scenario = &input.scenario;
    let mut text = format!(
        "{} · {} · {} · {}",
        servers_in_words::models(scenario),
        servers_in_words::pools(scenario).unwrap_or_else(|| servers_in_words::gpus(&scenario.deployment)),
        scenario.engine(),
        servers_in_words::policies(scenario)
    );
    if let Some(fleet) = &scenario.operation.fleet {
        // Parts of their own, as either may be what variations differ in.
        let servers = counted(fleet.servers, "server");
        let _ = write!(text, " · {servers} · router {}", fleet.router.name());
    }
    text
}

fn settings(input: &Input) -> String {
    let mut text = String::new();
    for setting in &input.scenario.settings {
        let origin = if setting.is_default { " (default)" } else { "" };
        let _ = writeln!(text, "{} = {}{origin}", setting.key, on_one_line(&setting.value));
    }
    text
}
