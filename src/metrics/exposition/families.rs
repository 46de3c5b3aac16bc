//! The metrics that are exposed: what each is called, of which type it is, and what it means.

/// What tells a series apart from others of its name.
pub type Label = (&'static str, String);

/// Of which type a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FamilyKind {
    Gauge,
    Counter,
    Histogram,
}

/// Metrics of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricFamily {
    /// What it is called; of a counter without the `_total` of its samples.
    pub name: &'static str,
    /// Of which type it is.
    pub kind: FamilyKind,
    /// What it means, in a line.
    pub help: &'static str,
}

macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal, $help:literal;)*) => {
        $(pub(super) const $constant: MetricFamily = MetricFamily {
            name: $name,
            kind: FamilyKind::$kind,
            help: $help,
        };)*
    };
}

families! {
    RUNNING = Gauge "vllm:num_requests_running", "Number of requests in model execution batches.";
    WAITING = Gauge "vllm:num_requests_waiting", "Number of requests waiting to be processed.";
    KV_USAGE = Gauge "vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.";
    PREEMPTED = Counter "vllm:num_preemptions", "Cumulative number of preemption from the engine.";
    PROMPT_TOKENS = Counter "vllm:prompt_tokens", "Number of prefill tokens processed.";
    CACHED_TOKENS = Counter "vllm:prompt_tokens_cached", "Number of prompt tokens that were found in the prefix cache.";
    GENERATED_TOKENS = Counter "vllm:generation_tokens", "Number of generation tokens processed.";
    CACHE_QUERIES = Counter "vllm:prefix_cache_queries", "Prefix cache queries, in terms of number of queried tokens.";
    CACHE_HITS = Counter "vllm:prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.";
    SUCCESS = Counter "vllm:request_success", "Count of requests that left the engine, by why they did.";
    FIRST_TOKEN = Histogram "vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.";
    INTER_TOKEN = Histogram "vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.";
    PER_TOKEN = Histogram "vllm:request_time_per_output_token_seconds",
        "Histogram of time per output token of requests in seconds.";
    E2E = Histogram "vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.";
    QUEUE_TIME = Histogram "vllm:request_queue_time_seconds",
        "Histogram of time spent in WAITING phase for request.";
    PREFILL_TIME = Histogram "vllm:request_prefill_time_seconds",
        "Histogram of time spent in PREFILL phase for request.";
    DECODE_TIME = Histogram "vllm:request_decode_time_seconds", "Histogram of time spent in DECODE phase for request.";
    INFERENCE_TIME = Histogram "vllm:request_inference_time_seconds",
        "Histogram of time spent in RUNNING phase for request.";
    OF_PROMPT = Histogram "vllm:request_prompt_tokens", "Number of prefill tokens processed.";
    OF_OUTPUT = Histogram "vllm:request_generation_tokens", "Number of generation tokens processed.";
    OF_STEP = Histogram "vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step.";
    OF_PREEMPTIONS = Histogram "vllm:request_num_preemptions", "Histogram of the number of preemptions of requests.";

    UP = Gauge "up", "Whether a server can be scraped, as a Prometheus notes it.";
    READY = Gauge "tailcast:servers_ready", "Servers that take requests, as far as the router knows.";
    PROVISIONED = Gauge "tailcast:servers_provisioned", "Servers that are there, ready or not.";
    WANTED = Gauge "tailcast:servers_wanted", "Servers that the autoscaler's rule asks for.";
    OUTSTANDING = Gauge "tailcast:requests_outstanding", "Requests that have been sent and have not ended.";
    ROUTER_QUEUE = Gauge "tailcast:router_queue", "Requests that wait at the router.";
    ATTEMPTS = Counter "tailcast:attempts", "Attempts that were sent: first ones, retries and hedges.";
    RETRIES = Counter "tailcast:retries", "Attempts that were sent after one that came to nothing.";
    HEDGES = Counter "tailcast:hedges", "Attempts that were sent beside another one.";
    LOST = Counter "tailcast:attempts_lost", "Attempts that were not answered, by why they were not.";
    ENDED = Counter "tailcast:requests", "Requests that have ended, by how they did.";
    CLIENT_FIRST_TOKEN = Histogram "tailcast:time_to_first_token_seconds",
        "Times from when a client first sent a request to the first token of its answer.";
    CLIENT_E2E = Histogram "tailcast:e2e_request_latency_seconds",
        "Times from when a client first sent a request to the end of its answer.";
}
