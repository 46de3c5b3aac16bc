//! Files are read once: what happens to them meanwhile changes nothing, or is noticed.

use std::fs;
use std::io::Write;

use tailcast::config::{Flag, Layers, Scenario, Workload};
use tailcast::study::{Base, Input};
use tailcast::workload::trace::{self, TraceError};

use crate::command::Workplace;
use crate::config::LEAST;

const TRACE: &str = "arrival_s,input_tokens,output_tokens\n0,10,5\n1,20,5\n2,30,5\n";

fn base(place: &Workplace, text: &str) -> Base {
    place.write("scenario.toml", text);
    let layers = Layers {
        file: Some(place.path("scenario.toml")),
        ..Layers::default()
    };
    Base::new(layers, None)
}

fn of_trace(place: &Workplace) -> Base {
    place.write("trace.csv", TRACE);
    let (above, _) = LEAST.split_once("requests").unwrap();
    base(
        place,
        &format!("{above}trace = {{ path = \"trace.csv\", rate = 2.0 }}\n"),
    )
}

fn opened(input: &Input) -> Result<(), TraceError> {
    let Workload::Trace(replay) = &input.scenario.traffic.classes[0].workload else {
        panic!("it is a trace");
    };
    trace::open(replay).map(drop)
}

#[test]
fn variations_share_one_reading_of_a_scenario_and_its_files() {
    let place = Workplace::new();
    let gpu = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/gpus/h100-sxm.toml");
    fs::copy(gpu, place.path("gpu.toml")).unwrap();
    let base = base(&place, &LEAST.replace("h100-sxm", "gpu.toml"));
    let before = base.load().unwrap();
    for name in ["scenario.toml", "gpu.toml"] {
        fs::remove_file(place.path(name)).unwrap();
    }
    let after = base.load().unwrap();
    assert_eq!(before.scenario.hash(), after.scenario.hash());
    let varied = base.with(&[Flag::new("--set", "seed=7")]).unwrap();
    assert_eq!(varied.scenario.seed, 7);
    assert_eq!(base.load().unwrap().scenario.seed, 42, "copies are varied");
}

#[test]
fn a_trace_is_the_same_file_for_all_variations() {
    let place = Workplace::new();
    let base = of_trace(&place);
    let before = base.load().unwrap();
    fs::rename(place.path("trace.csv"), place.path("old.csv")).unwrap();
    place.write("trace.csv", "no trace\n");
    let after = base.load().unwrap();
    assert_eq!(before.scenario.hash(), after.scenario.hash());
    opened(&after).unwrap();
}

#[test]
fn workloads_are_equal_whoever_opened_their_trace() {
    let place = Workplace::new();
    let one = of_trace(&place).load().unwrap().scenario;
    let other = Base::from_file(place.path("scenario.toml")).load().unwrap().scenario;
    assert_eq!(one.traffic.classes[0].workload, other.traffic.classes[0].workload);
}

#[test]
fn a_trace_that_is_written_to_is_refused() {
    let place = Workplace::new();
    let input = of_trace(&place).load().unwrap();
    opened(&input).unwrap();
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(place.path("trace.csv"))
        .unwrap();
    file.write_all(b"3,40,5\n").unwrap();
    let refused = opened(&input).unwrap_err().to_string();
    assert!(refused.contains("written to since it was first read"), "{refused}");
}

#[test]
fn a_scenario_is_read_from_text_as_from_a_file() {
    let place = Workplace::new();
    let of_file = base(&place, LEAST).load().unwrap().scenario;
    let of_text = Scenario::from_toml(LEAST).unwrap();
    assert_eq!(of_text.hash(), of_file.hash());
    assert_eq!(Base::from_toml(LEAST).load().unwrap().scenario.hash(), of_file.hash());
    assert_eq!(
        Scenario::from_file(&place.path("scenario.toml")).unwrap().hash(),
        of_file.hash()
    );
    let refused: Box<dyn std::error::Error> = Scenario::from_toml("seed = \"x\"").unwrap_err().into();
    assert!(refused.to_string().contains("the scenario:1:8"), "{refused}");
}
