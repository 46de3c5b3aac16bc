//! The lists of a benchmark with details: one entry a request.

use serde::de::MapAccess;

use super::chunks::note_gaps;
use super::json_tree::JsonTree;
use super::number::LooseNumber;
use super::result::MeasuredRequest;
use super::tally::Tally;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::{Span, Time};

const ROUNDING: Span = Span::from_micros(1);
/// The longest part of an error that is repeated [characters].
const LONGEST_ERROR: usize = 160;

/// The lists, each with one entry a request.
#[derive(Default)]
pub struct Lists {
    input_lens: Option<Vec<u32>>,
    output_lens: Option<Vec<u32>>,
    ttfts_s: Option<Vec<LooseNumber>>,
    itls_s: Option<Vec<Vec<LooseNumber>>>,
    latencies_s: Option<Vec<LooseNumber>>,
    start_times_s: Option<Vec<LooseNumber>>,
    errors: Option<Vec<JsonTree>>,
}

/// What the lists say.
pub struct FoundRequests {
    /// The requests.
    pub tally: Tally,
    /// The mean time between tokens [s], where gaps between what came do not tell it.
    pub mean_gap: Option<f64>,
    /// Why, if so.
    pub note: Option<String>,
}

/// What is wrong with a list.
pub struct ListProblem {
    message: String,
    help: &'static str,
}

impl ListProblem {
    /// The error about the result that messages call `name`.
    pub fn of(self, name: &str) -> Diagnostic {
        Diagnostic::new(format!("{name}: {}", self.message)).help(self.help)
    }
}

impl Lists {
    /// Takes the list under this key, if it is one of them.
    pub fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "input_lens" => self.input_lens = map.next_value()?,
            "output_lens" => self.output_lens = map.next_value()?,
            "ttfts" => self.ttfts_s = map.next_value()?,
            "itls" => self.itls_s = map.next_value()?,
            "latencies" => self.latencies_s = map.next_value()?,
            "start_times" => self.start_times_s = map.next_value()?,
            "errors" => self.errors = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What the first request that failed says of it, in one line.
    pub fn first_error(&self) -> Option<String> {
        let text = self.errors.as_ref()?.iter().find_map(JsonTree::text)?;
        let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(last.trim().chars().take(LONGEST_ERROR).collect())
    }

    fn check_lengths(&self, requests: usize) -> Result<(), ListProblem> {
        fn length<T>(list: Option<&Vec<T>>) -> Option<usize> {
            list.map(Vec::len)
        }
        let lists = [
            ("input_lens", length(self.input_lens.as_ref())),
            ("output_lens", length(self.output_lens.as_ref())),
            ("itls", length(self.itls_s.as_ref())),
            ("latencies", length(self.latencies_s.as_ref())),
            ("start_times", length(self.start_times_s.as_ref())),
            ("errors", length(self.errors.as_ref())),
        ];
        for (list, length) in lists {
            if length.is_some_and(|length| length != requests) {
                let length = length.unwrap_or(0);
                return Err(ListProblem {
                    message: format!("{list} has {length} entries, and ttfts has {requests}"),
                    help: "each list has one entry a request, failed ones included",
                });
            }
        }
        Ok(())
    }

    fn has_failed(&self, index: usize) -> bool {
        let has_error = self
            .errors
            .as_ref()
            .is_some_and(|errors| errors[index].text().is_some());
        let has_no_output = self.output_lens.as_ref().is_some_and(|lengths| lengths[index] == 0);
        has_error || has_no_output
    }

    /// When requests were sent, after the first.
    fn starts(&self) -> Option<Vec<Option<Time>>> {
        let starts = self.start_times_s.as_ref()?;
        let first = starts.iter().filter_map(|it| it.0).fold(f64::INFINITY, f64::min);
        let after = |start: &LooseNumber| Span::from_seconds(start.0? - first).map(|span| Time::ZERO + span);
        Some(starts.iter().map(after).collect())
    }
}

/// The requests one by one; `None` if the file does not have them.
pub fn of_requests(lists: &Lists) -> Result<Option<FoundRequests>, ListProblem> {
    let (Some(inputs), Some(outputs), Some(ttfts)) = (&lists.input_lens, &lists.output_lens, &lists.ttfts_s) else {
        return Ok(None);
    };
    if lists.itls_s.is_none() && lists.latencies_s.is_none() {
        return Ok(None);
    }
    lists.check_lengths(ttfts.len())?;
    let starts = lists.starts();
    let mut tally = Tally::default();
    let mut gaps = Vec::new();
    let mut tokens = 0_u64;
    for (index, first) in ttfts.iter().enumerate() {
        if lists.has_failed(index) {
            tally.fail();
            continue;
        }
        let first_s = known(*first);
        let ttft = span_in("ttfts", index, first_s)?;
        let mut gaps_s = 0.0;
        if let Some(itls) = &lists.itls_s {
            for gap in &itls[index] {
                gaps.push(span_in("itls", index, known(*gap))?);
                gaps_s += known(*gap);
            }
            tokens += u64::from(outputs[index].saturating_sub(1));
        }
        let e2e = match &lists.latencies_s {
            Some(latencies) => span_in("latencies", index, known(latencies[index]))?,
            None => span_in("itls", index, first_s + gaps_s)?,
        };
        // Clients work out the two apart, so the last digits may differ.
        if e2e + ROUNDING < ttft {
            return Err(ListProblem {
                message: format!("latencies[{index}] is shorter than ttfts[{index}]"),
                help: "both count from when the request was sent",
            });
        }
        tally.finish(MeasuredRequest {
            arrival: starts.as_ref().and_then(|starts| starts[index]),
            ttft,
            e2e: e2e.max(ttft),
            input_tokens: inputs[index],
            output_tokens: outputs[index],
        });
    }
    let (mean_gap, note) = note_gaps(&gaps, tokens, &mut tally);
    Ok(Some(FoundRequests { tally, mean_gap, note }))
}

/// A time that is not there is no time.
fn known(number: LooseNumber) -> f64 {
    number.0.unwrap_or(f64::NAN)
}

fn span_in(list: &str, index: usize, seconds: f64) -> Result<Span, ListProblem> {
    Span::from_seconds(seconds).ok_or_else(|| ListProblem {
        message: format!("{list}[{index}] stands for {seconds} s"),
        help: "write a length of time from 0 up to 200 days",
    })
}
