//! A plan, however it is shown.

use crate::metrics::{ClassToRecord, Slo};
use crate::report::observability::{DashboardSettings, alert_rules_yaml, grafana_dashboard};
use crate::report::verb::study_setting::StudySetting;
use crate::study::alerts::AlertRule;
use crate::study::{Answered, Production, Shopping};

/// Everything that a plan shows.
pub struct PlanReport {
    /// What was simulated, and how often.
    pub setting: StudySetting,
    /// What is asked of all requests.
    pub slos: Vec<Slo>,
    /// Whether nobody has asked for anything, so that these are usual ones.
    pub slos_are_usual: bool,
    /// The classes of traffic, with what is asked of each.
    pub classes: Vec<ClassToRecord>,
    /// GPUs of a server.
    pub gpus_of_server: u32,
    /// What a day may cost, if the scenario says so [$].
    pub budget_per_day: Option<f64>,
    /// Whether there are several servers, or one that may fail.
    pub is_fleet: bool,
    /// How requests share steps.
    pub policy: &'static str,
    /// Whether somebody waits for each answer, rather than for all of them.
    pub people_wait: bool,
    /// All answers.
    pub production: Production,
    /// Which servers to buy, if that was asked.
    pub shopping: Option<Answered<Shopping>>,
}

impl PlanReport {
    /// Whether there is a fleet to buy, or nobody asked for one.
    pub fn has_what_was_asked_for(&self) -> bool {
        let found = self.shopping.as_ref();
        found.is_none_or(|found| found.as_ref().is_ok_and(|shopping| shopping.best().is_some()))
    }

    /// GPUs of the fewest servers that carry the own load.
    pub(super) fn gpus_needed(&self) -> Option<u32> {
        let needed = self.production.servers.as_ref().ok()?.needed()?;
        Some(needed * self.gpus_of_server)
    }

    /// What an active user costs in a day, if it is known how many there are [$].
    pub(super) fn dollars_per_user_day(&self) -> Option<f64> {
        self.production.cost.as_ref()?.numbers.per_user_day
    }

    /// A dashboard for Grafana that shows the metrics of these servers.
    pub fn to_dashboard(&self) -> String {
        grafana_dashboard(&DashboardSettings {
            title: self.setting.name.clone(),
            has_router: self.is_fleet,
            time: None,
            dollars_per_user_day: self.dollars_per_user_day(),
        })
    }

    /// Alert rules as Prometheus reads them; otherwise why there are none.
    pub fn to_alert_rules(&self) -> Result<String, String> {
        let alerts = self.production.alerts.as_ref()?;
        let rules: Vec<AlertRule> = alerts.rules.iter().map(|worth| worth.rule.clone()).collect();
        Ok(alert_rules_yaml(&rules, alerts.scrape_interval_s))
    }
}
