//! Routers and arrival processes that are Python code.
//!
//! What such code raises leaves the simulation as a panic whose payload is the exception; [`crate::asking`] takes it
//! out again. That needs nobody's help on the way, and concerns no other question.

use std::panic::resume_unwind;
use std::vec::IntoIter;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use scoped_tls_hkt::scoped_thread_local;
use tailcast::engine::{ServerId, ServerLoad};
use tailcast::fleet::{Router, RouterMaker, RouterStart, View};
use tailcast::workload::{GapMaker, Request};

use crate::failure::refused;

/// So many gaps are drawn at once at most: going back and forth to Python costs more than a gap.
const MOST_GAPS: usize = 1024;

/// Has `work` done by Python code.
fn python<T>(work: impl FnOnce(Python<'_>) -> PyResult<T>) -> T {
    Python::attach(work).unwrap_or_else(|raised| resume_unwind(Box::new(raised)))
}

/// Makes routers by calling `make(seed)`.
pub struct PythonRouters {
    pub name: String,
    pub make: Py<PyAny>,
}

impl RouterMaker for PythonRouters {
    fn router(&self, start: &RouterStart<'_>) -> Box<dyn Router> {
        Box::new(PythonRouter {
            name: self.name.clone(),
            choose: python(|py| self.make.call1(py, (start.seed,))),
        })
    }
}

/// A router that calls `choose(request, servers)`.
struct PythonRouter {
    name: String,
    choose: Py<PyAny>,
}

impl Router for PythonRouter {
    fn choose(&mut self, request: &Request, view: &mut dyn View) -> Option<ServerId> {
        let asked = AskedRequest::of(request);
        python(|py| {
            let call = || self.choose.call1(py, (asked, Servers {}));
            let chosen = SIGHT.set(&mut RequestSight { request, view }, call)?.into_bound(py);
            if chosen.is_none() {
                return Ok(None);
            }
            let ready = view.ready();
            match chosen.extract::<u32>().map(ServerId) {
                Ok(server) if ready.binary_search(&server).is_ok() => Ok(Some(server)),
                _ => {
                    let ready: Vec<String> = ready.iter().map(|server| server.0.to_string()).collect();
                    let shown = chosen.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
                    Err(refused(
                        format!("the router {} chose {shown} for request {}", self.name, request.id),
                        format!(
                            "give the number of a server that is ready ({}), or None",
                            ready.join(", ")
                        ),
                    ))
                }
            }
        })
    }
}

/// What a router may ask while it chooses.
trait Sight {
    fn view(&mut self) -> &mut dyn View;
    fn cached_tokens(&mut self, server: ServerId) -> u32;
    fn least_to_do(&mut self) -> Option<ServerId>;
}

struct RequestSight<'a> {
    request: &'a Request,
    view: &'a mut dyn View,
}

impl Sight for RequestSight<'_> {
    fn view(&mut self) -> &mut dyn View {
        self.view
    }

    fn cached_tokens(&mut self, server: ServerId) -> u32 {
        self.view.cached_tokens(server, self.request)
    }

    fn least_to_do(&mut self) -> Option<ServerId> {
        self.view.least_to_do(self.request)
    }
}

