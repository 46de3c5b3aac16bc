//! A scenario's workload with arrivals and lengths as they were recorded: then chance makes no difference between it
//! and a measurement.

use crate::config::MeasuredRequest;
use crate::units::{Span, Time};
use crate::workload::trace::TraceError;
use crate::workload::{
    Arrivals, ClassId, ContentId, Prompt, Request, RequestId, Segment, Source, Synthetic, SyntheticSource,
};

/// Requests of a synthetic workload in the shape of recorded ones. What prompts share stays as the workload says; where
/// its clients wait for their answers, its arrivals stay too.
pub struct Recorded<'a> {
    drawn: SyntheticSource,
    rows: &'a [MeasuredRequest],
    max_tokens: Option<u32>,
    is_closed_loop: bool,
    taken: usize,
}

impl<'a> Recorded<'a> {
    /// `rows` are in the order of arrival.
    pub fn new(workload: &Synthetic, rows: &'a [MeasuredRequest], seed: u64) -> Self {
        let is_closed_loop = matches!(workload.arrivals, Arrivals::Closed { .. });
        let mut workload = workload.clone();
        workload.requests = Some(rows.len() as u64);
        if !is_closed_loop {
            workload.arrivals = Arrivals::AtOnce;
        }
        workload.duration = None;
        Self {
            drawn: workload.source(seed),
            rows,
            max_tokens: workload.max_tokens,
            is_closed_loop,
            taken: 0,
        }
    }
}

impl Source for Recorded<'_> {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        let drawn = self.drawn.next_arrival()?;
        if self.is_closed_loop {
            return Ok(drawn);
        }
        Ok(drawn.and(self.rows.get(self.taken)).and_then(|row| row.arrival))
    }

    fn take(&mut self) -> Request {
        let drawn = self.drawn.take();
        let row = &self.rows[self.taken];
        self.taken += 1;
        let arrival = match row.arrival {
            Some(recorded) if !self.is_closed_loop => recorded,
            _ => drawn.arrival,
        };
        let output_tokens = if drawn.is_prompt_only {
            1
        } else {
            row.output_tokens.max(1)
        };
        let max_tokens = self.max_tokens.unwrap_or(0).max(output_tokens);
        let prompt = of_length(&drawn, row.input_tokens.max(1));
        Request {
            priority: drawn.priority,
            is_prompt_only: drawn.is_prompt_only,
            ignore_eos: drawn.ignore_eos,
            ..Request::new(drawn.id, arrival, prompt, output_tokens, max_tokens)
        }
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        self.drawn.finished(id, at);
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        self.drawn.rejected(id, at);
    }

    fn timeout(&self, class: ClassId) -> Option<Span> {
        self.drawn.timeout(class)
    }

    fn is_closed_loop(&self) -> bool {
        self.is_closed_loop
    }
}

/// The prompt with as many tokens of its own as make up `tokens`; as it is if it has none of its own.
fn of_length(request: &Request, tokens: u32) -> Prompt {
    let Some(segments) = request.prompt.segments() else {
        return Prompt::unique(tokens);
    };
    let own = ContentId::unique_prompt_of(request.id);
    match segments.split_last() {
        Some((last, shared)) if last.content == own => {
            let before: u32 = shared.iter().map(|segment| segment.tokens).sum();
            let tokens = tokens.saturating_sub(before).max(1);
            let own = Segment { tokens, ..*last };
            Prompt::of_segments(shared.iter().copied().chain([own]).collect::<Vec<_>>())
        }
        _ => request.prompt.clone(),
    }
}
