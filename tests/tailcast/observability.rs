//! Dashboards ask for what is there, and alert rules are worth what simulated failures say.

use std::collections::BTreeSet;

use serde_json::Value;
use tailcast::answer::{Base, Control};
use tailcast::report::{DashboardSettings, WallClock, alert_rules_yaml, grafana_dashboard};
use tailcast::study::Workers;
use tailcast::study::alerts::{AlertAnswer, AlertQuestion, RuleVerdict, RuleWorth};
use tailcast::units::Span;

use crate::command::Workplace;
use crate::exposed_text::Exposed;

const FLEET: &str = r#"
name = "two servers"
seed = 3
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[fleet]
servers = 2
[workload]
duration = "300s"
arrivals = { process = "poisson", rate = 6.0 }
prompt = { dist = "lognormal", median = 300, sigma = 0.6, max = 4000 }
output = { dist = "lognormal", median = 100, sigma = 0.5, max = 600 }
[slo]
"ttft.p99" = "1s"
"#;

fn alerts(scenario: &str, seeds: u32, hours: f64) -> AlertAnswer {
    let base = Base::from_toml(scenario);
    let control = Control::default();
    let question = AlertQuestion {
        base: &base,
        seeds,
        interval: AlertQuestion::USUAL_INTERVAL,
        hours,
        workers: &Workers::new(Some(2)).unwrap(),
        control: &control,
    };
    question.answer().unwrap()
}

fn rule<'a>(answer: &'a AlertAnswer, name: &str) -> &'a RuleWorth {
    answer
        .rules
        .iter()
        .find(|worth| worth.rule.name == name)
        .unwrap_or_else(|| panic!("{name}"))
}

/// The names of metrics in a query: what is no function, no keyword, no label and stands in no text or range.
fn metrics_in(query: &str) -> BTreeSet<String> {
    const WORDS: [&str; 11] = [
        "sum",
        "max",
        "by",
        "le",
        "rate",
        "increase",
        "deriv",
        "histogram_quantile",
        "vector",
        "instance",
        "outcome",
    ];
    let mut names = BTreeSet::new();
    let mut rest = query;
    while let Some(character) = rest.chars().next() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let skipped = match character {
            '{' => rest.find('}').unwrap() + 1,
            '[' => rest.find(']').unwrap() + 1,
            _ if is_name(character) => {
                let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                if !WORDS.contains(&word) && word != "reason" && !word.starts_with(|c: char| c.is_ascii_digit()) {
                    names.insert(word.to_owned());
                }
                end
            }
            other => other.len_utf8(),
        };
        rest = &rest[skipped..];
    }
    names
}

