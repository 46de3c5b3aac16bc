//! The highest load at which every objective is met, with one seed and runs of one length: by bisection.

use super::aim::Aim;
use super::load_dial::LoadDial;
use super::load_kind::LoadKind;
use super::load_walk::{FIRST_STEP, FURTHEST_STEP, LoadWalk};
use super::stopped::{Simulate, Stopped};
use super::strain::Strains;
use super::{Base, Input};
use crate::config::{Diagnostic, Flag};
use crate::metrics::{Slo, SloOutcome, Summary};

/// Looks for the capacity with one seed.
pub(super) struct Bisection<'a> {
    pub(super) base: &'a Base,
    pub(super) dial: &'a LoadDial,
    /// What is changed of the scenario besides its load.
    pub(super) changes: &'a [Flag],
    /// How many times as long all steps are.
    pub(super) steps_times: f64,
    pub(super) seed: u64,
    /// How many times as long as the scenario's own its runs are.
    pub(super) length: u32,
    pub(super) simulate: &'a Simulate<'a>,
}

/// The capacity with one seed: it lies between two loads that differ by no more than
/// [`PRECISION`](super::PRECISION) or by one request.
#[derive(Clone, Debug)]
pub struct Bracket {
    /// The seed that all runs of this search have.
    pub seed: u64,
    /// A load at which all objectives were met; 0 if there is none.
    pub met: f64,
    /// The numbers at that load; `None` if there is none.
    pub at_met: Option<Summary>,
    /// A load above it at which one was missed; infinite if none was found.
    pub missed: f64,
    /// The numbers at that load.
    pub at_missed: Option<Summary>,
    /// Why the search ended before it had both.
    pub ended_because: Option<Diagnostic>,
    /// Whether that was for want of samples, of which longer runs have more.
    pub has_too_few_samples: bool,
    /// How many runs it took.
    pub runs: u32,
    /// How many times as long as the scenario's own the runs were that these numbers are of.
    pub length: u32,
    /// How many times the answer of runs a quarter as long this one is; `None` if no shorter ones were made.
    pub moved: Option<f64>,
    /// How near its runs came to the limits.
    pub(super) strains: Strains,
}

/// No search goes further from its start than by these factors.
const FURTHEST_DOWN: f64 = 1e-9;
const FURTHEST_UP: f64 = 1e5;
/// Where no lower load meets the objectives, a higher one may: batches that wait for company are slow at low loads. So
/// often it is doubled.
const DOUBLED_IN_SEARCH_OF_ANY: i32 = 6;
/// A guess is no further than this from the load that it is made from.
const FURTHEST_GUESS: f64 = 4.0;
/// Runs become so many times as long.
const LENGTHENED_BY: u32 = 4;
/// What to do about too few samples.
const MORE_REQUESTS: &str = "a p99 needs 1,000 requests, a p99.9 10,000: raise workload.requests (or the duration, or \
                             a trace's limit), or ask for another statistic";

/// How an attempt at a load went.
enum Attempt {
    Met(Summary, Vec<Slo>),
    Missed(Summary, Vec<Slo>),
    /// It has too few samples to be judged.
    TooShort(Diagnostic),
    /// Its runs have so few requests that the load was never there.
    Beyond(u64, Diagnostic),
    /// It could not be made, or not be judged whatever its length.
    Unknown(Diagnostic),
}

impl Attempt {
    const fn is_met(&self) -> bool {
        matches!(self, Self::Met(..))
    }
}

