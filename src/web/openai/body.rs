//! Reads the JSON of a request, in the time and the size that there is.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::api_error::ApiError;

/// A client has so long to send a body.
const PATIENCE: Duration = Duration::from_secs(30);
/// Long bodies are read when there is room for them, so that many do not take all memory [KiB].
static ROOM: Semaphore = Semaphore::const_new(256 * 1024);
/// The longest body that is read: several times what the longest prompts take [bytes].
pub const MOST_BYTES: usize = 16 << 20;
/// Those up to here are many times what an ordinary request has, and wait for nobody [bytes].
const SMALL: u64 = 64 * 1024;

/// The JSON that a request carries.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::bad(
                "Unsupported Media Type: Only 'application/json' is allowed",
            ));
        }
        let length = length_of(&request);
        if length > MOST_BYTES as u64 {
            return Err(ApiError::too_large());
        }
        let read = async move {
            let _room = room_for(length).await;
            let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
                match rejection.into_response().status() {
                    StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(),
                    _ => ApiError::bad("the body of the request could not be read"),
                }
            })?;
            serde_json::from_slice(&bytes).map_err(|error| ApiError::bad(format!("the body of the request: {error}")))
        };
        timeout(PATIENCE, read)
            .await
            .map_err(|_| ApiError::too_slow())?
            .map(JsonBody)
    }
}

/// How long the body is; more than a small one if nobody says [bytes].
fn length_of(request: &Request) -> u64 {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(SMALL + 1)
}

/// Waits for room for a body that is long.
async fn room_for(length: u64) -> Option<SemaphorePermit<'static>> {
    if length <= SMALL {
        return None;
    }
    // What is parsed takes more than its text.
    let kib = (length >> 10) as u32;
    ROOM.acquire_many(4 * kib).await.ok()
}
