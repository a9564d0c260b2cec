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
