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
pub(crate) const FRANTAR_2023: Citation = paper(
    "Frantar et al.",
    2023,
    "Scaling Laws for Sparsely-Connected Foundation Models",
    "2309.08520",
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
pub(crate) const LLAMA_3_2024: Citation = paper(
    "Grattafiori et al.",
    2024,
    "The Llama 3 Herd of Models",
    "2407.21783",
);
pub(crate) const BHAGIA_2024: Citation = paper(
    "Bhagia et al.",
    2024,
    "Establishing Task Scaling Laws via Compute-Efficient Model Ladders",
    "2412.04403",
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