impl Bisection<'_> {
    /// The capacity in runs some times as long as those of `before`, which begin where that ended; `None` if they would
    /// be too long, or if `before` has no loads to begin with.
    pub(super) fn longer(&self, before: &Bracket, seeds: usize) -> Result<Option<Bracket>, Stopped> {
        let kind = self.dial.kind();
        let (load, length) = (before.capacity(kind), before.length * LENGTHENED_BY);
        if !before.is_closed() || !self.dial.allows_length(load, length, seeds) {
            return Ok(None);
        }
        let next = self.of_length(length).search_around(load, &before.strains)?;
        let runs = before.runs + next.runs;
        Ok(Some(if next.is_closed() {
            let moved = Some(next.capacity(kind) / load);
            Bracket { runs, moved, ..next }
        } else {
            Bracket { runs, ..before.clone() }
        }))
    }

    /// The capacity in the shortest runs that have enough samples; as far as the shortest of all tell if none has, of
    /// those that are at most so many times as long as the scenario's own.
    pub(super) fn first(&self, start: f64, longest: u32) -> Result<Bracket, Stopped> {
        let shortest = self.search(start)?;
        let mut length = self.length * LENGTHENED_BY;
        while shortest.has_too_few_samples && length <= longest && self.dial.allows_length(start, length, 1) {
            let longer = self.of_length(length).search(start)?;
            if !longer.has_too_few_samples {
                return longer.known();
            }
            length = length.saturating_mul(LENGTHENED_BY);
        }
        shortest.known()
    }

    fn of_length(&self, length: u32) -> Self {
        Self { length, ..*self }
    }

    /// What a run at a load is like.
    pub(super) fn at(&self, load: f64) -> Result<Summary, Stopped> {
        Ok(self.run(load)?.1)
    }

    fn run(&self, load: f64) -> Result<(Input, Summary), Stopped> {
        let mut flags = self.changes.to_vec();
        flags.extend(self.dial.flags_of_length(load, self.length));
        let at = || self.dial.kind().with_unit(load);
        let read = self.base.with(&flags);
        let input = read.map_err(|problem| Stopped::Invalid(at(), problem))?;
        let input = input.with_steps_times(self.steps_times);
        let recording = (self.simulate)(&input, self.seed).map_err(|stopped| stopped.about(&format!("at {}", at())))?;
        Ok((input, Summary::of(&recording)))
    }

    fn attempt(&self, load: f64) -> Result<Attempt, Stopped> {
        let (input, summary) = match self.run(load) {
            Ok(done) => done,
            // A load that no scenario may have, or that would run for months, ends the search in its direction.
            Err(Stopped::Failed(why)) => return Ok(Attempt::Unknown(why)),
            Err(Stopped::Invalid(at, problem)) => {
                return Ok(Attempt::Unknown(Diagnostic::from(problem).about(&at)));
            }
            Err(Stopped::Interrupted) => return Err(Stopped::Interrupted),
        };
        let sent = summary.requests.arrived;
        if sent > 0 && self.dial.kind().exceeds(load, sent) {
            let at = self.dial.kind().with_unit(load);
            let message = format!("at {at} a run has only {sent} requests, so that so many are never there at once");
            return Ok(Attempt::Beyond(sent, Diagnostic::new(message).help(MORE_REQUESTS)));
        }
        Ok(match summary.is_met {
            Some(true) => Attempt::Met(summary, input.slos),
            Some(false) => Attempt::Missed(summary, input.slos),
            None => self.too_few(load, &input.slos, &summary),
        })
    }

    /// Doubles or halves until one load is met and another is not, then halves what lies between them.
    fn search(&self, start: f64) -> Result<Bracket, Stopped> {
        let kind = self.dial.kind();
        let mut bracket = self.nothing_yet();
        let (mut start, mut first) = (kind.rounded(start), self.attempt(kind.rounded(start))?);
        if let Attempt::Beyond(sent, _) = first {
            start = kind.rounded(sent as f64);
            first = self.attempt(start)?;
        }
        if !bracket.take(start, first) {
            return Ok(bracket);
        }
        let next_down = |bracket: &Bracket| kind.rounded(bracket.missed / 2.0);
        while bracket.at_met.is_none() {
            let load = next_down(&bracket);
            if load >= bracket.missed || load < start * FURTHEST_DOWN {
                break;
            }
            if !bracket.take(load, self.attempt(load)?) {
                break;
            }
        }
        if bracket.at_met.is_none() {
            self.look_above(&mut bracket, start)?;
        }
        let most = self.dial.highest().unwrap_or(start.max(1.0) * FURTHEST_UP);
        while bracket.at_met.is_some() && bracket.missed.is_infinite() {
            let load = kind.rounded(bracket.met * 2.0);
            if load > most || !bracket.take(load, self.attempt(load)?) {
                break;
            }
        }
        if !bracket.is_closed() {
            return Ok(bracket);
        }
        let walk = LoadWalk::between(kind, bracket.met, bracket.missed);
        self.walk(bracket, walk, &Strains::default())
    }

    /// Looks for the capacity where it is nearly known to be; `like` are the strains of a server that may be similar.
    pub(super) fn search_around(&self, load: f64, like: &Strains) -> Result<Bracket, Stopped> {
        let walk = LoadWalk::around(self.dial.kind(), load);
        self.walk(self.nothing_yet(), walk, like)
    }

    /// What [`search_around`](Self::search_around) finds around the capacity of a bracket that is known of the same
    /// runs, and is closed: what is below the bracket is met and what is above it is not.
    pub(super) fn again(&self, known: &Bracket) -> Result<Bracket, Stopped> {
        let kind = self.dial.kind();
        let walk = LoadWalk::around(kind, known.capacity(kind));
        let bracket = Bracket {
            runs: 0,
            ..known.clone()
        };
        self.walk(bracket, walk, &Strains::default())
    }

    /// What [`search_around`](Self::search_around) finds around the capacity of a bracket that is known of the server
    /// without these changes; `None` if they change nothing of the run at the load that was missed. Limits that do not
    /// matter there do not matter at lower loads, so that the capacity is the same.
    pub(super) fn changed(&self, known: &Bracket) -> Result<Option<Bracket>, Stopped> {
        let load = known.capacity(self.dial.kind());
        let Some(before) = known.at_missed.as_ref().filter(|_| known.is_closed()) else {
            return self.search_around(load, &known.strains).map(Some);
        };
        let mut bracket = self.nothing_yet();
        if !bracket.take(known.missed, self.attempt(known.missed)?) {
            return self.search_around(load, &known.strains).map(Some);
        }
        let is_as_before = |now: &Summary| now.latency == before.latency && now.requests == before.requests;
        if bracket.at_missed.as_ref().is_some_and(is_as_before) {
            return Ok(None);
        }
        let walk = LoadWalk::around(self.dial.kind(), load);
        self.walk(bracket, walk, &known.strains).map(Some)
    }

    /// Goes where a walk goes from a bracket, and ends where it ends: by guesses, or one load after another where a
    /// run cannot be judged.
    fn walk(&self, from: Bracket, walk: LoadWalk, like: &Strains) -> Result<Bracket, Stopped> {
        let mut bracket = from.clone();
        if self.settle(&mut bracket, walk, like)? {
            return Ok(bracket);
        }
        let runs = bracket.runs;
        self.follow(Bracket { runs, ..from }, walk)
    }

    /// Tries one load of a walk after another.
    fn follow(&self, mut bracket: Bracket, mut walk: LoadWalk) -> Result<Bracket, Stopped> {
        while let Some(load) = walk.next() {
            let attempt = self.attempt(load)?;
            let is_met = attempt.is_met();
            if !bracket.take(load, attempt) {
                break;
            }
            walk.take(load, is_met);
        }
        Ok(bracket)
    }

    /// Finds the ends of a walk in fewer runs than it has loads: guesses the capacity, tries the two loads between
    /// which the walk would then end, and guesses again. The ends are those of the walk wherever one load is met if a
    /// higher one is. False if a run could not be judged.
    fn settle(&self, bracket: &mut Bracket, walk: LoadWalk, like: &Strains) -> Result<bool, Stopped> {
        let (mut steps, mut aim) = (0, Aim::default());
        loop {
            let (met, missed) = (bracket.met, bracket.missed);
            let guess = if bracket.is_closed() {
                bracket.guess_between(&aim)
            } else if bracket.is_empty() {
                walk.start()
            } else {
                steps += 1;
                bracket.guess_beyond(like, steps)
            };
            let ends = walk.ends(guess.min(missed.next_down()).max(met));
            let load = match (ends.0 > met, ends.1 < missed) {
                (false, false) => {
                    (bracket.met, bracket.missed) = ends;
                    return Ok(true);
                }
                // Strains rise ever faster, so that the guess is too low rather than too high.
                (is_new, true) if !is_new || met > 0.0 || missed.is_infinite() => ends.1,
                _ => ends.0,
            };
            let attempt = self.attempt(load)?;
            let is_met = attempt.is_met();
            if !bracket.take(load, attempt) {
                return Ok(false);
            }
            aim.correct(is_met, bracket.missed / bracket.met);
        }
    }

    /// Looks for a load above `start` that is met, where none below it is.
    fn look_above(&self, bracket: &mut Bracket, start: f64) -> Result<(), Stopped> {
        let below = bracket.clone();
        for doubled in 1..=DOUBLED_IN_SEARCH_OF_ANY {
            let load = self.dial.kind().rounded(start * 2.0_f64.powi(doubled));
            let attempt = self.attempt(load)?;
            let is_met = attempt.is_met();
            if is_met {
                // Whatever was missed lies below.
                (bracket.missed, bracket.at_missed) = (f64::INFINITY, None);
                bracket.ended_because = None;
                bracket.has_too_few_samples = false;
            }
            if !bracket.take(load, attempt) || is_met {
                break;
            }
        }
        if bracket.at_met.is_none() {
            let runs = bracket.runs;
            *bracket = Bracket { runs, ..below };
        }
        Ok(())
    }

    fn too_few(&self, load: f64, slos: &[Slo], summary: &Summary) -> Attempt {
        let at = self.dial.kind().with_unit(load);
        let is_unknown = |slo: &&Slo| slo.judge(summary).outcome == SloOutcome::Unknown;
        let Some(slo) = slos.iter().find(is_unknown) else {
            // Then it is one of a class, of whose requests there are fewer.
            let name = summary.of_classes.map(|it| it.result.slo.to_string());
            let message = format!(
                "at {at} a class has too few samples to judge {}",
                name.unwrap_or_default()
            );
            return Attempt::TooShort(Diagnostic::new(message).help(MORE_REQUESTS));
        };
        let samples = slo.as_latency().map_or(0, |slo| summary.latency.of(slo.metric).count);
        let name = slo.to_string();
        if summary.requests.finished == 0 {
            let message = format!("at {at} no request was answered");
            return Attempt::Unknown(Diagnostic::new(message).help("`tailcast run` shows what became of them"));
        }
        if samples == 0 {
            let message =
                format!("at {at} nothing can be said of {name}: responses come as a whole, or are a single token");
            return Attempt::Unknown(Diagnostic::new(message).help("ask for another latency, such as e2e.p99"));
        }
        let message = format!("at {at} a run has {samples} samples, too few to judge {name}");
        Attempt::TooShort(Diagnostic::new(message).help(MORE_REQUESTS))
    }

    fn nothing_yet(&self) -> Bracket {
        Bracket {
            seed: self.seed,
            met: 0.0,
            at_met: None,
            missed: f64::INFINITY,
            at_missed: None,
            ended_because: None,
            has_too_few_samples: false,
            runs: 0,
            length: self.length,
            moved: None,
            strains: Strains::default(),
        }
    }
}

