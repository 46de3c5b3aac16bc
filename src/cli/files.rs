//! The figures and the page that a study writes: checked before it starts, complete or absent afterwards.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::outputs::Taken;
use crate::config::Diagnostic;
use crate::report::chart::Drawing;
use crate::report::page::Page;
use crate::report::{FigureFormat, write_atomically, write_figure};
use crate::study::Input;

/// Files to write.
#[derive(Debug, Default)]
pub struct StudyFiles {
    /// Figures, each with the flag that asked for it.
    pub figures: Vec<(&'static str, PathBuf)>,
    /// The page.
    pub html: Option<PathBuf>,
}

impl StudyFiles {
    /// Refuses files that could not be written, or that would overwrite one another or what the study reads.
    pub fn check(&self, scenario_file: Option<&Path>, input: &Input) -> Result<(), Failure> {
        let mut taken = Taken::by(scenario_file, input);
        self.claim(&mut taken)
    }

    /// The same beside what is taken already.
    pub fn claim(&self, taken: &mut Taken) -> Result<(), Failure> {
        for (flag, path) in &self.figures {
            FigureFormat::of(path)
                .map_err(|problem| Diagnostic::new(format!("{flag}: {problem}")))?;
            taken.claim(flag, path)?;
        }
        if let Some(path) = &self.html {
            taken.claim("--html", path)?;
        }
        Ok(())
    }

    /// Writes the drawings, one a figure, and the page.
    pub fn write(&self, drawings: &[Drawing], page: impl FnOnce() -> Page) -> Result<(), Failure> {
        for ((_, path), drawing) in self.figures.iter().zip(drawings) {
            write_figure(path, drawing).map_err(|error| Failure::cannot_write(path, &error))?;
        }
        if let Some(path) = &self.html {
            let text = page().to_html();
            write_atomically(path, |file| file.write_all(text.as_bytes()))
                .map_err(|error| Failure::cannot_write(path, &error))?;
        }
        Ok(())
    }
}
