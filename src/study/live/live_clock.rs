//! Which instant of the simulation it is.

use std::time::{Duration, Instant};

use crate::units::{PICOS_PER_SECOND, Time};

/// A clock of simulated time that passes as real time does, or so many times as fast.
#[derive(Clone, Copy, Debug)]
pub struct LiveClock {
    start: Instant,
    speed: f64,
}

impl LiveClock {
    /// A clock that starts now, and on which so many seconds pass in one.
    pub fn start(speed: f64) -> Self {
        Self {
            start: Instant::now(),
            speed,
        }
    }

    /// What it shows at an instant; its start before that.
    pub fn time(&self, at: Instant) -> Time {
        let passed = at.saturating_duration_since(self.start).as_secs_f64();
        let picos = passed * self.speed * PICOS_PER_SECOND as f64;
        Time::from_picos(picos as u64).min(Time::LIMIT)
    }

    /// When it shows this time.
    pub fn instant(&self, time: Time) -> Instant {
        self.start + Duration::from_secs_f64(time.seconds() / self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_what_it_says_at_every_speed() {
        for speed in [0.1, 1.0, 10.0] {
            let clock = LiveClock::start(speed);
            for seconds in [0, 3, 86_400] {
                let time = Time::from_picos(seconds * PICOS_PER_SECOND);
                let error = clock.time(clock.instant(time)).seconds() - time.seconds();
                assert!(error.abs() < 1e-6, "{speed} {seconds} {error}");
            }
        }
    }
}
