//! From the numbers of an axis to places along it, and which numbers are written beside it.

use crate::report::draw::chart::{ChartAxis, Unit};

/// Numbers further away from zero are left out: distances between them could not be computed.
const FURTHEST: f64 = 1e300;
/// Room beyond the data, as a share of the axis.
const ROOM: f64 = 0.05;
/// A logarithmic axis spans at least this many decades.
const LEAST_DECADES: f64 = 0.3;
/// A linear axis spans at least this share of what stands on it; less is noise of the arithmetic.
const LEAST_SPAN: f64 = 1e-6;
/// Over more decades there is no room between numbers.
const MOST_MINOR_DECADES: f64 = 7.0;
/// More numbers beside an axis than this are no help.
const MOST_TICKS: usize = 9;

/// An axis with its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    is_logarithmic: bool,
    /// Whether its ends lie where somebody put them, rather than a little beyond the data.
    is_named: bool,
    /// Its ends; of logarithmic axes, the decimal logarithms of these.
    low: f64,
    high: f64,
}

/// A number beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where, as a share of the axis.
    pub share: f64,
    /// How it is written.
    pub label: String,
}

impl Scale {
    /// Around all values that can stand on it; `from_zero`: zero is on it too, unless it cannot be.
    pub fn around(axis: &ChartAxis, values: impl Iterator<Item = f64>, from_zero: bool) -> Self {
        if !axis.names.is_empty() {
            return Self {
                is_logarithmic: false,
                is_named: true,
                low: -0.5,
                high: axis.names.len() as f64 - 0.5,
            };
        }
        let is_logarithmic = axis.is_logarithmic;
        let (least, most) = values
            .filter_map(|value| transformed(value, is_logarithmic))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| {
                (least.min(it), most.max(it))
            });
        let (low, high) = if least > most {
            (0.0, 1.0)
        } else if is_logarithmic {
            let room = (ROOM * (most - least)).max((LEAST_DECADES - (most - least)) / 2.0);
            (least - room, most + room)
        } else {
            linear_ends(least, most, from_zero, axis.unit)
        };
        Self {
            is_logarithmic,
            is_named: false,
            low,
            high,
        }
    }

    /// With room on both sides for bars around values that are at least so far apart, as a share of the axis.
    pub fn widened(mut self, by: f64) -> Self {
        if !self.is_named {
            let room = by * (self.high - self.low);
            self.low -= room;
            self.high += room;
        }
        self
    }

    /// With room at the upper end.
    pub fn extended(mut self, by: f64) -> Self {
        if !self.is_named {
            self.high += by * (self.high - self.low);
        }
        self
    }

    /// Where a value stands, as a share of the axis; `None` if it cannot.
    pub fn share(&self, value: f64) -> Option<f64> {
        let value = transformed(value, self.is_logarithmic)?;
        let share = (value - self.low) / (self.high - self.low);
        (-1e-9..=1.0 + 1e-9).contains(&share).then_some(share)
    }

    /// Where a value stands, or the end of the axis on its side.
    pub fn nearest_share(&self, value: f64) -> f64 {
        let is_high = value > FURTHEST;
        let beyond = if is_high { 1.0 } else { 0.0 };
        transformed(value, self.is_logarithmic).map_or(beyond, |value| {
            ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
        })
    }

    /// The finest round numbers that `fits` accepts; without an answer from it, those that are left when it has refused
    /// all.
    pub fn ticks(&self, unit: Unit, fits: impl Fn(&[Tick]) -> bool) -> Vec<Tick> {
        let levels = if self.is_logarithmic {
            self.logarithmic_levels(unit)
        } else {
            self.linear_levels(unit)
        };
        let mut coarsest = Vec::new();
        for ticks in levels {
            if ticks.len() <= MOST_TICKS && fits(&ticks) {
                return ticks;
            }
            if !ticks.is_empty() {
                coarsest = ticks;
            }
        }
        coarsest.truncate(1);
        coarsest
    }

    /// Between numbers of a logarithmic axis: where the other ones with one digit stand, as shares of the axis. None if
    /// they would be a grey line.
    pub fn minor_ticks(&self, unit: Unit) -> Vec<f64> {
        const DIGITS: [f64; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let (low, high) = self.ends();
        if !self.is_logarithmic || self.high - self.low > MOST_MINOR_DECADES {
            return Vec::new();
        }
        let values = round_numbers(unit, low, high, &DIGITS).into_iter();
        values.filter_map(|value| self.share(value)).collect()
    }

    /// The values at both ends.
    pub fn ends(&self) -> (f64, f64) {
        if self.is_logarithmic {
            // Room beyond the data may reach further than numbers do.
            (10_f64.powf(self.low.max(-307.0)), 10_f64.powf(self.high.min(307.0)))
        } else {
            (self.low, self.high)
        }
    }

    /// From fine to coarse.
    fn linear_levels(&self, unit: Unit) -> Vec<Vec<Tick>> {
        let (low, high) = self.ends();
        let mut steps: Vec<f64> = (1..=MOST_TICKS)
            .rev()
            .filter_map(|most| step(unit, low, high, most))
            .collect();
        steps.dedup();
        let level = |step: f64| {
            let first = (low / step - 1e-9).ceil();
            let count = (high / step + 1e-9).floor() - first;
            let count = count.clamp(-1.0, 1000.0) as i64;
            let values: Vec<f64> = (0..=count).map(|index| (first + index as f64) * step).collect();
            let labels = unit.write_all(&values, step);
            self.at(&values, labels)
        };
        steps.into_iter().map(level).collect()
    }

    /// From fine to coarse.
    fn logarithmic_levels(&self, unit: Unit) -> Vec<Vec<Tick>> {
        let (low, high) = self.ends();
        let level = |values: Vec<f64>| {
            let labels = values.iter().map(|value| in_whole(unit, *value)).collect();
            self.at(&values, labels)
        };
        let round = |steps: &[f64]| round_numbers(unit, low, high, steps);
        let mut levels = vec![level(round(&[1.0, 2.0, 5.0]))];
        if levels[0].len() < 3 {
            // Hardly more than an octave: steps of one size are as good.
            return self.linear_levels(unit);
        }
        levels.push(level(round(&[1.0, 3.0])));
        let decades = round(&[1.0]);
        for apart in [1, 2, 3, 5, 10, 20, 50, 100] {
            levels.push(level(decades.iter().copied().step_by(apart).collect()));
        }
        // A level of one number does not show how far another is.
        levels.sort_by_key(|level| level.len() < 2);
        levels
    }

    fn at(&self, values: &[f64], labels: Vec<String>) -> Vec<Tick> {
        let placed = values.iter().zip(labels);
        placed
            .filter_map(|(value, label)| {
                let share = self.share(*value)?;
                Some(Tick { share, label })
            })
            .collect()
    }
}

