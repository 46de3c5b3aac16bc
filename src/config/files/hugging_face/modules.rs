//! The linear layers of a model under the names that checkpoints give them, and entries of the lists in which a
//! quantised checkpoint names some of them.

use crate::hardware::{Attention, FeedForward, LayerGroup, LinearKind, Projection, StateKind};

/// One linear layer, or all experts of a layer together.
#[derive(Clone, Debug)]
pub(super) struct Module {
    pub kind: LinearKind,
    pub parameters: u64,
    /// Its name inside the layer: `["self_attn", "q_proj"]`.
    pub name: Vec<&'static str>,
}

/// The linear layers of one layer. Where experts stand beside the dense network (Gemma 4), that one is `mlp`.
pub(super) fn modules(layer: &LayerGroup, hidden: u64, experts_beside: bool) -> Vec<Module> {
    let (block, kind) = match &layer.attention {
        Attention::State(state) => {
            let is_called_attention = matches!(state.kind, StateKind::KimiDelta | StateKind::Lightning);
            let block = if is_called_attention {
                "self_attn"
            } else {
                "linear_attn"
            };
            (block, LinearKind::State)
        }
        _ => ("self_attn", LinearKind::Attention),
    };
    let of_projection = |one: Projection| Module {
        kind,
        parameters: one.parameters(),
        name: vec![block, one.name],
    };
    let mut all: Vec<Module> = layer
        .attention
        .projections(hidden)
        .into_iter()
        .map(of_projection)
        .collect();
    let mut network = |kind, path: &[&'static str], gated: bool, parameters: u64| {
        let matrices: &[&str] = if gated {
            &["gate_proj", "up_proj", "down_proj"]
        } else {
            &["up_proj", "down_proj"]
        };
        for matrix in matrices {
            all.push(Module {
                kind,
                parameters: parameters / matrices.len() as u64,
                name: path.iter().copied().chain([*matrix]).collect(),
            });
        }
    };
    match &layer.feed_forward {
        FeedForward::Nothing => {}
        FeedForward::Dense(dense) => {
            let parameters = dense.matrices() * hidden * dense.intermediate;
            network(LinearKind::Dense, &["mlp"], dense.gated, parameters);
        }
        FeedForward::Experts(experts) => {
            let (shared, routed): (&[&str], &[&str]) = if experts_beside {
                (&["mlp"], &["experts"])
            } else {
                (&["mlp", "shared_experts"], &["mlp", "experts"])
            };
            let of_shared = experts.matrices() * hidden * experts.shared_intermediate;
            let of_routed = experts.experts * experts.matrices_of_one(hidden, 1);
            network(LinearKind::SharedExperts, shared, experts.gated, of_shared);
            network(LinearKind::Experts, routed, experts.gated, of_routed);
            if let Some(width) = experts.latent {
                all.push(Module {
                    kind: LinearKind::SharedExperts,
                    parameters: 2 * hidden * width,
                    name: vec!["mlp", "latent_proj"],
                });
            }
        }
    }
    all
}

/// What an entry of a list means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ModuleEntry {
    layer: Which,
    /// Names that follow each other inside the layer; none for all of it.
    names: Vec<String>,
}

/// Which layers an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Which {
    Any,
    One(u64),
    /// Those whose number begins so: `layers.1*`.
    Beginning(String),
}

/// Parts of names of what is no layer of the language model.
const ELSEWHERE: [&str; 7] = ["mtp", "vision", "visual", "audio", "projector", "embed", "merge"];

impl ModuleEntry {
    /// What the text of an entry means: a name, a part of one, or a pattern (`*`, `re:`). None if it is about nothing
    /// in the layers, or about all there is.
    pub fn read(text: &str) -> Vec<Self> {
        alternatives(&plain(text))
            .iter()
            .filter_map(|one| Self::of(one))
            .collect()
    }

    fn of(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').filter(|part| !part.is_empty()).collect();
        if ELSEWHERE.iter().any(|word| text.contains(word)) {
            return None;
        }
        let numbered = parts.windows(2).position(|pair| {
            let stem = pair[1].trim_end_matches('*');
            ["layers", "h", "blocks"].contains(&pair[0]) && stem.chars().all(|letter| letter.is_ascii_digit())
        });
        let (layer, inside) = match numbered {
            None => (Which::Any, &parts[..]),
            Some(at) => {
                let number = parts[at + 1];
                let stem = number.trim_end_matches('*');
                let layer = match stem.parse() {
                    Ok(_) if number.ends_with('*') => Which::Beginning(stem.to_owned()),
                    Ok(number) => Which::One(number),
                    Err(_) => Which::Any,
                };
                (layer, &parts[at + 2..])
            }
        };
        let names = inside.iter().map(|part| part.trim_matches('*'));
        // Numbers inside a layer are those of experts, which are stored alike.
        let names = names.filter(|name| !name.is_empty() && name.parse::<u64>().is_err());
        let names: Vec<String> = names
            .filter(|name| !["model", "language_model", "backbone", "layers"].contains(name))
            .map(|name| canonical(name).to_owned())
            .collect();
        let says_all = names.is_empty() && layer == Which::Any;
        (!says_all).then_some(Self { layer, names })
    }

    /// Whether the entry names such a module of layer `index`.
    pub fn means(&self, index: u64, module: &Module) -> bool {
        let in_layer = match &self.layer {
            Which::Any => true,
            Which::One(number) => *number == index,
            Which::Beginning(digits) => index.to_string().starts_with(digits.as_str()),
        };
        let (names, inside) = (&self.names, &module.name);
        let follows = |start: usize| {
            let pairs = names.iter().zip(&inside[start..]);
            pairs.into_iter().all(|(name, part)| same(name, part))
        };
        in_layer && names.len() <= inside.len() && (0..=inside.len() - names.len()).any(follows)
    }

