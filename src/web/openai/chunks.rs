//! The body of a stream, part by part.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Parts that are ready before their client reads them.
const PARTS_AHEAD: usize = 4;

/// The end that writes a stream of server-sent events.
pub struct EventWriter(Sender<Result<Bytes, io::Error>>);

/// The end that a connection reads.
struct Parts(Receiver<Result<Bytes, io::Error>>);

/// A stream of events, and its response.
pub fn event_stream() -> (EventWriter, Response) {
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    let kind = (header::CONTENT_TYPE, "text/event-stream; charset=utf-8");
    let cache = (header::CACHE_CONTROL, "no-cache");
    let response = ([kind, cache], Body::new(Parts(receiver))).into_response();
    (EventWriter(sender), response)
}

impl EventWriter {
    /// Writes events, each a line of data; false if nobody reads any more.
    pub async fn write(&self, events: String) -> bool {
        self.0.send(Ok(Bytes::from(events))).await.is_ok()
    }

    /// Breaks the stream off, so that its client sees that it is not complete.
    pub async fn break_off(&self) {
        let _ = self.0.send(Err(io::ErrorKind::ConnectionReset.into())).await;
    }

    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

/// An event of these data.
pub fn event(data: &impl ToString) -> String {
    format!("data: {}\n\n", data.to_string())
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0
            .poll_recv(context)
            .map(|part| part.map(|part| part.map(Frame::data)))
    }
}
