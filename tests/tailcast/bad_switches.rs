//! Scenarios with one fault in vLLM's switches, drafts or priorities: what is replaced, by what, the place and the
//! remedy that must be named.

pub const SWITCHES: &[(&str, &str, &str, &str)] = &[
    // Releases, and what they do not have.
    (
        "policy = \"continuous\"",
        "profile = \"vllm-0.10\"",
        "9:11",
        "allowed: vllm-0.33, vllm-0.32, vllm-0.31",
    ),
    (
        "policy = \"continuous\"",
        "profile = \"vllm-0.19\"\nwatermark = 0.01",
        "10:13",
        "profile = \"vllm-0.33\"",
    ),
    ("policy = \"continuous\"", "keyless_first = 1", "9:17", "true or false"),
    (
        "policy = \"continuous\"",
        "scheduling = \"lifo\"",
        "9:14",
        "allowed: fcfs, priority",
    ),
    // Drafts.
    (
        "policy = \"continuous\"",
        "speculative = { tokens = 3 }",
        "9:15",
        "write method = \"ngram\"",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"medusa\" }",
        "9:26",
        "allowed: ngram, draft_model, eagle, eagle3, mtp",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"ngram\", acceptance = 0.5 }",
        "9:15",
        "write tokens = 3",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"ngram\", tokens = 0, acceptance = 0.5 }",
        "9:44",
        "from 1 to 64",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"ngram\", tokens = 3 }",
        "9:15",
        "write acceptance = 0.7",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"ngram\", tokens = 3, acceptance = 1.5 }",
        "9:60",
        "from 0 to 1",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"ngram\", tokens = 2, acceptance = [0.5, 0.6] }",
        "9:66",
        "write rates that never grow",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"ngram\", tokens = 3, acceptance = [0.5, 0.4] }",
        "9:60",
        "one rate for each draft",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"draft_model\", tokens = 3, acceptance = 0.5 }",
        "9:15",
        "write draft_model = \"llama-3.2-1b\"",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"draft_model\", tokens = 3, acceptance = 0.5, draft_model = \"llama-3.2-2b\" }",
        "9:85",
        "Did you mean 'llama-3.2-3b'",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"eagle\", tokens = 3, acceptance = 0.5, draft_model = \"llama-3.2-1b\" }",
        "9:79",
        "remove draft_model",
    ),
    (
        "policy = \"continuous\"",
        "speculative = { method = \"ngram\", tokens = 3, acceptance = 0.5, draft_cost = 0.1 }",
        "9:78",
        "remove draft_cost",
    ),
    (
        "[batching]\n",
        "step_time = { base_us = 9 }\n[batching]\nspeculative = { method = \"eagle\", tokens = 3, acceptance = 0.5 }\n",
        "10:15",
        "write draft_cost = 0.1",
    ),
    (
        "policy = \"continuous\"",
        "profile = \"vllm-0.13\"\nspeculative = { method = \"ngram\", tokens = 3, acceptance = 0.5 }\n\
         async_scheduling = true",
        "11:20",
        "leave one of the two out",
    ),
    // How urgent requests are.
    (
        "requests = 10",
        "requests = 10\npriority = 0.5",
        "12:12",
        "a whole number from -",
    ),
    (
        "requests = 10",
        "requests = 10\npriority = \"high\"",
        "12:12",
        "a whole number from -",
    ),
    (
        "requests = 10",
        "requests = 10\npriority = { value = 0, share = 1 }",
        "12:12",
        "for several, write priority = [{ value",
    ),
    // How long clients wait.
    (
        "requests = 10",
        "requests = 10\ntimeout = nan",
        "12:11",
        "NaN is not a duration",
    ),
    (
        "requests = 10",
        "requests = 10\npriority = []",
        "12:12",
        "priority = [{ value = 0, share = 0.2 }",
    ),
    (
        "requests = 10",
        "requests = 10\npriority = [{ share = 0.2 }]",
        "12:13",
        "write value = 0",
    ),
    (
        "requests = 10",
        "requests = 10\npriority = [{ value = 0 }]",
        "12:13",
        "write share = 0.2",
    ),
    (
        "requests = 10",
        "requests = 10\npriority = [{ value = 0, share = 0 }, { value = 1, share = 0.0 }]",
        "12:12",
        "a share above 0",
    ),
    (
        "requests = 10",
        "requests = 10\npriority = [{ value = 0, share = 1 }, { value = 0, share = 2 }]",
        "12:49",
        "add its share to the first",
    ),
    (
        "requests = 10\narrivals = { process = \"poisson\", rate = 1.0 }\nprompt = { dist = \"fixed\", value = 100 }\n\
         output = { dist = \"fixed\", value = 10 }",
        "priority = 1\ntrace = { path = \"t.csv\" }",
        "11:12",
        "the trace's column priority",
    ),
];
