//! Code that whoever asks brings along in the place of a router or of an arrival process: no text can hold it.

use super::operation::Fleet;
use super::traffic::Traffic;
use super::workload::Workload;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::reading::{Reading, Resolved};
use crate::fleet::{CustomRouter, RouterChoice};
use crate::workload::{Arrivals, CustomArrivals};

/// Code in the place of what a text says.
#[derive(Clone, Debug, Default)]
pub struct Custom {
    /// Who decides where requests go.
    router: Option<CustomRouter>,
    /// When requests come, of the classes with these names; of the only class, if there is no name.
    arrivals: Vec<(Option<String>, CustomArrivals)>,
}

const ORIGIN: &str = "code of whoever asks";

impl Custom {
    /// The same with this router.
    #[must_use]
    pub fn with_router(mut self, router: CustomRouter) -> Self {
        self.router = Some(router);
        self
    }

    /// The same with these arrivals of a class; of the only one, if it has no name.
    #[must_use]
    pub fn with_arrivals(mut self, class: Option<String>, arrivals: CustomArrivals) -> Self {
        self.arrivals.retain(|(name, _)| *name != class);
        self.arrivals.push((class, arrivals));
        self
    }

    /// Puts the code into the place of what was read.
    pub(super) fn put_into(
        &self,
        reading: &Reading,
        traffic: &mut Traffic,
        fleet: Option<&mut Fleet>,
    ) -> Result<(), Diagnostic> {
        match (&self.router, fleet) {
            (None, _) => {}
            (Some(router), Some(fleet)) => {
                note(reading, "fleet.router", &router.name);
                fleet.router = RouterChoice::Custom(router.clone());
            }
            (Some(router), None) => reading.warn(format!(
                "the router {} has one server to choose from, and is never asked; write fleet.servers = 4",
                router.name
            )),
        }
        let mut arrivals = self.arrivals.iter();
        arrivals.try_for_each(|(class, arrivals)| put_arrivals(arrivals, class.as_deref(), reading, traffic))
    }
}

fn put_arrivals(
    arrivals: &CustomArrivals,
    class: Option<&str>,
    reading: &Reading,
    traffic: &mut Traffic,
) -> Result<(), Diagnostic> {
    let classes = &mut traffic.classes;
    let Some(place) = classes.iter().position(|it| it.name.as_deref() == class) else {
        let names: Vec<&str> = classes.iter().filter_map(|it| it.name.as_deref()).collect();
        return Err(no_class(&arrivals.name, class, &names));
    };
    let workload = match &mut classes[place].workload {
        Workload::Synthetic(workload) if workload.arrivals.is_renewal() => workload,
        _ => {
            let message = format!(
                "the arrivals {} need a mean rate, which the workload has not",
                arrivals.name
            );
            let help = "write workload.arrivals = { process = \"poisson\", rate = 8.0 }, whose process they take the \
                        place of";
            return Err(Diagnostic::new(message).help(help));
        }
    };
    workload.exact_span = false;
    workload.arrivals = Arrivals::Custom {
        rate_per_s: workload.arrivals.mean_rate_per_s().expect("a renewal process has one"),
        process: arrivals.clone(),
    };
    let table = match class {
        Some(_) => format!("class[{place}].workload.arrivals"),
        None => "workload.arrivals".to_owned(),
    };
    for key in ["cv", "shape", "span"] {
        reading.forget(&format!("{table}.{key}"));
    }
    note(reading, &format!("{table}.process"), &arrivals.name);
    Ok(())
}

fn no_class(arrivals: &str, class: Option<&str>, names: &[&str]) -> Diagnostic {
    let (problem, help) = match (class, names) {
        (Some(class), []) => {
            let problem = format!("of the class `{class}`, and the scenario has no [[class]]");
            (problem, "leave the class out".to_owned())
        }
        (Some(class), names) => {
            let problem = format!("of the class `{class}`, which the scenario has not");
            (problem, format!("its classes are {}", names.join(", ")))
        }
        (None, names) => {
            let problem = "of no class, and the scenario has classes".to_owned();
            (problem, format!("name one of {}", names.join(", ")))
        }
    };
    Diagnostic::new(format!("the arrivals {arrivals} are {problem}")).help(help)
}

fn note(reading: &Reading, key: &str, name: &str) {
    reading.note(Resolved {
        key: key.to_owned(),
        value: name.to_owned(),
        content: None,
        origin: ORIGIN.to_owned(),
        is_default: false,
    });
}
