//! The trees in a file: of JSON one, a list of them, or one after the other; of YAML its documents.

use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, alias_limits, budget, from_multiple_with_options, options};

use super::json_tree::JsonTree;
use super::json_values;
use super::result::error_at;
use crate::config::reader::diagnostic::Diagnostic;

/// Parts of a document in YAML; more would not be in memory together with what is made of them.
const MOST_PARTS: usize = 32_000_000;
/// Parts that may come from repeating what an anchor names: a report repeats settings, not itself.
const MOST_REPEATED: usize = 1_000_000;

const YAML_HELP: &str = "write it as JSON: python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), \
                         sys.stdout)' < FILE.yaml > FILE.json";

/// All trees of a file that messages call `name`, with lists of them opened.
pub fn all(name: &str, content: &str) -> Result<Vec<JsonTree>, Diagnostic> {
    if content.trim_start().starts_with(['{', '[']) {
        return json_values::all(name, content);
    }
    let options = options! {
        budget: budget! {
            max_events: MOST_PARTS,
            max_nodes: MOST_PARTS,
            max_total_scalar_bytes: usize::MAX,
            // How often an anchor is repeated is bounded below, whatever the number of anchors.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: alias_limits! { max_total_replayed_events: MOST_REPEATED },
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let documents: Vec<JsonTree> =
        from_multiple_with_options(content, options).map_err(|error| unreadable(name, content, &error))?;
    let opened = documents.into_iter().flat_map(|document| match document {
        JsonTree::List(list) => list,
        one => vec![one],
    });
    Ok(opened.collect())
}

fn unreadable(name: &str, content: &str, error: &Error) -> Diagnostic {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let lines = content.split_inclusive('\n').take(line.saturating_sub(1) as usize);
    let start: usize = lines.map(str::len).sum();
    let letters = content[start..].chars().take(column.saturating_sub(1) as usize);
    let at = start + letters.map(char::len_utf8).sum::<usize>();
    let text = error.without_snippet().to_string();
    let place = format!(" at line {line}, column {column}");
    let message = text.lines().next().unwrap_or_default().replace(&place, "");
    error_at(name, content, at..at + 1, message).help(YAML_HELP)
}
