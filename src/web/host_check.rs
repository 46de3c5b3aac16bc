//! Refuses requests for other hosts where only this machine is meant to reach the server: a page of a stranger whose
//! name has been pointed at this machine would otherwise read answers (DNS rebinding).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Whether names other than this machine's own are answered.
#[derive(Clone, Copy, Debug)]
pub struct HostCheck {
    /// Whether the server listens on loopback only.
    is_local: bool,
}

impl HostCheck {
    /// The check for whoever listens there.
    pub const fn of(address: SocketAddr) -> Self {
        Self {
            is_local: address.ip().is_loopback(),
        }
    }

    fn lets_in(self, host: Option<&str>) -> bool {
        !self.is_local || host.is_some_and(is_own)
    }
}

/// Whether a header `Host` names this machine as itself.
fn is_own(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Lets a request pass, or answers 403.
pub async fn check(State(check): State<HostCheck>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // A request of the absolute form names the host in its first line.
    let host = request.uri().authority().map(Authority::as_str).or(header);
    if check.lets_in(host) {
        return next.run(request).await;
    }
    let message = "this server listens on loopback and answers requests for localhost, 127.0.0.1 and [::1] only\n";
    (StatusCode::FORBIDDEN, message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_pass() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8000",
            "127.8.8.8",
            "[::1]:8000",
            "[::1]",
        ] {
            assert!(is_own(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:80",
            "127.0.0.1.evil.example",
            "192.168.0.1",
            "[::2]:80",
        ] {
            assert!(!is_own(host), "{host}");
        }
        let everywhere = HostCheck::of(([0, 0, 0, 0], 8000).into());
        assert!(everywhere.lets_in(None) && everywhere.lets_in(Some("evil.example")));
        assert!(!HostCheck::of(([127, 0, 0, 1], 8000).into()).lets_in(None));
    }
}
