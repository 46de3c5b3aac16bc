//! Alert rules in the YAML that a Prometheus reads
//! (<https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/>).

use std::fmt::Write;

use crate::study::alerts::AlertRule;

/// The rules as one group, evaluated every `interval_s` seconds. Strings of JSON are strings of YAML.
pub fn alert_rules_yaml(rules: &[AlertRule], interval_s: f64) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = String::from("groups:\n  - name: tailcast\n");
    let _ = writeln!(text, "    interval: {}ms", (interval_s * 1e3).round().max(1.0));
    if rules.is_empty() {
        text.push_str("    rules: []\n");
        return text;
    }
    text.push_str("    rules:\n");
    for rule in rules {
        let _ = writeln!(text, "      - alert: {}", rule.name);
        let _ = writeln!(text, "        expr: {}", quoted(&rule.condition));
        let _ = writeln!(text, "        for: {}s", rule.for_s);
        let _ = writeln!(text, "        labels:\n          severity: {}", rule.severity.name());
        let _ = writeln!(text, "        annotations:");
        let description = format!("{{{{ $value }}}}; the threshold is {}", rule.threshold_from);
        for (name, value) in [
            ("summary", rule.summary),
            ("description", &description),
            ("runbook", rule.runbook),
        ] {
            let _ = writeln!(text, "          {name}: {}", quoted(value));
        }
    }
    text
}
