//! The link between a GPU and the memory of its CPU.

use super::chip::Architecture;
use super::gpu::Gpu;

/// What copies of blocks reach of a link's rate: assumed, since nothing of it has been measured here.
const OF_RATE: f64 = 0.8;

impl Gpu {
    /// What copies between the GPU and the memory of the CPU reach, in one direction [bytes/s], and over which link:
    /// assumed to be 0.8 of the link's rate. Sources: PCI-SIG for 16 lanes, NVIDIA's GH200 and GB200 datasheets for
    /// NVLink-C2C (900 GB/s in both directions).
    pub fn host_link(&self) -> (f64, &'static str) {
        let is_superchip =
            self.name().starts_with("gh200") || self.name().starts_with("gb200") || self.name().starts_with("gb300");
        let architecture = self.chip().map(|chip| chip.architecture);
        let (gigabytes, link) = match architecture {
            _ if is_superchip => (450.0, "NVLink-C2C"),
            Some(Architecture::Volta | Architecture::Turing) => (16.0, "PCI Express 3.0"),
            Some(Architecture::Ampere | Architecture::Ada) | None => (32.0, "PCI Express 4.0"),
            Some(_) => (64.0, "PCI Express 5.0"),
        };
        (OF_RATE * gigabytes * 1e9, link)
    }
}
