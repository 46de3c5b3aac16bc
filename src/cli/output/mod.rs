//! Files that verbs write: checked before they start, complete or absent afterwards.

mod study_files;
mod taken;

pub use study_files::StudyFiles;
pub use taken::Taken;
