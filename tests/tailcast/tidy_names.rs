//! A word has one meaning: no two rooms define a type of the same name that others see.

use std::collections::BTreeMap;
use std::path::Path;

use syn::{Item, Visibility};

use crate::tidy::sources;

/// Names that mean the same thing in every file that defines them, each with what it is.
const SAME_EVERYWHERE: [(&str, &str); 1] = [(
    "Args",
    "what clap reads of a verb's command line, one in each verb's file",
)];

/// The name of a type, if others than its own file see it.
fn visible_type(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Struct(it) => (&it.vis, &it.ident),
        Item::Enum(it) => (&it.vis, &it.ident),
        Item::Trait(it) => (&it.vis, &it.ident),
        Item::Type(it) => (&it.vis, &it.ident),
        _ => return None,
    };
    (!matches!(visibility, Visibility::Inherited)).then(|| name.to_string())
}

#[test]
fn a_type_that_others_see_has_a_name_of_its_own() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources("src") {
        let file = syn::parse_file(&text).expect("the crate compiles");
        let shown = path.strip_prefix(&src).unwrap().display().to_string();
        for name in file.items.iter().filter_map(visible_type) {
            found.entry(name).or_default().push(shown.clone());
        }
    }
    let is_excepted = |name: &str| SAME_EVERYWHERE.iter().any(|(other, _)| *other == name);
    let twice = found
        .iter()
        .filter(|(name, files)| files.len() > 1 && !is_excepted(name));
    let shown: Vec<String> = twice
        .map(|(name, files)| format!("{name}: {}", files.join(", ")))
        .collect();
    assert!(shown.is_empty(), "one name for several things:\n{}", shown.join("\n"));
}
