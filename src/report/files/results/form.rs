//! The forms that files of results have.

use std::path::Path;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A heading, then a line a run; unknown numbers are empty.
    Csv,
    /// A JSON object a line; unknown numbers are null.
    JsonLines,
    /// Columns in a binary file, made from CSV when all runs are there.
    Parquet,
}

impl Form {
    /// The form that the name of a file asks for.
    pub fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("");
        match extension {
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "parquet" if cfg!(feature = "parquet") => Ok(Self::Parquet),
            "parquet" => Err(
                "this build writes no Parquet; install with --features parquet, or give a name that ends \
                              in .csv or .jsonl"
                    .to_owned(),
            ),
            _ => Err("results are CSV or JSON Lines; give a name that ends in .csv or .jsonl".to_owned()),
        }
    }

    /// The form of lines on the way to this one.
    #[must_use]
    pub fn of_lines(self) -> Self {
        match self {
            Self::Parquet => Self::Csv,
            lines => lines,
        }
    }
}
