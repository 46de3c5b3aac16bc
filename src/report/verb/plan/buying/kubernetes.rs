//! A fleet as objects of Kubernetes.

use std::fmt::Write;

use crate::report::verb::plan::report::PlanReport;
use crate::report::verb::serve_command::ServeCommand;
use crate::stats::counted;
use crate::study::Offer;

/// The most that a name of ours takes of the 63 characters that a label of DNS may have (RFC 1123), so that there is
/// room for what Kubernetes appends to the names of pods.
const LONGEST_NAME: usize = 40;
/// The port that `vllm serve` listens on.
const PORT: u32 = 8000;

/// A start loads weights and captures graphs, which takes minutes: the first probe waits for 20 of them.
const PROBES: &str = r#"          startupProbe:
            httpGet:
              path: "/health"
              port: "http"
            periodSeconds: 10
            failureThreshold: 120
          readinessProbe:
            httpGet:
              path: "/health"
              port: "http"
            periodSeconds: 5
            failureThreshold: 3
          livenessProbe:
            httpGet:
              path: "/health"
              port: "http"
            periodSeconds: 10
            failureThreshold: 6
"#;

impl PlanReport {
    /// The cheapest fleet as a Deployment with its Service, an autoscaler and a disruption budget; otherwise why there
    /// is none.
    pub fn to_kubernetes(&self) -> Result<String, String> {
        let shopping = self
            .shopping
            .as_ref()
            .ok_or("no fleet was asked for")?
            .as_ref()
            .map_err(Clone::clone)?;
        let best = shopping
            .best()
            .ok_or("no fleet that was tried meets the SLOs and has a price")?;
        let command = ServeCommand::of(&best.purchase.input.scenario)?;
        Ok(objects(best, &command, &dns_name(&self.setting.name)))
    }
}

fn objects(best: &Offer, command: &ServeCommand, name: &str) -> String {
    let fewest = best.fewest.expect("the best carries the load");
    let carry = if fewest == 1 { "carries" } else { "carry" };
    let mut text = format!(
        "# {} of {} x {}: {fewest} {carry} the load, and one may fail.\n",
        counted(fewest + 1, "server"),
        best.purchase.gpus(),
        plain(best.purchase.gpu())
    );
    for remark in &command.remarks {
        let _ = writeln!(text, "# {}", plain(remark));
    }
    let parts = [
        deployment(best, command, name),
        service(name),
        autoscaler(best, name),
        disruption_budget(name, fewest),
    ];
    text + &parts.join("---\n")
}

fn deployment(best: &Offer, command: &ServeCommand, name: &str) -> String {
    let is_rocm = best
        .purchase
        .input
        .scenario
        .deployment
        .gpu
        .chip()
        .is_some_and(|chip| chip.architecture.is_rocm());
    // The images that vLLM publishes for each of its releases.
    let (image, resource) = if is_rocm {
        ("vllm/vllm-openai-rocm", "amd.com/gpu")
    } else {
        ("vllm/vllm-openai", "nvidia.com/gpu")
    };
    let image = quoted(&format!("{image}:v{}.0", command.release));
    let mut arguments = String::new();
    for argument in &command.arguments {
        let _ = writeln!(arguments, "            - {}", quoted(argument));
    }
    let (name, gpus) = (quoted(name), quoted(&best.purchase.gpus().to_string()));
    let replicas = best.servers().expect("the best carries the load");
    format!(
        r#"apiVersion: "apps/v1"
kind: "Deployment"
metadata:
  name: {name}
  labels:
    app: {name}
spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
        - name: "vllm"
          image: {image}
          args:
{arguments}          env:
            - name: "HF_TOKEN"
              valueFrom:
                secretKeyRef:
                  name: "hugging-face"
                  key: "token"
                  optional: true
          ports:
            - name: "http"
              containerPort: {PORT}
          resources:
            limits:
              {resource}: {gpus}
{PROBES}          volumeMounts:
            - name: "shared-memory"
              mountPath: "/dev/shm"
      volumes:
        # Processes that share a model talk through it.
        - name: "shared-memory"
          emptyDir:
            medium: "Memory"
"#
    )
}

fn service(name: &str) -> String {
    let name = quoted(name);
    format!(
        r#"apiVersion: "v1"
kind: "Service"
metadata:
  name: {name}
  labels:
    app: {name}
spec:
  selector:
    app: {name}
  ports:
    - name: "http"
      port: {PORT}
      targetPort: "http"
"#
    )
}

/// Never fewer than what may lose one, and twice what carries the load at most.
fn autoscaler(best: &Offer, name: &str) -> String {
    let name = quoted(name);
    let fewest = best.fewest.expect("the best carries the load");
    let (least, most) = (fewest + 1, (2 * fewest).max(fewest + 2));
    let waiting = waiting_at_capacity(best);
    format!(
        r#"# vllm:num_requests_waiting comes to it through an adapter of Prometheus' metrics.
# A server that carries all it can has {waiting} requests waiting at most times: more ask for another server.
apiVersion: "autoscaling/v2"
kind: "HorizontalPodAutoscaler"
metadata:
  name: {name}
spec:
  scaleTargetRef:
    apiVersion: "apps/v1"
    kind: "Deployment"
    name: {name}
  minReplicas: {least}
  maxReplicas: {most}
  metrics:
    - type: "Pods"
      pods:
        metric:
          name: "vllm:num_requests_waiting"
        target:
          type: "AverageValue"
          averageValue: "{waiting}"
"#
    )
}

/// Requests that wait at a server at the highest load that it carries, at 99 of 100 moments; at least one.
fn waiting_at_capacity(best: &Offer) -> u64 {
    let capacity = best.capacity.as_ref().ok();
    let summary = capacity.and_then(|capacity| Some(capacity.first_met()?.1));
    let depth = summary.and_then(|summary| summary.queue.depth.p99);
    depth.unwrap_or(1).max(1)
}

fn disruption_budget(name: &str, fewest: u32) -> String {
    let name = quoted(name);
    format!(
        r#"apiVersion: "policy/v1"
kind: "PodDisruptionBudget"
metadata:
  name: {name}
spec:
  minAvailable: {fewest}
  selector:
    matchLabels:
      app: {name}
"#
    )
}

/// A text of YAML between quotes: whatever JSON writes means the same there (YAML 1.2, section 1.3).
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// For a comment, which ends with its line.
fn plain(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_graphic() || it == ' ';
    text.chars().map(|it| if is_plain(it) { it } else { '?' }).collect()
}

/// A name of ours as labels of DNS are (RFC 1123): small letters, digits and single hyphens between them.
fn dns_name(name: &str) -> String {
    let is_allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let small = name.to_ascii_lowercase();
    let words = small.split(|it: char| !is_allowed(it)).filter(|word| !word.is_empty());
    let mut found = "vllm".to_owned();
    for word in words {
        found.push('-');
        found.push_str(word);
    }
    found.truncate(LONGEST_NAME);
    found.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_users_become_names_of_dns() {
        for (name, expected) in [
            ("Chat on H100", "vllm-chat-on-h100"),
            ("", "vllm"),
            ("--x: \"y\"\n# z", "vllm-x-y-z"),
            ("\u{fc}ber", "vllm-ber"),
        ] {
            assert_eq!(dns_name(name), expected);
        }
        let long = dns_name(&"ab ".repeat(50));
        assert!(long.len() <= LONGEST_NAME && !long.ends_with('-'), "{long}");
    }
}
