//! The classes of traffic of a run: their objectives, and a row each of what their clients felt.

use crate::metrics::SloResult;
use crate::report::text::table::Table;
use crate::report::verb::group_table;
use crate::report::verb::run::report::RunReport;

impl RunReport {
    /// How the objectives of all requests fared, and those of each class with its name.
    pub(in crate::report) fn all_slo_results(&self) -> Vec<(Option<&str>, SloResult)> {
        let of_all = self.slo_results().into_iter().map(|result| (None, result));
        let of_classes = self.breakdown.classes.iter().flat_map(|class| {
            let results = class.slo_results().into_iter();
            results.map(|result| (Some(class.class.name.as_str()), result))
        });
        of_all.chain(of_classes).collect()
    }

    /// A row a class, a priority and a turn of sessions, each in a table, as far as they are told apart.
    pub(in crate::report) fn group_tables(&self) -> Vec<Table> {
        let classes = group_table::of_classes(None, [(None, &self.breakdown)]);
        classes
            .into_iter()
            .chain(group_table::of_numbers(&self.breakdown))
            .collect()
    }
}
