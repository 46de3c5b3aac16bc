//! How long the contexts of finished requests were.

use crate::engine::{Event, Observer, StepRun};
use crate::stats::Distribution;
use crate::units::Time;
use crate::workload::RequestId;

/// Prompts and outputs of finished requests, together and by themselves [tokens].
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    /// Lengths of prompts.
    pub prompts: Distribution,
    /// Lengths of outputs.
    pub outputs: Distribution,
    /// Lengths of prompts and outputs together.
    pub wholes: Distribution,
}

impl Observer for Contexts {
    fn on(&mut self, _at: Time, _id: RequestId, event: &Event) {
        if let Event::Finished(request) = event {
            let (prompt, output) = (request.input_tokens, request.output_tokens);
            self.prompts.record(prompt.into(), 1);
            self.outputs.record(output.into(), 1);
            self.wholes.record(u64::from(prompt) + u64::from(output), 1);
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}
