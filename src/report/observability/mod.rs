//! Files for those who watch real servers: a dashboard, and alert rules.

mod alert_rules_file;
mod dashboard;
mod panels;

pub use alert_rules_file::alert_rules_yaml;
pub use dashboard::{DashboardSettings, grafana_dashboard};
