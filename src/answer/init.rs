//! `init`: a commented scenario to start from.

use super::problem::Problem;
use crate::config::{self, Diagnostic, catalogue};

/// What does a scenario look like?
#[derive(Clone, Debug)]
pub struct InitQuestion {
    /// The model of the catalogue that is served.
    pub model: String,
    /// The GPU of the catalogue that serves it.
    pub gpu: String,
}

/// One model of moderate size on one GPU.
impl Default for InitQuestion {
    fn default() -> Self {
        Self {
            model: "llama-3.1-8b".to_owned(),
            gpu: "h100-sxm".to_owned(),
        }
    }
}

impl InitQuestion {
    /// The text of the scenario: what has to be written, and behind a `#` every other key with its default.
    pub fn answer(&self) -> Result<String, Problem> {
        let unknown = |flag: &str, error: catalogue::CatalogueError| Diagnostic::new(format!("{flag}: {error}"));
        let model = catalogue::model_entry(&self.model).map_err(|error| unknown("--model", error))?;
        let gpu = catalogue::gpu(&self.gpu).map_err(|error| unknown("--gpu", error))?;
        Ok(config::starter(model.model.name(), gpu.name())?)
    }
}
