//! What connects the GPUs of a server.

/// What connects the GPUs of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The technology of the link.
    pub kind: LinkKind,
    /// Bandwidth in one direction [bytes/s].
    pub bytes_per_s: f64,
}

/// The technology of a link between GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// NVIDIA `NVLink`, switch or bridge.
    NvLink,
    /// AMD Infinity Fabric.
    Xgmi,
    /// PCI Express, through the host.
    Pcie,
    /// Ethernet between accelerators.
    Ethernet,
}
