//! The GPUs and models that come with the program, and files of the same form.

mod error;
mod figure;
mod gpu_file;
mod kernels_file;
mod model_file;

pub use error::CatalogueError;
pub use figure::SourcedFigure;
pub use gpu_file::GpuEntry;
pub use model_file::ModelEntry;
use model_file::PublishedFiles;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use include_dir::{Dir, include_dir};

use crate::config::reader::read_once::Files;
use crate::hardware::{Gpu, Model};

/// A larger file describes neither a GPU nor a model.
const LARGEST_FILE_BYTES: u64 = 16 << 20;

/// The least that a GPU's file holds.
pub const GPU_EXAMPLE: &str = "title = \"Mine\"\nmemory = { gib = 79.2 }\nbandwidth = { gb_per_s = 3350 }\nbf16 = { \
                               tflops = 989 }\nlink = { kind = \"nvlink\", gb_per_s = 450 }";

/// More names are no hint but a list.
const MOST_NEAR: usize = 6;

/// One folder of embedded files, each of which is parsed when it is first asked for, and never again: a study reads the
/// scenarios of many points.
struct Folder<Entry: 'static> {
    path: &'static str,
    files: Dir<'static>,
    parse: fn(&Embedded) -> Result<Entry, CatalogueError>,
    entries: OnceLock<Vec<Parsed<Entry>>>,
}

static GPUS: Folder<GpuEntry> = Folder {
    path: "configs/gpus",
    files: include_dir!("$CARGO_MANIFEST_DIR/configs/gpus"),
    parse: |file| gpu_file::parse(file.name, &file.path, file.text, true),
    entries: OnceLock::new(),
};
static MODELS: Folder<ModelEntry> = Folder {
    path: "configs/models",
    files: include_dir!("$CARGO_MANIFEST_DIR/configs/models"),
    parse: |file| model_file::parse(file.name, &file.path, file.text),
    entries: OnceLock::new(),
};

/// The GPU of that name, whatever its case.
pub fn gpu(name: &str) -> Result<Gpu, CatalogueError> {
    match GPUS.named(name) {
        Some(entry) => entry.map(|entry| entry.gpu.clone()),
        None => Err(unknown("GPU", name, "tailcast gpus", &GPUS.names())),
    }
}

/// Every GPU with the sources of its figures, by name.
pub fn gpus() -> Result<Vec<GpuEntry>, CatalogueError> {
    GPUS.all()
}

/// The names of all GPUs.
pub fn gpu_names() -> Vec<String> {
    GPUS.names()
}

/// The model of that name, or with that name on Hugging Face, whatever its case.
pub fn model(name: &str) -> Result<Model, CatalogueError> {
    model_entry(name).map(|entry| entry.model)
}

/// The model of that name with its source.
pub fn model_entry(name: &str) -> Result<ModelEntry, CatalogueError> {
    if let Some(entry) = MODELS.named(name) {
        return entry.cloned();
    }
    let mut known = MODELS.names();
    for entry in models()? {
        if entry.hugging_face.iter().any(|alias| alias.eq_ignore_ascii_case(name)) {
            return Ok(entry);
        }
        known.extend(entry.hugging_face);
    }
    Err(unknown("model", name, "tailcast models", &known))
}

/// Every model with its source, by name.
pub fn models() -> Result<Vec<ModelEntry>, CatalogueError> {
    MODELS.all()
}

/// A GPU from a TOML file of the same form as the embedded ones; it is named after the file.
pub fn gpu_from_file(path: &Path) -> Result<Gpu, CatalogueError> {
    gpu_among(&Files::default(), path).map(|entry| entry.gpu)
}

/// A GPU from such a file, one of those that were or will be read. Its figures need no sources.
pub fn gpu_among(files: &Files, path: &Path) -> Result<GpuEntry, CatalogueError> {
    let text = read(files, path)?;
    let file = path.display().to_string();
    gpu_file::parse(&name_of(path), &file, &text, false)
}

/// A model from a `config.json` of Hugging Face, with what a `generation_config.json` beside it says, or from a TOML
/// file of the same form as the embedded ones.
pub fn model_from_config_json(path: &Path) -> Result<ModelEntry, CatalogueError> {
    model_among(&Files::default(), path, None)
}

/// A model from such a file, one of those that were or will be read; `read_as` is the type that a `config.json` is
/// read as, in the place of its own.
pub fn model_among(files: &Files, path: &Path, read_as: Option<&str>) -> Result<ModelEntry, CatalogueError> {
    let text = read(files, path)?;
    let file = path.display().to_string();
    if path.extension().is_some_and(|extension| extension == "toml") {
        return model_file::parse(&name_of(path), &file, &text);
    }
    let beside = match quant_config(path) {
        Some(beside) => Some((beside.display().to_string(), read(files, &beside)?)),
        None => None,
    };
    let published = PublishedFiles {
        file: &file,
        text: &text,
        beside,
        read_as,
    };
    let mut entry = model_file::parse_json(&name_of(path), &published)?;
    if let Some(beside) = generation_config(path) {
        entry.top_p = model_file::top_p_of_json(&beside.display().to_string(), &read(files, &beside)?)?;
    }
    Ok(entry)
}

/// The `generation_config.json` beside a `config.json`, if there is one. A link that leads nowhere is one that cannot
/// be read: caches of Hugging Face consist of links.
pub fn generation_config(config: &Path) -> Option<PathBuf> {
    beside(config, "generation_config.json")
}

