//! Tells cargo which folders are compiled in: the macro that embeds them does not, so a new file would go unnoticed.

fn main() {
    for folder in ["configs/gpus", "configs/models", "configs/scenarios"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
