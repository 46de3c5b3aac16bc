"""Keywords of ``Scenario.with_``: made of the declarations of settings by ``python -m tailcast._stub``."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from os import PathLike
from typing import Any, Literal, TypedDict

class Changes(TypedDict, total=False):
    """Keys of a scenario, with two underscores for a dot, and one behind a word of Python. A dictionary is
    laid over a table key by key."""

    # What the scenario is called in reports. If left out "unnamed": it changes no result.
    name: str
    # What all randomness grows from: the same seed gives the same results. If left out 42: any number will do.
    seed: int
    # Kinds of traffic that share the servers, such as chats beside a batch job, in the place of one [workload];
    # what [workload] has beside them then is of all. If left out: all traffic is of one kind, as [workload]
    # says.
    class_: Sequence[Mapping[str, Any]]
    # What is served, and how it is stored.
    model: Mapping[str, Any]
    # The model: a name from `tailcast models` [name]. If left out: either name or config has to be written.
    model__name: str
    # A config.json of Hugging Face, or a TOML file like those of `tailcast models`, in the place of name. If
    # left out: either name or config has to be written.
    model__config: str | PathLike[str]
    # A model_type of Hugging Face: config is read as if it were of that type, such as "llama" [type]. If left
    # out: the model_type that config has.
    model__as: str
    # Number format of the linear layers' weights [format]. If left out: as the model was published.
    model__weights: Literal["bf16", "mxfp8", "fp8", "int8", "nvfp4", "nf4", "mxfp4", "int4"] | Literal["fp16", "float16", "bfloat16", "awq", "awq_marlin", "gptq", "gptq_marlin", "modelopt_fp4", "bitsandbytes"]
    # Number format of the KV cache [format]. If left out: fp8 if the checkpoint says so, else bf16, as vLLM's
    # auto.
    model__kv_cache: Literal["bf16", "fp8"] | Literal["auto", "fp16", "float16", "bfloat16", "fp8_e4m3", "fp8_e5m2"]
    # What it runs on.
    server: Mapping[str, Any]
    # The GPU: a name from `tailcast gpus` or a file [name]. Required: write gpu = "h100-sxm"; `tailcast gpus`
    # lists the names.
    server__gpu: str
    # GPUs that share the model [GPUs]. If left out 1: one GPU.
    server__tensor_parallel: int
    # Bandwidth of the link between the GPUs of the server, one direction [GB/s]. If left out: the GPU's:
    # NVLink's, or that of its PCI Express slot.
    server__link_gb_per_s: float
    # The part of the GPU's memory to use [fraction]. If left out: that of the vLLM release that
    # batching.profile names: 0.92, or 0.9 before.
    server__gpu_memory_utilization: float
    # The part of the memory that is free at the start for weights and KV cache; SGLang's, refused under other
    # policies [fraction]. If left out: SGLang's for the GPU, under policy sglang: 0.68 to 0.9.
    server__mem_fraction_static: float
    # Tokens in a block of the KV cache [tokens]. If left out 16: vLLM's default.
    server__block_size: int
    # The most tokens of a request [tokens]. If left out: the longest context of the model.
    server__max_model_len: int
    # Blocks of the KV cache, the null block included [blocks]. If left out: as many as fit into the GPU's
    # memory.
    server__kv_blocks: int
    # The most tokens of a step that runs as a CUDA graph [tokens]. If left out: vLLM's: 512, on B200 and its
    # like 1024 since 0.28; twice max_num_seqs and drafts if that is less.
    server__max_cudagraph_capture_size: int
    # Whether no step runs as a CUDA graph: the host launches every kernel. If left out false: vLLM's default.
    server__enforce_eager: bool
    # Whether all-reduces are one kernel with the norm behind them, on 2, 4 or 8 GPUs of Hopper or Blackwell;
    # vLLM's compilation_config.pass_config. If left out: as the engine: vLLM since 0.19, SGLang and TensorRT-
    # LLM do.
    server__fuse_allreduce_rms: bool
    # How long steps take: a fixed affine formula, or a file that `tailcast calibrate` wrote. If left out:
    # modelled from the figures of the GPU and the model.
    server__step_time: Mapping[str, Any] | str | PathLike[str]
    # What the CPU adds to each step of the GPU. If left out: as measured, by whether steps are prepared ahead;
    # nothing beside given step times.
    server__cpu_time: Mapping[str, Any]
    # What stands between clients and the engine. If left out: vLLM's API server, or as calibrated; nothing
    # beside given step times.
    server__front_end: Mapping[str, Any]
    # A server that has just been started and compiles or tunes kernels when it first meets a shape: its steps
    # take longer until so many requests have come. If left out: none: a server that has been used before.
    server__warm_up: Mapping[str, Any]
    # KV cache in the memory of the CPU, as vLLM's native offloading has it: blocks of prompts are copied there
    # as they fill, and loaded by whoever finds more of its prompt there than in the GPU. If left out: none:
    # what the GPU forgets is computed again.
    server__kv_offload: Mapping[str, Any]
    # How requests share steps; keys of other policies than the one that is used are checked, but decide
    # nothing.
    batching: Mapping[str, Any]
    # How requests are batched. If left out "continuous": as vLLM.
    batching__policy: Literal["none", "static", "continuous", "orca", "sarathi", "vllm-v0", "tgi", "trtllm", "sglang"]
    # Which release the defaults are of, and what steps and memory depend on; each switch may also be written by
    # itself, and then stands. If left out "vllm-0.33": the newest recorded.
    batching__profile: Literal["vllm-0.33", "vllm-0.32", "vllm-0.31", "vllm-0.30", "vllm-0.29", "vllm-0.28", "vllm-0.27", "vllm-0.26", "vllm-0.25", "vllm-0.24", "vllm-0.23", "vllm-0.22", "vllm-0.21", "vllm-0.20", "vllm-0.19", "vllm-0.18", "vllm-0.17", "vllm-0.16", "vllm-0.15", "vllm-0.14", "vllm-0.13", "vllm-0.12", "vllm-0.11", "sglang-0.5.23"]
    # How long the oldest request may wait for a batch to fill up. If left out "0s": as Triton's
    # max_queue_delay_microseconds.
    batching__max_wait: str | timedelta
    # The most requests in a batch [requests]. If left out 32: tailcast's default.
    batching__max_batch_size: int
    # When clients get their tokens. If left out "row_end": tailcast's default.
    batching__response: Literal["row_end", "batch_end"]
    # How much KV memory each request of a batch reserves. If left out "batch": tailcast's default.
    batching__reserve: Literal["batch", "max_model_len"]
    # Speculative decoding: what proposes drafts, how many, and how many of them are accepted.
    batching__speculative: Mapping[str, Any]
    # Spread prompts over steps. If left out true: vLLM's default.
    batching__chunked_prefill: bool
    # The most tokens in a step [tokens]. If left out: 2048 to 16384, by the GPU and the release, but no more
    # than the running requests could fill; without chunked prefill at least the longest request.
    batching__max_num_batched_tokens: int
    # The most requests running at once [requests]. If left out: 256 or 1024, by the GPU, but no more than a
    # max_num_batched_tokens that is written.
    batching__max_num_seqs: int
    # Who goes first: fcfs or priority [rule]. If left out "fcfs": vLLM's default.
    batching__scheduling: Literal["fcfs", "priority"]
    # The largest chunk of a prompt while others wait [tokens]. If left out 0: vLLM's default.
    batching__long_prefill_token_threshold: int
    # The part of all blocks that an admission leaves free while others run; below 1. If left out 0: vLLM's
    # default.
    batching__watermark: float
    # Whether a request is admitted only if all its tokens fit now. If left out: as in the release that profile
    # names.
    batching__full_sequence_gate: bool
    # Whether freed blocks without content are taken first. If left out: as in the release that profile names.
    batching__keyless_first: bool
    # Whether the long-prefill threshold does not hold for a request that is alone. If left out: as in the
    # release that profile names.
    batching__threshold_spares_alone: bool
    # Whether, under priorities, others are still scheduled after a request has preempted itself. If left out:
    # as in the release that profile names.
    batching__goes_on_after_self_preemption: bool
    # Decide each step while the one before runs. If left out: as in the release that profile names; false
    # beside n-grams before 0.33, and beside draft models before 0.28.
    batching__async_scheduling: bool
    # Keep finished prompts in the cache. If left out: true, as vLLM's; false for models with states (Mamba,
    # linear attention), whose cached states are not modelled.
    batching__prefix_caching: bool
    # Keep every token in every layer, whatever windows or chunks it sees, as vLLM does beside KV connectors
    # that know no groups of layers. If left out false: vLLM's default.
    batching__disable_hybrid_kv_cache_manager: bool
    # The most tokens in a step, decodes and prompts together [tokens]. If left out 512: Sarathi-Serve's
    # default.
    batching__chunk_size: int
    # The most tokens, prompts and allowed outputs, of all requests that run [tokens]. If left out: all that the
    # memory holds.
    batching__max_batch_total_tokens: int
    # How many waiting requests must be able to come in together, as a fraction of those that run. If left out
    # 0.3: TGI's default.
    batching__waiting_served_ratio: float
    # Decode steps after which anyone may come in [steps]. If left out 20: TGI's default.
    batching__max_waiting_tokens: int
    # The most prompt tokens in a step [tokens]. If left out: 4096, or the longest request if that is more.
    batching__max_batch_prefill_tokens: int
    # Which requests the memory can hold. If left out "guaranteed_no_evict": TensorRT-LLM's default.
    batching__capacity: Literal["guaranteed_no_evict", "max_utilization"]
    # The most tokens in a step [tokens]. If left out 8192: trtllm-build's default.
    batching__max_num_tokens: int
    # Whether a prompt may be spread over several steps. If left out true: TensorRT-LLM's default.
    batching__chunked_context: bool
    # Where prompts are cut, a multiple of page_size; 0 for whole prompts [tokens]. If left out: 2048 to 16384,
    # by the GPU's memory.
    batching__chunked_prefill_size: int
    # In which order the waiting are asked in. If left out "fcfs": SGLang's default.
    batching__schedule_policy: Literal["fcfs", "lpm", "lof", "dfs-weight"]
    # The most requests running at once [requests]. If left out 2048: the least that SGLang derives from the
    # memory.
    batching__max_running_requests: int
    # The prompt tokens after which nobody else is asked into a step; where prompts are not cut, nobody comes in
    # beside others who would go beyond them [tokens]. If left out 16384: SGLang's default.
    batching__max_prefill_tokens: int
    # Whether the decodes join the steps with prompts. If left out false: SGLang's default.
    batching__enable_mixed_chunk: bool
    # Scales the output that is expected of running requests: with more of it fewer are let in, and fewer
    # retracted. If left out 1: SGLang's default.
    batching__schedule_conservativeness: float
    # Tokens that are handed out, found and cached together [tokens]. If left out 1: SGLang's default.
    batching__page_size: int
    # Whether a step is decided only when the one before has ended, instead of while it runs. If left out false:
    # SGLang's default.
    batching__disable_overlap_schedule: bool
    # Whether priorities come before the order of arrival, or of max_tokens; with fcfs and lof only. If left out
    # false: SGLang's default.
    batching__enable_priority_scheduling: bool
    # Whether the lower number is the better priority. If left out false: SGLang's default.
    batching__schedule_low_priority_values_first: bool
    # By how much more a priority must be better than that of a running request that it drives out. If left out
    # 10: SGLang's default.
    batching__priority_scheduling_preemption_threshold: int
    # Whether no running request is driven out for the sake of a better priority. If left out false: SGLang's
    # default.
    batching__disable_priority_preemption: bool
    # Who asks for what, and when.
    workload: Mapping[str, Any]
    # When requests are sent. Required: write arrivals = { process = "poisson", rate = 8.0 }.
    workload__arrivals: Mapping[str, Any]
    # How long prompts are [tokens]. Required: write prompt = { dist = "lognormal", median = 512, sigma = 0.8,
    # max = 8000 }.
    workload__prompt: Mapping[str, Any]
    # How long outputs are; 0 if requests ask for no token, but for an embedding or a score of their prompts
    # [tokens]. Required: write output = { dist = "lognormal", median = 200, sigma = 0.6, max = 2000 }.
    workload__output: int | Mapping[str, Any]
    # The most tokens that each request allows; a longer output is cut [tokens]. If left out: exactly as many as
    # each output has, which clients get who ask that stop tokens be ignored.
    workload__max_tokens: int
    # Text that prompts start with and share, such as a system prompt; prompt lengths come after it.
    workload__prefix: Mapping[str, Any]
    # Whole prompts that are sent again and again, as by load generators with a file of prompts.
    workload__prompt_pool: Mapping[str, Any]
    # Conversations: each request but the first carries what was said before.
    workload__session: Mapping[str, Any]
    # How urgent requests are, all of them or by shares; lower numbers go first under scheduling = "priority".
    # If left out: all requests are equally urgent.
    workload__priority: int | Sequence[Mapping[str, Any]]
    # How many requests are sent [requests]. If left out: as many as arrive within duration, one of which has to
    # be written, or in the stages.
    workload__requests: int
    # For how long requests are sent. If left out: until all requests are sent.
    workload__duration: str | timedelta
    # Recorded requests to replay, in the place of arrivals, prompt and output.
    workload__trace: Mapping[str, Any]
    # How long a client waits for the whole of an answer once its request is sent, or sent again, at most 10
    # days. If left out: clients wait for ever.
    workload__timeout: str | timedelta
    # How requests want their tokens chosen. If left out: the model's own default, if requests come through an
    # API server.
    workload__sampling: Literal["plain", "top_p"]
    # What of a run is left out of latencies, throughput and queue depths, or for how long. If left out: auto
    # for arrivals whose rate does not change, none for traces, stages, at_once, measured runs, and closed loops
    # without pauses, of which load generators report all.
    workload__warm_up: Literal["auto", "none"] | str | timedelta
    # How many requests (sessions, where a class has them) all classes together send in the mean: the rates of
    # each are multiplied so that they come to that, and say only which part of it is whose; only beside
    # [[class]] [requests/s]. If left out: as much as the classes say.
    workload__rate: float
    # What clients do while they wait.
    client: Mapping[str, Any]
    # How long a client waits for the whole of an answer once its request is sent, or sent again, at most 10
    # days. If left out: clients wait for ever.
    client__timeout: str | timedelta
    # How many requests are outstanding at most: others that are due wait at the client, which no latency of
    # theirs counts, as with vllm bench serve --max-concurrency [requests]. If left out: a request is sent when
    # it is due.
    client__max_outstanding: int
    # How long after a request is sent its client sends it to a second server too, if no whole answer has come:
    # the answer that is complete first counts, and the other attempt is withdrawn. If left out: no request is
    # at two servers.
    client__hedge_after: str | timedelta
    # Whether a server hears that nobody waits for an attempt any more, and stops working on it. If left out
    # true: vLLM aborts a request whose client hangs up.
    client__cancel: bool
    # Clients send a request again that was refused, lost or given up; all keys may be left out. If left out:
    # clients send each request once.
    client__retry: Mapping[str, Any]
    # What is let in; everything, if nothing is written.
    admission: Mapping[str, Any]
    # How many requests may wait on a server, or at the router where they wait there; those that would wait
    # behind them are refused, and may be sent again [requests]. If left out: as many wait as come.
    admission__max_queue: int
    # What they are refused with: 429 (too many requests) or 503 (service unavailable). Clients try again after
    # either [HTTP status]. If left out 503: what gateways say of a server that is overloaded.
    admission__reject: int
    # How long clients who were refused are asked to wait at least before they try again, as by the header
    # Retry-After. If left out: they pause as `client.retry` says.
    admission__retry_after: str | timedelta
    # The longest prompt that is let in; requests with longer ones are rejected for good [tokens]. If left out:
    # as the servers allow.
    admission__max_prompt: int
    # The most output that a request may have; longer outputs are cut there [tokens]. If left out: as the
    # servers allow.
    admission__max_tokens: int
    # Several servers, each as [model], [server] and [batching] say, behind a router.
    fleet: Mapping[str, Any]
    # How many servers there are, if they are alike [servers]. If left out 1: a server by itself needs no
    # router.
    fleet__servers: int
    # Who decides which server a request goes to, and how. If left out "least_outstanding": what most gateways
    # can do without help from the servers.
    fleet__router: Literal["least_outstanding", "round_robin", "random", "power_of_two", "weighted", "central_queue", "least_kv", "session", "prefix_affinity", "prefix_aware"]
    # How old the router's counts of outstanding requests are; what it asks of KV caches and prefixes is always
    # current. If left out "0s": a router knows at once what passes through it.
    fleet__state_delay: str | timedelta
    # Servers that are unlike others: a table [[fleet.pool]] for each kind, in the place of fleet.servers.
    # Servers are numbered through the pools in their order. If left out: all servers are alike.
    fleet__pool: Sequence[Mapping[str, Any]]
    # What fails: a table [[fleet.fault]] for each, which happens once (`at`) or again and again (`mtbf`), or a
    # CSV file with a row for each, whose columns are these keys; times there are in seconds, or have a unit.
    # When the last request has ended nothing fails any more. If left out: nothing fails.
    fleet__fault: Sequence[Mapping[str, Any]] | str | PathLike[str]
    # Servers are started and stopped by the load, as Kubernetes' HorizontalPodAutoscaler does; at the start
    # there are `fleet.servers` of them. If left out: all servers are there all the time.
    fleet__autoscale: Mapping[str, Any]
    # How fast weights come from a disk or over a network to a server that starts, all GPUs of it together:
    # `fleet.autoscale.start` and `restart` of faults, which are then without it, get longer by the weights of
    # all its GPUs over that. If left out: `start` and `restart` include the loading of weights.
    fleet__load_bandwidth: str
    # The way of a request from its client to the model and back; without it clients speak to the servers
    # themselves.
    path: Mapping[str, Any]
    # The stages of the path: a table [[path.stage]] for each, one of them called `llm`. If left out: there is
    # no path.
    path__stage: Sequence[Mapping[str, Any]]
    # The documents that answers are looked up in; `tailcast plan` says what their index takes.
    retrieval: Mapping[str, Any]
    # How many documents there are, each with its chunks and their vectors about 50 kB [documents]. If left out:
    # `chunks` says how much there is.
    retrieval__documents: float
    # How many chunks there are, each with a vector, in place of `documents` [chunks]. If left out: `documents`
    # says how much there is.
    retrieval__chunks: float
    # How many numbers a vector has; of `chunks`. If left out 1536: usual of embedding models.
    retrieval__dimensions: int
    # How many bytes a number of a vector takes: 4 in full, 2 halved, 1 quantised, 0.125 as a bit; of `chunks`
    # [bytes]. If left out 4: a vector is stored as it comes.
    retrieval__bytes: float
    # How many bytes the index has for each byte of vectors; of `chunks`. If left out: 1 of a flat index; the
    # links of a graph come on top, 128 bytes a vector.
    retrieval__index_factor: float
    # How vectors are searched. If left out "hnsw": exact search takes too long beyond some ten thousand
    # documents.
    retrieval__index: Literal["flat", "hnsw"]
    # Where the index lies. If left out: in memory if one machine holds it, else on a disk.
    retrieval__placement: Literal["memory", "disk"]
    # Memory of a machine that searches. If left out "64GB": it holds a million documents.
    retrieval__machine_memory: str
    # How many queries come in a second, those of others than this traffic included [queries/s]. If left out:
    # one a request of the traffic.
    retrieval__queries_per_s: float
    # How many documents, or chunks where these are counted, are added or changed in a day [a day]. If left out
    # 0: documents stay as they are.
    retrieval__updates_per_day: float
    # The share of queries whose vector is cached, so that no model has to compute it. If left out "0%": no
    # cache of vectors.
    retrieval__cache_hits: str
    # What is promised of the service, which `tailcast plan` holds its failures against.
    reliability: Mapping[str, Any]
    # The share of requests that is to be answered: of a month of 30 days, 99.9 % leaves 43.2 minutes. If left
    # out "99.9%": what cloud services usually promise.
    reliability__sla: str
    # Rules of thumb for memory in your own numbers, which `tailcast plan` holds against the simulation; they
    # change no simulation.
    capacity: Mapping[str, Any]
    # Memory of a GPU. If left out: that of `server.gpu`.
    capacity__memory: str
    # What the weights take on a GPU. If left out: those of the model.
    capacity__weights: str
    # KV cache of one user on a GPU. If left out: that of the mean context of the traffic.
    capacity__kv_per_user: str
    # Users who are served at once at the busiest time [users]. If left out: the most that the simulation sees
    # running at once.
    capacity__users: float
    # How much more memory is taken than users need, by fragments and buffers. If left out 1.3: the usual rule
    # is 1.3 to 1.5.
    capacity__overhead: float
    # How many times as much as is needed is kept, so that some may fail. If left out 2: the usual rule: all of
    # it may fail once.
    capacity__redundancy: float
    # Objectives: limits on statistics of latencies, such as "ttft.p99" = "2s"; the least share of requests that
    # is served, "success" = "99.9%", or the most that is not, "errors" = "1%"; and the least throughput, such
    # as "output_tokens_per_s" = "1000". Without one on success or errors, 1 % of the requests may fail, be
    # refused or be given up.
    slo: Mapping[str, Any]
    # What things cost, and how much is asked for in a day: results then say what a request, a token, a user and
    # a month cost, beside an API. What is left out comes from the price list.
    cost: Mapping[str, Any]
    # A price list of your own: an edited copy of configs/prices.toml. If left out: the list that comes with the
    # program.
    cost__prices: str | PathLike[str]
    # What an hour of a GPU costs, of whatever kind, rented as the commitment says [$]. If left out: as the
    # price list says for the GPU and the commitment.
    cost__gpu_hour: float
    # How GPUs are rented, which decides which of their prices holds. If left out "on_demand": what anybody can
    # rent at once.
    cost__commitment: Literal["on_demand", "reserved", "spot"]
    # What an API takes for a million tokens, to compare with. If left out: as the price list says for a model
    # of the size.
    cost__api: Mapping[str, Any]
    # The kind of model in the price list that an API is asked for, such as "frontier". If left out: the one of
    # the model's size.
    cost__api_class: str
    # How many users are active in a day [users]. If left out: the money of a day is that of the simulated rate
    # for 24 hours.
    cost__users_per_day: float
    # How many requests each of them sends in a day [requests]. If left out: it has to be written beside
    # users_per_day.
    cost__requests_per_user: float
    # What people who run servers of your own cost in a month of 30 days [$]. If left out: nobody is counted,
    # and where servers break even with people is said beside.
    cost__people_per_month: float
    # What a GB costs that leaves the data centre [$]. If left out: as the price list says.
    cost__egress_per_gb: float
    # What it costs to keep a GB for a month of 30 days, of logs for one [$]. If left out: as the price list
    # says.
    cost__storage_per_gb_month: float
    # How much is logged of a request; more, if prompts and answers are [bytes]. If left out: as the price list
    # says.
    cost__log_bytes_per_request: float
    # How long logs are kept [days]. If left out: as the price list says.
    cost__retention_days: float
    # Where the servers stand: a region of the price list, which says what power costs there and what comes of
    # it. If left out: as the price list says.
    cost__region: str
    # What a kWh costs, for GPUs of your own: it then comes on top of what an hour of them costs [$]. If left
    # out: rented GPUs come with their power.
    cost__electricity_per_kwh: float
    # What a GPU takes that has nothing to do [W]. If left out: a share of its peak, as the price list says.
    cost__power_idle_w: float
    # What a GPU takes at work, as measured with requests like these [W]. If left out: a share of the peak on
    # its datasheet, as the price list says.
    cost__power_peak_w: float
    # How long a server that is started has been paid for before it takes requests. If left out:
    # `fleet.autoscale.start`, else the longest `restart` of faults, else as the price list says.
    cost__cold_start: str | timedelta
    # What may be spent in a day: results then say at what hour it is spent, and how many requests come after
    # that. It is worked out from the run and changes nothing in it.
    budget: Mapping[str, Any]
    # How much may be spent from midnight to midnight [$]. Required: write per_day = 100, in dollars.
    budget__per_day: float
    # What becomes of requests that come when it is spent. If left out "refuse": what costs nothing and is
    # easily understood.
    budget__beyond: Literal["degrade", "queue", "refuse"]
