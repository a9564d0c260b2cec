//! Numbers that look as if they were in another unit. They are not changed, but said.

use super::ImportedRow;
use crate::run::Run;

/// A uniform guess over a vocabulary of 400,000 tokens costs 12.9 nats: losses above that are
/// hardly nats per token.
const HIGHEST_LOSS: f64 = 13.0;

/// The losses in bits and in nats differ by this factor.
const NATS_PER_BIT: f64 = std::f64::consts::LN_2;

/// One sentence for each quantity whose unit is in doubt.
pub(super) fn unit_notes(rows: &[ImportedRow]) -> Vec<String> {
    let small = |what: &str, size: fn(&Run) -> Option<f64>| {
        let median = median(rows, size)?;
        (median < 1e3).then(|| {
            format!(
                "the median number of {what} is {median}: is the column in millions or billions?"
            )
        })
    };
    let notes = [
        small("parameters", |run| run.params.map(f64::from)),
        small("tokens", |run| run.tokens.map(f64::from)),
        high_loss(rows),
        loss_against_perplexity(rows),
        loss_against_bits(rows),
    ];
    notes.into_iter().flatten().collect()
}

fn median(rows: &[ImportedRow], size: fn(&Run) -> Option<f64>) -> Option<f64> {
    let mut sizes: Vec<f64> = rows.iter().filter_map(|row| size(&row.run)).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).copied()
}

fn high_loss(rows: &[ImportedRow]) -> Option<String> {
    let median = median(rows, |run| run.loss.map(f64::from))?;
    (median > HIGHEST_LOSS).then(|| {
        format!(
            "the median loss is {median:.4}, more than a guess among 400,000 tokens costs in nats: \
             is it a perplexity? `--map theirs=loss:perplexity` says so"
        )
    })
}

/// Where a row has a perplexity beside its loss, the loss is its logarithm: natural for nats.
fn loss_against_perplexity(rows: &[ImportedRow]) -> Option<String> {
    let ratio = |run: &Run| {
        let is_perplexity = |name: &str| name.ends_with("ppl") || name.ends_with("perplexity");
        let label = run.labels.iter().find(|(name, _)| is_perplexity(name))?;
        let perplexity: f64 = label.1.trim().parse().ok()?;
        Some(run.loss?.get() / perplexity.ln())
    };
    let median = median(rows, ratio)?;
    let bits = (median * NATS_PER_BIT - 1.0).abs() < 0.01;
    bits.then(|| {
        "the loss is the binary logarithm of the perplexity beside it, so it is in bits: \
         `--map theirs=loss:bits` turns it into nats"
            .to_owned()
    })
}

/// A token is one byte or more of text: a loss in nats is no less than ln 2 times the bits per
/// byte.
fn loss_against_bits(rows: &[ImportedRow]) -> Option<String> {
    let bytes = |run: &Run| Some(run.loss?.get() / (NATS_PER_BIT * run.bits_per_byte?));
    let median = median(rows, bytes)?;
    (!(0.99..=12.0).contains(&median)).then(|| {
        format!(
            "loss and bits per byte together mean {median:.2} bytes a token, which is hardly so: \
             one of them is in another unit"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_laws::Loss;

    fn row(loss: f64, bits_per_byte: Option<f64>, perplexity: Option<f64>) -> ImportedRow {
        let mut run = Run::new("a");
        run.loss = Loss::new(loss).ok();
        run.bits_per_byte = bits_per_byte;
        if let Some(perplexity) = perplexity {
            run.labels.insert("val_ppl".into(), perplexity.to_string());
        }
        ImportedRow {
            run,
            line: 1,
            source: None,
            curve: Vec::new(),
        }
    }

    fn note(row: ImportedRow) -> String {
        unit_notes(&[row]).join("; ")
    }

    #[test]
    fn a_perplexity_taken_for_a_loss_is_noticed() {
        assert!(note(row(24.5, None, None)).contains("perplexity"));
        assert_eq!(note(row(3.2, None, None)), "");
    }

    #[test]
    fn bits_are_told_from_nats_by_the_perplexity_beside_them() {
        let nats = 3.0f64;
        assert_eq!(note(row(nats, None, Some(nats.exp()))), "");
        let bits = nats / NATS_PER_BIT;
        assert!(note(row(bits, None, Some(nats.exp()))).contains("in bits"));
    }

    #[test]
    fn bits_per_byte_that_contradict_the_loss_are_noticed() {
        assert_eq!(note(row(3.0, Some(1.0), None)), "");
        assert!(note(row(1.0, Some(3.0), None)).contains("bytes a token"));
    }
}
