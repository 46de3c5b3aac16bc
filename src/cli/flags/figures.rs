//! The flag that asks for figures.

use crate::report::figure::Figure;

/// Its help: what it draws, and the kinds that there are, the first of them if none is named.
pub fn help(draws: &str, kinds: &[&Figure]) -> String {
    let mut names: Vec<String> = kinds.iter().map(|kind| kind.name.to_owned()).collect();
    if let Some(first) = names.first_mut() {
        first.push_str(" (if left out)");
    }
    let last = names.pop().unwrap_or_default();
    let kinds = if names.is_empty() {
        last
    } else {
        format!("{} or {last}", names.join(", "))
    };
    format!("{draws} (SVG or PNG, by the name's ending): KIND is {kinds}")
}
