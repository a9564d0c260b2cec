//! Prints the reference page of all laws: `cargo run -p isoflop-laws --example reference`.

use isoflop_laws::{Citation, LawCard, PublishedFit, families};

const HEAD: &str = "\
# Laws

Every law that isoflop knows, with its formula, units, published constants and sources. The page is
written from the catalogue by `cargo run -p isoflop-laws --example reference > docs/laws.md`; a
test holds that it is up to date. `isoflop laws NAME` says the same of one law.

- Losses are in nats per token. Each law says what its N counts, how its C was obtained, and the
  base of its logarithms; laws of different conventions are never compared in silence.
- *confirmed*: recomputing one of the publication's own numbers, or a public implementation, gives
  the constant. *as printed*: as the publication prints it. *derived*: follows from other numbers
  that it prints. *second hand*: quoted by others; check it before relying on it.
- A form without constants is to be fitted: none is published that could be checked, or none that
  is of use elsewhere.
- Conventions are converted exactly where the architecture is known. Where it is not,
  N_total = N + 47,491 N^(1/3) is an approximation for models with the proportions and the
  vocabulary of 32,000 of Hoffmann et al. 2022 (Pearce & Song 2024, eq. 11).
- A learning rate carries over from one width to another only with muP (Yang et al. 2022,
  arXiv:2203.03466): with Adam, the rate of hidden matrices in proportion to 1 / width, their
  initial variance 1 / fan-in, the output scaled by 1 / width, attention logits divided by the
  width of a head. Laws of the learning rate below assume a standard initialisation instead.
";

/// The whole page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    text += "\n| law | what it is | published fits |\n|---|---|---|\n";
    for card in families().iter().flat_map(|family| family.laws) {
        let fits: Vec<String> = card.published.iter().map(|fit| code(fit.name)).collect();
        text += &format!(
            "| [`{0}`](#{0}) | {1} | {2} |\n",
            card.name,
            card.title,
            fits.join(", ")
        );
    }
    for family in families() {
        text += &format!("\n## {}\n", family.title);
        for card in family.laws {
            text += &law(card);
        }
    }
    text
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A cell of a table, in which a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn source(citation: &Citation) -> String {
    if citation.arxiv.is_empty() {
        return format!("{} ({citation})", citation.title);
    }
    format!(
        "[{}](https://arxiv.org/abs/{}) ({citation})",
        citation.title, citation.arxiv
    )
}

fn law(card: &LawCard) -> String {
    let mut text = format!("\n### {}\n\n{}.\n\n", card.name, card.title);
    for formula in card.formula.split("; ") {
        text += &format!("    {formula}\n");
    }
    text += &format!("\n- Units: {}.\n", card.units);
    text += &format!("- Logarithms to base {}.\n", card.log_base);
    text += &format!("- Source: {}.\n", source(&card.citation));
    text += &format!("- Holds: {}\n", card.valid);
    for criticism in card.criticism {
        text += &format!("- Criticism: {criticism}\n");
    }
    text += "\n| parameter | unit | meaning |\n|---|---|---|\n";
    for one in card.parameters {
        let meaning = cell(one.meaning);
        text += &format!("| {} | {} | {meaning} |\n", code(one.symbol), one.unit);
    }
    for fit in card.published {
        text += &published(fit);
    }
    text
}

fn published(fit: &PublishedFit) -> String {
    let mut text = format!("\n**{}**: fitted on {}.\n", fit.name, fit.fitted_on);
    text += &format!("Counts {}. Source: {}.", fit.counts, source(&fit.citation));
    if !fit.note.is_empty() {
        text += &format!(" {}", fit.note);
    }
    text += "\n";
    for sentence in fit.provenance() {
        text += &format!("Constants: {sentence}.\n");
    }
    text += "\n| constant | value | uncertainty | known |\n|---|---|---|---|\n";
    for constant in fit.constants {
        text += &format!(
            "| {} | {} | {} | {} |\n",
            code(constant.symbol),
            number(constant.value),
            constant.uncertainty,
            constant.provenance
        );
    }
    text
}

/// All digits, with an exponent where people write one.
fn number(value: f64) -> String {
    if (1e-3..1e7).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

#[allow(dead_code)] // The test that compares the page has no use for it.
fn main() {
    print!("{}", page());
}
