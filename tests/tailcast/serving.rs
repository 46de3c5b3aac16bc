//! A served scenario, and a client that speaks HTTP by hand, so that it can also speak it badly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::command::{Workplace, send};

/// Steps of 10 ms, and no front end.
pub const PACED: &str = r#"
model.name = "llama-3.1-8b"
server.gpu = "h100-sxm"
server.max_model_len = 4096
server.step_time = { base_us = 10000, per_token_us = 0, per_seq_us = 0 }
workload.requests = 10
workload.arrivals = { process = "poisson", rate = 1.0 }
workload.prompt = { dist = "fixed", value = 100 }
workload.output = { dist = "fixed", value = 12 }
"#;

/// A server that is gone at the end of the test.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    _place: Workplace,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Served {
    pub fn start(scenario: &str, flags: &[&str]) -> Self {
        let place = Workplace::new();
        place.write("s.toml", scenario);
        let arguments = [&["serve", "s.toml", "--port", "0", "--format", "json"], flags].concat();
        let mut command = place.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("http://") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "it does not listen");
        }
        // Whatever else it says must not stop it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let address = line.trim().rsplit_once("http://").unwrap().1.parse().unwrap();
        Self {
            child,
            address,
            _place: place,
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    pub fn get(&self, path: &str) -> Answer {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.raw(&post(path, body))
    }

    /// The JSON of a body that is answered well.
    pub fn asks(&self, path: &str, body: &str) -> Value {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// What is said to these bytes.
    pub fn raw(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read(&mut stream)
    }

    /// A number of `/metrics`, summed over all labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").body;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values = text
            .lines()
            .filter(of_name)
            .map(|line| line.rsplit_once(' ').unwrap().1);
        values.map(|value| value.parse::<f64>().unwrap()).sum()
    }

    /// Waits until a number of `/metrics` is that.
    pub fn wait_for(&self, name: &str, wanted: f64) {
        for _ in 0..500 {
            if (self.metric(name) - wanted).abs() < 1e-9 {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{name} is {}, and never {wanted}", self.metric(name));
    }

    /// Stops it, and reads its report.
    pub fn report(mut self) -> Value {
        send("INT", &self.child);
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request with a JSON body.
pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Reads an answer to its end, be it whole or broken off.
pub fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Answer {
        status,
        head: head.to_owned(),
        body: if is_chunked { unchunked(body) } else { body.to_owned() },
    }
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        let Some(chunk) = rest.get(..size) else { break };
        text.push_str(chunk);
        body = rest[size..].strip_prefix("\r\n").unwrap_or("");
    }
    text
}

/// The data of the events of a stream.
pub fn events(body: &str) -> Vec<&str> {
    body.split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .collect()
}
