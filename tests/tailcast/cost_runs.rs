//! What runs cost: the answers of a scenario with `[cost]` and `[budget]`, from its text to its results.

use serde_json::Value;
use tailcast::answer::{Base, Control, Day, RunAnswer, RunQuestion, Style};
use tailcast::study::{CostQuestion, CostReport};

use crate::command::Workplace;

/// An H100 that answers requests of 1,000 and 500 tokens.
const SCENARIO: &str = "
name = \"money\"
model.name = \"llama-3.1-8b\"
server.gpu = \"h100-sxm\"
[workload]
requests = 400
arrivals = { process = \"constant\", rate = 4 }
prompt = { dist = \"fixed\", value = 1000 }
output = { dist = \"fixed\", value = 500 }
";
/// Nothing is paid but GPUs and tokens.
const NOTHING_ELSE: &str = "egress_per_gb = 0\nlog_bytes_per_request = 0\n";

fn answer_of(text: &str) -> RunAnswer {
    let question = RunQuestion {
        today: Day::parse("2026-12-01"),
        ..RunQuestion::of(Base::from_toml(text))
    };
    question
        .answer(&Control::default())
        .unwrap_or_else(|problem| panic!("{problem}"))
}

fn json_of(answer: &RunAnswer) -> Value {
    serde_json::from_str(&answer.to_json()).unwrap()
}

fn cost_of(text: &str) -> Value {
    json_of(&answer_of(text))["cost"].take()
}

fn is_close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    let off = (found - expected).abs();
    assert!(off <= 1e-6 * expected.abs(), "{found} is not {expected}");
}

#[test]
fn a_thousand_users_cost_3150_dollars_a_month_at_an_api_and_an_h100_costs_1440() {
    let cost = cost_of(&format!(
        "{SCENARIO}[cost]\ngpu_hour = 2\napi = {{ input = 3, output = 15 }}\nusers_per_day = 1000\nrequests_per_user = \
         10\n{NOTHING_ELSE}"
    ));
    is_close(&cost["api_per_day"], 105.0);
    is_close(&cost["api_per_month"], 3_150.0);
    is_close(&cost["api_per_user_day"], 0.105);
    is_close(&cost["day"]["rent_per_month"], 1_440.0);
    is_close(&cost["day"]["output_tokens"], 5e6);
    // $48 a day over 1.05 cents a request.
    is_close(&cost["against_api"]["break_even"]["requests_per_day"], 48.0 / 0.0105);
    is_close(&cost["against_api"]["break_even"]["of_day"], 48.0 / 105.0);
    assert_eq!(
        (&cost["against_api"]["cheaper"], &cost["assumed"]),
        (&"own".into(), &false.into())
    );
    // With $3,750 a month for people it is the other way round.
    assert_eq!(cost["against_api"]["cheaper_with_people"], "api");
}

#[test]
fn prices_are_those_of_what_was_simulated() {
    let answer = answer_of(&format!("{SCENARIO}[cost]\ngpu_hour = 3.6\n"));
    let json = json_of(&answer);
    let rate = |name: &str| json["throughput"][name].as_f64().unwrap();
    let tokens = rate("input_tokens_per_s") + rate("output_tokens_per_s");
    is_close(&json["cost"]["per_million_tokens"], 1_000.0 / tokens);
    is_close(
        &json["cost"]["per_million_output_tokens"],
        1_000.0 / rate("output_tokens_per_s"),
    );
    is_close(&json["cost"]["per_request"], 0.001 / rate("requests_per_s"));
    // The rent is shared out among the kinds of tokens without a rest.
    let split = |name: &str| json["cost"]["split"][name].as_f64().unwrap();
    let shared = split("input") * rate("input_tokens_per_s") + split("output") * rate("output_tokens_per_s");
    is_close(&(shared / 1e6).into(), 0.001);
    // A day is the run's rate for 24 hours.
    is_close(&json["cost"]["day"]["requests"], 86_400.0 * rate("requests_per_s"));
    assert_eq!(json["cost"]["day"]["basis"], "rate");
}

#[test]
fn servers_of_every_pool_are_paid() {
    let text = "
        model.name = \"llama-3.1-8b\"
        server.gpu = \"h100-sxm\"
        workload.requests = 200
        workload.arrivals = { process = \"poisson\", rate = 4 }
        workload.prompt = { dist = \"fixed\", value = 100 }
        workload.output = { dist = \"fixed\", value = 50 }
        cost = {}
        [[fleet.pool]]
        name = \"large\"
        servers = 2
        server.tensor_parallel = 2
        [[fleet.pool]]
        name = \"small\"
        servers = 3
        server.gpu = \"l40s\"
    ";
    let cost = cost_of(text);
    is_close(&cost["fleet_hour"], 4.0 * 2.95 + 3.0 * 1.86);
    is_close(&cost["server_hour"], 2.0 * 2.95);
    let hours = |name: usize| &cost["commitments"][name]["fleet_hour"];
    is_close(hours(1), 4.0 * 2.20 + 3.0 * 1.17);
    is_close(hours(2), 4.0 * 1.60 + 3.0 * 0.80);
}

#[test]
fn a_price_that_is_written_is_that_of_how_gpus_are_rented() {
    let cost = cost_of(&format!("{SCENARIO}[cost]\ngpu_hour = 1\ncommitment = \"reserved\"\n"));
    let hours = [0, 1, 2].map(|place| cost["commitments"][place]["fleet_hour"].as_f64().unwrap());
    assert_eq!((hours, cost["fleet_hour"].as_f64()), ([2.95, 1.0, 1.60], Some(1.0)));
}

#[test]
fn a_budget_ends_at_the_hour_that_the_profile_says() {
    // One request in 100 s until noon, three after it: 1,728 requests, of which the API takes $0.0105 each.
    let profile = "{ process = \"stages\", stages = [{ rate = 0.01, duration = \"12h\" }, { rate = 0.03, duration = \
                   \"12h\" }] }";
    let scenario = SCENARIO.replace("{ process = \"constant\", rate = 4 }", profile);
    let scenario = scenario.replace("requests = 400\n", "");
    let text = format!(
        "{scenario}[cost]\ngpu_hour = 1\napi = {{ input = 3, output = 15 }}\nusers_per_day = 1600\nrequests_per_user = \
         1\n{NOTHING_ELSE}[budget]\nper_day = 10.5\nbeyond = \"queue\"\n"
    );
    let answer = answer_of(&text);
    let budget = &json_of(&answer)["cost"]["budget"];
    // 400 requests until noon, 1,200 after it, 100 an hour; 1,000 are paid for, 600 of them after noon.
    is_close(&budget["api"]["spent_at_hour"], 18.0);
    is_close(&budget["api"]["share_after"], 600.0 / 1_600.0);
    is_close(&budget["api"]["longest_wait_hours"], 6.0);
    assert_eq!(budget["api"]["they_are"], "queued");
    // $24 a day of the H100, and some for metrics: it ends before 10:30.
    let own = budget["own"]["spent_at_hour"].as_f64().unwrap();
    assert!((10.0..10.5).contains(&own), "{own}");
    let screen = answer.to_text(Style::default());
    assert!(
        screen.contains("API: spent at 18:00, 37.5 % of the requests are queued after it for up to 6 h"),
        "{screen}"
    );
    let plenty = cost_of(&text.replace("10.5", "1000").replace("queue", "refuse"));
    assert!(plenty["budget"]["api"]["spent_at_hour"].is_null() && plenty["budget"]["own"]["they_are"].is_null());
}

#[test]
fn what_a_gpu_costs_that_nobody_knows_is_said_where_the_number_stands() {
    let place = Workplace::new();
    let gpu = include_str!("../../configs/gpus/l4.toml");
    place.write("mine.toml", gpu);
    let json = |settings: &[&str]| {
        let mut arguments = vec![
            "run",
            "--quiet",
            "--format",
            "json",
            "--set",
            "server.gpu=\"mine.toml\"",
        ];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        place.run(&arguments).json()
    };
    let unknown = &json(&["cost={}", "budget={ per_day = 5 }"])["cost"];
    for place in [
        "/per_request",
        "/per_day",
        "/break_even_requests_per_s",
        "/budget/own",
        "/day/rent",
    ] {
        assert!(unknown.pointer(place).is_some_and(Value::is_null), "{place}: {unknown}");
    }
    assert_eq!(unknown["prices"]["unknown_gpus"][0], "mine");
    let help = unknown["prices"]["help"].as_str().unwrap();
    assert!(
        help.contains("cost.gpu_hour = 2.5") && help.contains("[gpu.mine]"),
        "{help}"
    );
    assert!(unknown["api_per_day"].is_number() && unknown["joules_per_token"].is_null());
    let screen = place
        .run(&["run", "--set", "server.gpu=\"mine.toml\"", "--set", "cost={}"])
        .stdout;
    assert!(
        screen.contains("Cost      what GPUs cost is not known: write cost.gpu_hour"),
        "{screen}"
    );
    is_close(&json(&["cost={ gpu_hour = 2 }"])["cost"]["fleet_hour"], 2.0);
    // A list of one's own may have it.
    let list = include_str!("../../configs/prices.toml");
    place.write("prices.toml", list.replacen("[gpu.l4]", "[gpu.mine]", 1));
    is_close(&json(&["cost={ prices = \"prices.toml\" }"])["cost"]["fleet_hour"], 0.8);
}

#[test]
fn old_prices_are_told_of_and_change_nothing_else() {
    let text = &format!("{SCENARIO}[cost]\n");
    let on = |day: &str| {
        let question = RunQuestion {
            today: Day::parse(day),
            ..RunQuestion::of(Base::from_toml(text))
        };
        question
            .answer(&Control::default())
            .unwrap_or_else(|problem| panic!("{problem}"))
    };
    let (young, old) = (on("2027-02-27"), on("2027-02-28"));
    assert!(young.warnings.is_empty(), "{:?}", young.warnings);
    assert!(matches!(&old.warnings[..], [one] if one.contains("91 days ago") && one.contains("cost.prices")));
    let mut told = json_of(&old);
    assert_eq!(told["warnings"][0], old.warnings[0].as_str());
    told["warnings"] = Value::Array(Vec::new());
    assert_eq!(told, json_of(&young));
    // Nobody asks for money here.
    let none = RunQuestion {
        today: Day::parse("2099-01-01"),
        ..RunQuestion::of(Base::from_toml(SCENARIO))
    };
    assert!(
        none.answer(&Control::default())
            .is_ok_and(|answer| answer.warnings.is_empty())
    );
}

#[test]
fn a_scenario_that_says_nothing_of_money_says_nothing_of_it_in_its_results_and_can_be_asked() {
    let answer = answer_of(SCENARIO);
    assert!(json_of(&answer).get("cost").is_none());
    let screen = answer.to_text(Style::default());
    assert!(!screen.contains("\nCost") && !screen.contains("\nAPI"), "{screen}");
    let report = CostReport::of(&CostQuestion {
        scenario: &answer.input.scenario,
        summary: &answer.report.summary,
        fleet: answer.report.fleet.as_ref(),
        best_rate_per_s: Some((20.0, Some([18.0, 21.0]))),
    });
    let report = serde_json::to_value(report.unwrap()).unwrap();
    assert_eq!(
        (&report["assumed"], &report["commitment"]),
        (&true.into(), &"on_demand".into())
    );
    // $2.95 an hour over 20 requests a second of 1,500 tokens.
    is_close(
        &report["best"]["per_million_tokens"],
        2.95 / 3_600.0 / (20.0 * 1_500.0) * 1e6,
    );
    is_close(
        &report["best"]["per_million_tokens_ci95"][0],
        2.95 / 3_600.0 / (21.0 * 1_500.0) * 1e6,
    );
    let found = &report["against_api"]["break_even"];
    let rate = found["requests_per_s"].as_f64().unwrap();
    is_close(&found["utilisation"], rate / 20.0);
    is_close(&found["utilisation_ci95"][0], rate / 21.0);
    is_close(&found["utilisation_ci95"][1], rate / 18.0);
    assert_eq!(report["against_api"]["rule_of_thumb"]["says"], "api");
    is_close(&report["against_api"]["price"]["input"], 0.18);
    // The same numbers as where somebody asks.
    let asked = cost_of(&format!("{SCENARIO}[cost]\n"));
    for name in [
        "per_request",
        "per_million_tokens",
        "per_day",
        "api_per_month",
        "joules_per_token",
    ] {
        assert_eq!(asked[name], report[name], "{name}");
    }
}

#[test]
fn retries_and_starts_are_lines_of_their_own() {
    let text = format!(
        "{SCENARIO}[client.retry]\nmax = 3\n[fleet]\nservers = 2\n[[fleet.fault]]\nkind = \"crash\"\nserver = 0\nat = \
         \"20s\"\nrestart = \"40s\"\n[cost]\ngpu_hour = 3.6\n"
    );
    let cost = cost_of(&text);
    let line = |name: &str| {
        let lines = cost["hidden"].as_array().unwrap().iter();
        lines.filter(|line| line["name"] == name).collect::<Vec<_>>()[0]
    };
    assert!(line("retries")["own_per_day"].as_f64().unwrap() > 0.0, "{cost}");
    let starts = line("cold_starts");
    assert!(
        starts["why"]
            .as_str()
            .unwrap()
            .contains("40 s each (the longest restart of faults)"),
        "{starts}"
    );
    // One start in the run, of 40 s at a tenth of a cent.
    let answer = json_of(&answer_of(&text));
    let seconds = answer["throughput"]["duration_s"].as_f64().unwrap();
    is_close(&starts["own_per_day"], 0.04 * 86_400.0 / seconds);
    is_close(&cost["fleet_hour"], 7.2);
}

#[test]
fn an_autoscaled_fleet_costs_what_was_there() {
    let text = format!(
        "{SCENARIO}[fleet.autoscale]\nsignal = \"concurrency\"\ntarget = 5\nmin = 1\nmax = 6\nstart = \
         \"10s\"\n[cost]\ngpu_hour = 3.6\n"
    );
    let json = json_of(&answer_of(&text));
    let mean = json["fleet"]["provisioned"]["mean"].as_f64().unwrap();
    assert!(mean > 1.0 && mean < 6.0, "{mean}");
    is_close(&json["cost"]["fleet_hour"], 3.6 * mean);
}

#[test]
fn a_session_costs_its_turns() {
    let cost = cost_of(&format!(
        "{}session = {{ turns = 4, think = \"1s\" }}\n[cost]\n",
        SCENARIO.replace("value = 1000", "value = 100")
    ));
    is_close(&cost["per_session"]["requests"], 4.0);
    let day = cost["per_day"].as_f64().unwrap() / cost["day"]["requests"].as_f64().unwrap();
    is_close(&cost["per_session"]["own"], 4.0 * day);
}

#[test]
fn a_comparison_shows_what_each_costs() {
    let place = Workplace::new();
    place.write("scenario.toml", format!("{SCENARIO}[cost]\n"));
    let arguments = [
        "compare",
        "scenario.toml",
        "--vary",
        "server.gpu=h100-sxm,l40s",
        "--seeds",
        "2",
    ];
    let text = place.run(&[&arguments[..], &["--no-capacity"]].concat()).stdout;
    assert!(
        text.contains("cost.per_million_tokens") && text.contains("cost.per_month"),
        "{text}"
    );
    assert!(text.contains('$'), "{text}");
}

#[test]
fn a_curve_has_columns_of_money_only_if_somebody_asks() {
    let place = Workplace::new();
    place.write("plain.toml", SCENARIO);
    place.write("asked.toml", format!("{SCENARIO}[cost]\n"));
    let header = |file: &str| {
        let ended = place.run(&["curve", file, "--rate", "1,2", "--requests", "50", "--format", "csv"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().next().unwrap().to_owned()
    };
    let (plain, asked) = (header("plain.toml"), header("asked.toml"));
    assert!(
        !plain.contains("cost.") && asked.contains("cost.per_request"),
        "{asked}"
    );
    assert!(asked.starts_with(&plain), "columns keep their places");
}

#[test]
fn an_api_that_costs_nothing_is_never_dearer_and_nothing_is_divided_by_it() {
    let cost = cost_of(&format!(
        "{SCENARIO}[cost]\ngpu_hour = 2\napi = {{ input = 0, output = 0 }}\n{NOTHING_ELSE}"
    ));
    assert_eq!(
        (&cost["against_api"]["cheaper"], &cost["api_per_day"]),
        (&"api".into(), &0.0.into())
    );
    for place in [
        "/split",
        "/break_even_requests_per_s",
        "/against_api/break_even",
        "/against_api/own_of_api",
    ] {
        assert!(cost.pointer(place).is_some_and(Value::is_null), "{place}: {cost}");
    }
    let free = cost_of(&format!("{SCENARIO}[cost]\ngpu_hour = 0\n"));
    assert_eq!(
        (&free["per_request"], &free["break_even_requests_per_s"]),
        (&0.0.into(), &0.0.into())
    );
}

#[test]
fn an_autoscaled_fleet_spends_its_money_when_its_servers_are_there() {
    let profile = "{ process = \"stages\", stages = [{ rate = 0.005, duration = \"12h\" }, { rate = 0.4, duration = \
                   \"12h\" }] }";
    let scenario = SCENARIO.replace("{ process = \"constant\", rate = 4 }", profile);
    let scenario = scenario.replace("requests = 400\n", "");
    let text = format!(
        "{scenario}[fleet.autoscale]\nsignal = \"concurrency\"\ntarget = 0.8\nmin = 1\nmax = 4\nstart = \
         \"60s\"\n[cost]\ngpu_hour = 1\n{NOTHING_ELSE}[budget]\nper_day = 15\n"
    );
    let cost = cost_of(&text);
    // Hardly more than one server until noon, $13 by 11:00, and three or four after it.
    let servers = cost["day"]["servers"].as_f64().unwrap();
    let own = cost["budget"]["own"]["spent_at_hour"].as_f64().unwrap();
    assert!((2.0..4.0).contains(&servers), "{servers}");
    assert!((10.5..12.5).contains(&own), "{own}");
    // If as many were there all day, it would be earlier.
    let evenly = 24.0 * 15.0 / cost["budget"]["own"]["wanted"].as_f64().unwrap();
    assert!(own > evenly + 3.0, "{own} and {evenly}");
}