impl Bracket {
    /// The bracket, unless its search could not even begin.
    fn known(self) -> Result<Self, Stopped> {
        match self.ended_because {
            Some(why) if self.at_met.is_none() && self.at_missed.is_none() => Err(Stopped::Failed(why)),
            _ => Ok(self),
        }
    }

    /// Whether it has a load on either side of the capacity.
    pub(super) fn is_closed(&self) -> bool {
        self.at_met.is_some() && self.missed.is_finite()
    }

    /// Whether no attempt told anything.
    pub(super) const fn is_empty(&self) -> bool {
        self.at_met.is_none() && self.missed.is_infinite()
    }

    /// Takes an attempt in; false if it told nothing.
    fn take(&mut self, load: f64, attempt: Attempt) -> bool {
        self.runs += 1;
        self.has_too_few_samples |= matches!(attempt, Attempt::TooShort(_));
        match attempt {
            Attempt::Met(summary, slos) => {
                self.strains.note(load, &slos, &summary);
                (self.met, self.at_met) = (load, Some(summary));
            }
            Attempt::Missed(summary, slos) => {
                self.strains.note(load, &slos, &summary);
                (self.missed, self.at_missed) = (load, Some(summary));
            }
            Attempt::TooShort(why) | Attempt::Beyond(_, why) | Attempt::Unknown(why) => {
                self.ended_because = Some(why);
                return false;
            }
        }
        true
    }

