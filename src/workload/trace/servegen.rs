//! Windows of `ServeGen` (github.com/alibaba/ServeGen, arXiv:2505.09999; `chunk-N-trace.csv`): CSV without a header, a
//! row a window of time of one client: its start in seconds, the rate, the coefficient of variation of the gaps between
//! arrivals, their family (`Gamma` or `Weibull`) and two parameters that were fitted to them.
//!
//! In each window arrivals are a stationary renewal process of that family with that rate and variation, so that the
//! mean number of arrivals is the rate times the length of the window, however bursty they are. The fitted parameters,
//! which have other means, are read past. Lengths are not in the file: the scenario says them.

use rand::RngExt;
use rand_distr::{Distribution, Gamma};

use super::error::TraceError;
use super::first_line::{FirstLine, Needs};
use super::format::TraceFormat;
use super::hints::TraceHints;
use super::lines::Lines;
use super::number::Complaint;
use super::row::{Row, Rows};
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::PICOS_PER_SECOND;
use crate::workload::arrivals::{Arrivals, Gaps};
use crate::workload::portable::Portable;

/// The format of `ServeGen`'s windows.
pub struct ServeGen;

/// How long a window is where a file has one only [s].
const WINDOW_S: f64 = 600.0;
/// Longer windows and higher rates are mistakes [s, requests/s].
const MOST_WINDOW_S: f64 = 86_400.0;
const MOST_RATE_PER_S: f64 = 100_000.0;
const COLUMNS: [&str; 4] = ["start", "rate", "cv", "family"];
const FAMILIES: [&str; 3] = ["", "Gamma", "Weibull"];

impl TraceFormat for ServeGen {
    fn name(&self) -> &'static str {
        "servegen"
    }

    fn looks_like(&self) -> &'static str {
        "CSV without a header: start of a window in seconds, rate, CV, Gamma or Weibull, parameters (lengths are the \
         scenario's)"
    }

    fn needs(&self) -> Needs {
        Needs::Other
    }

    fn recognises(&self, first: &FirstLine) -> bool {
        let FirstLine::Columns(fields) = first else {
            return false;
        };
        fields.len() >= COLUMNS.len()
            && fields[..3].iter().all(|field| field.parse::<f64>().is_ok())
            && FAMILIES.contains(&fields[3].as_str())
    }

    fn rows(&self, lines: Lines, _: &TraceHints, seed: u64) -> Result<Box<dyn Rows>, TraceError> {
        Ok(Box::new(ServeGenRows {
            lines,
            random: stream(seed, "servegen"),
            window: None,
            ahead: None,
            has_begun: false,
            last_len_s: WINDOW_S,
            rows: 0,
        }))
    }

    fn has_lengths(&self) -> bool {
        false
    }
}

/// A window, as it stands in the file.
#[derive(Clone, Copy)]
struct Window {
    start_s: f64,
    rate_per_s: f64,
    cv: f64,
    is_weibull: bool,
    line: u64,
}

/// A window whose arrivals are being drawn.
struct Drawn {
    gaps: Gaps,
    /// When its next arrival is, from its start [ps].
    next_picos: f64,
    /// [ps].
    start_picos: i128,
    len_picos: f64,
    line: u64,
}

struct ServeGenRows {
    lines: Lines,
    random: Xoshiro256PlusPlus,
    window: Option<Drawn>,
    /// The window after that.
    ahead: Option<Window>,
    has_begun: bool,
    /// How long the window before lasted [s].
    last_len_s: f64,
    rows: u64,
}

impl Rows for ServeGenRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        loop {
            if let Some(window) = &mut self.window
                && window.next_picos < window.len_picos
            {
                *row = Row {
                    number: self.rows,
                    line: window.line,
                    arrival_picos: window.start_picos + window.next_picos.round() as i128,
                    arrival_column: 1,
                    input_tokens: 1,
                    output_tokens: 1,
                    ..Row::default()
                };
                window.next_picos += window.gaps.draw(&mut self.random).max(1.0);
                self.rows += 1;
                return Ok(true);
            }
            let Some(window) = self.next_window()? else {
                return Ok(false);
            };
            if window.rate_per_s > 0.0 {
                self.window = Some(window.drawn(self.last_len_s, &mut self.random));
            }
        }
    }

    fn arrival_field(&self) -> &'static str {
        "start"
    }

    /// From the start of the first window in which anything arrives to the end of the last one.
    fn drawn_rate_per_s(&mut self) -> Result<Option<f64>, TraceError> {
        let (mut requests, mut span_s, mut pause_s) = (0.0, 0.0, 0.0);
        while let Some(window) = self.next_window()? {
            pause_s += self.last_len_s;
            if window.rate_per_s > 0.0 {
                let before_s = if requests > 0.0 { pause_s } else { self.last_len_s };
                requests += window.rate_per_s * self.last_len_s;
                span_s += before_s;
                pause_s = 0.0;
            }
        }
        Ok((requests > 0.0).then_some(requests / span_s))
    }
}

