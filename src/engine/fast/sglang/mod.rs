//! The shortcut of SGLang's batching: the running requests are counted, as they all decode in the same steps, and those
//! are gone through one by one that come in, leave or are retracted. The estimate, the order of the queue and the slots
//! with their radix tree are the policy's own (`policy/sglang/`).

mod decode;
mod launched;
mod members;
mod prefill;
mod results;
mod running;
mod scheduler;

pub(in crate::engine) use scheduler::FastSglang;