    /// Where between its two loads the capacity may be: strains are taken to rise evenly. In the middle where they are
    /// not known, or such guesses were of little use.
    fn guess_between(&self, aim: &Aim) -> f64 {
        let (met, missed) = (self.met, self.missed);
        match self.strains.at(met).zip(self.strains.at(missed)) {
            Some((below, above)) if !aim.is_at_middle() => {
                let (below, above) = (below * aim.below, above * aim.above);
                met * (missed / met).powf(below / (below - above))
            }
            _ => (met * missed).sqrt(),
        }
    }

    /// Where the capacity may be of a bracket with loads on one side of it. The first of such guesses is that strains
    /// rise as those of a server like this one do; the others are steps that become wider.
    fn guess_beyond(&self, like: &Strains, steps: u32) -> f64 {
        let load = if self.at_met.is_some() { self.met } else { self.missed };
        let likeness = || Some(like.load_of(0.0)? / like.load_of(self.strains.at(load)?)?);
        let step = || {
            let step = FIRST_STEP.powf(f64::from(steps - 1).exp2()).min(FURTHEST_STEP);
            if self.at_met.is_some() { step } else { 1.0 / step }
        };
        let times = likeness().filter(|_| steps == 1).unwrap_or_else(step);
        load * times.clamp(1.0 / FURTHEST_GUESS, FURTHEST_GUESS)
    }

