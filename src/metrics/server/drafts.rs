//! What speculative decoding gains: how many drafts are accepted.

use serde::Serialize;

use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, Meter, ResultSection, ServedRequest, Total, WholeRun, ratio};
use crate::metrics::named_number::{Better, NamedNumber};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::policy::DraftCounts;

/// The drafts of finished requests, in the words of vLLM's `spec_decode` metrics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SpeculativeSummary {
    /// How often drafts were verified.
    pub drafts: u64,
    pub draft_tokens: u64,
    pub accepted_tokens: u64,
    /// Accepted tokens over draft tokens.
    pub acceptance_rate: Option<f64>,
    /// Tokens that a verification yields, the one that needs no draft included.
    pub mean_acceptance_length: Option<f64>,
}

/// Adds up the drafts of finished requests.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct DraftsMeter {
    /// `None` while nothing was drafted.
    counts: Option<DraftCounts>,
}

impl Meter for DraftsMeter {
    type Total = Self;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self { counts: None }
    }

    #[inline(always)]
    fn finished(&mut self, request: &ServedRequest<'_>) {
        let drafts = &request.history.drafts;
        if drafts.drafts > 0 {
            self.counts.get_or_insert_default().add(drafts);
        }
    }

    fn finish(self, _run: &WholeRun) -> Self {
        self
    }
}

impl Total for DraftsMeter {
    type Section = Option<SpeculativeSummary>;

    fn pool(&mut self, other: &Self) {
        if let Some(theirs) = &other.counts {
            self.counts.get_or_insert_default().add(theirs);
        }
    }

    fn section(&self, _durations: &Durations) -> Option<SpeculativeSummary> {
        self.counts.as_ref().map(|counts| {
            let accepted = counts.accepted_tokens as f64;
            SpeculativeSummary {
                drafts: counts.drafts,
                draft_tokens: counts.draft_tokens,
                accepted_tokens: counts.accepted_tokens,
                acceptance_rate: ratio(accepted, counts.draft_tokens as f64),
                mean_acceptance_length: ratio(accepted, counts.drafts as f64).map(|mean| 1.0 + mean),
            }
        })
    }
}

impl ResultSection for Option<SpeculativeSummary> {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        vec![
            NamedNumber::share("speculative.acceptance_rate", Better::Higher, |it| {
                it.as_ref()?.acceptance_rate
            }),
            NamedNumber::mean("speculative.mean_acceptance_length", Better::Higher, |it| {
                it.as_ref()?.mean_acceptance_length
            }),
        ]
    }

    fn lines(&self) -> Vec<Line> {
        use Phrase::{Count, Number, Share, Text};
        let line = |drafts: &SpeculativeSummary| {
            Line::new("Drafts")
                .with([
                    Share(drafts.acceptance_rate),
                    Text(" of "),
                    Count(Some(drafts.draft_tokens)),
                    Text(" draft tokens accepted"),
                ])
                .with([Number(drafts.mean_acceptance_length), Text(" tokens a verification")])
        };
        self.iter().map(line).collect()
    }
}
