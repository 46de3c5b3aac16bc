//! What the results of a sweep look like: curves over one key, colours over two, throughput against latency.

use super::Figure;
use super::bars::unit;
use crate::report::chart::{Axis, Chart, Drawing, HeatMap, Panel, Point, Series, Shape};
use crate::report::results::Results;
use crate::stats::confidence_interval_95;
use crate::study::{Better, Measure, short};

/// Numbers over one key.
pub const LINES: Figure = Figure {
    name: "lines",
    question: "How do the numbers change along the axis?",
    needs: "a sweep over one key, and at most twelve combinations of the others",
};

/// A number over two keys.
pub const HEAT_MAP: Figure = Figure {
    name: "heat-map",
    question: "Where on the two axes is it good?",
    needs: "a sweep over two keys",
};

/// Throughput against latency.
pub const PARETO: Figure = Figure {
    name: "pareto",
    question: "How much throughput costs how much latency?",
    needs: "a sweep that keeps a throughput and a latency",
};

/// Prefix-cache hits against the size of the cache.
pub const PREFIX_HITS: Figure = Figure {
    name: "prefix-hits",
    question: "How large must the KV cache be for its prefixes to be found?",
    needs: "a sweep that keeps kv.prefix_hit_ratio",
};

/// A point of the sweep: the values of its keys, and each measure over its seeds.
pub struct PointNumbers {
    /// The values of the keys.
    pub values: Vec<String>,
    /// For each measure its values, one a seed; `None` if a run does not have it.
    pub numbers: Vec<Option<Vec<f64>>>,
}

/// The points of results, in their order.
pub fn points(results: &Results) -> Vec<PointNumbers> {
    let mut rows: Vec<_> = results.rows.iter().collect();
    rows.sort_by_key(|row| row.run);
    let mut points: Vec<PointNumbers> = Vec::new();
    for rows in rows.chunk_by(|a, b| a.point == b.point) {
        let numbers = (0..results.heading.measures.len())
            .map(|at| rows.iter().map(|row| row.numbers[at]).collect());
        points.push(PointNumbers {
            values: rows[0].values.clone(),
            numbers: numbers.collect(),
        });
    }
    points
}

