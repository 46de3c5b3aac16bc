//! What `plan --over` tries: values of the keys that say what is bought and how it is set up.

use super::problem::Problem;
use crate::config::axis::{Axis, KeysSeen};
use crate::config::{Diagnostic, catalogue, did_you_mean};
use crate::study::{Base, Input, Plan, ShoppingList};

const FLAG: &str = "--over";
/// The word for everything that is sensible to try.
const ALL: &str = "all";
/// Short names of keys.
const SHORT: [(&str, &str); 4] = [
    ("gpu", "server.gpu"),
    ("tensor_parallel", "server.tensor_parallel"),
    ("weights", "model.weights"),
    ("kv_cache", "model.kv_cache"),
];
/// Tables whose keys say what a server is.
const TABLES: [&str; 3] = ["server", "model", "batching"];
/// Another model gives other answers, so that its servers cost nothing comparable.
const MODEL_KEYS: [&str; 2] = ["model.name", "model.config"];
/// Servers that `all` tries: as many GPUs as share a model within a machine.
const TENSOR_PARALLEL: &str = "tensor_parallel=1,2,4,8";
/// Each is read before anything is simulated.
const MOST_COMBINATIONS: usize = 1_000;
const HELP: &str = "write --over gpu=h100-sxm,l40s --over tensor_parallel=1,2, or --over all";

/// Everything that could be bought by what `over` says, of which each is one `KEY=VALUES` or several.
pub fn shopping_list(base: &Base, own: &Input, over: &[String]) -> Result<ShoppingList, Problem> {
    let is_everything = over.iter().any(|text| text.trim() == ALL);
    if is_everything && over.len() > 1 {
        let message = format!("--over {ALL} tries everything, and something else is asked for beside it");
        return Err(Diagnostic::new(message).help("keep one of the two").into());
    }
    let axes = if is_everything { everything(own) } else { axes(over)? };
    let Some(plan) = Plan::new(axes).filter(|plan| plan.points() <= MOST_COMBINATIONS) else {
        let message = format!("--over: more than {MOST_COMBINATIONS} combinations are too many to choose from");
        return Err(Diagnostic::new(message).help("try fewer values").into());
    };
    Ok(ShoppingList::read(base, own, &plan, is_everything)?)
}

/// All GPUs of the catalogue, of which those without a price are left out later; with the weights as they are, and as
/// 8-bit floats.
fn everything(own: &Input) -> Vec<Axis> {
    let weights = own.scenario.deployment.weights.name();
    let weights = if weights == "fp8" {
        "weights=fp8".to_owned()
    } else {
        format!("weights={weights},fp8")
    };
    let gpus = format!("gpu={}", catalogue::gpu_names().join(","));
    let texts = [gpus, TENSOR_PARALLEL.to_owned(), weights];
    texts.map(|text| axis(&text).expect("it is well formed")).to_vec()
}

fn axes(over: &[String]) -> Result<Vec<Axis>, Problem> {
    let mut axes = Vec::new();
    let mut seen = KeysSeen::default();
    for text in over.iter().flat_map(|text| parts(text)) {
        let found = axis(&text)?;
        if !seen.add(&found.keys[0]) {
            let message = format!("--over: `{}` is there twice", found.keys[0]);
            return Err(Diagnostic::new(message).help("write all its values in one list").into());
        }
        axes.push(found);
    }
    Ok(axes)
}

/// Several `KEY=VALUES` of one text, each from a semicolon or from a comma before a key on.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quote) = (0_u32, None);
    for (place, character) in text.char_indices() {
        match (quote, character) {
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        let is_between = depth == 0 && quote.is_none();
        if is_between && (character == ';' || character == ',' && begins_with_key(&text[place + 1..])) {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("never empty").push(character);
        }
    }
    parts
}

fn begins_with_key(text: &str) -> bool {
    let end = text.find(|it: char| !(it.is_alphanumeric() || it.is_whitespace() || "._-".contains(it)));
    end.is_some_and(|end| text[end..].starts_with('='))
}

fn axis(text: &str) -> Result<Axis, Diagnostic> {
    let wrong = |problem: String| Diagnostic::new(format!("--over {}: {problem}", text.trim())).help(HELP);
    if !text.contains('=') {
        return Err(wrong("there is no `=`".to_owned()));
    }
    let mut axis = Axis::of_flag(FLAG, text).map_err(wrong)?;
    let key = KeysSeen::parts(&axis.keys[0]).join(".");
    let full = SHORT.iter().find(|(short, _)| *short == key).map(|(_, full)| *full);
    let full = full.unwrap_or(&key);
    let table = full.split_once('.').map(|(table, _)| table);
    if MODEL_KEYS.contains(&full) {
        let message = "another model gives other answers: what its servers cost compares with nothing".to_owned();
        return Err(wrong(message).help("plan a scenario of each model"));
    }
    if table.is_none_or(|table| !TABLES.contains(&table)) {
        let short = SHORT.iter().map(|(short, _)| *short);
        let problem = wrong(format!("`{key}` is nothing that a server is bought or set up with"));
        let problem = match did_you_mean(&key, short.clone()) {
            Some(near) => problem.help(near),
            None => problem,
        };
        let short: Vec<&str> = short.collect();
        let help = format!(
            "keys are {}, and those of [server], [model] and [batching]",
            short.join(", ")
        );
        return Err(problem.help(help));
    }
    axis.keys = vec![full.to_owned()];
    Ok(axis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_holds_several_keys() {
        for (text, expected) in [
            ("gpu=a,b", vec!["gpu=a,b"]),
            ("gpu=a,b;weights=c", vec!["gpu=a,b", "weights=c"]),
            ("gpu=a,b,weights=c,d", vec!["gpu=a,b", "weights=c,d"]),
            ("a.b={ c = 1, d = 2 },gpu=x", vec!["a.b={ c = 1, d = 2 }", "gpu=x"]),
            ("gpu='a;b',c", vec!["gpu='a;b',c"]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }
}