scoped_thread_local!(
    /// What the router sees that is asked on this thread.
    static mut SIGHT: for<'a> &'a mut (dyn Sight + 'a)
);

/// What a router knows of a request.
#[pyclass(frozen, get_all, name = "Request", module = "tailcast._native")]
pub struct AskedRequest {
    /// Its place in the order of arrival, from 0, among those of its class.
    number: u64,
    /// When it came to the router first [s].
    arrival: f64,
    /// The place of its class among all, from 0.
    class_number: u8,
    /// How long its prompt is.
    prompt_tokens: u32,
    /// The most tokens that it asks for; how many it will get nobody knows.
    max_tokens: u32,
    /// Lower numbers are more urgent.
    priority: i32,
    /// The same for all turns of a session.
    session: u64,
    /// Which turn of its session it is, from 1.
    turn: u16,
}

impl AskedRequest {
    fn of(request: &Request) -> Self {
        Self {
            number: request.id.number(),
            arrival: request.arrival.seconds(),
            class_number: request.id.class().0,
            prompt_tokens: request.prompt.tokens(),
            max_tokens: request.most_answer_tokens(),
            priority: request.priority,
            session: request.session.0,
            turn: request.turn,
        }
    }
}

/// What a router knows of the servers, while it chooses.
#[pyclass(frozen, module = "tailcast._native")]
pub struct Servers {}

impl Servers {
    fn see<T>(see: impl FnOnce(&mut dyn Sight) -> T) -> PyResult<T> {
        if !SIGHT.is_set() {
            let message = "servers are seen only while the router is asked, and on the thread that asks it";
            return Err(PyRuntimeError::new_err(message));
        }
        Ok(SIGHT.with(see))
    }

    fn of<T>(server: u32, see: impl FnOnce(&mut dyn View, ServerId) -> T) -> PyResult<T> {
        let seen = Self::see(|sight| {
            let view = sight.view();
            let is_ready = view.ready().binary_search(&ServerId(server)).is_ok();
            is_ready.then(|| see(view, ServerId(server)))
        });
        seen?.ok_or_else(|| {
            refused(
                format!("server {server} is not ready"),
                "ask about one of servers.ready()",
            )
        })
    }

    fn load(server: u32) -> PyResult<ServerLoad> {
        Self::of(server, |view, server| view.load(server))
    }
}

#[expect(clippy::unused_self, reason = "Python asks them of an object")]
#[pymethods]
impl Servers {
    /// The servers that take requests and could serve this one, in the order of their numbers.
    fn ready(&self) -> PyResult<Vec<u32>> {
        Self::see(|sight| sight.view().ready().iter().map(|server| server.0).collect())
    }

    /// How many requests were sent there and have not ended.
    fn outstanding(&self, server: u32) -> PyResult<u32> {
        Self::of(server, |view, server| view.outstanding(server))
    }

    /// How many requests it can run at once.
    fn places(&self, server: u32) -> PyResult<u32> {
        Self::of(server, |view, server| view.places(server))
    }

    /// How much it takes beside others: twice as much, twice as many.
    fn weight(&self, server: u32) -> PyResult<f64> {
        Self::of(server, |view, server| view.weight(server))
    }

    /// How many requests it has in its batch.
    fn running(&self, server: u32) -> PyResult<u32> {
        Ok(Self::load(server)?.running)
    }

    /// How many requests wait in it.
    fn waiting(&self, server: u32) -> PyResult<u32> {
        Ok(Self::load(server)?.waiting)
    }

    /// Prompt tokens of the requests that wait in it.
    fn queued_tokens(&self, server: u32) -> PyResult<u64> {
        Ok(Self::load(server)?.queued_tokens)
    }

    /// The share of its KV cache that requests hold, from 0 to 1.
    fn kv_used(&self, server: u32) -> PyResult<f64> {
        let load = Self::load(server)?;
        Ok(f64::from(load.used_blocks) / f64::from(load.usable_blocks))
    }

    /// How much of its prompt the request would find in the prefix cache [tokens].
    fn cached_tokens(&self, server: u32) -> PyResult<u32> {
        Self::of(server, |_, _| ())?;
        Self::see(|sight| sight.cached_tokens(ServerId(server)))
    }

    /// The ready server with the fewest outstanding requests by its weight, as `least_outstanding` chooses.
    fn least_outstanding(&self) -> PyResult<Option<u32>> {
        Ok(Self::see(|sight| sight.view().least_outstanding())?.map(|server| server.0))
    }

    /// The ready server with the smallest share of its KV cache in use or asked for, as `least_kv` chooses.
    fn least_kv(&self) -> PyResult<Option<u32>> {
        Ok(Self::see(|sight| sight.view().least_kv())?.map(|server| server.0))
    }

    /// The ready server with the fewest tokens to compute with this request, as `prefix_aware` chooses.
    fn least_to_do(&self) -> PyResult<Option<u32>> {
        Ok(Self::see(|sight| sight.least_to_do())?.map(|server| server.0))
    }
}

/// Makes gaps by calling `gaps(rate, seed)`.
pub struct PythonArrivals {
    pub name: String,
    pub gaps: Py<PyAny>,
}

impl GapMaker for PythonArrivals {
    fn gaps(&self, seed: u64, rate_per_s: f64) -> Box<dyn Iterator<Item = f64>> {
        let drawn = python(|py| {
            let made = self.gaps.bind(py).call1((rate_per_s, seed))?;
            Ok(made.try_iter()?.unbind())
        });
        Box::new(PythonGaps {
            name: self.name.clone(),
            gaps: drawn,
            at_once: 8,
            drawn: Vec::new().into_iter(),
            end: None,
            number: 0,
        })
    }
}

/// Gaps that a Python iterator gives, of which some are drawn ahead.
struct PythonGaps {
    name: String,
    gaps: Py<PyIterator>,
    at_once: usize,
    drawn: IntoIter<f64>,
    /// What comes behind those that were drawn: nothing more, or an exception.
    end: Option<PyResult<()>>,
    /// How many were drawn.
    number: u64,
}

impl Iterator for PythonGaps {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        if let Some(gap_s) = self.drawn.next() {
            return Some(gap_s);
        }
        match self.end.take() {
            Some(Err(raised)) => resume_unwind(Box::new(raised)),
            Some(Ok(())) => {
                self.end = Some(Ok(()));
                return None;
            }
            None => {}
        }
        self.at_once = (2 * self.at_once).min(MOST_GAPS);
        self.draw();
        self.next()
    }
}

impl PythonGaps {
    fn draw(&mut self) {
        let mut drawn = Vec::with_capacity(self.at_once);
        self.end = Python::attach(|py| {
            let mut gaps = self.gaps.bind(py).clone();
            while drawn.len() < self.at_once {
                let Some(gap) = gaps.next() else { return Some(Ok(())) };
                let gap = gap.and_then(|gap| {
                    self.number += 1;
                    match gap.extract::<f64>() {
                        Ok(seconds) if seconds >= 0.0 && seconds.is_finite() => Ok(seconds),
                        _ => {
                            let shown = gap.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
                            let message = format!("gap {} of the arrivals {} is {shown}", self.number, self.name);
                            Err(refused(message, "give seconds before a request, 0 or more"))
                        }
                    }
                });
                match gap {
                    Ok(seconds) => drawn.push(seconds),
                    Err(raised) => return Some(Err(raised)),
                }
            }
            None
        });
        self.drawn = drawn.into_iter();
    }
}
