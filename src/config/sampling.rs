//! `workload.sampling`: how requests want their tokens chosen.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::key::Choice;
use crate::fleet::FrontEnd;
use crate::step_time::Sampling;

/// Reads `sampling`. What a request leaves open an API server takes from the model's `generation_config.json` (vLLM,
/// `--generation-config auto`); calls inside the engine's process go without.
pub fn read(fields: &Fields<'_>, model_defaults_to_top_p: bool, front_end: FrontEnd) -> Result<Sampling, Diagnostic> {
    let names = [("plain", Sampling::Plain), ("top_p", Sampling::TopP)];
    let (place, why) = match (model_defaults_to_top_p, front_end == FrontEnd::default()) {
        (false, _) => (0, "the model's own default is no top-p"),
        (true, true) => (0, "without a front end nobody asks for the model's top-p"),
        (true, false) => (1, "the model's own default"),
    };
    let (name, value) = names[place];
    let chosen = fields.key("sampling")?.choice(&names)?;
    Ok(chosen.or(Choice { name, value }, why).value)
}
