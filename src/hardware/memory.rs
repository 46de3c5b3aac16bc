//! What is left for the KV cache when a model is loaded: the arithmetic an engine does when it starts.

use super::does_not_fit::{DoesNotFit, MemoryShortage};
use super::memory_budget::{MemoryBudget, divide};
use super::{BadFigure, MemoryRequest};

/// The memory budget of one GPU, or why the model cannot be served so.
///
/// As vLLM does at its start (`v1/worker/gpu_worker.py`, `determine_available_memory`): total times utilisation, minus
/// weights, minus the peak of a step at its limits, minus what libraries take. It must hold one request of
/// `max_model_len`, in blocks of every group of layers.
pub fn budget(request: &MemoryRequest) -> Result<MemoryBudget, Box<DoesNotFit>> {
    check(request)?;
    let budget = divide(request).map_err(DoesNotFit::Setting)?;
    if budget.kv_pool.starts() {
        return Ok(budget);
    }
    let shortage = MemoryShortage::new(request, budget);
    Err(Box::new(DoesNotFit::Memory(Box::new(shortage))))
}

fn check(request: &MemoryRequest) -> Result<(), DoesNotFit> {
    let utilization = request.utilization;
    if !(utilization > 0.0 && utilization <= 1.0) {
        let expected = "more than 0 and at most 1";
        let bad = BadFigure::new("gpu_memory_utilization", utilization, expected);
        return Err(DoesNotFit::Setting(bad));
    }
    let whole = [
        ("block_size", request.block_tokens),
        ("max_model_len", request.max_model_len),
        ("max_num_batched_tokens", request.max_num_batched_tokens),
        ("max_num_seqs", request.max_num_seqs),
    ];
    for (field, value) in whole {
        if value == 0 || value > 1 << 30 {
            let bad = BadFigure::new(field, value, "a whole number from 1 to 1073741824");
            return Err(DoesNotFit::Setting(bad));
        }
    }
    let divides = request.model.check_tensor_parallel(request.tensor_parallel);
    divides.map_err(DoesNotFit::Setting)?;
    let divides = request
        .drafter
        .map_or(Ok(()), |drafter| drafter.check_tensor_parallel(request.tensor_parallel));
    divides.map_err(DoesNotFit::Setting)
}
