//! `[reliability]`: what is promised.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::settings::{Kind, Setting};

/// The table `[reliability]`: what is promised.
pub(super) const RELIABILITY: Setting = Setting::new(
    "reliability",
    Kind::Table(&[&SLA]),
    "What is promised of the service, which `tailcast plan` holds its failures against",
);
const SLA: Setting = Setting::new(
    "sla",
    Kind::Percentage,
    "The share of requests that is to be answered: of a month of 30 days, 99.9 % leaves 43.2 minutes",
)
.default("\"99.9%\"", "what cloud services usually promise");

/// What is promised of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promise {
    /// The share of requests that is to be answered.
    pub sla: f64,
    /// Whether it was written, and is no default.
    pub is_written: bool,
}

impl Default for Promise {
    fn default() -> Self {
        Self {
            sla: 0.999,
            is_written: false,
        }
    }
}

/// Reads the table, if it was written.
pub fn read(fields: Option<Fields<'_>>) -> Result<Promise, Diagnostic> {
    let Some(fields) = fields else {
        return Ok(Promise::default());
    };
    let sla = fields.find(&SLA)?.percentage()?;
    if let Some(share) = sla.value().filter(|it| it.share <= 0.0 || it.share >= 1.0) {
        let message = format!("`reliability.sla` cannot be {share}: {}", impossible(share.share));
        return Err(fields.error(SLA.name, message).help("write sla = \"99.9%\""));
    }
    let is_written = sla.value().is_some();
    let sla = sla.or_default().share;
    fields.finish()?;
    Ok(Promise { sla, is_written })
}

const fn impossible(share: f64) -> &'static str {
    if share <= 0.0 {
        "it promises nothing"
    } else {
        "no service answers every request for ever"
    }
}
