//! The numbers of variations beside each other.

use super::kind::{Draws, Figure};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};
use crate::report::text::numbers;
use crate::report::verb::compare::CompareReport;
use crate::stats::{Interval, rounded};
use crate::study::{Capacity, Contender, Quantity, RunMeasure, is_steady};

/// A bar so many times as long as another leaves nothing of that to be seen.
const FLATTENS: f64 = 25.0;

/// Numbers of variations side by side.
pub const FIGURE: Figure = Figure {
    name: "bars",
    question: "Which variation serves best?",
    needs: "variations side by side",
    draws: Draws::Contest(drawing),
};

/// A panel for the capacity, and one a measure, with intervals over the seeds.
pub fn drawing(report: &CompareReport) -> Drawing {
    let contenders = &report.contest.contenders;
    let capacity = contenders.iter().any(|it| it.capacity.is_some()).then(|| {
        let title = format!("capacity under the SLOs ({})", report.contest.kind.title());
        let of = |it: &Contender| {
            let capacity = it.capacity.as_ref()?;
            Some((capacity.mean(), Capacity::interval(capacity)))
        };
        panel(&title, Unit::Plain, contenders, (&of, &rounded))
    });
    let measures = report.measures().into_iter().map(|measure| {
        let title = match measure.quantity {
            Quantity::Rate => measure.short_name().replace("_per_s", " per second").replace('_', " "),
            _ => measure.name.clone(),
        };
        let of = |it: &Contender| over_seeds(it, &measure);
        let label = |it| numbers::with_unit(measure.quantity, it);
        panel(&title, unit(measure.quantity), contenders, (&of, &label))
    });
    Drawing {
        question: FIGURE.question.to_owned(),
        note: report.setting.line(),
        panels: capacity.into_iter().chain(measures).collect(),
    }
}

/// How numbers of that kind are written.
pub fn unit(quantity: Quantity) -> Unit {
    match quantity {
        Quantity::Time => Unit::Seconds,
        Quantity::Share => Unit::Share,
        Quantity::Rate | Quantity::Count | Quantity::Price => Unit::Plain,
    }
}

/// All runs together, with the interval of the mean over them.
fn over_seeds(contender: &Contender, measure: &RunMeasure) -> Option<(f64, Option<Interval>)> {
    let value = measure.of(&contender.pooled)?;
    let runs: Option<Vec<f64>> = contender.runs.iter().map(|run| measure.of(run)).collect();
    let has_interval = is_steady(&contender.pooled.summary) || !measure.grows_with_the_queue();
    let interval = runs
        .filter(|_| has_interval)
        .and_then(|runs| measure.interval_95(&runs));
    Some((value, interval))
}

type Of<'a> = dyn Fn(&Contender) -> Option<(f64, Option<Interval>)> + 'a;

fn panel(title: &str, unit: Unit, contenders: &[Contender], (of, label): (&Of, &dyn Fn(f64) -> String)) -> Panel {
    let names = contenders.iter().map(|it| it.name.clone());
    let points = contenders.iter().enumerate().filter_map(|(place, contender)| {
        let (y, interval) = of(contender)?;
        Some(Point {
            interval,
            label: label(y),
            ..Point::at(place as f64, y)
        })
    });
    let points: Vec<Point> = points.collect();
    let (least, most) = points
        .iter()
        .map(|point| point.y)
        .fold((f64::INFINITY, 0.0_f64), |(least, most), y| (least.min(y), most.max(y)));
    // Bars begin at zero, so that one that is much longer than the others flattens them.
    let (y, shape) = if least > 0.0 && most > FLATTENS * least {
        (ChartAxis::logarithmic("", unit), Shape::Points)
    } else {
        (ChartAxis::linear("", unit), Shape::Bars)
    };
    Panel::Chart(Chart {
        title: title.to_owned(),
        x: ChartAxis::named("variation", names.collect()),
        y,
        series: vec![Series {
            name: if points.iter().any(|point| point.interval.is_some()) {
                "with 95 % interval".to_owned()
            } else {
                "one run".to_owned()
            },
            shape,
            points,
        }],
        marks: Vec::new(),
    })
}
