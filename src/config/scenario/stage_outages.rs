//! `mtbf`, `repair` and `down` of `[[path.stage]]`: when nobody can start there.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::path::StageOutages;
use crate::settings::{Kind, Setting};
use crate::units::{Span, Time};

pub(super) const MTBF: Setting = Setting::new(
    "mtbf",
    Kind::Duration,
    "The mean time from when the stage is up again to when it fails, which is drawn from an exponential distribution; \
     while it is down, whoever comes is refused, and whoever waits goes on waiting",
)
.depends("it fails as `down` says, or never");
pub(super) const REPAIR: Setting = Setting::new(
    "repair",
    Kind::Duration,
    "The mean time until it is up again, which is drawn from an exponential distribution",
)
.depends("it has to be written with `mtbf`");
pub(super) const DOWN: Setting = Setting::new(
    "down",
    Kind::List(&Kind::Table(&[&AT, &DURATION])),
    "When it is down, from the start of the run",
)
.depends("it fails as `mtbf` says, or never");
const AT: Setting = Setting::new("at", Kind::Duration, "When it goes down").required("write at = \"60s\"");
const DURATION: Setting =
    Setting::new("duration", Kind::Duration, "How long it is down").required("write duration = \"30s\"");

/// Reads when a stage is down.
pub(super) fn read(fields: &Fields<'_>) -> Result<StageOutages, Diagnostic> {
    let mtbf = fields.find(&MTBF)?.duration()?.optional();
    let repair = fields.find(&REPAIR)?.duration()?.optional();
    let down = read_down(fields)?;
    let path = fields.path();
    match (mtbf, repair, down) {
        (None, None, None) => Ok(StageOutages::Never),
        (None, None, Some(down)) => Ok(StageOutages::Planned(down)),
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            let message = format!("`{path}.down` says when the stage fails, and so do mtbf and repair");
            Err(fields.error(DOWN.name, message).help("keep down, or mtbf with repair"))
        }
        (Some(mtbf), Some(repair), None) => {
            let shortest = Span::from_micros(1_000_000);
            if mtbf < shortest || repair == Span::ZERO {
                let message = format!("`{path}.mtbf` must be at least a second, and repair longer than nothing");
                let help = "write mtbf = \"30d\" and repair = \"10min\"";
                return Err(fields.error(MTBF.name, message).help(help));
            }
            Ok(StageOutages::Random { mtbf, repair })
        }
        (Some(_), None, None) => {
            let message = format!("`{path}.repair` is missing");
            let help = "write repair = \"10min\", how long it takes in the mean until the stage is up again";
            Err(fields.error(MTBF.name, message).help(help))
        }
        (None, Some(_), None) => {
            let message = format!("`{path}.mtbf` is missing");
            let help = "write mtbf = \"30d\", how long the stage is up in the mean";
            Err(fields.error(REPAIR.name, message).help(help))
        }
    }
}

fn read_down(fields: &Fields<'_>) -> Result<Option<Vec<(Time, Span)>>, Diagnostic> {
    let Some(list) = fields.find(&DOWN)?.list()? else {
        return Ok(None);
    };
    let mut all: Vec<(Time, Span)> = Vec::new();
    for key in list {
        let Some(outage) = key.table()? else { continue };
        let at = Time::ZERO + outage.find(&AT)?.duration()?.needed()?;
        let duration = outage.find(&DURATION)?.duration()?.needed()?;
        outage.finish()?;
        if duration == Span::ZERO {
            let message = format!("`{}.duration` must be longer than nothing", outage.path());
            return Err(outage.error(DURATION.name, message).help("write duration = \"30s\""));
        }
        let ends = all
            .last()
            .map_or(0, |&(at, lasts)| at.picos().saturating_add(lasts.picos()));
        if !all.is_empty() && at.picos() <= ends {
            let message = format!("`{}.at` is before the end of the outage before it", outage.path());
            let help = "write outages in the order of time, and those that touch as one";
            return Err(outage.error(AT.name, message).help(help));
        }
        all.push((at, duration));
    }
    Ok(Some(all).filter(|all| !all.is_empty()))
}