impl PointNumbers {
    /// A measure at a place: its mean over the seeds, with the interval of that.
    fn point(&self, measure: usize, x: f64) -> Option<Point> {
        let values = self.numbers[measure].as_ref()?;
        Some(Point {
            interval: confidence_interval_95(values),
            ..Point::at(x, mean(values))
        })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The numbers of a key's values, in ascending order; `None` if they are words.
fn numbers_of(points: &[PointNumbers], key: usize) -> Option<Vec<f64>> {
    let parsed = points.iter().map(|point| point.values[key].parse().ok());
    let mut numbers: Vec<f64> = parsed.collect::<Option<_>>()?;
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    Some(numbers)
}

/// The values of a key in the order in which they come up.
fn names_of(points: &[PointNumbers], key: usize) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for point in points {
        if !names.contains(&point.values[key]) {
            names.push(point.values[key].clone());
        }
    }
    names
}

/// The axis of a key, and where on it a value stands.
fn axis_of(points: &[PointNumbers], key: usize, name: &str) -> (Axis, Vec<Option<f64>>) {
    let Some(numbers) = numbers_of(points, key) else {
        let names = names_of(points, key);
        let place = |value: &String| {
            names
                .iter()
                .position(|name| name == value)
                .map(|it| it as f64)
        };
        let places = points
            .iter()
            .map(|point| place(&point.values[key]))
            .collect();
        return (Axis::named(short(name), names), places);
    };
    let places = points
        .iter()
        .map(|point| point.values[key].parse().ok())
        .collect();
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    let unit = crate::report::chart::Unit::Plain;
    let axis = if first > 0.0 && last > 20.0 * first {
        Axis::logarithmic(short(name), unit)
    } else {
        Axis::linear(short(name), unit)
    };
    (axis, places)
}

/// Every measure over the first key, a series for each combination of the others.
pub fn lines(results: &Results, note: &str, question: &str) -> Drawing {
    let points = points(results);
    let keys = &results.heading.keys;
    let (x, places) = axis_of(&points, 0, keys.first().map_or("run", String::as_str));
    let measures = results.heading.measures.iter().enumerate();
    let panels = measures.map(|(at, measure)| {
        let mut series: Vec<Series> = Vec::new();
        for (point, place) in points.iter().zip(&places) {
            let name = others(keys, &point.values);
            let found = place.and_then(|place| point.point(at, place));
            let Some(point) = found else { continue };
            match series.iter_mut().find(|series| series.name == name) {
                Some(series) => series.points.push(point),
                None => series.push(Series {
                    name,
                    shape: if x.names.is_empty() {
                        Shape::Curve
                    } else {
                        Shape::Bars
                    },
                    points: vec![point],
                }),
            }
        }
        for one in &mut series {
            one.points.sort_by(|a, b| a.x.total_cmp(&b.x));
            if one.name.is_empty() {
                measure.name.clone_into(&mut one.name);
            }
        }
        Panel::Chart(Chart {
            title: measure.name.to_owned(),
            x: x.clone(),
            y: Axis::linear("", unit(measure)),
            series,
            marks: Vec::new(),
        })
    });
    Drawing {
        question: question.to_owned(),
        note: note.to_owned(),
        panels: panels.collect(),
    }
}

/// What the keys after the first one are.
fn others(keys: &[String], values: &[String]) -> String {
    let pairs = keys.iter().zip(values).skip(1);
    let words: Vec<String> = pairs
        .map(|(key, value)| format!("{}={value}", short(key)))
        .collect();
    words.join(", ")
}

/// Every measure over two keys.
pub fn heat_map(results: &Results, note: &str) -> Drawing {
    let points = points(results);
    let keys = &results.heading.keys;
    let (columns, rows) = (sorted_names(&points, 0), sorted_names(&points, 1));
    let measures = results.heading.measures.iter().enumerate();
    let panels = measures.map(|(at, measure)| {
        let cell = |row: &String, column: &String| {
            let is_here =
                |point: &&PointNumbers| point.values[0] == *column && point.values[1] == *row;
            let point = points.iter().find(is_here)?;
            point.numbers[at].as_deref().map(mean)
        };
        Panel::HeatMap(HeatMap {
            title: measure.name.to_owned(),
            unit: unit(measure),
            x: Axis::named(short(&keys[0]), columns.clone()),
            y: Axis::named(short(&keys[1]), rows.clone()),
            rows: rows
                .iter()
                .map(|row| columns.iter().map(|column| cell(row, column)).collect())
                .collect(),
        })
    });
    Drawing {
        question: HEAT_MAP.question.to_owned(),
        note: note.to_owned(),
        panels: panels.collect(),
    }
}

fn sorted_names(points: &[PointNumbers], key: usize) -> Vec<String> {
    let mut names = names_of(points, key);
    if numbers_of(points, key).is_some() {
        let number = |name: &String| name.parse::<f64>().unwrap_or(0.0);
        names.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    names
}

/// Throughput against a latency: every point of the sweep, and those that no other beats in both. `None` if a throughput or a latency was not
/// kept.
pub fn pareto(results: &Results, note: &str) -> Option<Drawing> {
    let points = points(results);
    let throughputs = [
        "throughput.output_tokens_per_s",
        "throughput.requests_per_s",
    ];
    let throughput = throughputs
        .iter()
        .find_map(|name| place_of(results, name))?;
    let latencies = [
        "e2e.p99",
        "ttft.p99",
        "tpot.p99",
        "e2e.mean",
        "ttft.mean",
        "tpot.mean",
    ];
    let latency = latencies.iter().find_map(|name| place_of(results, name))?;
    let mut all: Vec<Point> = points
        .iter()
        .filter_map(|point| {
            let x = mean(point.numbers[latency].as_deref()?);
            let y = mean(point.numbers[throughput].as_deref()?);
            let keys = results.heading.keys.iter().zip(&point.values);
            let words: Vec<String> = keys
                .map(|(key, value)| format!("{}={value}", short(key)))
                .collect();
            Some(Point {
                label: words.join(", "),
                ..Point::at(x, y)
            })
        })
        .collect();
    all.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut most = f64::NEG_INFINITY;
    let best: Vec<Point> = all
        .iter()
        .filter(|point| {
            let is_best = point.y > most;
            most = most.max(point.y);
            is_best
        })
        .cloned()
        .collect();
    for point in &mut all {
        // Only the best are named beside their marks; all have their names under the pointer.
        if best.len() > 12 || !best.iter().any(|it| it.label == point.label) {
            point.label.clear();
        }
    }
    let measures = &results.heading.measures;
    Some(Drawing {
        question: PARETO.question.to_owned(),
        note: note.to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: String::new(),
            x: Axis::logarithmic(measures[latency].name, unit(measures[latency])),
            y: Axis::linear(measures[throughput].name, unit(measures[throughput])),
            series: vec![
                Series {
                    name: "not beaten in both".to_owned(),
                    shape: Shape::Steps,
                    points: best
                        .iter()
                        .map(|point| Point::at(point.x, point.y))
                        .collect(),
                },
                Series {
                    name: "points of the sweep".to_owned(),
                    shape: Shape::Points,
                    points: all,
                },
            ],
            marks: Vec::new(),
        })],
    })
}