impl ServeGenRows {
    /// The next window, which lasts as long as `last_len_s` then says.
    fn next_window(&mut self) -> Result<Option<Window>, TraceError> {
        self.window = None;
        if !std::mem::replace(&mut self.has_begun, true) {
            self.ahead = self.read_window()?;
        }
        let Some(window) = self.ahead.take() else {
            return Ok(None);
        };
        self.ahead = self.read_window()?;
        if let Some(ahead) = &self.ahead {
            self.last_len_s = ahead.start_s - window.start_s;
            if self.last_len_s <= 0.0 {
                let message = "is not after the start of the window before; sort the windows by their start";
                return Err(self.error(0, message).fatal());
            }
            if self.last_len_s > MOST_WINDOW_S {
                let message = "is more than a day after the start of the window before; write windows in between";
                return Err(self.error(0, message).fatal());
            }
        }
        Ok(Some(window))
    }

    fn read_window(&mut self) -> Result<Option<Window>, TraceError> {
        if !self.lines.next()? {
            return Ok(None);
        }
        let number = |column: usize, most: f64| {
            let text = field(self.lines.line(), column);
            let number: Option<f64> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            let number = number.filter(|number| (0.0..=most).contains(number));
            number.ok_or_else(|| self.error(column, "is not a number in range; write e.g. 0.5").fatal())
        };
        let rate_per_s = number(1, MOST_RATE_PER_S)?;
        // Of a window without requests nothing else is known, whatever stands there.
        let is_empty = rate_per_s == 0.0;
        let window = Window {
            start_s: number(0, 1e12)?,
            rate_per_s,
            cv: if is_empty { 0.0 } else { number(2, 1000.0)? },
            is_weibull: match field(self.lines.line(), 3) {
                _ if is_empty => false,
                b"Weibull" => true,
                b"Gamma" => false,
                _ => return Err(self.error(3, "is no family of gaps; write Gamma or Weibull").fatal()),
            },
            line: self.lines.number(),
        };
        Ok(Some(window))
    }

    fn error(&self, column: usize, message: Complaint) -> TraceError {
        let error = TraceError::of_line(self.lines.path(), self.lines.number(), message);
        error.at(column as u64 + 1, COLUMNS[column], field(self.lines.line(), column))
    }
}

fn field(line: &[u8], column: usize) -> &[u8] {
    let field = line.split(|&byte| byte == b',').nth(column);
    field.unwrap_or_default().trim_ascii()
}

impl Window {
    fn drawn(self, len_s: f64, random: &mut Xoshiro256PlusPlus) -> Drawn {
        let second = PICOS_PER_SECOND as f64;
        let Self { rate_per_s, cv, .. } = self;
        // Less variation than this is none.
        let (gaps, next_picos) = if cv < 0.01 {
            (
                Gaps::new(&Arrivals::Constant { rate_per_s }),
                random.random::<f64>() / rate_per_s * second,
            )
        } else if self.is_weibull {
            let shape = weibull_shape(cv);
            let gaps = Gaps::new(&Arrivals::Weibull { rate_per_s, shape });
            // Who looks at any time looks into a gap that is longer by its length: its power is gamma-distributed.
            let scale = second / rate_per_s / libm::tgamma(1.0 + 1.0 / shape);
            let power = draw_gamma(1.0 + 1.0 / shape, 1.0, random);
            (gaps, scale * libm::pow(power, 1.0 / shape) * random.random::<f64>())
        } else {
            let shape = 1.0 / (cv * cv);
            let gaps = Gaps::new(&Arrivals::Gamma { rate_per_s, cv });
            let scale = second / rate_per_s / shape;
            (gaps, draw_gamma(shape + 1.0, scale, random) * random.random::<f64>())
        };
        Drawn {
            gaps: gaps.expect("these are renewal processes"),
            next_picos,
            start_picos: (self.start_s * second).round() as i128,
            len_picos: len_s * second,
            line: self.line,
        }
    }
}

fn draw_gamma(shape: f64, scale: f64, random: &mut Xoshiro256PlusPlus) -> f64 {
    let gamma = Gamma::new(Portable(shape), Portable(scale));
    gamma.expect("shape and scale are positive").sample(random).0
}

/// The shape of a Weibull distribution with this coefficient of variation.
fn weibull_shape(cv: f64) -> f64 {
    // The more the shape, the less the variation. 200 halvings would be as exact as numbers are.
    let (mut low, mut high) = (0.05_f64, 200.0_f64);
    for _ in 0..60 {
        let shape = f64::midpoint(low, high);
        let log_ratio = libm::lgamma(1.0 + 2.0 / shape) - 2.0 * libm::lgamma(1.0 + 1.0 / shape);
        if libm::expm1(log_ratio) > cv * cv {
            low = shape;
        } else {
            high = shape;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_variation_that_they_are_for() {
        assert!((weibull_shape(1.0) - 1.0).abs() < 1e-9);
        // Gamma(3) / Gamma(2)^2 - 1 = 1 has shape 1; at shape 1/2 the CV is sqrt(24 / 4 - 1).
        assert!((weibull_shape(5_f64.sqrt()) - 0.5).abs() < 1e-9);
    }
}
