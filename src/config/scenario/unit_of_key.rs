//! What the numbers of a key count, for axes and tables that name it.

use super::tables::tables;
use crate::config::reader::document::same_key;
use crate::settings::{Kind, Setting};

/// The unit of a key such as `workload.prompt.median`: "tokens". `None` if it has none, or is no key that is known.
pub fn unit_of_key(key: &str) -> Option<&'static str> {
    let mut parts = key.split('.').map(|part| part.trim_matches(['"', '\'']));
    let table = parts.next()?;
    let tables = tables();
    let table = tables.iter().find(|it| same_key(it.name(), table))?;
    let first = parts.next()?;
    let mut found = table.keys.iter().map(|it| it.setting).find(|it| it.is_spelled(first))?;
    for part in parts {
        // Of the parts of a list any one.
        if part.parse::<usize>().is_err() {
            found = inside(&found.kind, part)?;
        }
    }
    Some(found.unit).filter(|unit| !unit.is_empty())
}

/// The first setting of this name in what a kind may hold.
fn inside(kind: &Kind, name: &str) -> Option<&'static Setting> {
    let among = |settings: &[&'static Setting]| settings.iter().copied().find(|it| it.is_spelled(name));
    match kind {
        Kind::Table(settings) => among(settings),
        Kind::Tagged { variants, common, .. } => {
            let mut of_variants = variants.iter().map(|variant| variant.settings);
            of_variants.find_map(among).or_else(|| among(common))
        }
        Kind::List(kind) => inside(kind, name),
        Kind::Either(kinds) => kinds.iter().find_map(|kind| inside(kind, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_units_that_they_are_declared_with() {
        let cases = [
            ("workload.prompt.median", Some("tokens")),
            ("workload.prompt.sigma", None),
            ("workload.arrivals.rate", Some("requests/s")),
            ("batching.max_num_seqs", Some("requests")),
            ("batching.policy", None),
            ("nothing.of.this", None),
            ("workload", None),
        ];
        for (key, unit) in cases {
            assert_eq!(unit_of_key(key), unit, "{key}");
        }
    }
}
