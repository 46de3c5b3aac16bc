//! Where a study stands.

use std::path::PathBuf;

use super::super::problem::Problem;
use crate::config::{Diagnostic, Layers, StudyFile};
use crate::study::Base;

/// Where a study and its scenario stand.
#[derive(Clone, Debug)]
pub enum StudySource {
    /// In a file, which names the file of its scenario.
    File(PathBuf),
    /// In no file.
    Text {
        /// The study, which names no scenario.
        study: String,
        /// Its scenario.
        scenario: Base,
    },
}

impl Default for StudySource {
    fn default() -> Self {
        Self::File(PathBuf::new())
    }
}

impl StudySource {
    /// The study, and its scenario with `changes` over it.
    pub fn read(&self, changes: &Layers) -> Result<(StudyFile, Base), Problem> {
        match self {
            Self::File(path) => {
                let file = StudyFile::load(path)?;
                let layers = Layers {
                    file: file.scenario.clone(),
                    ..changes.clone()
                };
                let base = Base::new(layers, file.overrides.clone());
                Ok((file, base))
            }
            Self::Text { study, scenario } => {
                let file = StudyFile::from_toml(study)?;
                if file.scenario.is_some() || file.overrides.is_some() {
                    let message = "the study names a scenario or sets keys of it, and its scenario is given beside it";
                    return Err(Diagnostic::new(message).help("leave `scenario` and [set] out").into());
                }
                Ok((file, scenario.changed(&changes.flags)))
            }
        }
    }

    /// The file that it stands in, if it does.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Text { .. } => None,
        }
    }
}
