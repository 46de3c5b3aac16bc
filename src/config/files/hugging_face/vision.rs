//! A vision tower from `vision_config`: its parameters, and how many patches and tokens the largest image makes.
//!
//! Layouts are those of `transformers/models/<model_type>`. A tower of another type counts nothing, which is said, as
//! the models that have them may still be used for text.

use serde::Deserialize;
use serde_json::Value;

use super::fields::{HuggingFaceConfig, need};
use crate::hardware::{BadFigure, VisionTower};

/// The fields of `vision_config` that decide a tower's size.
#[derive(Clone, Deserialize)]
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
    depth: Option<u64>,
    embed_dim: Option<u64>,
    mlp_ratio: Option<u64>,
    in_channels: Option<u64>,
    in_chans: Option<u64>,
    temporal_patch_size: Option<u64>,
    spatial_merge_size: Option<u64>,
    num_position_embeddings: Option<u64>,
    deepstack_visual_indexes: Option<Vec<u64>>,
    out_hidden_size: Option<u64>,
    vt_hidden_size: Option<u64>,
    vt_intermediate_size: Option<u64>,
    vt_num_hidden_layers: Option<u64>,
    init_pos_emb_height: Option<u64>,
    init_pos_emb_width: Option<u64>,
    position_embedding_size: Option<u64>,
    pooling_kernel_size: Option<u64>,
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
    let Some(layout) = layout_of(config, vision) else {
        return Ok(None);
    };
    let vision = VisionConfig::deserialize(vision)
        .map_err(|error| BadFigure::new("vision_config", error, "the fields of such a tower, as in config.json"))?;
    layout(config, &vision, text_hidden).map(Some)
}

/// Whether there is a tower that [`tower`] does not count.
pub(super) fn is_unknown(config: &HuggingFaceConfig) -> bool {
    let given = config.vision_config.as_ref().filter(|vision| !vision.is_null());
    given.is_some_and(|vision| layout_of(config, vision).is_none())
}

