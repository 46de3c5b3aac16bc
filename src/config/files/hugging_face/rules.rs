//! Rules of `GPTQModel`'s `dynamic`: regular expressions over the names of modules, of which the first that matches
//! decides (vLLM, `get_dynamic_override` in `layers/quantization/utils/gptq_utils.py`).

use regex_lite::Regex;
use serde_json::Value;

use super::modules::Module;
use crate::hardware::{BadFigure, StoredFormat};

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct ModuleRule {
    /// As it stands in the file.
    pub text: String,
    pattern: Regex,
    /// What it stores the modules in; `None` for 16 bits.
    pub format: Option<StoredFormat>,
}

impl ModuleRule {
    /// The rules of a configuration; `format` makes a format of the bits and the group of a rule, or of those of all if
    /// it has none. `-:` stands before a pattern of what is left alone.
    pub fn all(config: &Value, format: impl Fn(&Value) -> Option<StoredFormat>) -> Result<Vec<Self>, BadFigure> {
        let rules = config.get("dynamic").and_then(Value::as_object);
        let read = |(text, values): (&String, &Value)| {
            let leaves_alone = text.strip_prefix("-:");
            let pattern = leaves_alone.or(text.strip_prefix("+:")).unwrap_or(text);
            let refused = |expected: &str| BadFigure::new("dynamic", format!("'{text}'"), expected);
            let pattern = Regex::new(&format!("^(?:{pattern})"));
            let pattern = pattern.map_err(|_| refused("a regular expression without look-around"))?;
            let stored = || {
                let expected = "a rule with 4 or 8 bits, or with those of all";
                format(values).ok_or_else(|| refused(expected))
            };
            let format = leaves_alone.is_none().then(stored).transpose()?;
            Ok(Self {
                text: text.clone(),
                pattern,
                format,
            })
        };
        rules.into_iter().flatten().map(read).collect()
    }

    /// Whether it is about such a module of layer `index`.
    pub fn means(&self, index: u64, module: &Module) -> bool {
        let inside = module.name.join(".");
        // Experts have numbers, and some families another name for what holds them.
        let numbered = inside.replace("experts.", "experts.0.");
        let names = [numbered.replacen("mlp.", "block_sparse_moe.", 1), numbered, inside];
        let is_meant = |name: &String| self.pattern.is_match(&format!("model.layers.{index}.{name}"));
        names.iter().any(is_meant)
    }
}