    /// Whether the entry names the head.
    pub fn is_head(&self) -> bool {
        self.names
            .last()
            .is_some_and(|name| name == "lm_head" || name == "head")
    }
}

/// A pattern without the signs that say nothing here.
fn plain(text: &str) -> String {
    let Some(pattern) = text.strip_prefix("re:") else {
        return text.to_owned();
    };
    let pattern = pattern.replace("\\d+", "*").replace("[0-9]+", "*").replace(".*", "*");
    pattern.replace(['\\', '^', '$'], "")
}

/// The texts that a pattern with one choice, `a(b|c)d`, stands for.
fn alternatives(pattern: &str) -> Vec<String> {
    let choice = pattern.split_once('(').and_then(|(before, rest)| {
        let (choices, after) = rest.split_once(')')?;
        Some((before, choices.trim_start_matches("?:"), after))
    });
    let Some((before, choices, after)) = choice else {
        return vec![pattern.to_owned()];
    };
    let each = choices.split('|').map(|one| format!("{before}{one}{after}"));
    each.flat_map(|one| alternatives(&one)).collect()
}

/// The name of a part that this file uses.
fn canonical(name: &str) -> &str {
    match name {
        "attn" | "attention" | "self_attention" => "self_attn",
        "mamba" => "linear_attn",
        "block_sparse_moe" | "feed_forward" | "ffn" | "moe" => "mlp",
        "shared_expert" | "shared_mlp" => "shared_experts",
        "w1" => "gate_proj",
        "w2" => "down_proj",
        "w3" => "up_proj",
        "kv_a_proj" => "kv_a_proj_with_mqa",
        "in_proj_a" | "in_proj_b" => "in_proj_ba",
        "index_q_proj" | "index_k_proj" => "indexer",
        "fc1_latent_proj" | "fc2_latent_proj" => "latent_proj",
        other => other,
    }
}

/// Whether a name of an entry means a part of a module: engines fuse some, and Nemotron-H calls every block a mixer.
fn same(name: &str, part: &str) -> bool {
    name == part
        || match name {
            "mixer" => ["self_attn", "linear_attn", "mlp"].contains(&part),
            "qkv_proj" | "query_key_value" => ["q_proj", "k_proj", "v_proj"].contains(&part),
            "gate_up_proj" => ["gate_proj", "up_proj"].contains(&part),
            "in_proj" => part.starts_with("in_proj"),
            "in_proj_qkvz" => ["in_proj_qkv", "in_proj_z"].contains(&part),
            "fused_qkv_a_proj" => ["q_a_proj", "kv_a_proj_with_mqa"].contains(&part),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &[&'static str]) -> Module {
        Module {
            kind: LinearKind::Attention,
            parameters: 1,
            name: name.to_vec(),
        }
    }

    fn means(text: &str, index: u64, name: &[&'static str]) -> bool {
        ModuleEntry::read(text)
            .iter()
            .any(|entry| entry.means(index, &module(name)))
    }

    #[test]
    fn a_pattern_means_every_layer_and_a_number_one() {
        let query = ["self_attn", "q_proj"];
        for text in [
            "re:.*self_attn",
            "re:.*self_attn.*",
            "model.layers.*.self_attn",
            "self_attn",
            "*.self_attn.*",
        ] {
            assert!(means(text, 7, &query), "{text}");
        }
        assert!(means("model.layers.7.self_attn*", 7, &query));
        assert!(!means("model.layers.7.self_attn*", 8, &query));
        assert!(means("model.layers.7*", 7, &query) && means("model.layers.7*", 70, &query));
        assert!(!means("model.layers.7.*", 70, &query));
        assert!(means("model.layers.7.self_attn.qkv_proj", 7, &query));
    }

    #[test]
    fn a_choice_of_names_means_each() {
        let text = r"re:.*mlp\.(gate|up|gate_up|down)_proj.*";
        assert!(means(text, 0, &["mlp", "up_proj"]));
        assert!(!means(text, 0, &["mlp", "experts", "up_proj"]));
        assert!(!means(text, 0, &["self_attn", "q_proj"]));
    }

    #[test]
    fn names_of_families_mean_the_same() {
        assert!(means("backbone.layers.4.mixer.in_proj", 4, &["linear_attn", "in_proj"]));
        assert!(means(
            "backbone.layers.1.mixer.experts.99.down_proj",
            1,
            &["mlp", "experts", "down_proj"]
        ));
        assert!(means(
            "model.layers.3.block_sparse_moe.experts.0.w1",
            3,
            &["mlp", "experts", "gate_proj"]
        ));
        assert!(means("*.mlp.shared_expert.*", 3, &["mlp", "shared_experts", "up_proj"]));
    }

    #[test]
    fn routers_towers_and_drafting_layers_are_no_linear_layers() {
        let query = ["self_attn", "q_proj"];
        for text in [
            "re:.*vision_model.*self_attn",
            "mtp.layers.0*",
            "model.visual*",
            "re:.*router",
            "lm_head",
        ] {
            assert!(!means(text, 0, &query), "{text}");
        }
        assert!(!means("model.layers.0.mlp.gate", 0, &["mlp", "gate_proj"]));
        assert!(ModuleEntry::read("language_model.lm_head")[0].is_head());
    }
}