fn transformed(value: f64, is_logarithmic: bool) -> Option<f64> {
    // Not numbers are not smaller either.
    let can_stand = value.abs() < FURTHEST && (!is_logarithmic || value > 0.0);
    can_stand.then(|| if is_logarithmic { value.log10() } else { value })
}

fn linear_ends(least: f64, most: f64, from_zero: bool, unit: Unit) -> (f64, f64) {
    let (mut low, mut high) = (least, most);
    if from_zero {
        low = low.min(0.0);
        high = high.max(0.0);
    }
    let size = low.abs().max(high.abs());
    let least_span = (LEAST_SPAN * size).max(f64::MIN_POSITIVE * 1e10);
    if high - low < least_span {
        // One value: in the middle, or zero below one if there is no size to go by.
        return if size > least_span {
            (low - 0.1 * size, high + 0.1 * size)
        } else {
            (0.0_f64.min(low), 1.0)
        };
    }
    let room = ROOM * (high - low);
    let is_nearly_all = unit == Unit::Share && low >= 0.0 && (0.6..=1.0).contains(&high);
    if is_nearly_all && from_zero {
        return (low, 1.0 + 0.02);
    }
    // Nothing is below zero where nothing can be.
    let low = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
    let low = if from_zero && least >= 0.0 { 0.0 } else { low };
    let high = if from_zero && most <= 0.0 { 0.0 } else { high + room };
    (low, high)
}

/// The least round step of which at most so many lie between two numbers.
fn step(unit: Unit, low: f64, high: f64, most: usize) -> Option<f64> {
    /// Minutes, hours and days are no powers of ten [s].
    const LONG: [f64; 14] = [
        30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0,
        172_800.0,
    ];
    let least = (high - low) / most as f64;
    if unit == Unit::Seconds && high.abs().max(low.abs()) >= 120.0 && least > 20.0 {
        if let Some(found) = LONG.into_iter().find(|step| *step >= least) {
            return Some(found);
        }
        return decimal_step(least / 86_400.0).map(|days| days * 86_400.0);
    }
    decimal_step(least)
}

fn decimal_step(least: f64) -> Option<f64> {
    let decade = 10_f64.powi(least.log10().floor() as i32);
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade);
    let is_usable = |step: &f64| *step >= least * (1.0 - 1e-9) && step.is_normal();
    steps.into_iter().find(is_usable)
}

/// A round number by itself, long times in the unit they are round in: an hour is not 60 minutes.
fn in_whole(unit: Unit, value: f64) -> String {
    const LONG: [(f64, &str); 3] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")];
    let fits = |one: f64| unit == Unit::Seconds && value >= one && (value / one).fract() < 1e-9;
    match LONG.into_iter().find(|(one, _)| fits(*one)) {
        Some((one, name)) => format!("{} {name}", Unit::Plain.write(value / one)),
        None => unit.write(value),
    }
}

