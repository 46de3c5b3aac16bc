//! What a dashboard shows: a panel for each question, and what it asks a Prometheus.

/// A panel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PanelForm {
    pub(super) title: &'static str,
    /// As Grafana names it.
    pub(super) unit: &'static str,
    /// What it asks, each with its legend.
    pub(super) queries: Vec<(&'static str, String)>,
}

impl PanelForm {
    fn new<const N: usize>(title: &'static str, unit: &'static str, queries: [(&'static str, &str); N]) -> Self {
        Self {
            title,
            unit,
            queries: queries.map(|(legend, query)| (legend, query.to_owned())).into(),
        }
    }

    /// The quantiles of a histogram of times.
    fn quantiles(title: &'static str, metric: &str) -> Self {
        let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
        let query = |quantile: f64| format!("histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket[5m])))");
        Self {
            title,
            unit: "s",
            queries: quantiles.map(|(legend, quantile)| (legend, query(quantile))).into(),
        }
    }
}

/// All panels, in their order; of a router only where there is one.
pub(super) fn panels(has_router: bool, dollars_per_user_day: Option<f64>) -> Vec<PanelForm> {
    let mut all = of_servers();
    all.extend(of_latencies());
    all.extend(of_clients());
    if has_router {
        all.extend(of_router());
    }
    if let Some(dollars) = dollars_per_user_day.filter(|dollars| dollars.is_finite()) {
        all.push(PanelForm {
            title: "$ per active user and day, as simulated",
            unit: "currencyUSD",
            queries: vec![("$", format!("vector({dollars})"))],
        });
    }
    all
}

fn of_servers() -> Vec<PanelForm> {
    let by_server = |title, unit, metric| PanelForm::new(title, unit, [("{{instance}}", metric)]);
    vec![
        by_server("Requests waiting, by server", "short", "vllm:num_requests_waiting"),
        by_server("Requests running, by server", "short", "vllm:num_requests_running"),
        by_server("KV cache usage, by server", "percentunit", "vllm:kv_cache_usage_perc"),
        PanelForm::new(
            "Tokens per second",
            "short",
            [
                ("input", "sum(rate(vllm:prompt_tokens_total[5m]))"),
                ("output", "sum(rate(vllm:generation_tokens_total[5m]))"),
            ],
        ),
        PanelForm::new(
            "Prefix hit rate",
            "percentunit",
            [(
                "hit rate",
                "sum(rate(vllm:prefix_cache_hits_total[5m])) / sum(rate(vllm:prefix_cache_queries_total[5m]))",
            )],
        ),
        PanelForm::new(
            "Preemptions per second",
            "ops",
            [("preemptions", "sum(rate(vllm:num_preemptions_total[5m]))")],
        ),
    ]
}

fn of_latencies() -> Vec<PanelForm> {
    let of_clients = "tailcast:time_to_first_token_seconds";
    vec![
        PanelForm::quantiles("Time to first token", "vllm:time_to_first_token_seconds"),
        PanelForm::quantiles("Time per output token", "vllm:request_time_per_output_token_seconds"),
        PanelForm::quantiles("Whole request", "vllm:e2e_request_latency_seconds"),
        PanelForm::quantiles("Time in the queue", "vllm:request_queue_time_seconds"),
        PanelForm::quantiles("Time to first token, as clients see it", of_clients),
    ]
}

fn of_clients() -> Vec<PanelForm> {
    vec![
        PanelForm::new(
            "Requests per second, by how they end",
            "reqps",
            [("{{outcome}}", "sum by (outcome) (rate(tailcast:requests_total[5m]))")],
        ),
        PanelForm::new(
            "Errors",
            "percentunit",
            [(
                "without an answer",
                "sum(rate(tailcast:requests_total{outcome!=\"finished\"}[5m])) / \
                 sum(rate(tailcast:requests_total[5m]))",
            )],
        ),
        PanelForm::new(
            "Servers",
            "short",
            [
                ("ready", "tailcast:servers_ready"),
                ("there", "tailcast:servers_provisioned"),
                ("up", "sum(up{job=\"vllm\"})"),
            ],
        ),
        PanelForm::new(
            "Requests outstanding",
            "short",
            [("outstanding", "tailcast:requests_outstanding")],
        ),
    ]
}

fn of_router() -> Vec<PanelForm> {
    vec![
        PanelForm::new(
            "Requests waiting at the router",
            "short",
            [("waiting", "tailcast:router_queue")],
        ),
        PanelForm::new(
            "Attempts per second",
            "ops",
            [
                ("sent", "sum(rate(tailcast:attempts_total[5m]))"),
                ("again", "sum(rate(tailcast:retries_total[5m]))"),
                (
                    "lost: {{reason}}",
                    "sum by (reason) (rate(tailcast:attempts_lost_total[5m]))",
                ),
            ],
        ),
    ]
}
