//! `workload.sampling`: how requests want their tokens chosen.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Choice;
use crate::config::reader::reading::Resolved;
use crate::fleet::FrontEnd;
use crate::settings::{Kind, Setting, Word};
use crate::step_time::Sampling;

/// The key `workload.sampling`: how requests want their tokens chosen.
pub(super) const SAMPLING: Setting = Setting::new(
    "sampling",
    Kind::Choice(&[
        Word {
            name: "plain",
            help: "By their probabilities as they are",
        },
        Word {
            name: "top_p",
            help: "From the most probable tokens only, for which releases of vLLM to 0.19 sort all",
        },
    ]),
    "How requests want their tokens chosen",
)
.depends("the model's own default, if requests come through an API server");

/// Reads `sampling`. What a request leaves open an API server takes from the model's `generation_config.json` (vLLM,
/// `--generation-config auto`); calls inside the engine's process go without.
/// The default is that of the model of a `pool`, if there are several, and is noted with it.
pub fn read(
    fields: &Fields<'_>,
    pool: Option<&str>,
    model_defaults_to_top_p: bool,
    front_end: FrontEnd,
) -> Result<Sampling, Diagnostic> {
    let (value, why) = match (model_defaults_to_top_p, front_end == FrontEnd::default()) {
        (false, _) => (Sampling::Plain, "the model's own default is no top-p"),
        (true, true) => (Sampling::Plain, "without a front end nobody asks for the model's top-p"),
        (true, false) => (Sampling::TopP, "the model's own default"),
    };
    let name = match value {
        Sampling::Plain => "plain",
        Sampling::TopP => "top_p",
        Sampling::Nothing => unreachable!("a model's default is one of two"),
    };
    let chosen = fields
        .find(&SAMPLING)?
        .declared_choice([Sampling::Plain, Sampling::TopP])?;
    if let (Some(pool), None) = (pool, chosen.place()) {
        fields.reading().note(Resolved {
            key: format!("{pool}.{}", SAMPLING.name),
            value: name.to_owned(),
            content: None,
            origin: why.to_owned(),
            is_default: true,
        });
        return Ok(value);
    }
    Ok(chosen.or(Choice { name, value }, why).value)
}
