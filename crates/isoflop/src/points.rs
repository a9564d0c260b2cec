//! The runs to forecast: one given by its size, data or compute, or a file of them.

use crate::failure::Failure;
use crate::text::factor;
use isoflop_fit::ForecastAt;
use isoflop_laws::{Flops, ParamCount, Params, Quality, QuantityError, Tokens};
use isoflop_runs::{ImportOptions, QUALITY, RowsAre, Run, import_bytes, import_file};
use std::path::{Path, PathBuf};

/// Which runs to forecast.
#[derive(Debug, Clone, clap::Args)]
#[command(group(clap::ArgGroup::new("point").required(true).multiple(true)))]
pub struct PointArguments {
    /// Model size N, counted as the law counts it
    #[arg(long, group = "point", value_name = "N")]
    params: Option<Params>,
    /// Training tokens D
    #[arg(long, group = "point", value_name = "D")]
    tokens: Option<Tokens>,
    /// Training compute C; alone, for the best N and D
    #[arg(long, group = "point", value_name = "C")]
    flops: Option<Flops>,
    /// Unique tokens, where some are seen more than once
    #[arg(long, value_name = "U")]
    unique_tokens: Option<Tokens>,
    /// Quality of the text, for law data-quality; 1 if not given
    #[arg(long, value_name = "Q")]
    quality: Option<Quality>,
    /// A file of such runs, one a row
    #[arg(
        long,
        group = "point",
        value_name = "POINTS.csv",
        conflicts_with_all = ["params", "tokens", "flops", "unique_tokens", "quality"]
    )]
    at: Option<PathBuf>,
}

impl PointArguments {
    /// The runs to forecast, in the order in which they were given.
    ///
    /// # Errors
    /// Status 2 if the file cannot be read, or one of its rows is no such run.
    pub fn read(&self, count: ParamCount) -> Result<Vec<ForecastAt>, Failure> {
        let read = self.read_with_families(count)?;
        Ok(read.into_iter().map(|(at, _)| at).collect())
    }

    /// The same, with the family that a file's column `family` names.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn read_with_families(
        &self,
        count: ParamCount,
    ) -> Result<Vec<(ForecastAt, Option<String>)>, Failure> {
        if let Some(path) = &self.at {
            return read(path, count);
        }
        let at = ForecastAt {
            params: self.params,
            tokens: self.tokens,
            flops: self.flops,
            unique_tokens: self.unique_tokens,
            quality: self.quality,
        };
        if let Some(ratio) = contradiction(&at) {
            let ratio = factor(ratio);
            let sentence = format!("--flops is {ratio} times 6ND of --params and --tokens");
            return Err(Failure::misuse(sentence).hint("leave one of the three out"));
        }
        Ok(vec![(at, None)])
    }
}

/// C ÷ 6ND of a run whose size, data and compute cannot belong together: what architectures add
/// to 6ND or spare is less than a factor of two.
fn contradiction(at: &ForecastAt) -> Option<f64> {
    let six_nd = Flops::six_nd(at.params?, at.tokens?);
    let ratio = at.flops?.get() / six_nd.get();
    (!(0.5..=2.0).contains(&ratio)).then_some(ratio)
}

fn read(path: &Path, count: ParamCount) -> Result<Vec<(ForecastAt, Option<String>)>, Failure> {
    let options = ImportOptions {
        rows: RowsAre::Points,
        ..ImportOptions::default()
    };
    let imported = if path == Path::new("-") {
        import_bytes("standard input", std::io::stdin().lock(), &options)
    } else {
        import_file(path, &options)
    };
    let imported = imported.map_err(Failure::misuse)?;
    // One forecast for each row: a row that cannot be read would shift all that follow.
    if let Some(row) = imported.dropped.first() {
        let line = row.line.unwrap_or_default();
        let sentence = format!("{}, line {line}: {}", path.display(), row.reason);
        return Err(Failure::misuse(sentence));
    }
    let points = imported.rows.iter().map(|row| {
        let (file, line) = (path.display(), row.line);
        let at = point(&row.run, count).map_err(|error| {
            Failure::misuse(format!("{file}, line {line}: metric_quality: {error}"))
        })?;
        if let Some(ratio) = contradiction(&at) {
            let ratio = factor(ratio);
            return Err(Failure::misuse(format!(
                "{file}, line {line}: flops is {ratio} times 6ND of its size and tokens: expected about 1, or one of the three left empty"
            )));
        }
        let has_both = at.params.is_some() && at.tokens.is_some();
        if has_both || at.flops.is_some() {
            return Ok((at, row.run.family.clone()));
        }
        Err(Failure::misuse(format!(
            "{file}, line {line} is no run to forecast: expected {count} and tokens, or flops"
        )))
    });
    points.collect()
}

fn point(run: &Run, count: ParamCount) -> Result<ForecastAt, QuantityError> {
    let quality = run.metrics.get(QUALITY).copied();
    Ok(ForecastAt {
        params: match count {
            ParamCount::Total => run.params,
            ParamCount::NonEmbedding => run.params_non_embedding,
        },
        tokens: run.tokens,
        unique_tokens: run.unique_tokens,
        quality: quality.map(Quality::new).transpose()?,
        flops: run.flops,
    })
}
