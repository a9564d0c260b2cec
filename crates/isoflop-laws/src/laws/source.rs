//! The publications that laws and constants are cited from.

use crate::card::Citation;

impl Citation {
    /// The same work, with the equation, section or table.
    #[must_use]
    pub const fn at(self, place: &'static str) -> Self {
        Self { place, ..self }
    }
}

const fn paper(
    authors: &'static str,
    year: u16,
    title: &'static str,
    arxiv: &'static str,
) -> Citation {
    Citation {
        authors,
        year,
        title,
        arxiv,
        place: "",
    }
}

pub(crate) const KAPLAN_2020: Citation = paper(
    "Kaplan et al.",
    2020,
    "Scaling Laws for Neural Language Models",
    "2001.08361",
);
pub(crate) const HOFFMANN_2022: Citation = paper(
    "Hoffmann et al.",
    2022,
    "Training Compute-Optimal Large Language Models",
    "2203.15556",
);
pub(crate) const OPENAI_2023: Citation =
    paper("OpenAI", 2023, "GPT-4 Technical Report", "2303.08774");
pub(crate) const BESIROGLU_2024: Citation = paper(
    "Besiroglu et al.",
    2024,
    "Chinchilla Scaling: A Replication Attempt",
    "2404.10102",
);
pub(crate) const MCCANDLISH_2018: Citation = paper(
    "McCandlish et al.",
    2018,
    "An Empirical Model of Large-Batch Training",
    "1812.06162",
);
pub(crate) const CLARK_2022: Citation = paper(
    "Clark et al.",
    2022,
    "Unified Scaling Laws for Routed Language Models",
    "2202.01169",
);
pub(crate) const ALABDULMOHSIN_2022: Citation = paper(
    "Alabdulmohsin et al.",
    2022,
    "Revisiting Neural Scaling Laws in Language and Vision",
    "2209.06640",
);
pub(crate) const CABALLERO_2022: Citation = paper(
    "Caballero et al.",
    2022,
    "Broken Neural Scaling Laws",
    "2210.14891",
);
pub(crate) const MUENNIGHOFF_2023: Citation = paper(
    "Muennighoff et al.",
    2023,
    "Scaling Data-Constrained Language Models",
    "2305.16264",
);
pub(crate) const LOVELACE_2026: Citation = paper(
    "Lovelace et al.",
    2026,
    "Prescriptive Scaling Laws for Data Constrained Training",
    "2605.01640",
);
pub(crate) const FRANTAR_2023: Citation = paper(
    "Frantar et al.",
    2023,
    "Scaling Laws for Sparsely-Connected Foundation Models",
    "2309.08520",
);
pub(crate) const SARDANA_2023: Citation = paper(
    "Sardana et al.",
    2023,
    "Beyond Chinchilla-Optimal: Accounting for Inference in Language Model Scaling Laws",
    "2401.00448",
);
pub(crate) const DEEPSEEK_2024: Citation = paper(
    "Bi et al.",
    2024,
    "DeepSeek LLM: Scaling Open-Source Language Models with Longtermism",
    "2401.02954",
);
pub(crate) const KRAJEWSKI_2024: Citation = paper(
    "Krajewski et al.",
    2024,
    "Scaling Laws for Fine-Grained Mixture of Experts",
    "2402.07871",
);
pub(crate) const GADRE_2024: Citation = paper(
    "Gadre et al.",
    2024,
    "Language models scale reliably with over-training and on downstream tasks",
    "2403.08540",
);
pub(crate) const YE_2024: Citation = paper(
    "Ye et al.",
    2024,
    "Data Mixing Laws: Optimizing Data Mixtures by Predicting Language Modeling Performance",
    "2403.16952",
);
pub(crate) const PEARCE_2024: Citation = paper(
    "Pearce & Song",
    2024,
    "Reconciling Kaplan and Chinchilla Scaling Laws",
    "2406.12907",
);
pub(crate) const TAO_2024: Citation = paper(
    "Tao et al.",
    2024,
    "Scaling Laws with Vocabulary: Larger Models Deserve Larger Vocabularies",
    "2407.13623",
);
pub(crate) const LLAMA_3_2024: Citation = paper(
    "Grattafiori et al.",
    2024,
    "The Llama 3 Herd of Models",
    "2407.21783",
);
pub(crate) const TISSUE_2024: Citation = paper(
    "Tissue et al.",
    2024,
    "Scaling Law with Learning Rate Annealing",
    "2408.11029",
);
pub(crate) const KUMAR_2024: Citation = paper(
    "Kumar et al.",
    2024,
    "Scaling Laws for Precision",
    "2411.04330",
);
pub(crate) const BHAGIA_2024: Citation = paper(
    "Bhagia et al.",
    2024,
    "Establishing Task Scaling Laws via Compute-Efficient Model Ladders",
    "2412.04403",
);
pub(crate) const STEP_LAW_2025: Citation = paper(
    "Li et al.",
    2025,
    "Predictable Scale: Part I, Step Law: Optimal Hyperparameter Scaling Law in Large Language Model Pretraining",
    "2503.04715",
);
pub(crate) const LUO_2025: Citation = paper(
    "Luo et al.",
    2025,
    "A Multi-Power Law for Loss Curve Prediction Across Learning Rate Schedules",
    "2503.12811",
);
pub(crate) const FARSEER_2025: Citation = paper(
    "Li et al.",
    2025,
    "Predictable Scale: Part II, Farseer: A Refined Scaling Law in Large Language Models",
    "2506.10972",
);
pub(crate) const SUBRAMANYAM_2025: Citation = paper(
    "Subramanyam et al.",
    2025,
    "Scaling Laws Revisited: Modeling the Role of Data Quality in Language Model Pretraining",
    "2510.03313",
);
pub(crate) const ABNAR_2025: Citation = paper(
    "Abnar et al.",
    2025,
    "Parameters vs FLOPs: Scaling Laws for Optimal Sparsity for Mixture-of-Experts Language Models",
    "2501.12370",
);
pub(crate) const LUDZIEJEWSKI_2025: Citation = paper(
    "Ludziejewski et al.",
    2025,
    "Joint MoE Scaling Laws: Mixture of Experts Can Be Memory Efficient",
    "2502.05172",
);
