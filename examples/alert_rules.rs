//! Alert rules of a scenario, and the numbers that they watch in one run of it:
//!
//! `cargo run --release --example alert_rules -- rules configs/scenarios/demo.toml > rules.yml` prints the rules as a
//! Prometheus reads them, and on stderr what each is worth. `values` instead of `rules` prints a line for each number
//! and instant of the first run, scraped every 15 s: the query, the seconds since the start, the value or `-`.
//! `.ci/monitoring-files` holds these against a real Prometheus.

use std::env;
use std::error::Error;

use tailcast::answer::{Base, Control};
use tailcast::metrics::{LastHeard, Listeners};
use tailcast::report::alert_rules_yaml;
use tailcast::study::alerts::{AlertQuestion, AlertRule, WatchedNumber};
use tailcast::study::{Workers, exposition, replay};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [what, file] if what == "rules" => print_rules(file),
        [what, file] if what == "values" => print_values(file),
        _ => Err("write rules or values, and a scenario file".into()),
    }
}

fn print_rules(file: &str) -> Result<(), Box<dyn Error>> {
    let question = AlertQuestion {
        base: &Base::from_file(file),
        seeds: 2,
        interval: AlertQuestion::USUAL_INTERVAL,
        hours: AlertQuestion::USUAL_HOURS,
        workers: &Workers::new(None)?,
        control: &Control::default(),
    };
    let answer = question.answer().map_err(|stopped| format!("{stopped:?}"))?;
    for worth in &answer.rules {
        let found: Vec<_> = worth.detection.iter().map(|one| (&one.failure, one.detected)).collect();
        eprintln!(
            "{}: {:?}, {:?}, {found:?}",
            worth.rule.name, worth.verdict, worth.false_alarms
        );
    }
    let rules: Vec<AlertRule> = answer.rules.into_iter().map(|worth| worth.rule).collect();
    print!("{}", alert_rules_yaml(&rules, answer.scrape_interval_s));
    Ok(())
}

fn print_values(file: &str) -> Result<(), Box<dyn Error>> {
    let input = Base::from_file(file).load().map_err(|problem| format!("{problem:?}"))?;
    let interval = AlertQuestion::USUAL_INTERVAL;
    let mut exposition = exposition(&input.scenario, Some(interval));
    let mut last = LastHeard::default();
    let mut all = Listeners(vec![&mut exposition, &mut last]);
    replay(&input.scenario, input.scenario.seed, &mut all).map_err(|problem| format!("{problem:?}"))?;
    let run = exposition.finish(last.0);
    for number in WatchedNumber::ALL {
        for instant in 0..run.len() {
            let at_s = (instant as f64 + 0.5) * interval.seconds();
            let value = number
                .value(&run, at_s)
                .map_or_else(|| "-".to_owned(), |value| value.to_string());
            println!("{}\t{at_s}\t{value}", number.promql());
        }
    }
    Ok(())
}
