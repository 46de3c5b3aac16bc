//! Limits on the errors of predictions, such as `e2e.mean<5%`.

use crate::config::{Diagnostic, METRICS, did_you_mean};
use crate::report::ErrorLimit;

const HELP: &str = "write --fail-above 'e2e.mean<5%'";

/// Reads a limit; `=` stands for `<`.
pub fn error_limit(text: &str) -> Result<ErrorLimit, Diagnostic> {
    let wrong = |message: String| Diagnostic::new(format!("--fail-above {text:?}: {message}"));
    let Some((name, limit)) = text.split_once(['<', '=']) else {
        return Err(wrong("there is no `<`".to_owned()).help(HELP));
    };
    let name = name.trim();
    let Some(metric) = METRICS.into_iter().find(|metric| *metric == name) else {
        let mut error = wrong(format!("nothing that is predicted is called `{name}`"));
        if let Some(hint) = did_you_mean(name, METRICS) {
            error = error.help(hint);
        }
        return Err(error.help(HELP));
    };
    let number = limit.trim_start_matches('=').trim().strip_suffix('%');
    let percent = number.and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if percent.is_finite() && percent >= 0.0 => Ok(ErrorLimit {
            metric,
            limit: percent / 100.0,
        }),
        _ => Err(wrong("the limit must be a percentage from 0".to_owned()).help(HELP)),
    }
}