/// The `hf_quant_config.json` beside a `config.json`, if there is one: where NVIDIA's checkpoints say how their weights
/// are stored.
pub fn quant_config(config: &Path) -> Option<PathBuf> {
    beside(config, "hf_quant_config.json")
}

fn beside(config: &Path, name: &str) -> Option<PathBuf> {
    let beside = config.with_file_name(name);
    let is_toml = config.extension().is_some_and(|it| it == "toml");
    (!is_toml && beside.symlink_metadata().is_ok()).then_some(beside)
}

/// The GPU of the catalogue with the least memory that is still at least `memory_bytes`.
pub fn smallest_gpu_with(memory_bytes: u64) -> Option<Gpu> {
    let all = gpus().ok()?.into_iter().map(|entry| entry.gpu);
    let enough = all.filter(|gpu| gpu.memory_bytes() >= memory_bytes);
    enough.min_by_key(Gpu::memory_bytes)
}

struct Embedded {
    name: &'static str,
    path: String,
    text: &'static str,
}

/// A file and what it holds, once that was asked for.
struct Parsed<Entry> {
    file: Embedded,
    entry: OnceLock<Result<Entry, CatalogueError>>,
}

impl<Entry: Clone> Folder<Entry> {
    /// The files, by name.
    fn entries(&'static self) -> &'static [Parsed<Entry>] {
        self.entries.get_or_init(|| {
            let files = self.files.files().filter_map(|file| {
                Some(Embedded {
                    name: file.path().file_stem()?.to_str()?,
                    path: format!("{}/{}", self.path, file.path().display()),
                    text: file.contents_utf8()?,
                })
            });
            let mut files: Vec<_> = files.collect();
            files.sort_by_key(|file| file.name);
            let unread = |file| Parsed {
                file,
                entry: OnceLock::new(),
            };
            files.into_iter().map(unread).collect()
        })
    }

    fn names(&'static self) -> Vec<String> {
        self.entries().iter().map(|it| it.file.name.to_owned()).collect()
    }

    fn parsed(&self, parsed: &'static Parsed<Entry>) -> Result<&'static Entry, CatalogueError> {
        let entry = parsed.entry.get_or_init(|| (self.parse)(&parsed.file));
        entry.as_ref().map_err(Clone::clone)
    }

    /// What the file of that name holds, whatever its case; `None` if there is none.
    fn named(&'static self, name: &str) -> Option<Result<&'static Entry, CatalogueError>> {
        let wanted = name.to_ascii_lowercase();
        let found = self.entries().iter().find(|it| it.file.name == wanted)?;
        Some(self.parsed(found))
    }

    /// What all files hold, by name.
    fn all(&'static self) -> Result<Vec<Entry>, CatalogueError> {
        self.entries().iter().map(|it| self.parsed(it).cloned()).collect()
    }
}

fn unknown(what: &str, name: &str, command: &str, known: &[String]) -> CatalogueError {
    let near: Vec<String> = near(name, known).iter().map(|near| format!("'{near}'")).collect();
    let hint = match near.as_slice() {
        [] => String::new(),
        [one] => format!(" Did you mean {one}?"),
        [several @ .., last] => format!(" Did you mean {} or {last}?", several.join(", ")),
    };
    CatalogueError::with_name(format!("there is no {what} '{name}'.{hint} `{command}` lists them"))
}

/// The known names that may be meant: those that begin with the name, else those that hold it, else the one that looks
/// most like it. Of the variants of one thing the last by name comes first, as that is the one most people have: sxm
/// before pcie and nvl, 80 GB before 40.
fn near<'a>(name: &str, known: &'a [String]) -> Vec<&'a str> {
    let letters = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let wanted = letters(name);
    let finds: [fn(&str, &str) -> bool; 2] = [
        |one, wanted| one.starts_with(wanted),
        |one, wanted| one.contains(wanted),
    ];
    for finds in finds.iter().filter(|_| wanted.len() > 1) {
        let found = known
            .iter()
            .map(String::as_str)
            .filter(|one| finds(&letters(one), &wanted));
        let mut found: Vec<&str> = found.collect();
        if !found.is_empty() {
            found.sort_unstable_by(|a, b| b.cmp(a));
            found.truncate(MOST_NEAR);
            return found;
        }
    }
    let wanted = name.to_ascii_lowercase();
    let likeness = |one: &str| strsim::jaro_winkler(&one.to_ascii_lowercase(), &wanted);
    let nearest = known
        .iter()
        .map(String::as_str)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.filter(|near| likeness(near) > 0.75).into_iter().collect()
}

/// Whether the texts have all words in them, whatever their case.
pub fn has_words(words: &[String], texts: &[&str]) -> bool {
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    let has = |word: &String| texts.iter().any(|text| text.contains(&word.to_lowercase()));
    words.iter().all(has)
}

fn read(files: &Files, path: &Path) -> Result<String, CatalogueError> {
    let file = path.display().to_string();
    files
        .text(path, LARGEST_FILE_BYTES)
        .map_err(|error| CatalogueError::in_file(&file, format!("cannot be read: {error}")))
}

/// The file's own name, or its folder's for the `config.json` that every model has.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let parent = path.parent().and_then(Path::file_name);
    match parent {
        Some(folder) if stem == "config" => folder.to_string_lossy().into_owned(),
        _ => stem.into_owned(),
    }
}