/// Prefix hits over the first key. `None` if they were not kept.
pub fn prefix_hits(results: &Results, note: &str) -> Option<Drawing> {
    let kept = ["kv.prefix_hit_ratio", "kv.prefix_ideal_hit_ratio"];
    let places: Vec<usize> = kept
        .iter()
        .filter_map(|name| place_of(results, name))
        .collect();
    place_of(results, kept[0])?;
    let points = points(results);
    let keys = &results.heading.keys;
    let (x, at) = axis_of(&points, 0, keys.first().map_or("run", String::as_str));
    let series = places.into_iter().map(|measure| {
        let found = points.iter().zip(&at);
        let mut found: Vec<Point> = found
            .filter_map(|(point, place)| point.point(measure, (*place)?))
            .collect();
        found.sort_by(|a, b| a.x.total_cmp(&b.x));
        let name = if results.heading.measures[measure].name == kept[0] {
            "hits"
        } else {
            "in a cache without limit"
        };
        Series {
            name: name.to_owned(),
            shape: Shape::Curve,
            points: found,
        }
    });
    Some(Drawing {
        question: PREFIX_HITS.question.to_owned(),
        note: note.to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: String::new(),
            x,
            y: Axis::linear("prompt tokens found", crate::report::chart::Unit::Share),
            series: series.collect(),
            marks: Vec::new(),
        })],
    })
}

fn place_of(results: &Results, name: &str) -> Option<usize> {
    results
        .heading
        .measures
        .iter()
        .position(|it| it.name == name)
}

/// The point of the sweep with the best value of a measure, in words; `None` if it has no better or worse, or no value.
pub fn best(results: &Results, measure: &Measure) -> Option<(String, f64)> {
    let at = place_of(results, measure.name)?;
    let points = points(results);
    let values = points
        .iter()
        .filter_map(|point| Some((point, mean(point.numbers[at].as_deref()?))));
    let (point, value) = match measure.better {
        Better::Neither => return None,
        Better::Lower => values.min_by(|a, b| a.1.total_cmp(&b.1)),
        Better::Higher => values.max_by(|a, b| a.1.total_cmp(&b.1)),
    }?;
    let pairs = results.heading.keys.iter().zip(&point.values);
    let words: Vec<String> = pairs
        .map(|(key, value)| format!("{}={value}", short(key)))
        .collect();
    Some((words.join(", "), value))
}
