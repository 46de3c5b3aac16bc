//! What is known of runs, as columns. Names and units are those of the CSV files that the command writes.

use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int8Array, Int32Array, Int64Array, StringArray, UInt32Array, UInt64Array,
};
use tailcast::metrics::{RequestLog, RequestOutcome, RequestRow, TimelineRow};
use tailcast::report::TimelineColumns;
use tailcast::report::results::Results;
use tailcast::units::{Span, Time};

use crate::table::Table;

/// How a request may end, or where it may be at the end of a run.
const OUTCOMES: [RequestOutcome; 6] = [
    RequestOutcome::Finished,
    RequestOutcome::Rejected,
    RequestOutcome::TimedOut,
    RequestOutcome::Failed,
    RequestOutcome::Running,
    RequestOutcome::Waiting,
];

/// A row a request, in the order of arrival; the class comes last, if there are classes.
pub fn of_requests(log: &RequestLog, classes: &[String]) -> Table {
    let rows: Vec<&RequestRow> = log.rows().collect();
    let times = |of: fn(&RequestRow) -> Option<Time>| floats(rows.iter().map(|row| of(row).map(Time::seconds)));
    let tokens = |of: fn(&RequestRow) -> Option<u32>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row)).collect::<UInt32Array>())
    };
    let ids: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.id.number())).collect::<UInt64Array>());
    let priorities: ArrayRef = Arc::new(rows.iter().map(|row| row.priority).collect::<Int32Array>());
    let outcome = |row: &&RequestRow| OUTCOMES.iter().position(|it| *it == row.outcome);
    let outcomes = words(rows.iter().map(outcome), OUTCOMES.iter().map(|outcome| outcome.name()));
    let mut columns = vec![
        named("id", "", ids),
        named("arrival_s", "s", times(|row| Some(row.arrival))),
        named("scheduled_s", "s", times(|row| row.scheduled)),
        named("first_token_s", "s", times(|row| row.first_token)),
        named("finished_s", "s", times(|row| row.finished)),
        named("input_tokens", "tokens", tokens(|row| row.input_tokens)),
        named("output_tokens", "tokens", tokens(|row| row.output_tokens)),
        named("cached_tokens", "tokens", tokens(|row| row.cached_tokens)),
        named("preemptions", "", tokens(|row| Some(row.preemptions))),
        named("outcome", "", outcomes),
        named("priority", "", priorities),
        named(
            "ttft_s",
            "s",
            floats(rows.iter().map(|row| row.ttft().map(Span::seconds))),
        ),
        named("tpot_s", "s", floats(rows.iter().map(|row| row.tpot_s()))),
    ];
    if !classes.is_empty() {
        let names: Vec<&str> = classes.iter().map(String::as_str).collect();
        let names = rows.iter().map(|row| names.get(row.id.class().place()).copied());
        columns.push(named("class", "", Arc::new(names.collect::<StringArray>())));
    }
    Table::new(columns)
}

/// A row an instant.
pub fn of_timeline(rows: &[TimelineRow], has: TimelineColumns) -> Table {
    let counts =
        |of: fn(&TimelineRow) -> Option<u32>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<UInt32Array>()) };
    let mut columns = vec![
        named("t_s", "s", floats(rows.iter().map(|row| Some(row.at.seconds())))),
        named("waiting", "requests", counts(|row| Some(row.waiting))),
        named("running", "requests", counts(|row| Some(row.running))),
        named("kv_usage", "", floats(rows.iter().map(|row| Some(row.kv_usage)))),
        named("waiting_max", "requests", counts(|row| Some(row.waiting_max))),
        named("running_max", "requests", counts(|row| Some(row.running_max))),
    ];
    if has >= TimelineColumns::OfFleet {
        columns.push(named("outstanding", "requests", counts(|row| Some(row.outstanding))));
        columns.push(named("ready", "servers", counts(|row| Some(row.ready))));
        columns.push(named("provisioned", "servers", counts(|row| Some(row.provisioned))));
    }
    if has == TimelineColumns::OfScaledFleet {
        columns.push(named("wanted", "servers", counts(|row| row.wanted)));
    }
    if has >= TimelineColumns::OfFleet {
        let answered = rows.iter().map(|row| row.answered);
        let means = answered.clone().map(|times| times.map(|times| times.mean.seconds()));
        let longest = answered.map(|times| times.map(|times| times.max.seconds()));
        columns.push(named("e2e_mean_s", "s", floats(means)));
        columns.push(named("e2e_max_s", "s", floats(longest)));
    }
    Table::new(columns)
}

/// A row a run of a sweep, as in its file of results. Values of keys are numbers where all of a key's are.
pub fn of_results(results: &Results) -> Table {
    let rows = &results.rows;
    let whole = |of: fn(&tailcast::report::results::ResultRow) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(of(row))).collect::<UInt64Array>())
    };
    let plans: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.plan.as_str())).collect::<StringArray>());
    let mut columns = vec![
        named("plan", "", plans),
        named("runs", "", whole(|row| row.runs)),
        named("run", "", whole(|row| row.run)),
        named("point", "", whole(|row| row.point)),
        named("seed", "", whole(|row| row.seed)),
    ];
    for (place, key) in results.heading.keys.iter().enumerate() {
        columns.push(named(
            key,
            "",
            of_values(rows.iter().map(|row| row.values[place].as_str())),
        ));
    }
    for (place, measure) in results.heading.measures.iter().enumerate() {
        columns.push(named(
            &measure.name,
            "",
            floats(rows.iter().map(|row| row.numbers[place])),
        ));
    }
    Table::new(columns)
}

fn of_values<'a>(values: impl Iterator<Item = &'a str> + Clone) -> ArrayRef {
    if let Ok(whole) = values.clone().map(str::parse::<i64>).collect::<Result<Vec<_>, _>>() {
        return Arc::new(Int64Array::from(whole));
    }
    if let Ok(numbers) = values.clone().map(str::parse::<f64>).collect::<Result<Vec<_>, _>>() {
        return Arc::new(Float64Array::from(numbers));
    }
    Arc::new(values.map(Some).collect::<StringArray>())
}

fn named(name: &str, unit: &'static str, column: ArrayRef) -> (String, &'static str, ArrayRef) {
    (name.to_owned(), unit, column)
}

fn floats(numbers: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(numbers.collect::<Float64Array>())
}

/// Words that are often the same, each kept once.
fn words<'a>(places: impl Iterator<Item = Option<usize>>, all: impl Iterator<Item = &'a str>) -> ArrayRef {
    let places: Int8Array = places.map(|place| place.map(|place| place as i8)).collect();
    let all: StringArray = all.map(Some).collect();
    Arc::new(DictionaryArray::<Int8Type>::new(places, Arc::new(all)))
}
