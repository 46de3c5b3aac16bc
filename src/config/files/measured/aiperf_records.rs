//! Records of AIPerf (`profile_export.jsonl`): one request a line.
//!
//! Source: `aiperf/common/models/export_models.py`. Each metric names its unit; stamps are in nanoseconds, as their
//! names say. Requests of the warm-up are left out.

use super::chunks::note_gaps;
use super::glance::{FileForm, Glance};
use super::json_tree::JsonTree;
use super::json_values;
use super::result::{Measured, MeasuredRequest};
use super::tally::Tally;
use super::units::seconds_in;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::{Span, Time};

/// Whether a file has the keys of such records.
pub fn is_records(glance: &Glance) -> bool {
    glance.is(FileForm::Json, &["metadata", "metrics"])
}

/// Reads all records.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let mut records = Records::default();
    json_values::each(name, content, |at, record: JsonTree| {
        let name = format!("{name}: record {}", at + 1);
        records.take(&name, &record)
    })?;
    Ok(vec![records.measured()])
}

#[derive(Default)]
struct Records {
    /// When each was sent [ns], and how it was served.
    finished: Vec<(Option<f64>, MeasuredRequest)>,
    failed: u64,
    first_error: Option<String>,
    gaps: Vec<Span>,
    first_start_ns: Option<f64>,
    last_end_ns: Option<f64>,
}

impl Records {
    fn take(&mut self, name: &str, record: &JsonTree) -> Result<(), Diagnostic> {
        let metadata = record.get("metadata");
        if ["benchmark_phase", "phase_kind"]
            .iter()
            .any(|key| metadata.get(key).text() == Some("warmup"))
        {
            return Ok(());
        }
        let error = record.get("error");
        if !error.is_nothing() || *metadata.get("was_cancelled") == JsonTree::Flag(true) {
            self.failed += 1;
            let said = error.first(&["message", "type"]).text().or(error.text());
            self.first_error = self.first_error.take().or(said.map(str::to_owned));
            return Ok(());
        }
        let metrics = record.get("metrics");
        let ttft = needed_time(name, metrics, "time_to_first_token")?;
        let e2e = needed_time(name, metrics, "request_latency")?;
        if e2e < ttft {
            let message = format!("{name}: request_latency is shorter than time_to_first_token");
            return Err(Diagnostic::new(message).help("both count from when the request was sent"));
        }
        let request = MeasuredRequest {
            arrival: None,
            ttft,
            e2e,
            input_tokens: tokens(metrics, "input_sequence_length").unwrap_or(0),
            output_tokens: tokens(metrics, "output_sequence_length").ok_or_else(|| {
                let message = format!("{name} does not say how many tokens its answer has");
                Diagnostic::new(message).help("AIPerf writes metrics.output_sequence_length where it has a tokenizer")
            })?,
        };
        let chunks = metrics.get("inter_chunk_latency");
        let unit = chunks.get("unit").text().and_then(seconds_in);
        for gap in chunks.get("value").list() {
            let gap = gap
                .number()
                .zip(unit)
                .and_then(|(gap, unit)| Span::from_seconds(gap * unit));
            self.gaps.extend(gap);
        }
        let start = metadata.get("request_start_ns").number();
        let end = metadata.get("request_end_ns").number();
        self.first_start_ns = self.first_start_ns.into_iter().chain(start).reduce(f64::min);
        self.last_end_ns = self.last_end_ns.into_iter().chain(end).reduce(f64::max);
        self.finished.push((start, request));
        Ok(())
    }

    fn measured(self) -> Measured {
        let first = self.first_start_ns.unwrap_or(0.0);
        let duration_s = self.last_end_ns.map_or(0.0, |last| (last - first) * 1e-9);
        let mut tally = Tally::default();
        let mut tokens = 0_u64;
        for (start, mut request) in self.finished {
            let after = start.and_then(|start| Span::from_seconds((start - first) * 1e-9));
            request.arrival = after.map(|after| Time::ZERO + after);
            tokens += u64::from(request.output_tokens.saturating_sub(1));
            tally.finish(request);
        }
        (0..self.failed).for_each(|_| tally.fail());
        let (mean_gap, note) = note_gaps(&self.gaps, tokens, &mut tally);
        let mut notes: Vec<String> = note.into_iter().collect();
        if let Some(error) = self.first_error {
            notes.push(format!("the first failure says: {error}"));
        }
        let mut measured = tally.measured(duration_s);
        measured.values.extend(mean_gap.map(|gap| ("itl.mean", gap)));
        let finished = measured.requests.as_ref().map_or(0, Vec::len) as u64;
        measured.note_sent(finished + self.failed);
        measured.notes = notes;
        measured
    }
}

fn needed_time(name: &str, metrics: &JsonTree, key: &str) -> Result<Span, Diagnostic> {
    let metric = metrics.get(key);
    let Some(value) = metric.get("value").number() else {
        let message = format!("{name} has no {key}");
        return Err(Diagnostic::new(message).help("measure with --streaming, without which nobody sees a first token"));
    };
    let unit = metric.get("unit").text().and_then(seconds_in);
    let span = unit.and_then(|unit| Span::from_seconds(value * unit));
    span.ok_or_else(|| {
        let unit = metric.get("unit").text().unwrap_or("no unit");
        let message = format!("{name}: {key} is {value} in {unit:?}, which is no length of time up to 200 days");
        Diagnostic::new(message).help("write its unit as AIPerf does: ms, s, us or ns")
    })
}

fn tokens(metrics: &JsonTree, key: &str) -> Option<u32> {
    u32::try_from(metrics.at(&[key, "value"]).count()?).ok()
}