/// The names of all series of a run.
fn exposed_names(scenario: &str) -> BTreeSet<String> {
    let place = Workplace::new();
    place.write("scenario.toml", scenario);
    let ended = place.run(&[
        "run",
        "scenario.toml",
        "-q",
        "--openmetrics-out",
        "metrics.om",
        "--slo-exit-zero",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let text = std::fs::read_to_string(place.path("metrics.om")).unwrap();
    Exposed::read(&text, true)
        .samples
        .into_iter()
        .map(|sample| sample.name)
        .collect()
}

#[test]
fn dashboards_ask_for_metrics_that_are_there() {
    for (scenario, has_router) in [(FLEET.to_owned(), true), (FLEET.replace("servers = 2", ""), false)] {
        let names = exposed_names(&scenario);
        let text = grafana_dashboard(&DashboardSettings {
            title: "fleet \u{1b}[2J\" of two".to_owned(),
            has_router,
            time: Some((WallClock::default(), Span::from_micros(60_000_000))),
            dollars_per_user_day: Some(0.105),
        });
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(dashboard["title"], "fleet \\u001b[2J\" of two");
        assert_eq!(dashboard["time"]["to"], "2026-01-01T00:01:00.000000000Z");
        let panels = dashboard["panels"].as_array().unwrap();
        let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
        let queries: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
        assert!(queries.len() > 15 && queries.contains(&"vector(0.105)"));
        for query in queries {
            let asked = metrics_in(query);
            assert!(asked.is_subset(&names), "{query}: {asked:?}");
            assert!(!asked.is_empty() || query.starts_with("vector("), "{query}");
        }
        assert_eq!(text.contains("tailcast:router_queue"), has_router);
    }
    let usual = grafana_dashboard(&DashboardSettings::default());
    assert!(usual.contains("now-1h") && !usual.contains("vector("));
}

#[test]
fn rules_find_a_lost_server_and_are_quiet_without_one() {
    let answer = alerts(FLEET, 2, 0.25);
    let failures: Vec<&str> = answer.failures.iter().map(|failure| failure.name.as_str()).collect();
    assert_eq!(
        failures,
        [
            "one server lost",
            "one server three times as slow",
            "half as much load again"
        ]
    );
    assert!(answer.failures.iter().all(|failure| failure.times == 2));
    // A run of five minutes is made three times as long.
    assert!(
        (answer.healthy_hours_judged - 0.5).abs() < 0.05,
        "{}",
        answer.healthy_hours_judged
    );
    let down = rule(&answer, "ServersDown");
    assert_eq!(down.rule.condition, "sum(up{job=\"vllm\"}) < 2");
    assert_eq!((down.false_alarms.count, down.verdict), (0, RuleVerdict::Useful));
    let lost = &down.detection[0];
    assert_eq!((lost.detected, lost.rate), (2, Some(1.0)));
    // It has to hold for a minute, and is looked at every 15 s.
    assert!((60.0..=90.0).contains(&lost.delay_s.unwrap()), "{lost:?}");
    assert_eq!(down.detection[1].detected, 0, "a slow server answers");
    let slow = rule(&answer, "TokensSlow");
    assert_eq!(slow.detection[1].detected, 2, "{slow:?}");
    assert_eq!(
        rule(&answer, "FirstTokenSlow").rule.threshold.to_bits(),
        1.0_f64.to_bits()
    );
    // At so low a load nothing is ever preempted.
    assert_eq!(rule(&answer, "Preempting").verdict, RuleVerdict::DetectsNothing);
    let names = exposed_names(FLEET);
    for worth in &answer.rules {
        let asked = metrics_in(&worth.rule.condition.replace("job", ""));
        assert!(asked.is_subset(&names), "{}: {asked:?}", worth.rule.condition);
    }
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["rules"][0]["expr"], down.rule.condition);
    assert!(!serde_json::to_string(&json).unwrap().contains("null,\"per_day"));
}

#[test]
fn a_scenarios_own_faults_are_what_rules_have_to_find() {
    let fault = "[[fleet.fault]]\nkind = \"crash\"\nserver = 1\nat = \"100s\"\nrestart = \"120s\"\n";
    let answer = alerts(&format!("{FLEET}{fault}"), 1, 0.1);
    assert_eq!(answer.failures.len(), 1);
    assert_eq!(
        (answer.failures[0].name.as_str(), answer.failures[0].times),
        ("what the scenario says", 1)
    );
    let down = rule(&answer, "ServersDown");
    assert_eq!(
        down.rule.threshold.to_bits(),
        2.0_f64.to_bits(),
        "healthy runs have no faults"
    );
    assert_eq!(down.detection[0].detected, 1);
}

#[test]
fn one_server_has_rules_too_and_they_are_the_same_on_any_number_of_threads() {
    let alone = FLEET.replace("[fleet]\nservers = 2\n", "");
    let answer = alerts(&alone, 1, 0.1);
    assert_eq!(answer.failures[0].name, "the server lost for five minutes");
    let down = rule(&answer, "ServersDown");
    assert_eq!(
        (down.rule.condition.as_str(), down.verdict),
        ("sum(up{job=\"vllm\"}) < 1", RuleVerdict::Useful)
    );
    assert!(answer.rules.iter().all(|worth| worth.rule.name != "RouterQueueLong"));
    assert_eq!(answer, alerts(&alone, 1, 0.1));
}

#[test]
fn rules_are_written_as_yaml_whose_strings_are_quoted() {
    let answer = alerts(&FLEET.replace("300s", "60s"), 1, 0.0);
    let rules: Vec<_> = answer.rules.iter().map(|worth| worth.rule.clone()).collect();
    let text = alert_rules_yaml(&rules, answer.scrape_interval_s);
    assert!(text.starts_with("groups:\n  - name: tailcast\n    interval: 15000ms\n    rules:\n"));
    assert_eq!(text.matches("- alert: ").count(), rules.len());
    assert!(
        text.contains("expr: \"sum(up{job=\\\"vllm\\\"}) < 2\"\n        for: 60s\n"),
        "{text}"
    );
    for line in text.lines().filter(|line| line.contains("runbook")) {
        assert!(line.ends_with('"') && line.len() > 60, "{line}");
    }
    assert!(alert_rules_yaml(&[], 15.0).ends_with("rules: []\n"));
}
