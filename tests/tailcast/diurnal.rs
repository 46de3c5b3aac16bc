//! Rates that change with time: from a file, and in the shape of a day.

use tailcast::config::{Scenario, Workload};
use tailcast::workload::Arrivals;

use crate::command::Workplace;

fn scenario(arrivals: &str) -> String {
    format!(
        "seed = 3\n[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n[workload]\n\
         arrivals = {arrivals}\nprompt = {{ dist = \"fixed\", value = 50 }}\n\
         output = {{ dist = \"fixed\", value = 5 }}\n"
    )
}

fn refused(arrivals: &str, files: &[(&str, &str)]) -> String {
    let workplace = Workplace::new();
    workplace.write("day.toml", scenario(arrivals));
    for (name, text) in files {
        workplace.write(name, text);
    }
    let ended = workplace.run(&["run", "day.toml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn a_day_has_its_mean_its_peak_and_comes_round() {
    let text =
        scenario("{ process = \"diurnal\", rate = 4.0, peak = 2.0, peak_at = \"15h\", period = \"24h\", periods = 2 }");
    let scenario = Scenario::from_toml(&text).unwrap();
    let Some(Workload::Synthetic(workload)) = scenario.traffic.only_workload() else {
        unreachable!("it is drawn at random");
    };
    let Arrivals::Stages(stages) = &workload.arrivals else {
        panic!("{:?}", workload.arrivals);
    };
    assert_eq!(stages.len(), 2 * 144);
    assert!((workload.arrivals.mean_rate_per_s().unwrap() - 4.0).abs() < 1e-9);
    // Ten minutes each: the stage that ends at 15h, and the one that ends at 3h, half a day before.
    for (stage, rate) in [(89, 8.0), (90, 8.0), (17, 0.0), (18, 0.0), (144 + 90, 8.0)] {
        assert!(
            (stages[stage].rate_per_s - rate).abs() < 0.01,
            "{stage}: {}",
            stages[stage].rate_per_s
        );
    }
    let most = stages
        .windows(2)
        .map(|pair| (pair[0].rate_per_s - pair[1].rate_per_s).abs());
    assert!(
        most.fold(0.0, f64::max) < 8.0 / 40.0,
        "from stage to stage the rate changes little"
    );
}

/// What comes in each hour is what the hour's rate says.
#[test]
fn rates_of_a_file_are_those_of_the_run() {
    let workplace = Workplace::new();
    workplace.write("day.toml", scenario("{ process = \"stages\", stages = \"rates.csv\" }"));
    workplace.write(
        "rates.csv",
        "\u{feff}duration_s, rate\r\n1000, 2\r\n500, 0\r\n1000, 6.5\r\n",
    );
    let ended = workplace.run(&["run", "day.toml", "--requests-out", "rows.csv"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let rows = std::fs::read_to_string(workplace.path("rows.csv")).unwrap();
    let arrivals = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(1).unwrap().parse::<f64>().unwrap());
    let arrivals: Vec<f64> = arrivals.collect();
    let between = |from: f64, to: f64| arrivals.iter().filter(|&&at| (from..to).contains(&at)).count() as f64;
    // Within four standard deviations of a Poisson number.
    for (from, to, mean) in [(0.0, 1_000.0, 2_000.0), (1_500.0, 2_500.0, 6_500.0_f64)] {
        let count = between(from, to);
        assert!((count - mean).abs() < 4.0 * mean.sqrt(), "{count} from {from} to {to}");
    }
    assert!(between(1_000.0, 1_500.0) < 0.5 && between(2_500.0, f64::INFINITY) < 0.5);
    // Without a column of durations each is an hour, and other rates are another scenario.
    let hash = |text: &str| {
        workplace.write("rates.csv", text);
        let result = workplace.run(&["run", "day.toml", "--format", "json"]).json();
        (
            result["scenario_hash"].to_string(),
            result["requests"]["arrived"].as_f64().unwrap(),
        )
    };
    let (one, arrived) = hash("rate\n0.5\n");
    assert!((arrived - 1_800.0).abs() < 4.0 * 1_800.0_f64.sqrt(), "{arrived}");
    assert_ne!(one, hash("rate\n0.6\n").0);
}

#[test]
fn bad_rates_are_told() {
    let of_file = |text: &str| {
        refused(
            "{ process = \"stages\", stages = \"rates.csv\" }",
            &[("rates.csv", text)],
        )
    };
    for (text, told) in [
        ("duration_s\n5\n", "the column rate is missing"),
        (
            "rate,duration_s\n3,-1\n",
            "`duration_s` must be a number from 0 to 17280000, not \"-1\"\n --> rates.csv:2:3",
        ),
        ("rate\nfast\n", "`rate` must be a number from 0"),
        ("rate,duration_s\n3\n", "rates.csv:2"),
        ("rate,rate\n3,4\n", "names the column `rate` twice"),
        ("rate\n", "there is no stage"),
        ("rate,duration_s\n3,0\n", "must be longer than 0"),
        ("rate\n0\n", "a rate above 0"),
    ] {
        let stderr = of_file(text);
        assert!(stderr.contains(told), "{told} in {stderr}");
    }
    let missing = refused("{ process = \"stages\", stages = \"none.csv\" }", &[]);
    assert!(
        missing.contains("cannot read") && missing.contains("none.csv"),
        "{missing}"
    );
    for (keys, told) in [
        ("rate = 4.0, peak = 2.5", "arrivals.peak"),
        ("peak = 1.5", "arrivals.rate"),
        ("rate = 4.0, period = \"100h\", periods = 1000", "longer than 200 days"),
        ("rate = 4.0, colour = 3", "has no key `colour`"),
    ] {
        let stderr = refused(&format!("{{ process = \"diurnal\", {keys} }}"), &[]);
        assert!(stderr.contains(told), "{told} in {stderr}");
    }
}

/// Whoever stops before the busiest hour is told that it is not in the answer.
#[test]
fn a_day_that_ends_before_noon_is_told() {
    let day = "{ process = \"diurnal\", rate = 1.0, peak = 1.5, peak_at = \"14h\" }";
    let warnings = |more: &str| {
        let scenario = Scenario::from_toml(&format!("{}{more}", scenario(day))).unwrap();
        scenario.all_warnings().join("; ")
    };
    assert_eq!(warnings(""), "");
    let few = warnings("requests = 7200\n");
    assert!(few.contains("workload.requests ends the arrivals after"), "{few}");
    assert!(few.contains("of 86400 s") && few.contains("of 1.5 requests/s"), "{few}");
    assert!(few.contains("about 86400 requests"), "{few}");
    let short = warnings("duration = \"6h\"\n");
    assert!(
        short.contains("workload.duration ends the arrivals after 21600 s"),
        "{short}"
    );
    // Those that have seen it are no news, and sessions count by their turns.
    assert_eq!(warnings("duration = \"15h\"\n"), "");
    assert_eq!(warnings("requests = 60000\n"), "");
    let sessions = "requests = 60000\nsession = { turns = { dist = \"fixed\", value = 5 } }\n";
    assert!(
        warnings(sessions).contains("workload.requests ends"),
        "{}",
        warnings(sessions)
    );
}
