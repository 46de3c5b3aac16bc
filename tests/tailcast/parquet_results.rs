//! Results as Parquet hold what CSV holds.

use std::fs::{self, File};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::command::Workplace;

#[test]
fn parquet_and_csv_hold_the_same_numbers() {
    let place = Workplace::new();
    place.write(
        "study.toml",
        "seeds = 2\nset = { \"workload.requests\" = 200 }\nmetrics = [\"ttft.mean\", \"ttft.p99\"]\n\
         [[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [2, 4]\n[[axis]]\nkey = \"batching.policy\"\nvalues = \
                           [\"none\", \"continuous\"]\n",
    );
    for out in ["r.csv", "r.parquet"] {
        let ended = place.run(&["sweep", "study.toml", "--out", out]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(place.listing(), ["r.csv", "r.parquet", "study.toml"]);
    assert_eq!(same_rows(&place, "r"), (8, 1));
}

/// `NAME.csv` and `NAME.parquet` hold the same: how many rows, and in how many groups.
fn same_rows(place: &Workplace, name: &str) -> (usize, usize) {
    let csv = fs::read_to_string(place.path(&format!("{name}.csv"))).unwrap();
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.next().unwrap();
    let file = File::open(place.path(&format!("{name}.parquet"))).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let mut rows = reader.get_row_iter(None).unwrap();
    let mut count = 0;
    for line in lines {
        let row = rows.next().expect("as many rows as lines").unwrap();
        assert_eq!(row.len(), heading.len());
        for ((name, field), (heading, cell)) in row.get_column_iter().zip(heading.iter().zip(line)) {
            assert_eq!(name, heading);
            match field {
                Field::Str(text) => assert_eq!(text, cell),
                Field::Long(number) => assert_eq!(number.to_string(), cell),
                Field::Double(number) => assert_eq!(*number, cell.parse::<f64>().unwrap(), "{name}"),
                Field::Null => assert_eq!(cell, "", "{name}"),
                other => panic!("{name} is {other}"),
            }
        }
        count += 1;
    }
    assert!(rows.next().is_none());
    (count, reader.metadata().num_row_groups())
}

fn writes(place: &Workplace, flags: &[&str]) {
    let ended = place.run(&[&["run", "s.toml", "--slo-exit-zero"], flags].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn requests_and_timelines_are_the_same_in_parquet_and_csv() {
    let place = Workplace::new();
    place.write(
        "s.toml",
        r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[batching]
max_num_seqs = 16
[workload]
duration = "60s"

[client]
timeout = "6s"
[fleet]
servers = 2
[fleet.autoscale]
target = 4
min = 1
max = 3
start = "5s"
[[class]]
name = "a"
[class.workload]
arrivals = { process = "poisson", rate = 3 }
prompt = { dist = "uniform", min = 1, max = 4000 }
output = { dist = "uniform", min = 1, max = 400 }
[[class]]
name = "b"
[class.workload]
arrivals = { process = "poisson", rate = 3 }
prompt = { dist = "uniform", min = 1, max = 4000 }
output = { dist = "uniform", min = 1, max = 2000 }
"#,
    );
    for form in ["csv", "parquet"] {
        let (requests, timeline) = (format!("r.{form}"), format!("t.{form}"));
        writes(&place, &["--requests-out", &requests, "--timeline-out", &timeline]);
    }
    assert_eq!(place.listing(), ["r.csv", "r.parquet", "s.toml", "t.csv", "t.parquet"]);
    let rows = fs::read_to_string(place.path("r.csv")).unwrap();
    assert!(rows.contains("timed_out") && rows.contains(",,") && rows.contains("finished"));
    let (requests, _) = same_rows(&place, "r");
    assert!(requests > 300, "{requests}");
    assert!(same_rows(&place, "t").0 > 50);
}

#[test]
fn rows_of_parquet_stand_in_groups_and_are_the_same_at_any_length() {
    let place = Workplace::new();
    place.write(
        "s.toml",
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\nstep_time = { base_us = 100 }\n\
         [workload]\nrequests = 140000\narrivals = { process = \"poisson\", rate = 50000 }\n\
         prompt = { dist = \"fixed\", value = 4 }\noutput = { dist = \"uniform\", min = 1, max = 3 }\n",
    );
    writes(&place, &["--requests-out", "r.csv"]);
    writes(&place, &["--requests-out", "r.PARQUET"]);
    fs::rename(place.path("r.PARQUET"), place.path("r.parquet")).unwrap();
    assert_eq!(same_rows(&place, "r"), (140_000, 2));
    // Nobody and nothing: an interval longer than the run leaves a row or two, and a file that is whole.
    writes(&place, &["--timeline-out", "t.csv", "--timeline-interval", "100s"]);
    writes(&place, &["--timeline-out", "t.parquet", "--timeline-interval", "100s"]);
    let (rows, _) = same_rows(&place, "t");
    assert!(rows <= 2);
}
