//! How much memory waiting requests may take: `--max-memory`, or most of what the machine has left.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::answer::USUAL_MEMORY_BYTES;

/// The flag about memory, for every verb.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct MemoryFlags {
    /// Stop a run whose waiting requests would take more than this, such as 8GiB; by default three quarters of what
    /// the machine has left
    #[arg(long, global = true, value_name = "SIZE", value_parser = bytes_of)]
    max_memory: Option<u64>,
}

static LIMIT: OnceLock<u64> = OnceLock::new();

impl MemoryFlags {
    /// Sets what this process may take.
    pub fn heed(self) {
        if let Some(bytes) = self.max_memory {
            // It is set once, when the flags are read.
            let _ = LIMIT.set(bytes);
        }
    }
}

/// What this process may take [bytes].
pub fn limit_bytes() -> u64 {
    *LIMIT.get_or_init(|| of_machine().map_or(USUAL_MEMORY_BYTES, |bytes| bytes / 4 * 3))
}

/// What the machine has left, or the container may have; `None` on systems that do not tell in Linux's way.
fn of_machine() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let left = available_bytes(&meminfo)?;
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(group_limit_bytes(&group).map_or(left, |limit| limit.min(left)))
}

fn available_bytes(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// The least of what the control groups around this process allow, version 2 or 1.
fn group_limit_bytes(own: &str) -> Option<u64> {
    let root = Path::new("/sys/fs/cgroup");
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .unwrap_or_default();
    let groups = root.join(own);
    let files = groups.ancestors().take_while(|folder| folder.starts_with(root));
    let files = files.map(|folder| folder.join("memory.max"));
    let files = files.chain([root.join("memory/memory.limit_in_bytes")]);
    // `max` is no limit.
    files
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
        .min()
}

/// What a size such as `8GiB` or `500MB` is [bytes].
fn bytes_of(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 8] = [
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("TiB", 1_099_511_627_776.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
    ];
    let size = UNITS.iter().find_map(|(unit, bytes)| {
        let number: f64 = text.trim().strip_suffix(unit)?.trim().parse().ok()?;
        Some(number * bytes)
    });
    match size {
        Some(bytes) if (1.0..=1e18).contains(&bytes) => Ok(bytes as u64),
        _ => Err("write a number with its unit, such as 8GiB or 500MB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes_of("8GiB"), Ok(8 << 30));
        assert_eq!(bytes_of(" 1.5 MiB"), Ok(3 << 19));
        assert_eq!(bytes_of("500MB"), Ok(500_000_000));
        for text in ["", "8", "GiB", "-1GiB", "0GiB", "NaNGiB", "infTB", "8 gib", "1e30TB"] {
            assert!(bytes_of(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_left_is_read_as_linux_writes_it() {
        let meminfo = "MemTotal:       131891200 kB\nMemFree:  1 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(available_bytes(meminfo), Some(2 << 20));
        assert_eq!(available_bytes("MemTotal: 1 kB\n"), None);
        assert_eq!(available_bytes("MemAvailable: a lot\n"), None);
    }
}
