//! Arrivals with the same time stamp are counted, and spread if that is asked for.

use std::fmt::Write;

use tailcast::workload::Source;
use tailcast::workload::trace::{Replay, open, open_seeded};

use crate::bad_scenarios::GOOD;
use crate::command::Workplace;
use crate::traces::{Folder, replay_text};

/// Ten requests a second for `bins` seconds, stamped with whole seconds; their prompts tell their order.
fn stamped(bins: u32) -> String {
    let mut text = "arrival_s,input_tokens,output_tokens\n".to_owned();
    for row in 0..10 * bins {
        writeln!(text, "{},{},5", row / 10, row + 1).unwrap();
    }
    text
}

#[test]
fn ties_are_spread_up_to_the_next_stamp_in_their_order() {
    let text = "arrival_s,input_tokens,output_tokens\n0,1,5\n10,2,5\n10,3,5\n10,4,5\n15,5,5\n20,6,5\n20,7,5\n";
    let requests = replay_text(text, |replay| replay.jitter_ties = true).unwrap();
    let seconds: Vec<f64> = requests.iter().map(|one| one.arrival.seconds()).collect();
    assert!(seconds.is_sorted());
    assert!(requests.iter().map(|one| one.prompt.tokens()).is_sorted());
    assert!((seconds[0], seconds[4]) == (0.0, 15.0), "no tie, no change");
    assert!(seconds[1] > 10.0 && seconds[3] < 15.0);
    assert!(seconds[5] > 20.0 && seconds[6] < 25.0, "{seconds:?}");
    let alone = "arrival_s,input_tokens,output_tokens\n3,1,5\n3,2,5\n";
    let together = replay_text(alone, |replay| replay.jitter_ties = true).unwrap();
    assert_eq!(together[0].arrival, together[1].arrival);
}

#[test]
fn spread_ties_are_uniform_and_keep_to_their_rows() {
    let folder = Folder::new();
    let path = folder.0.path().join("trace");
    std::fs::write(&path, format!("{}999,1,5\n", stamped(999))).unwrap();
    let recorded = Replay::new(&path);
    let spread = Replay {
        jitter_ties: true,
        ..recorded.clone()
    };
    let arrivals = |replay: &Replay, seed: u64| {
        let mut source = open_seeded(replay, seed).unwrap();
        let mut arrivals = Vec::new();
        while let Some(arrival) = source.next_arrival().unwrap() {
            source.take();
            arrivals.push(arrival.seconds());
        }
        (arrivals, source.tied_share())
    };
    let (as_recorded, tied_share) = arrivals(&recorded, 1);
    assert!((tied_share - 0.9).abs() < 0.001, "{tied_share}");
    let (spread_out, tied_share) = arrivals(&spread, 1);
    assert!(tied_share == 0.0);
    let first = spread_out[0];
    assert!(first == 0.0, "a replay starts at 0");
    let later = spread_out.iter().zip(&as_recorded);
    let shifts: Vec<f64> = later.map(|(spread, recorded)| spread - recorded).collect();
    let mean = shifts.iter().sum::<f64>() / shifts.len() as f64;
    // The first of ten, from which the replay counts, lies 1/11 after its stamp on average.
    assert!((0.3..0.55).contains(&mean), "{mean}");
    assert_eq!(arrivals(&spread, 1), arrivals(&spread, 1));
    assert_ne!(arrivals(&spread, 1), arrivals(&spread, 2));
    assert_eq!(arrivals(&recorded, 1), arrivals(&recorded, 2));
    let sorted = Replay {
        sort: true,
        ..spread.clone()
    };
    assert_eq!(arrivals(&spread, 3), arrivals(&sorted, 3));
    assert!(open(&spread).is_ok());
}

#[test]
fn a_run_tells_of_many_ties_and_how_to_spread_them() {
    let place = Workplace::new();
    place.write("trace.csv", stamped(20));
    let (head, rest) = GOOD.split_once("requests").unwrap();
    let slo = &rest[rest.find("[slo]").unwrap()..];
    let scenario = |more: &str| format!("{head}trace = {{ path = \"trace.csv\"{more} }}\n{slo}");
    place.write("good.toml", scenario(""));
    let ended = place.run(&["run", "good.toml", "--no-progress"]);
    assert!(
        ended.stderr.contains("90 % of the trace's requests") && ended.stderr.contains("jitter_ties = \"uniform\""),
        "{}",
        ended.stderr
    );
    place.write("spread.toml", scenario(", jitter_ties = \"uniform\""));
    let ended = place.run(&["run", "spread.toml", "--slo-exit-zero", "--no-progress"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let ended = place.run(&["run", "spread.toml", "--slo-exit-zero", "--no-progress", "--seeds", "3"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(place.run(&["check", "spread.toml"]).code, Some(0));
    place.write("bad.toml", scenario(", jitter_ties = true"));
    let ended = place.run(&["run", "bad.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("bad.toml:11:45") && ended.stderr.contains("allowed: none, uniform"),
        "{}",
        ended.stderr
    );
}
