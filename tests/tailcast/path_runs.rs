//! Runs paths without servers: the model answers after a time that is a function of the call.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tailcast::path::{
    EndedPath, PathBooks, PathFallback, PathSource, PathStage, PathStation, PlaceOnPath, RequestPath, StageOutages,
    StageWork,
};
use tailcast::units::{Span, Time};
use tailcast::workload::trace::TraceError;
use tailcast::workload::{Prompt, Request, RequestId, Source, SpanDistribution};

/// Requests that come at these times, and how each ended.
pub struct Asked {
    arrivals: VecDeque<Time>,
    taken: u64,
    /// Which, when, and whether with an answer; in the order of being told.
    pub ended: Vec<(RequestId, Time, bool)>,
}

impl Asked {
    pub fn at(arrivals: impl IntoIterator<Item = Time>) -> Self {
        Self {
            arrivals: arrivals.into_iter().collect(),
            taken: 0,
            ended: Vec::new(),
        }
    }
}

impl Source for Asked {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        Ok(self.arrivals.front().copied())
    }

    fn take(&mut self) -> Request {
        let id = RequestId(self.taken);
        self.taken += 1;
        let arrival = self.arrivals.pop_front().expect("one is due");
        Request::new(id, arrival, Prompt::unique(100), 10, 10)
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        self.ended.push((id, at, true));
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        self.ended.push((id, at, false));
    }

    fn is_closed_loop(&self) -> bool {
        false
    }
}

/// How a model answers its n-th call: after a while, or after a while not.
pub type Answer = dyn Fn(u64) -> (Span, bool);

/// All paths of a run in the order of their ends, and the calls as the model got them.
pub fn drive(source: &mut Asked, path: &RequestPath, seed: u64, answer: &Answer) -> (Vec<EndedPath>, Vec<Request>) {
    let books = PathBooks::kept();
    let mut paths = PathSource::new(source, path, seed, books.clone());
    let mut answers: BinaryHeap<Reverse<(Time, u64, RequestId, bool)>> = BinaryHeap::new();
    let mut calls: Vec<Request> = Vec::new();
    loop {
        let arrival = paths.next_arrival().unwrap();
        if let Some(&Reverse((at, _, id, is_answered))) = answers.peek()
            && arrival.is_none_or(|arrival| at <= arrival)
        {
            answers.pop();
            if is_answered {
                paths.finished(id, at);
            } else {
                paths.rejected(id, at);
            }
            continue;
        }
        let Some(arrival) = arrival else { break };
        if paths.arrives() {
            let call = paths.take();
            assert_eq!(call.arrival, arrival, "a call comes when it was announced");
            let number = calls.len() as u64;
            assert_eq!(call.id, RequestId(number), "calls are numbered as they come");
            let (takes, is_answered) = answer(number);
            answers.push(Reverse((arrival + takes, number, call.id, is_answered)));
            calls.push(call);
        }
    }
    let ended = std::iter::from_fn(|| books.take()).collect();
    (ended, calls)
}

pub fn seconds(seconds: f64) -> Span {
    Span::from_seconds(seconds).unwrap()
}

/// A stage on the path, behind these.
pub fn stage(name: &str, work: StageWork, after: &[usize]) -> PathStage {
    PathStage {
        name: name.to_owned(),
        work,
        place: PlaceOnPath::After(after.to_vec()),
        times: 1,
        outages: StageOutages::Never,
        fallback: PathFallback::Fail,
    }
}

pub const fn station(servers: u32, service: SpanDistribution) -> StageWork {
    StageWork::Station(PathStation {
        servers,
        service,
        queue: None,
        batch: 1,
    })
}

/// A path whose model is the stage at this place.
pub const fn path_of(stages: Vec<PathStage>, model: usize) -> RequestPath {
    RequestPath {
        stages,
        model,
        max_model_len: 100_000,
    }
}
