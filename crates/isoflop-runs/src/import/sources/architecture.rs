//! Exact parameter counts from a Hugging Face `config.json`.

use serde_json::Value;

/// Both conventions of the number of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Every parameter; a tied head counts once.
    pub total: u64,
    /// Without token and position embeddings and without the head.
    pub non_embedding: u64,
}

/// Counts the parameters of the architectures whose layout is known here. `None` for others, and
/// for configurations that lack a size.
pub(super) fn count(config: &Value) -> Option<Counts> {
    let sizes = Sizes { config };
    match config["model_type"].as_str()? {
        "gpt2" => gpt2(&sizes),
        "gpt_neox" => gpt_neox(&sizes),
        // Mixtures of experts share the names and not the layout.
        _ if config["num_local_experts"].is_number() || config["num_experts"].is_number() => None,
        "llama" | "mistral" | "qwen2" | "qwen3" | "gemma" | "olmo2" | "smollm3" => llama(&sizes),
        _ => None,
    }
}

struct Sizes<'a> {
    config: &'a Value,
}

impl Sizes<'_> {
    fn get(&self, name: &str) -> Option<u64> {
        // Sizes of real models are far below: a larger one would overflow the sums.
        self.config[name].as_u64().filter(|size| *size < 1 << 20)
    }

    fn is(&self, name: &str, default: bool) -> bool {
        self.config[name].as_bool().unwrap_or(default)
    }
}

/// Radford et al. 2019: learned positions, biases everywhere, the head tied to the embedding.
fn gpt2(sizes: &Sizes<'_>) -> Option<Counts> {
    let (d, layers) = (sizes.get("n_embd")?, sizes.get("n_layer")?);
    let (vocabulary, positions) = (sizes.get("vocab_size")?, sizes.get("n_positions")?);
    let inner = sizes.get("n_inner").unwrap_or(4 * d);
    let attention = 4 * d * d + 4 * d;
    let feed_forward = 2 * d * inner + inner + d;
    let norms = 4 * d;
    let non_embedding = layers * (attention + feed_forward + norms) + 2 * d;
    let head = if sizes.is("tie_word_embeddings", true) {
        0
    } else {
        vocabulary * d
    };
    Some(Counts {
        total: non_embedding + vocabulary * d + positions * d + head,
        non_embedding,
    })
}

/// Black et al. 2022 and Pythia (Biderman et al. 2023): rotary positions, an untied head.
fn gpt_neox(sizes: &Sizes<'_>) -> Option<Counts> {
    let (d, layers) = (sizes.get("hidden_size")?, sizes.get("num_hidden_layers")?);
    let (vocabulary, inner) = (sizes.get("vocab_size")?, sizes.get("intermediate_size")?);
    let bias = u64::from(sizes.is("attention_bias", true));
    let attention = 4 * d * d + bias * 4 * d;
    let feed_forward = 2 * d * inner + inner + d;
    let norms = 4 * d;
    let non_embedding = layers * (attention + feed_forward + norms) + 2 * d;
    let tables = if sizes.is("tie_word_embeddings", false) {
        1
    } else {
        2
    };
    Some(Counts {
        total: non_embedding + tables * vocabulary * d,
        non_embedding,
    })
}

/// Touvron et al. 2023 and its relatives: RMS norms, a gated feed-forward layer, grouped queries.
fn llama(sizes: &Sizes<'_>) -> Option<Counts> {
    let kind = sizes.config["model_type"].as_str()?;
    let (d, layers) = (sizes.get("hidden_size")?, sizes.get("num_hidden_layers")?);
    let (vocabulary, inner) = (sizes.get("vocab_size")?, sizes.get("intermediate_size")?);
    let heads = sizes
        .get("num_attention_heads")
        .filter(|heads| *heads > 0)?;
    let groups = sizes.get("num_key_value_heads").unwrap_or(heads);
    let head_size = sizes.get("head_dim").unwrap_or(d / heads);
    let (queries, keys) = (heads * head_size, groups * head_size);
    // Qwen2 always has biases on queries, keys and values, and none on the output.
    let biases = match (kind, sizes.is("attention_bias", false)) {
        ("qwen2", _) => queries + 2 * keys,
        (_, true) => queries + 2 * keys + d,
        (_, false) => 0,
    };
    let head_norms = match kind {
        "qwen3" => 2 * head_size,
        "olmo2" => queries + keys,
        _ => 0,
    };
    let attention = 2 * d * queries + 2 * d * keys + biases + head_norms;
    let mlp_bias = u64::from(sizes.is("mlp_bias", false)) * (2 * inner + d);
    let layer = attention + 3 * d * inner + mlp_bias + 2 * d;
    let non_embedding = layers * layer + d;
    let is_tied = sizes.is("tie_word_embeddings", kind == "gemma" || kind == "smollm3");
    let tables = if is_tied { 1 } else { 2 };
    Some(Counts {
        total: non_embedding + tables * vocabulary * d,
        non_embedding,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn total(config: Value) -> u64 {
        count(&config).unwrap().total
    }

    #[test]
    fn published_models_have_their_published_numbers_of_parameters() {
        let gpt2 = json!({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_positions": 1024,
            "vocab_size": 50257, "n_inner": null});
        assert_eq!(total(gpt2), 124_439_808);
        let pythia = json!({"model_type": "gpt_neox", "hidden_size": 512, "num_hidden_layers": 6,
            "intermediate_size": 2048, "vocab_size": 50304});
        // Biderman et al. 2023, table 1.
        let expected = Counts {
            total: 70_426_624,
            non_embedding: 18_915_328,
        };
        assert_eq!(count(&pythia), Some(expected));
        let llama2 = json!({"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
            "intermediate_size": 11008, "num_attention_heads": 32, "vocab_size": 32000});
        assert_eq!(total(llama2), 6_738_415_616);
        let mistral = json!({"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
            "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8,
            "vocab_size": 32000});
        assert_eq!(total(mistral), 7_241_732_096);
        let qwen = json!({"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24,
            "intermediate_size": 4864, "num_attention_heads": 14, "num_key_value_heads": 2,
            "vocab_size": 151_936, "tie_word_embeddings": true});
        assert_eq!(total(qwen), 494_032_768);
        let gemma = json!({"model_type": "gemma", "hidden_size": 2048, "num_hidden_layers": 18,
            "intermediate_size": 16384, "num_attention_heads": 8, "num_key_value_heads": 1,
            "head_dim": 256, "vocab_size": 256_000});
        assert_eq!(total(gemma), 2_506_172_416);
    }

    #[test]
    fn what_is_not_known_is_not_counted() {
        assert_eq!(
            count(&json!({"model_type": "mamba", "hidden_size": 1})),
            None
        );
        assert_eq!(count(&json!({"model_type": "gpt2"})), None);
        let experts = json!({"model_type": "mistral", "num_local_experts": 8});
        assert_eq!(count(&experts), None);
    }
}
