//! A table whose keys are laid over those of another one.

use crate::config::reader::document::{Entry, same_key};
use crate::settings::Setting;

/// The keys of `own`, and those of `base` that `own` does not set: under no spelling that one of `settings` has. What
/// stands deeper is not mixed, but the value of its key.
pub(super) fn laid_over(base: &[Entry], own: &[Entry], settings: &[&Setting]) -> Vec<Entry> {
    let kept = base.iter().filter(|entry| !sets(own, &entry.key, settings));
    own.iter().chain(kept).cloned().collect()
}

/// Whether `own` sets a key, under whichever of its spellings.
pub(super) fn sets(own: &[Entry], key: &str, settings: &[&Setting]) -> bool {
    let spelled = settings.iter().filter(|setting| setting.is_spelled(key));
    let spelled: Vec<&&Setting> = spelled.collect();
    own.iter().any(|entry| {
        let is_it = |setting: &&&Setting| setting.is_spelled(&entry.key);
        same_key(&entry.key, key) || spelled.iter().any(is_it)
    })
}
