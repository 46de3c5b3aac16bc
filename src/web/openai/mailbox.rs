//! What has come for a request and was not sent yet: a number of tokens, however slowly its client reads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::api_error::ApiError;
use crate::answer::serve::{Ask, LiveClient, LiveEnd, LiveNews, LiveServer, Submitted};

/// An answer on its way. When it is dropped before its end its client has left.
pub struct Answering {
    live: LiveServer,
    mailbox: Arc<Mailbox>,
    /// What was asked.
    pub submitted: Submitted,
    has_ended: bool,
}

/// What has come in since anybody looked.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// More tokens.
    pub tokens: u32,
    /// The end, if it has come.
    pub end: Option<LiveEnd>,
}

#[derive(Default)]
struct Mailbox {
    heard: Mutex<Option<LiveNews>>,
    notify: Arc<Notify>,
}

impl Answering {
    /// Hands over a request. Whenever something has come for it, `notify` hears so.
    pub fn start(live: &LiveServer, ask: Ask, notify: &Arc<Notify>) -> Result<Self, ApiError> {
        let mailbox = Arc::new(Mailbox {
            heard: Mutex::default(),
            notify: Arc::clone(notify),
        });
        let client = Box::new(Receiving(Arc::clone(&mailbox)));
        let submitted = live.submit(ask, client).map_err(ApiError::not_taken)?;
        Ok(Self {
            live: live.clone(),
            mailbox,
            submitted,
            has_ended: false,
        })
    }

    /// What has come, if anything has.
    pub fn take(&mut self) -> Option<Arrived> {
        let heard = self
            .mailbox
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        self.live.lateness().note(heard.due);
        self.has_ended |= heard.end.is_some();
        Some(Arrived {
            tokens: heard.tokens,
            end: heard.end,
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.has_ended {
            self.live.leave(self.submitted.id);
        }
    }
}

/// Puts what comes into the mailbox.
struct Receiving(Arc<Mailbox>);

impl LiveClient for Receiving {
    fn hear(&mut self, heard: LiveNews) {
        let mut waiting = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let more = LiveNews {
            due: earlier(waiting.as_ref(), heard.due),
            tokens: heard.tokens + waiting.map_or(0, |waiting| waiting.tokens),
            end: heard.end,
        };
        *waiting = Some(more);
        drop(waiting);
        self.0.notify.notify_one();
    }
}

/// When the oldest of what waits was due.
fn earlier(waiting: Option<&LiveNews>, due: Instant) -> Instant {
    waiting.map_or(due, |waiting| waiting.due.min(due))
}
