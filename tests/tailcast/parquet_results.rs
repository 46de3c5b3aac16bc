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
    let csv = fs::read_to_string(place.path("r.csv")).unwrap();
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.next().unwrap();
    let file = File::open(place.path("r.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let mut rows = 0;
    for (row, line) in reader.get_row_iter(None).unwrap().zip(lines) {
        let row = row.unwrap();
        for ((name, field), (heading, cell)) in row.get_column_iter().zip(heading.iter().zip(line)) {
            assert_eq!(name, heading);
            match field {
                Field::Str(text) => assert_eq!(text, cell),
                Field::Long(number) => assert_eq!(number.to_string(), cell),
                Field::Double(number) => assert_eq!(number.to_string(), cell),
                Field::Null => assert_eq!(cell, ""),
                other => panic!("{name} is {other}"),
            }
        }
        rows += 1;
    }
    assert_eq!(rows, 8);
}
