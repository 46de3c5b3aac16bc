//! What all JSON results share: their looks, and who wrote them.

use serde::Serialize;

/// A document as one JSON object, indented, with a line break at its end; a float that is not finite becomes null.
pub(in crate::report) fn pretty(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document);
    text.expect("numbers and strings always have a JSON form") + "\n"
}

/// Who wrote a result.
#[derive(Serialize)]
pub(in crate::report) struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    /// The program that runs now.
    pub(in crate::report) const THIS: Self = Self {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
    };
}
