//! A vision tower from `vision_config`: its parameters, and how many patches and tokens the largest image makes.
//!
//! Layouts are those of `transformers/models/<model_type>`. A tower of another type counts nothing, as the models that
//! have them may still be used for text.

use serde::Deserialize;

use super::fields::{HuggingFaceConfig, need};
use crate::hardware::{BadFigure, VisionTower};

/// The fields of `vision_config` that decide a tower's size.
#[derive(Deserialize)]
struct VisionConfig {
    hidden_size: Option<u64>,
    intermediate_size: Option<u64>,
    num_hidden_layers: Option<u64>,
    image_size: Option<u64>,
    patch_size: Option<u64>,
    num_channels: Option<u64>,
    pixel_shuffle_ratio: Option<f64>,
    projector_input_dim: Option<u64>,
    projector_output_dim: Option<u64>,
}

/// Tiles that Llama 4 cuts the largest image into (`max_patches` of its `preprocessor_config.json`), and the image as a
/// whole.
const LLAMA4_TILES: u64 = 16 + 1;

/// Reads a tower in front of a language model of such a width.
type Layout = fn(&HuggingFaceConfig, &VisionConfig, u64) -> Result<VisionTower, BadFigure>;

/// What every tower is made of.
struct Plain {
    hidden: u64,
    intermediate: u64,
    layers: u64,
    /// Patches along one side of an image or tile.
    side: u64,
    /// Values of one patch of the image.
    pixels: u64,
}

/// The tower that `config` describes, in front of a language model of width `text_hidden`.
pub(super) fn tower(config: &HuggingFaceConfig, text_hidden: u64) -> Result<Option<VisionTower>, BadFigure> {
    let Some(vision) = &config.vision_config else {
        return Ok(None);
    };
    let model_type = vision.get("model_type").and_then(serde_json::Value::as_str);
    let layout: Layout = match model_type {
        Some("llama4_vision_model") => llama4,
        Some("siglip_vision_model") => siglip,
        Some("pixtral") => pixtral,
        _ => return Ok(None),
    };
    let vision = VisionConfig::deserialize(vision)
        .map_err(|error| BadFigure::new("vision_config", error, "the fields of such a tower, as in config.json"))?;
    layout(config, &vision, text_hidden).map(Some)
}

impl Plain {
    fn of(vision: &VisionConfig) -> Result<Self, BadFigure> {
        let patch = need("vision_config.patch_size", vision.patch_size, 1 << 12)?;
        let image = need("vision_config.image_size", vision.image_size, 1 << 16)?;
        let channels = vision.num_channels.or(Some(3));
        let channels = need("vision_config.num_channels", channels, 1 << 10)?;
        let field = "vision_config.intermediate_size";
        let layers = vision.num_hidden_layers;
        Ok(Self {
            hidden: need("vision_config.hidden_size", vision.hidden_size, 1 << 16)?,
            intermediate: need(field, vision.intermediate_size, 1 << 18)?,
            layers: need("vision_config.num_hidden_layers", layers, 1_000)?,
            side: (image / patch).max(1),
            pixels: channels * patch * patch,
        })
    }

    /// Layers of two norms, four projections of attention and two of a feed-forward network, all with biases.
    const fn biased_layers(&self) -> u64 {
        let (wide, inner) = (self.hidden, self.intermediate);
        let attention = 4 * (wide * wide + wide);
        let feed_forward = 2 * wide * inner + inner + wide;
        self.layers * (attention + feed_forward + 4 * wide)
    }
}

/// Patches and a class token with learned positions; then four patches become one (`pixel_shuffle_ratio`) for two
/// products without biases, and the projector.
fn llama4(_: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let plain = Plain::of(vision)?;
    let wide = plain.hidden;
    let between = vision.projector_input_dim.or(Some(4096));
    let between = need("vision_config.projector_input_dim", between, 1 << 16)?;
    let out = vision.projector_output_dim.or(Some(4096));
    let out = need("vision_config.projector_output_dim", out, 1 << 16)?;
    let ratio = vision.pixel_shuffle_ratio.unwrap_or(0.5);
    if !(0.01..=1.0).contains(&ratio) {
        let expected = "from 0.01 to 1";
        let field = "vision_config.pixel_shuffle_ratio";
        return Err(BadFigure::new(field, ratio, expected));
    }
    let patches = plain.side * plain.side;
    let embedding = plain.pixels * wide + wide + (patches + 1) * wide + 4 * wide;
    let adapter = plain.intermediate * between + between * out;
    let tokens = (patches as f64 * ratio * ratio).round() as u64;
    Ok(VisionTower {
        parameters: embedding + plain.biased_layers() + adapter + out * text_hidden,
        hidden_size: wide,
        intermediate: plain.intermediate,
        patches_per_image: LLAMA4_TILES * (patches + 1),
        tokens_per_image: LLAMA4_TILES * tokens.max(1),
    })
}

/// Patches with learned positions, as Gemma 3 uses it: pooled to `mm_tokens_per_image`, a norm, and one product.
fn siglip(config: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let plain = Plain::of(vision)?;
    let wide = plain.hidden;
    let patches = plain.side * plain.side;
    let embedding = (plain.pixels + 1) * wide + patches * wide + 2 * wide;
    let projector = wide * text_hidden + wide;
    let tokens = config.mm_tokens_per_image.or(Some(256));
    Ok(VisionTower {
        parameters: embedding + plain.biased_layers() + projector,
        hidden_size: wide,
        intermediate: plain.intermediate,
        patches_per_image: patches,
        tokens_per_image: need("mm_tokens_per_image", tokens, 1 << 20)?,
    })
}

/// Patches with rotary positions and gated layers without biases; Mistral 3 merges `spatial_merge_size` squared patches
/// and has two products after that.
fn pixtral(config: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let plain = Plain::of(vision)?;
    let (wide, inner) = (plain.hidden, plain.intermediate);
    let merge = config.spatial_merge_size.or(Some(2));
    let merge = need("spatial_merge_size", merge, 64)?;
    let layers = plain.layers * (4 * wide * wide + 3 * wide * inner + 2 * wide);
    let embedding = plain.pixels * wide + wide;
    let joining = wide * merge * merge * wide;
    let projector = wide + joining + wide * text_hidden + text_hidden * text_hidden;
    let tokens_a_side = (plain.side / merge).max(1);
    Ok(VisionTower {
        parameters: embedding + layers + projector,
        hidden_size: wide,
        intermediate: inner,
        patches_per_image: plain.side * plain.side,
        tokens_per_image: tokens_a_side * tokens_a_side,
    })
}
