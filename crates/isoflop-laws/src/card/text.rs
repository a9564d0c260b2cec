//! How citations, conventions and constants are worded, wherever they are shown.

use super::{Citation, Counts, FittedOn, Provenance, PublishedFit, Range, Uncertainty};
use crate::{Flops, Params, Tokens};
use std::fmt;

impl Citation {
    /// The work as a bibliography gives it: authors, year, title, identifier.
    #[must_use]
    pub fn reference(&self) -> String {
        let mut text = format!("{} ({}). {}.", self.authors, self.year, self.title);
        if !self.arxiv.is_empty() {
            text += &format!(" arXiv:{}", self.arxiv);
        }
        text
    }
}

impl fmt::Display for Citation {
    /// Authors, year and the place in the work.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.authors, self.year)?;
        if self.place.is_empty() {
            return Ok(());
        }
        write!(f, ", {}", self.place)
    }
}

impl fmt::Display for Counts {
    /// What N counts and how C was obtained, such as `N total parameters, C = 6ND`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.params, self.flops) {
            (Some(params), Some(flops)) => write!(f, "N {params}, {flops}"),
            (Some(params), None) => write!(f, "N {params}"),
            (None, Some(flops)) => write!(f, "{flops}"),
            (None, None) => f.write_str("neither N nor C"),
        }
    }
}

impl fmt::Display for Uncertainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Uncertainty::StandardError(error) => write!(f, "± {error}"),
            Uncertainty::Interval { lo, hi, level } => {
                write!(f, "{lo} to {hi} ({:.0} %)", level * 100.0)
            }
            Uncertainty::NotPublished => f.write_str("not published"),
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Provenance::Confirmed => "confirmed",
            Provenance::Printed => "as printed",
            Provenance::Derived => "derived",
            Provenance::Unverified => "second hand",
        })
    }
}

impl fmt::Display for FittedOn {
    /// The data, then the ranges of N, D and C that are stated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.data)?;
        let params =
            |value| Params::new(value).map_or_else(|_| value.to_string(), |n| n.to_string());
        let tokens =
            |value| Tokens::new(value).map_or_else(|_| value.to_string(), |d| d.to_string());
        let flops = |value| Flops::new(value).map_or_else(|_| value.to_string(), |c| c.to_string());
        write_range(f, "N", self.params, params)?;
        write_range(f, "D", self.tokens, tokens)?;
        write_range(f, "C", self.flops, flops)
    }
}

fn write_range(
    f: &mut fmt::Formatter<'_>,
    symbol: &str,
    range: Option<Range>,
    show: impl Fn(f64) -> String,
) -> fmt::Result {
    match range {
        None => Ok(()),
        Some(Range { lo, hi }) if lo == hi => write!(f, "; {symbol} {}", show(lo)),
        Some(Range { lo, hi }) => write!(f, "; {symbol} {} to {}", show(lo), show(hi)),
    }
}

impl PublishedFit {
    /// One sentence for each way in which constants of this fit came about, in the order of the
    /// constants: which they are, and how they are known.
    #[must_use]
    pub fn provenance(&self) -> Vec<String> {
        let mut found: Vec<(Provenance, &str, Vec<&str>)> = Vec::new();
        for constant in self.constants {
            let same = |(provenance, note, _): &&mut (Provenance, &str, Vec<&str>)| {
                *provenance == constant.provenance && *note == constant.note
            };
            match found.iter_mut().find(same) {
                Some((_, _, symbols)) => symbols.push(constant.symbol),
                None => found.push((constant.provenance, constant.note, vec![constant.symbol])),
            }
        }
        let every = found.len() == 1;
        let sentences = found.into_iter().filter(|(_, note, _)| !note.is_empty());
        sentences
            .map(|(provenance, note, symbols)| {
                let which = if every { "all" } else { &symbols.join(", ") };
                format!("{which} {provenance}: {note}")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::find;

    #[test]
    fn a_fit_is_worded_with_its_ranges_conventions_and_sources() {
        let fit = find("besiroglu-2024").unwrap().fit().unwrap();
        let worded = [
            fit.citation.to_string(),
            fit.citation.reference(),
            fit.counts.to_string(),
            fit.fitted_on.to_string(),
            fit.provenance().join("; "),
            fit.constants[1].uncertainty.to_string(),
        ];
        let expected = [
            "Besiroglu et al. 2024, section 3",
            "Besiroglu et al. (2024). Chinchilla Scaling: A Replication Attempt. arXiv:2404.10102",
            "N total parameters, C = 6ND",
            "240 runs reconstructed from a figure of Hoffmann et al. 2022 (MassiveText); \
             N 70M to 16B; D 5B to 500B; C 6.00e18 to 3.00e21",
            "all confirmed: refitting the 240 reconstructed runs with the paper's objective \
             returns it",
            "± 124.58",
        ];
        assert_eq!(worded, expected);
    }

    #[test]
    fn constants_of_several_origins_are_told_apart() {
        for (card, fit) in crate::published_fits() {
            let sentences = fit.provenance();
            for constant in fit.constants.iter().filter(|c| !c.note.is_empty()) {
                let told = sentences.iter().any(|sentence| {
                    sentence.contains(constant.note)
                        && (sentence.starts_with("all ") || sentence.contains(constant.symbol))
                });
                assert!(told, "{} {} {}", card.name, fit.name, constant.symbol);
            }
        }
    }
}
