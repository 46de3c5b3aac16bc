//! Bounds on the work that the page asks for, so that the server goes on serving: few questions at once, each for a
//! limited time and with limited memory, and none for whoever has left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::timeout;

use super::refusal::PageRefusal;
use crate::answer::{Control, MemoryLimit, Problem};

/// What may be done at once, and for how long.
pub struct Work {
    places: Arc<Semaphore>,
    /// Those who wait for a place.
    waiting: AtomicU32,
    memory: Arc<MemoryLimit>,
    threads: u32,
}

/// An answer may take so long, whatever whoever asks would allow.
const LONGEST: Duration = Duration::from_secs(20);
/// An answer may take so long if nobody says.
const USUAL: Duration = Duration::from_secs(10);
/// A place is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than that wait for nothing.
const MOST_WAITING: u32 = 32;
/// The requests in all simulated servers take so much memory at most.
const MEMORY_BYTES: u64 = 1 << 30;

impl Work {
    /// As much as leaves a processor to those who are served, if there are several.
    pub fn usual() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.saturating_sub(1).clamp(1, 4);
        Self {
            places: Arc::new(Semaphore::new(threads.max(2))),
            waiting: AtomicU32::new(0),
            memory: Arc::new(MemoryLimit::new(MEMORY_BYTES)),
            threads: threads as u32,
        }
    }

    /// Answers a question on a thread of its own. It is stopped after `limit`, or when nobody waits for it any more.
    pub async fn answer(
        &self,
        limit: Option<Duration>,
        answer: impl FnOnce(&Control) -> Result<Value, Problem> + Send + 'static,
    ) -> Result<Value, PageRefusal> {
        let place = {
            let Some(_waits) = Waits::among(&self.waiting) else {
                return Err(PageRefusal::busy());
            };
            let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
            place.map_err(|_| PageRefusal::busy())?.expect("it is never closed")
        };
        let control = Control {
            threads: Some(self.threads),
            memory: Arc::clone(&self.memory),
            ..Control::default()
        };
        let stops = Stops(Arc::clone(&control.stop));
        let mut work = task::spawn_blocking(move || {
            let _place = place;
            answer(&control)
        });
        let limit = limit.unwrap_or(USUAL).min(LONGEST);
        let ended = if let Ok(ended) = timeout(limit, &mut work).await {
            ended
        } else {
            stops.stop();
            work.await
        };
        let answer = ended.map_err(|_| PageRefusal::broken())?;
        answer.map_err(|problem| PageRefusal::of(&problem))
    }
}

/// Counted while it waits.
struct Waits<'a>(&'a AtomicU32);

impl<'a> Waits<'a> {
    /// One of those who wait, unless there are enough of them.
    fn among(waiting: &'a AtomicU32) -> Option<Self> {
        let waits = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING).then_some(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Stops a simulation when it is dropped: a client that leaves drops what waits for its answer.
struct Stops(Arc<AtomicBool>);

impl Stops {
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        self.stop();
    }
}