/// Numbers with these first digits; of long times, in minutes, hours and days.
fn round_numbers(unit: Unit, low: f64, high: f64, digits: &[f64]) -> Vec<f64> {
    /// Up to where seconds go, and what follows: of minutes, of hours [s].
    const FIRST_MINUTE: f64 = 60.0;
    const DAY: f64 = 86_400.0;
    let between = |from: f64, to: f64, one: f64| {
        let (from, to) = (from.max(low), to.min(high));
        let decade = |value: f64| (value / one).log10().floor() as i32;
        let last = if from < to { decade(to) } else { i32::MIN };
        let numbers = (decade(from)..=last).flat_map(move |decade| {
            let digits = digits.iter();
            digits.map(move |digit| digit * 10_f64.powi(decade) * one)
        });
        let is_inside = move |value: &f64| (from..=to * (1.0 + 1e-9)).contains(value);
        numbers.filter(is_inside).collect::<Vec<_>>()
    };
    if unit != Unit::Seconds {
        return between(0.0, f64::INFINITY, 1.0);
    }
    let mut all = between(0.0, 0.9 * FIRST_MINUTE, 1.0);
    all.extend(between(FIRST_MINUTE, 0.9 * 3600.0, 60.0));
    all.extend(between(3600.0, 0.9 * DAY, 3600.0));
    all.extend(between(DAY, f64::INFINITY, DAY));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &ChartAxis, values: &[f64], most: usize) -> String {
        let scale = Scale::around(axis, values.iter().copied(), true);
        let ticks = scale.ticks(axis.unit, |ticks| ticks.len() <= most);
        let labels: Vec<String> = ticks.into_iter().map(|tick| tick.label).collect();
        labels.join(" | ")
    }

    #[test]
    fn linear_ticks_are_round() {
        let axis = |unit| ChartAxis::linear("", unit);
        let plain = labels(&axis(Unit::Plain), &[0.0, 37.0], 5);
        assert_eq!(plain, "0 | 10 | 20 | 30");
        let share = labels(&axis(Unit::Share), &[0.2, 0.97], 6);
        assert_eq!(share, "0 | 20 % | 40 % | 60 % | 80 % | 100 %");
        let minutes = labels(&axis(Unit::Seconds), &[0.0, 3500.0], 5);
        assert_eq!(minutes, "0 | 15 min | 30 min | 45 min | 60 min");
        let short = labels(&axis(Unit::Seconds), &[0.013, 0.09], 6);
        assert_eq!(short, "0 | 20 ms | 40 ms | 60 ms | 80 ms");
        let below = labels(&axis(Unit::Plain), &[-3.0, 4.0], 5);
        assert_eq!(below, "-2 | 0 | 2 | 4");
    }

    #[test]
    fn logarithmic_ticks_go_by_decades_or_finer() {
        let axis = |unit| ChartAxis::logarithmic("", unit);
        assert_eq!(labels(&axis(Unit::Plain), &[1.0, 1000.0], 4), "1 | 10 | 100 | 1k");
        assert_eq!(labels(&axis(Unit::Plain), &[1.0, 20.0], 6), "1 | 2 | 5 | 10 | 20");
        assert_eq!(
            labels(&axis(Unit::Seconds), &[0.02, 7200.0], 9),
            "100 ms | 1 s | 10 s | 1 min | 10 min | 1 h"
        );
        assert_eq!(
            labels(&axis(Unit::Share), &[0.001, 1.0], 4),
            "0.1 % | 1 % | 10 % | 100 %"
        );
        let narrow = labels(&axis(Unit::Seconds), &[0.5, 0.6], 5);
        assert!(narrow.matches('|').count() >= 2, "{narrow}");
        let wide = labels(&axis(Unit::Plain), &[1e-300, 1e299], 8);
        assert!(wide.matches('|').count() >= 2, "{wide}");
    }

    #[test]
    fn any_values_have_a_scale_with_places_on_it() {
        let nasty = [
            0.0,
            5e-324,
            1e-300,
            1.0,
            1.0 + f64::EPSILON,
            -1.0,
            1e17,
            1e299,
            -1e299,
            1e308,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        for first in nasty {
            for second in nasty {
                for axis in [
                    ChartAxis::linear("", Unit::Seconds),
                    ChartAxis::logarithmic("", Unit::Plain),
                ] {
                    for from_zero in [false, true] {
                        let scale = Scale::around(&axis, [first, second].into_iter(), from_zero);
                        assert!(scale.low < scale.high, "{first} {second}: {scale:?}");
                        let ticks = scale.ticks(axis.unit, |_| true);
                        assert!(ticks.iter().all(|tick| (-0.01..1.01).contains(&tick.share)));
                        for value in [first, second] {
                            assert!((0.0..=1.0).contains(&scale.nearest_share(value)));
                            let stands = transformed(value, axis.is_logarithmic).is_some();
                            assert_eq!(scale.share(value).is_some(), stands, "{value} on {scale:?}");
                        }
                    }
                }
            }
        }
    }
}
