//! The figures and the page that a verb writes when it is done: checked before it starts, complete or absent
//! afterwards.

use std::path::PathBuf;

use super::taken::Taken;
use crate::answer::{Drawn, Problem};
use crate::config::{Diagnostic, did_you_mean};
use crate::report::figure::Figure;
use crate::report::page::Page;
use crate::report::{FigureFormat, write_atomically, write_figure};

/// Files to write.
#[derive(Debug, Default)]
pub struct StudyFiles {
    figures: Vec<(&'static Figure, PathBuf)>,
    html: Option<PathBuf>,
}

impl StudyFiles {
    /// What was asked for: figures of one of `kinds` each, as KIND=FILE, or as FILE for the first kind; and a page.
    pub fn new(kinds: &[&'static Figure], figures: &[String], html: Option<&PathBuf>) -> Result<Self, Problem> {
        let figures = figures.iter().map(|text| figure(kinds, text));
        Ok(Self {
            figures: figures.collect::<Result<_, _>>()?,
            html: html.cloned(),
        })
    }

    /// Whether any is asked for.
    pub fn any(&self) -> bool {
        self.html.is_some() || !self.figures.is_empty()
    }

    /// Takes the files; refuses those that could not be written, or that are taken already.
    pub fn claim(&self, taken: &mut Taken) -> Result<(), Problem> {
        for (_, path) in &self.figures {
            taken.claim_figure("--figure", path)?;
        }
        if let Some(path) = &self.html {
            taken.claim("--html", path)?;
        }
        Ok(())
    }

    /// Writes the figures, each from the drawing of its kind, and the page.
    pub fn write(&self, drawings: &[Drawn], page: impl FnOnce() -> Page) -> Result<(), Problem> {
        let mut found = Vec::new();
        for (figure, path) in &self.figures {
            let drawing = drawings.iter().find(|(kind, _)| kind.name == figure.name);
            let Some((_, drawing)) = drawing else {
                let message = format!("--figure {}: there is nothing to draw", figure.name);
                let help = format!("it needs {}", figure.needs);
                return Err(Diagnostic::new(message).help(help).into());
            };
            found.push((path, drawing));
        }
        for (path, drawing) in found {
            write_figure(path, drawing).map_err(|error| Problem::cannot_write(path, &error))?;
        }
        if let Some(path) = &self.html {
            let text = page().to_html();
            write_atomically(path, |file| file.write_all(text.as_bytes()))
                .map_err(|error| Problem::cannot_write(path, &error))?;
        }
        Ok(())
    }
}

/// KIND=FILE, or FILE for the first kind.
fn figure(kinds: &[&'static Figure], text: &str) -> Result<(&'static Figure, PathBuf), Problem> {
    if let Some((name, file)) = text.split_once('=')
        && let Some(kind) = kinds.iter().find(|kind| kind.name == name)
    {
        return Ok((kind, PathBuf::from(file)));
    }
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let how = format!(
        "write FILE.svg, FILE.png, or KIND=FILE.svg; kinds: {}",
        names.join(", ")
    );
    if let Some((name, _)) = text.split_once('=') {
        let mut problem = Diagnostic::new(format!("--figure {text}: there is no kind of figure `{name}` here"));
        if let Some(near) = did_you_mean(name, names) {
            problem = problem.help(near);
        }
        return Err(problem.help(how).into());
    }
    let path = PathBuf::from(text);
    if FigureFormat::of(&path).is_err() {
        let message = format!("--figure {text}: figures are SVG or PNG files");
        return Err(Diagnostic::new(message).help(how).into());
    }
    Ok((kinds[0], path))
}
