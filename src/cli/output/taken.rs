//! Files that nothing may be written to: checked before a verb starts.

use std::io;
use std::path::{Path, PathBuf};

use crate::answer::Problem;
use crate::config::{Diagnostic, is_standard_input};
use crate::report::{FigureFormat, is_standard_output};
use crate::study::Input;

/// Files that nothing may be written to, each with what it is.
#[derive(Debug, Default)]
pub struct Taken {
    files: Vec<(String, PathBuf)>,
    /// What goes to stdout, if it is more than a text for people.
    on_stdout: Option<String>,
    /// What comes from stdin.
    from_stdin: Vec<String>,
}

impl Taken {
    /// What a run of the scenario reads.
    pub fn by(scenario_file: Option<&Path>, input: &Input) -> Self {
        let mut taken = Self::default();
        if let Some(file) = scenario_file {
            taken.read("the scenario", file);
        }
        taken.read_by(input);
        taken
    }

    /// The files that a scenario names are read.
    pub fn read_by(&mut self, input: &Input) {
        for (what, file) in input.files() {
            self.read(what, &file);
        }
    }

    /// The file is read; messages call it `what`. `-` is stdin.
    pub fn read(&mut self, what: &str, path: &Path) {
        // Variations of one scenario share what it reads.
        let is_known = self.from_stdin.iter().any(|known| known == what);
        if is_standard_input(path) && !is_known {
            self.from_stdin.push(what.to_owned());
        }
        if let Ok(path) = path.canonicalize() {
            self.files.push((what.to_owned(), path));
        }
    }

    /// The file may be written all the same.
    pub fn release(&mut self, path: &Path) {
        if let Ok(path) = path.canonicalize() {
            self.files.retain(|(_, taken)| *taken != path);
        }
    }

    /// Refuses several things that are to be read from stdin, which is there once.
    pub fn check_stdin(&self) -> Result<(), Problem> {
        if let [one, other, ..] = self.from_stdin.as_slice() {
            let message = format!("{one} and {other} cannot both come from stdin");
            return Err(Diagnostic::new(message).help("read one of them from a file").into());
        }
        Ok(())
    }

    /// Takes stdout for `what`, which must be alone there.
    pub fn claim_stdout(&mut self, what: &str) -> Result<(), Problem> {
        if let Some(other) = &self.on_stdout {
            let message = format!("{what} and {other} cannot both go to stdout");
            return Err(Diagnostic::new(message).help("write one of them to a file").into());
        }
        self.on_stdout = Some(what.to_owned());
        Ok(())
    }

    /// Whether stdout is taken, so that a text for people must go elsewhere.
    pub fn has_stdout(&self) -> bool {
        self.on_stdout.is_some()
    }

    /// Takes the file for `flag` to write; refuses one that could not be written, or that is taken. `-` is stdout.
    pub fn claim(&mut self, flag: &str, path: &Path) -> Result<(), Problem> {
        if is_standard_output(path) {
            return self.claim_stdout(&format!("the file of {flag}"));
        }
        let place = writable(path).map_err(|problem| {
            Diagnostic::new(format!("{flag}: cannot write {}: {problem}", path.display()))
                .help("give a file in a directory that exists and that you may write to")
        })?;
        if let Some((what, _)) = self.files.iter().find(|(_, other)| *other == place) {
            let message = format!("{flag} {} would overwrite {what}", path.display());
            return Err(Diagnostic::new(message).help("give another name").into());
        }
        self.files.push((format!("the file of {flag}"), place));
        Ok(())
    }

    /// Takes the file for `flag` to draw a figure into, and refuses what no figure can be written as.
    pub fn claim_figure(&mut self, flag: &str, path: &Path) -> Result<(), Problem> {
        self.claim(flag, path)?;
        FigureFormat::of(path).map_err(|help| {
            let message = format!("{flag}: {} is no name of a figure", path.display());
            Diagnostic::new(message).help(help)
        })?;
        Ok(())
    }
}

/// The full path of a file that can be written.
fn writable(path: &Path) -> io::Result<PathBuf> {
    match path.metadata() {
        Ok(found) if found.is_dir() => return Err(io::Error::other("it is a directory")),
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is not a regular file")),
        // Also a name that is too long, or a link that leads back to itself.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let name = path.file_name().unwrap_or_default();
    let text = path.as_os_str().as_encoded_bytes();
    if name.is_empty() || !text.ends_with(name.as_encoded_bytes()) {
        return Err(io::Error::other("it is the name of a directory"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize()?;
    tempfile::tempfile_in(&folder)?;
    let full = folder.join(name);
    // A link leads to the file that would be overwritten.
    Ok(full.canonicalize().unwrap_or(full))
}
