//! What several questions have in common: threads, warnings, and what they refuse.

use std::time::{SystemTime, UNIX_EPOCH};

use super::problem::Problem;
use crate::config::{Diagnostic, Scenario};
use crate::study::{Control, Input, LoadDial, LoadKind, OpenWorkload, Runner, TakenLoad, Workers};
use crate::units::Day;

/// Tells all warnings.
pub fn warn_all(control: &Control, warnings: &[String]) {
    for warning in warnings {
        control.audience.warn(warning);
    }
}

/// What to tell of prices that are old on the day on which they are asked for, which is the clock's if nobody says;
/// `None` if they are not, or if nobody asks for money.
pub fn warning_of_old_prices(scenario: &Scenario, today: Option<Day>) -> Option<String> {
    if scenario.cost.is_none() && scenario.budget.is_none() {
        return None;
    }
    scenario.cost_rules().warning_on(today.or_else(day_of_the_clock)?)
}

/// The day in UTC; `None` from a clock that stands before 1970.
fn day_of_the_clock() -> Option<Day> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let days = since_1970.as_secs() / 86_400;
    Some(Day::from_days_since_1970(i64::try_from(days).ok()?))
}

/// Says of a scenario's problem what the measured `file` does not say either.
pub fn missing_in_file(problem: Problem, open: &OpenWorkload, taken: &TakenLoad, file: &str) -> Problem {
    let missing = open.still_missing(taken).join(", ");
    if missing.is_empty() {
        return problem;
    }
    let help = format!("{file} does not say it either; the scenario has to say: {missing}");
    Problem {
        diagnostic: problem.diagnostic.help(help),
        ..problem
    }
}

/// The threads that were asked for.
pub fn workers(control: &Control) -> Result<Workers, Problem> {
    start_threads(control.threads)
}

/// So many threads; `None` for one a processor.
pub fn start_threads(count: Option<u32>) -> Result<Workers, Problem> {
    let failed = |error| Problem::of_machine(format!("cannot start threads: {error}"));
    Workers::new(count).map_err(failed)
}

/// Makes the runs of a study by `make`, and counts them: tells `warnings` and what is `replaced` of the scenario
/// before, and what the runs have told of their workload afterwards. Gives what was found, and all warnings.
pub fn make_runs<T>(
    control: &Control,
    mut warnings: Vec<String>,
    replaced: Option<&str>,
    make: impl FnOnce(&Runner) -> Result<T, Problem>,
) -> Result<(T, Vec<String>), Problem> {
    warn_all(control, &warnings);
    if let Some(replaced) = replaced {
        control.audience.note(&format!("note: {replaced}"));
    }
    control.audience.begin("runs", None);
    let runner = Runner::new(control);
    let found = make(&runner)?;
    control.audience.end();
    let more = runner.warnings();
    warn_all(control, &more);
    warnings.extend(more);
    Ok((found, warnings))
}

/// How to set a load of this kind.
pub fn dial(kind: LoadKind, input: &Input) -> Result<LoadDial, Problem> {
    let dial = LoadDial::new(kind, input);
    Ok(dial.map_err(|problem| problem.about(kind.flag()))?)
}

/// Refuses several runs of what is always the same: they would be more of the same.
pub fn refuse_seeds_of_a_trace(input: &Input, seeds: u32) -> Result<(), Problem> {
    if seeds > 1 && input.is_always_the_same() {
        let message = "--seeds: a trace replays the same requests whatever the seed";
        return Err(Diagnostic::new(message).help("leave --seeds out").into());
    }
    Ok(())
}

/// Refuses pools of servers where `what` is of servers that are alike.
pub fn refuse_pools(input: &Input, what: &str) -> Result<(), Problem> {
    let operation = &input.scenario.operation;
    if operation.pools().is_empty() {
        return Ok(());
    }
    let message = format!(
        "{what}, and the scenario has {} in pools (fleet.pool)",
        operation.servers()
    );
    Err(Diagnostic::new(message)
        .help("write a scenario of one of the pools")
        .into())
}

/// How many servers there are is either asked or left to a rule.
pub fn refuse_scaled(input: &Input) -> Result<(), Problem> {
    if !input.scenario.operation.is_scaled() {
        return Ok(());
    }
    let message = "the fewest servers are asked for, and [fleet.autoscale] says how many there are";
    let help = "leave [fleet.autoscale] out; `tailcast run` says what its rule takes";
    Err(Diagnostic::new(message).help(help).into())
}

/// Refuses several servers where `what` is of one, and one that fails or whose clients try again.
pub fn refuse_fleet(input: &Input, what: &str) -> Result<(), Problem> {
    let Some(fleet) = &input.scenario.operation.fleet else {
        return Ok(());
    };
    refuse_pools(input, what)?;
    if fleet.servers > 1 {
        let message = format!("{what}, and the scenario has {} (fleet.servers)", fleet.servers);
        return Err(Diagnostic::new(message).help("write --set fleet.servers=1").into());
    }
    let message = format!("{what}, of which each request is sent once, and all are let in and served");
    let help = "leave [client.retry], client.hedge_after, [admission], [[fleet.fault]] and [fleet.autoscale] out";
    Err(Diagnostic::new(message).help(help).into())
}