fn layout_of(config: &HuggingFaceConfig, vision: &Value) -> Option<Layout> {
    let model_type = vision.get("model_type").and_then(Value::as_str);
    let owner = config.model_type.as_deref().unwrap_or("");
    Some(match model_type.filter(|name| !name.is_empty()) {
        Some("llama4_vision_model") => llama4,
        // Others put another projector behind it.
        Some("siglip_vision_model") if owner.starts_with("gemma3") => siglip,
        Some("pixtral") if owner == "llava" => pixtral_alone,
        Some("pixtral") => pixtral,
        Some("gemma4_vision") => gemma4,
        Some("qwen2_5_vl") => qwen2_5,
        Some("qwen3_vl" | "qwen3_vl_moe" | "qwen3_5" | "qwen3_5_vision" | "qwen3_5_moe" | "qwen3_5_moe_vision") => {
            qwen3
        }
        // Qwen2.5-VL's first files name no type.
        None if owner == "qwen2_5_vl" => qwen2_5,
        Some("qwen2_vl") => qwen2,
        None if owner == "qwen2_vl" => qwen2,
        None if vision
            .get("mm_projector_type")
            .is_some_and(|kind| kind == "patchmerger") =>
        {
            kimi
        }
        _ => return None,
    })
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

/// The same tower as the first Pixtrals have it: every patch becomes a token, by two products with biases.
fn pixtral_alone(_: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let plain = Plain::of(vision)?;
    let (wide, inner) = (plain.hidden, plain.intermediate);
    let layers = plain.layers * (4 * wide * wide + 3 * wide * inner + 2 * wide);
    let projector = (wide + 1) * text_hidden + (text_hidden + 1) * text_hidden;
    let patches = plain.side * plain.side;
    Ok(VisionTower {
        parameters: plain.pixels * wide + wide + layers + projector,
        hidden_size: wide,
        intermediate: inner,
        patches_per_image: patches,
        tokens_per_image: patches,
    })
}

/// The largest image that Qwen's processors make: 16,384 tokens of four patches each (`max_pixels` and `longest_edge`
/// of their `preprocessor_config.json`).
const QWEN_TOKENS: u64 = 16_384;
/// The most patches of an image of Kimi K2.5 (`in_patch_limit` of its `preprocessor_config.json`).
const KIMI_PATCHES: u64 = 16_384;

/// What Qwen's towers have in common: width, inner width, layers, parameters of one patch's embedding, width of merged
/// patches, and of what the language model gets.
struct QwenTower {
    wide: u64,
    inner: u64,
    layers: u64,
    patch: u64,
    merged: u64,
    out: u64,
    merge: u64,
}

impl QwenTower {
    fn of(vision: &VisionConfig, text_hidden: u64) -> Result<Self, BadFigure> {
        let side = need("vision_config.patch_size", vision.patch_size, 1 << 12)?;
        let channels = vision.in_channels.or(vision.in_chans).or(Some(3));
        let channels = need("vision_config.in_channels", channels, 1 << 10)?;
        let frames = vision.temporal_patch_size.or(Some(2));
        let frames = need("vision_config.temporal_patch_size", frames, 1 << 8)?;
        let merge = vision.spatial_merge_size.or(Some(2));
        let merge = need("vision_config.spatial_merge_size", merge, 64)?;
        let wide = need("vision_config.hidden_size", vision.hidden_size, 1 << 16)?;
        let out = vision.out_hidden_size.or(Some(text_hidden));
        Ok(Self {
            wide,
            inner: need("vision_config.intermediate_size", vision.intermediate_size, 1 << 18)?,
            layers: need("vision_config.depth", vision.depth.or(vision.num_hidden_layers), 1_000)?,
            patch: channels * frames * side * side * wide,
            merged: wide * merge * merge,
            out: need("vision_config.out_hidden_size", out, 1 << 20)?,
            merge,
        })
    }

    /// Two products with biases after merging.
    const fn products(&self) -> u64 {
        self.merged * self.merged + self.merged + self.merged * self.out + self.out
    }

    const fn with(&self, parameters: u64) -> VisionTower {
        VisionTower {
            parameters,
            hidden_size: self.wide,
            intermediate: self.inner,
            patches_per_image: QWEN_TOKENS * self.merge * self.merge,
            tokens_per_image: QWEN_TOKENS,
        }
    }
}

/// Patches of two frames with learned positions; patches merge for two products, and those of some layers go to the
/// language model's first layers in the same way (`deepstack_visual_indexes`).
fn qwen3(_: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let tower = QwenTower::of(vision, text_hidden)?;
    let (wide, inner) = (tower.wide, tower.inner);
    let positions = vision.num_position_embeddings.or(Some(2304));
    let positions = need("vision_config.num_position_embeddings", positions, 1 << 20)?;
    let layer = 4 * (wide * wide + wide) + 2 * wide * inner + inner + wide + 4 * wide;
    let deep = vision
        .deepstack_visual_indexes
        .as_ref()
        .map_or(0, |layers| layers.len() as u64)
        .min(1_000);
    let mergers = tower.products() + 2 * wide + deep * (tower.products() + 2 * tower.merged);
    Ok(tower.with(tower.patch + wide + positions * wide + tower.layers * layer + mergers))
}

/// Patches of two frames with rotary positions, and layers with biases; patches merge for two products. Here
/// `hidden_size` is what the language model gets.
fn qwen2(_: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let wide = need("vision_config.embed_dim", vision.embed_dim.or(Some(1280)), 1 << 16)?;
    let times = need("vision_config.mlp_ratio", vision.mlp_ratio.or(Some(4)), 64)?;
    let as_newer = VisionConfig {
        hidden_size: Some(wide),
        intermediate_size: Some(times * wide),
        out_hidden_size: vision.hidden_size,
        ..vision.clone()
    };
    let tower = QwenTower::of(&as_newer, text_hidden)?;
    let inner = tower.inner;
    let layer = 4 * (wide * wide + wide) + 2 * wide * inner + inner + wide + 4 * wide;
    Ok(tower.with(tower.patch + tower.layers * layer + tower.products() + 2 * wide))
}

/// Patches of two frames with rotary positions, and gated layers with biases; patches merge for two products.
fn qwen2_5(_: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let tower = QwenTower::of(vision, text_hidden)?;
    let (wide, inner) = (tower.wide, tower.inner);
    let layer = 4 * (wide * wide + wide) + 3 * wide * inner + 2 * inner + wide + 2 * wide;
    Ok(tower.with(tower.patch + tower.layers * layer + tower.products() + wide))
}

/// Patches with learned positions; layers with biases, a norm, and merged patches for two products.
fn kimi(_: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let side = need("vision_config.patch_size", vision.patch_size, 1 << 12)?;
    let wide = need("vision_config.vt_hidden_size", vision.vt_hidden_size, 1 << 16)?;
    let inner = need(
        "vision_config.vt_intermediate_size",
        vision.vt_intermediate_size,
        1 << 18,
    )?;
    let layers = need("vision_config.vt_num_hidden_layers", vision.vt_num_hidden_layers, 1_000)?;
    let height = need("vision_config.init_pos_emb_height", vision.init_pos_emb_height, 1 << 12)?;
    let width = need("vision_config.init_pos_emb_width", vision.init_pos_emb_width, 1 << 12)?;
    let layer = 4 * (wide * wide + wide) + 2 * wide * inner + inner + wide + 4 * wide;
    let merged = 4 * wide;
    let projector = 2 * wide + merged * merged + merged + merged * text_hidden + text_hidden;
    let embedding = 3 * side * side * wide + wide + height * width * wide;
    Ok(VisionTower {
        parameters: embedding + layers * layer + 2 * wide + projector,
        hidden_size: wide,
        intermediate: inner,
        patches_per_image: KIMI_PATCHES,
        tokens_per_image: KIMI_PATCHES / 4,
    })
}

/// Patches with a table of positions a side; gated layers of four norms without biases, and one product.
fn gemma4(config: &HuggingFaceConfig, vision: &VisionConfig, text_hidden: u64) -> Result<VisionTower, BadFigure> {
    let side = need("vision_config.patch_size", vision.patch_size, 1 << 12)?;
    let wide = need("vision_config.hidden_size", vision.hidden_size, 1 << 16)?;
    let inner = need("vision_config.intermediate_size", vision.intermediate_size, 1 << 18)?;
    let layers = need("vision_config.num_hidden_layers", vision.num_hidden_layers, 1_000)?;
    let positions = vision.position_embedding_size.or(Some(10_240));
    let positions = need("vision_config.position_embedding_size", positions, 1 << 20)?;
    let tokens = config.vision_soft_tokens_per_image.or(Some(280));
    let tokens = need("vision_soft_tokens_per_image", tokens, 1 << 20)?;
    let pooled = need(
        "vision_config.pooling_kernel_size",
        vision.pooling_kernel_size.or(Some(3)),
        64,
    )?;
    let layer = 4 * wide * wide + 3 * wide * inner + 4 * wide;
    let embedding = 3 * side * side * wide + 2 * positions * wide + 2 * wide;
    Ok(VisionTower {
        parameters: embedding + layers * layer + wide * text_hidden,
        hidden_size: wide,
        intermediate: inner,
        patches_per_image: tokens * pooled * pooled,
        tokens_per_image: tokens,
    })
}