    /// The capacity: what lies in the middle of the two loads, or the lower one if it is known exactly or nothing is
    /// known above it; 0 if there is none.
    pub fn capacity(&self, kind: LoadKind) -> f64 {
        if self.missed.is_infinite() || kind.counts_clients() && self.missed <= self.met + 1.0 {
            return self.met;
        }
        (self.met * self.missed).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{Bounds, Control, run};
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn scenario(random: &mut Xoshiro256PlusPlus) -> Base {
        let slo = [
            "\"ttft.p99\" = \"300ms\"",
            "\"e2e.mean\" = \"2s\"",
            "\"tpot.p90\" = \"12ms\"",
            "\"ttft.p90\" = \"1s\"\n\"tpot.mean\" = \"9ms\"",
            "success = \"99%\"\n\"e2e.p90\" = \"4s\"",
        ][random.random_range(0..5)];
        let (rate, seats) = (random.random_range(0.5..8.0), random.random_range(2..40));
        let (base, each) = (random.random_range(2_000..9_000), random.random_range(50..600));
        let sigma = random.random_range(0.1..1.2);
        Base::from_toml(&format!(
            "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n\
             step_time = {{ base_us = {base}, per_seq_us = {each} }}\n\
             [batching]\npolicy = \"continuous\"\nmax_num_seqs = {seats}\n\
             [workload]\nrequests = 3000\narrivals = {{ process = \"poisson\", rate = {rate} }}\n\
             prompt = {{ dist = \"fixed\", value = 200 }}\n\
             output = {{ dist = \"lognormal\", median = 100, sigma = {sigma}, max = 900 }}\n[slo]\n{slo}\n"
        ))
    }

    #[test]
    fn a_changed_server_has_the_capacity_that_trying_one_load_after_another_finds_in_fewer_runs() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(23);
        let (mut runs, mut runs_of_walks, mut other_ends) = (0, 0, 0);
        let simulate = |input: &Input, seed| {
            let made = run(input, seed, Vec::new(), &Control::default(), &Bounds::default());
            Ok(made.map_err(Stopped::from)?.recording)
        };
        for seed in 0..60 {
            let base = scenario(&mut random);
            let input = base.load().expect("a scenario");
            let kind = LoadKind::of(&input);
            let dial = LoadDial::new(kind, &input).expect("a dial");
            let before = Bisection {
                base: &base,
                dial: &dial,
                changes: &[],
                steps_times: 1.0,
                seed,
                length: 1,
                simulate: &simulate,
            };
            let known = before.search(4.0).expect("runs can be made");
            if known.ended_because.is_some() || !known.is_closed() {
                continue;
            }
            let again = before.again(&known).expect("runs can be made");
            assert!(again.runs <= 1 && again.is_closed(), "{} runs", again.runs);
            let steps_times = [1.0, 10.0_f64.powf(random.random_range(-0.3..0.2))][seed as usize % 2];
            let bisection = Bisection { steps_times, ..before };
            let load = known.capacity(kind);
            let guessed = bisection.changed(&known).expect("runs can be made");
            let guessed = guessed.unwrap_or(Bracket { runs: 1, ..again });
            let walk = LoadWalk::around(kind, load);
            let walked = bisection
                .follow(bisection.nothing_yet(), walk)
                .expect("runs can be made");
            runs += guessed.runs;
            runs_of_walks += walked.runs;
            if (guessed.met, guessed.missed) != (walked.met, walked.missed) {
                // Latencies that fall as the load rises have several capacities: each is as right as the others.
                other_ends += 1;
                let is_met = |load| bisection.is_met(load) == Some(true);
                assert!(is_met(walked.met) && !is_met(walked.missed), "seed {seed}");
                // Of a server that is not changed its capacity tells without a run what lies beyond either of its ends.
                let is_same = seed % 2 == 0;
                let is_right = [
                    is_same && guessed.met <= known.met || is_met(guessed.met),
                    is_same && guessed.missed >= known.missed || !is_met(guessed.missed),
                ];
                assert_eq!(is_right, [true; 2], "seed {seed}");
                assert!(guessed.missed <= guessed.met * 1.0101, "seed {seed}");
            }
        }
        assert!(other_ends <= 3, "{other_ends} of 60");
        assert!(4 * runs < 3 * runs_of_walks, "{runs} runs, not {runs_of_walks}");
    }

    impl Bisection<'_> {
        fn is_met(&self, load: f64) -> Option<bool> {
            self.at(load).expect("runs can be made").is_met
        }
    }
}
