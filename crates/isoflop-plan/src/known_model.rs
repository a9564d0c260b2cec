//! Well-known dense models: their size and data as their authors published them.
//!
//! Parameters are total; tokens are those seen. Mixture-of-experts models are left out: the laws
//! here are of dense models.

use isoflop_laws::{Params, QuantityError, Tokens};
use serde::Serialize;

/// A published model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KnownModel {
    /// Name, as people write it.
    pub name: &'static str,
    /// Total parameters.
    params: f64,
    /// Training tokens seen.
    tokens: f64,
    /// Where both figures come from.
    pub source: &'static str,
}

impl KnownModel {
    /// Total parameters N.
    ///
    /// # Errors
    /// Never for a model of [`KNOWN_MODELS`]; a test holds that.
    pub fn params(&self) -> Result<Params, QuantityError> {
        Params::new(self.params)
    }

    /// Training tokens D.
    ///
    /// # Errors
    /// Never for a model of [`KNOWN_MODELS`]; a test holds that.
    pub fn tokens(&self) -> Result<Tokens, QuantityError> {
        Tokens::new(self.tokens)
    }
}

/// The model of this name, in any case.
#[must_use]
pub fn known_model(name: &str) -> Option<&'static KnownModel> {
    KNOWN_MODELS
        .iter()
        .find(|model| model.name.eq_ignore_ascii_case(name))
}

/// Models in the order of their publication.
pub const KNOWN_MODELS: &[KnownModel] = &[
    model("GPT-3", 175e9, 300e9, "Brown et al. 2020, table 2.1"),
    model(
        "GPT-J-6B",
        6.05e9,
        402e9,
        "Wang & Komatsuzaki 2021, model card",
    ),
    model("Jurassic-1", 178e9, 300e9, "Hoffmann et al. 2022, table 1"),
    model(
        "Gopher",
        280e9,
        300e9,
        "Rae et al. 2021; Hoffmann et al. 2022, table 1",
    ),
    model("LaMDA", 137e9, 168e9, "Hoffmann et al. 2022, table 1"),
    model(
        "MT-NLG-530B",
        530e9,
        270e9,
        "Smith et al. 2022; Hoffmann et al. 2022, table 1",
    ),
    model("Chinchilla", 70e9, 1.4e12, "Hoffmann et al. 2022, table 1"),
    model(
        "PaLM-540B",
        540.35e9,
        780e9,
        "Chowdhery et al. 2022, tables 1 and 2",
    ),
    model("GPT-NeoX-20B", 20.55e9, 472e9, "Black et al. 2022"),
    model("OPT-175B", 175e9, 180e9, "Zhang et al. 2022"),
    model("BLOOM", 176e9, 366e9, "BigScience 2022"),
    model("LLaMA-7B", 6.7e9, 1.0e12, "Touvron et al. 2023a, table 2"),
    model("LLaMA-13B", 13.0e9, 1.0e12, "Touvron et al. 2023a, table 2"),
    model("LLaMA-33B", 32.5e9, 1.4e12, "Touvron et al. 2023a, table 2"),
    model("LLaMA-65B", 65.2e9, 1.4e12, "Touvron et al. 2023a, table 2"),
    model("Cerebras-GPT-13B", 13e9, 257e9, "Dey et al. 2023"),
    model("Pythia-12B", 12e9, 300e9, "Biderman et al. 2023"),
    model("Llama-2-7B", 7e9, 2.0e12, "Touvron et al. 2023b, table 1"),
    model("Llama-2-70B", 70e9, 2.0e12, "Touvron et al. 2023b, table 1"),
    model("Falcon-180B", 180e9, 3.5e12, "Almazrouei et al. 2023"),
    model(
        "DeepSeek-67B",
        67e9,
        2.0e12,
        "DeepSeek-AI 2024, arXiv 2401.02954",
    ),
    model("Llama-3-8B", 8e9, 15e12, "Meta 2024, model card"),
    model("Llama-3-70B", 70e9, 15e12, "Meta 2024, model card"),
    model(
        "Llama-3.1-405B",
        405e9,
        15.6e12,
        "Grattafiori et al. 2024, section 1",
    ),
    model("Gemma-2-27B", 27e9, 13e12, "Gemma Team 2024"),
];

const fn model(name: &'static str, params: f64, tokens: f64, source: &'static str) -> KnownModel {
    KnownModel {
        name,
        params,
        tokens,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::Flops;

    #[test]
    fn every_figure_is_a_quantity_and_every_name_is_found() {
        for model in KNOWN_MODELS {
            assert!(model.params().is_ok() && model.tokens().is_ok());
            assert_eq!(known_model(&model.name.to_lowercase()), Some(model));
        }
        assert_eq!(known_model("gpt-5"), None);
    }

    #[test]
    fn six_n_d_agrees_with_the_compute_that_the_authors_report() {
        // GPT-3: Brown et al. 2020, table D.1. Gopher: Hoffmann et al. 2022, table A3's heading
        // quotes 5.76e23 for Gopher and Chinchilla. Llama 3.1 405B: Grattafiori et al. 2024.
        for (name, flops, within) in [
            ("GPT-3", 3.14e23, 0.01),
            ("Gopher", 5.76e23, 0.15),
            ("Chinchilla", 5.76e23, 0.03),
            ("PaLM-540B", 2.5272e24, 0.01),
            ("Llama-3.1-405B", 3.8e25, 0.01),
        ] {
            let model = known_model(name).unwrap();
            let six_nd = Flops::six_nd(model.params().unwrap(), model.tokens().unwrap());
            assert!((six_nd.get() / flops - 1.0).abs() < within, "{name}");
        }
    }
}
