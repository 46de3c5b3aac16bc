//! The tokenizer of a model, which counts the tokens of texts.

use std::path::{Path, PathBuf};

/// What counts tokens: a `tokenizer.json` of Hugging Face. Those that a tokenizer adds to every text (such as the first
/// one of a prompt) are not counted, as a chat's template has others.
#[derive(Clone)]
pub struct TextTokenizer {
    path: PathBuf,
    #[cfg(feature = "tokenizer")]
    tokenizer: std::sync::Arc<tokenizers::Tokenizer>,
}

#[cfg(feature = "tokenizer")]
impl TextTokenizer {
    /// That of the content of the file at `path`; otherwise what is wrong with it.
    pub fn of_json(path: &Path, json: &[u8]) -> Result<Self, String> {
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(json)
            .map_err(|error| format!("{} is no tokenizer.json of Hugging Face: {error}", path.display()))?;
        // What a file says of lengths is for batches of a model.
        tokenizer.with_padding(None);
        let _ = tokenizer.with_truncation(None);
        Ok(Self {
            path: path.to_owned(),
            tokenizer: std::sync::Arc::new(tokenizer),
        })
    }

    /// The tokens of a text; `None` if the tokenizer cannot say.
    pub fn count(&self, text: &str) -> Option<usize> {
        let encoding = self.tokenizer.encode_fast(text, false).ok()?;
        Some(encoding.len())
    }
}

#[cfg(not(feature = "tokenizer"))]
impl TextTokenizer {
    /// Nothing, in a build without tokenizers.
    pub fn of_json(_: &Path, _: &[u8]) -> Result<Self, String> {
        Err(
            "this build has no tokenizers; install with --features tokenizer, or leave it out: chars_per_token \
             estimates tokens"
                .to_owned(),
        )
    }

    /// None, in a build without tokenizers.
    pub fn count(&self, _: &str) -> Option<usize> {
        None
    }
}

impl TextTokenizer {
    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Of the same file.
impl PartialEq for TextTokenizer {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl std::fmt::Debug for TextTokenizer {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "TextTokenizer({:?})", self.path)
    }
}
