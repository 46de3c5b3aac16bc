//! One CSV row a request.

use std::io;

use crate::metrics::RequestRow;
use crate::units::{PICOS_PER_SECOND, Time};

const HEADER: [&str; 13] = [
    "id",
    "arrival_s",
    "scheduled_s",
    "first_token_s",
    "finished_s",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "preemptions",
    "outcome",
    "priority",
    "ttft_s",
    "tpot_s",
];

/// Writes a header and the rows in the order given; what is not known of a request is left empty. A column `class` with
/// the names of classes comes last, if there are any.
pub fn write_requests_csv<'a>(
    output: impl io::Write,
    rows: impl IntoIterator<Item = &'a RequestRow>,
    classes: &[&str],
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    let has_classes = !classes.is_empty();
    writer.write_record(HEADER.into_iter().chain(has_classes.then_some("class")))?;
    for row in rows {
        let class = classes.get(row.id.class().place()).map(|&name| name.to_owned());
        let cells = [
            row.id.number().to_string(),
            exact_seconds(row.arrival),
            text_of(row.scheduled.map(exact_seconds)),
            text_of(row.first_token.map(exact_seconds)),
            text_of(row.finished.map(exact_seconds)),
            text_of(row.input_tokens),
            text_of(row.output_tokens),
            text_of(row.cached_tokens),
            row.preemptions.to_string(),
            row.outcome.name().to_owned(),
            text_of(row.priority),
            text_of(row.ttft().map(|ttft| exact_seconds(Time::ZERO + ttft))),
            text_of(row.tpot_s()),
        ];
        writer.write_record(cells.into_iter().chain(class))?;
    }
    writer.flush()
}

/// Seconds with all twelve decimals: the very picosecond, which a float would lose after an hour or two.
pub(in crate::report) fn exact_seconds(time: Time) -> String {
    let (whole, picos) = (time.picos() / PICOS_PER_SECOND, time.picos() % PICOS_PER_SECOND);
    format!("{whole}.{picos:012}")
}

fn text_of<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
