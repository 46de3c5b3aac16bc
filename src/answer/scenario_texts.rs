//! What a scenario says: as one text, as settings with what was taken for granted, and as the command that starts a
//! server like it.

use serde_json::{Value, json};

use super::problem::Problem;
use super::setting;
use crate::report::serve_command::ServeCommand;
use crate::study::{Base, Control};

/// What does a scenario say, with what is laid over it?
#[derive(Clone, Debug)]
pub struct ScenarioQuestion {
    /// The scenario, and what is laid over it.
    pub base: Base,
}

/// A scenario in its several forms.
#[derive(Clone, Debug)]
pub struct ScenarioAnswer {
    /// All that is written, as one text.
    pub toml: String,
    /// All that is written, as JSON.
    pub written: Value,
    /// Every setting that decides something, with its value and whether it is a default.
    pub settings: Vec<(String, String, bool)>,
    /// Model, GPUs, engine and policy in a line.
    pub line: String,
    /// `vllm serve` with its flags, and what whoever starts it should know; otherwise why there is no such command.
    pub command: Result<(String, Vec<String>), String>,
    /// Whether it reads files, without which its text says nothing elsewhere.
    pub names_files: bool,
}

impl ScenarioQuestion {
    /// Reads the scenario.
    pub fn answer(&self) -> Result<ScenarioAnswer, Problem> {
        let input = self.base.load()?;
        let scenario = &input.scenario;
        let command = ServeCommand::of(scenario).map(|command| (command.to_shell(), command.remarks));
        let settings = scenario.settings.iter();
        let settings = settings.map(|it| (it.key.clone(), it.value.clone(), it.is_default));
        Ok(ScenarioAnswer {
            toml: self.base.to_toml()?,
            written: self.base.to_json()?,
            settings: settings.collect(),
            line: setting::of(&Control::default(), &input, 1, Vec::new()).server,
            command,
            names_files: input.files().next().is_some(),
        })
    }
}

impl ScenarioAnswer {
    /// One JSON object.
    pub fn to_json(&self) -> Value {
        let settings = self.settings.iter();
        let settings =
            settings.map(|(key, value, is_default)| json!({ "key": key, "value": value, "is_default": is_default }));
        let (command, remarks) = match &self.command {
            Ok((command, remarks)) => (Some(command), remarks.clone()),
            Err(why) => (None, vec![why.clone()]),
        };
        json!({
            "toml": self.toml,
            "written": self.written,
            "settings": settings.collect::<Vec<_>>(),
            "line": self.line,
            "vllm_serve": command,
            "remarks": remarks,
            "names_files": self.names_files,
        })
    }
}
