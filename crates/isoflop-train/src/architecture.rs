//! What the blocks of a model are made of: the families that people study.

use serde::{Deserialize, Serialize};

/// What a model is made of besides its sizes. The default is the plain family of the ladder: input
/// and output embeddings tied, GELU, keys and values of its own for every head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Architecture {
    /// Whether the output layer is the input embedding.
    pub embeddings: Embeddings,
    /// The activation of the hidden layers.
    pub feed_forward: FeedForward,
    /// Width of the hidden layers; by the rule of [`FeedForward::hidden_width`] if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_width: Option<usize>,
    /// Heads of keys and values, each shared by as many heads of queries (Ainslie et al. 2023,
    /// arXiv 2305.13245); one a head of queries if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<usize>,
    /// Experts in the place of each block's hidden layers; none if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experts: Option<Experts>,
}

/// A mixture of experts (Shazeer et al. 2017, arXiv 1701.06538): each token passes through the
/// hidden layers of some of them, chosen by a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experts {
    /// Experts in a block.
    pub count: usize,
    /// Experts that a token passes through.
    pub active: usize,
}

impl Architecture {
    /// The default, for constants.
    pub const PLAIN: Self = Self {
        embeddings: Embeddings::Tied,
        feed_forward: FeedForward::Gelu,
        hidden_width: None,
        kv_heads: None,
        experts: None,
    };

    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::PLAIN
    }
}

/// Whether the output layer is the input embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Embeddings {
    /// One matrix for both (Press & Wolf 2017, arXiv 1608.05859).
    #[default]
    Tied,
    /// A matrix each, which start alike in kind and learn at the same rate: the output's multiplier
    /// is muP's (Yang et al. 2022, table 8).
    Untied,
}

/// The activation of the hidden layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedForward {
    /// `GELU(x W) V` in its tanh form (Hendrycks & Gimpel 2016, arXiv 1606.08415).
    #[default]
    Gelu,
    /// `(SiLU(x W) ∘ x V) U` (Shazeer 2020, arXiv 2002.05202).
    SwiGlu,
}

impl FeedForward {
    /// The hidden width that goes with a model of `width`: four times that for GELU; for SwiGLU,
    /// which has three matrices, 8/3 of it, to the nearest multiple of 8 (the nearest number of
    /// weights in whole lanes).
    #[must_use]
    pub fn hidden_width(self, width: usize) -> usize {
        match self {
            Self::Gelu => 4 * width,
            Self::SwiGlu => ((width + 1) / 3).max(1) * 8,
        }
    }

    /// Matrices from the model's width to the hidden one.
    #[must_use]
    pub fn inputs(self) -> usize {
        match self {
            Self::Gelu => 1,
            Self::SwiGlu => 2,
        }
    }
}

/// One architecture of each family, for tests.
#[cfg(test)]
pub(crate) const FAMILIES: [(&str, Architecture); 6] = [
    ("plain", Architecture::PLAIN),
    (
        "untied",
        Architecture {
            embeddings: Embeddings::Untied,
            ..Architecture::PLAIN
        },
    ),
    (
        "swiglu",
        Architecture {
            feed_forward: FeedForward::SwiGlu,
            ..Architecture::PLAIN
        },
    ),
    (
        "grouped",
        Architecture {
            hidden_width: Some(40),
            kv_heads: Some(1),
            ..Architecture::PLAIN
        },
    ),
    (
        "switch",
        Architecture {
            hidden_width: Some(32),
            experts: Some(Experts {
                count: 3,
                active: 1,
            }),
            ..Architecture::PLAIN
        },
    ),
    (
        "mixture",
        Architecture {
            feed_forward: FeedForward::SwiGlu,
            hidden_width: Some(24),
            experts: Some(Experts {
                count: 4,
                active: 2,
            }),
            ..Architecture::PLAIN
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swiglu_has_about_as_many_weights_as_gelu_at_every_width() {
        for width in 8..2000_usize {
            let hidden = FeedForward::SwiGlu.hidden_width(width);
            assert!(hidden.is_multiple_of(8));
            // No other multiple of 8 is nearer to 8/3 of the width.
            assert!((3 * hidden).abs_diff(8 * width) <= 12, "{width}: {hidden}");
        }
    }

    #[test]
    fn the_default_is_plain_and_written_by_its_names() {
        assert!(Architecture::default().is_plain());
        let text = r#"{"embeddings":"untied","feed_forward":"swiglu","kv_heads":2}"#;
        let read: Architecture = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert!(serde_json::from_str::<Architecture>(r#"{"kvheads":2}"#).is_err());
    }
}
