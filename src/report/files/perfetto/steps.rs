//! What the GPU computes: one slice a step, or a leap.

use std::io::Write;

use super::events::{Arg, Events};
use super::tracks::STEPS;
use crate::engine::StepRun;
use crate::step_time::StepShape;
use crate::units::Time;

/// A leap is one slice with what its first and its last step were like: files stay as small as the run was short to
/// simulate.
pub(super) fn write<Output: Write>(run: &StepRun<'_>, events: &mut Events<Output>) {
    let last = run.steps - 1;
    let context = |shape: StepShape| Arg::Number(shape.context + shape.prefill_context);
    let args = [
        ("requests", Arg::Number(run.shape.sequences.into())),
        ("tokens", Arg::Number(run.shape.tokens() * run.steps)),
        ("context", context(*run.shape)),
        ("kv_blocks", Arg::Number(run.kv.used_at(0))),
        ("steps", Arg::Number(run.steps)),
        ("last_context", context(run.shape.later(last))),
        ("last_kv_blocks", Arg::Number(run.kv.used_at(last))),
        ("first_step_us", Arg::Micros(run.ramp.step(0))),
        ("last_step_us", Arg::Micros(run.ramp.step(last))),
    ];
    // Of one step the first says it all.
    let args = &args[..if last == 0 { 5 } else { args.len() }];
    let name = name_of(run.shape);
    events.slice(STEPS, format_args!("{name}"), run.start, run.takes, args);
}

/// Says that steps after this are not shown.
pub(super) fn write_end<Output: Write>(at: Time, events: &mut Events<Output>) {
    let words = "the last of the requests that are shown has ended: steps go on, and are not shown";
    events.instant(STEPS, format_args!("{words}"), at, &[]);
}

/// Such as "prefill 2048 + decode ×12": tokens of prompts, then how many requests get their next token.
fn name_of(shape: &StepShape) -> String {
    let mut parts = Vec::new();
    if shape.has_prompts() {
        parts.push(if shape.verifying == 0 {
            format!("prefill {}", shape.prefill)
        } else {
            // The sums do not tell tokens of prompts from drafts.
            "prefill".to_owned()
        });
    }
    for (what, requests) in [("verify", shape.verifying), ("decode", shape.decoding)] {
        if requests > 0 {
            parts.push(format!("{what} ×{requests}"));
        }
    }
    parts.join(" + ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_step_holds() {
        let mut shape = StepShape::default();
        for done in 0..37 {
            shape.add(done, 1, done + 1);
        }
        assert_eq!(name_of(&shape), "decode ×37");
        shape.add(0, 2_048, 4_000);
        assert_eq!(name_of(&shape), "prefill 2048 + decode ×37");
        shape.add_verification(10, 3);
        assert_eq!(name_of(&shape), "prefill + verify ×1 + decode ×37");

        let mut shape = StepShape::default();
        shape.add(0, 100, 100);
        assert_eq!(name_of(&shape), "prefill 100");
        let mut shape = StepShape::default();
        shape.add_verification(10, 3);
        assert_eq!(name_of(&shape), "verify ×1");
    }
}
