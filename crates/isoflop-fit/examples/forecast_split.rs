//! Fits the rows of CSV files that say `fit` in the column `split` and forecasts those that say
//! `test`: `forecast_split LAW FILE...`. Prints one CSV line for each forecast:
//! `file,flops,extrapolation,loss,forecast,lo,hi`. Columns read: `params`, `tokens`, `flops`,
//! `loss`, `split` and, where given, `unique_tokens`. A file with the columns `x`, `value`, `of`
//! (`loss` or `pass-rate`), `split` and, where given, `family` is a curve, and LAW says nothing about
//! it.

use isoflop_fit::{
    CurveOf, CurvePoint, Dataset, Family, FitOptions, ForecastAt, LawChoice, Observation, fit,
    fit_curve,
};
use isoflop_laws::{FlopCount, Flops, Loss, ParamCount, Params, Tokens};
use std::collections::HashMap;
use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let law: LawChoice = arguments.next().ok_or("which law?")?.parse()?;
    println!("file,flops,extrapolation,loss,forecast,lo,hi");
    for file in arguments {
        if csv::Reader::from_path(&file)?
            .headers()?
            .iter()
            .any(|name| name == "x")
        {
            curve(&file)?;
            continue;
        }
        let (fitted, held_out) = read(&file)?;
        let options = FitOptions {
            law,
            bootstraps: 0,
            ..FitOptions::default()
        };
        let fitted = fit(&fitted, &options)?;
        for run in held_out {
            let at = ForecastAt {
                params: Some(run.params),
                tokens: Some(run.tokens),
                unique_tokens: run.unique_tokens,
                quality: None,
                flops: Some(run.flops),
            };
            let said = fitted.forecast(&at, 0.9)?;
            println!(
                "{file},{:e},{},{},{},{},{}",
                run.flops.get(),
                said.extrapolation,
                run.loss.get(),
                said.loss.get(),
                said.lo.get(),
                said.hi.get()
            );
        }
    }
    Ok(())
}

fn read(file: &str) -> Result<(Dataset, Vec<Observation>)> {
    let mut reader = csv::Reader::from_path(file)?;
    let (mut fitted, mut held_out) = (Vec::new(), Vec::new());
    for (index, record) in reader.deserialize().enumerate() {
        let record: HashMap<String, String> = record?;
        let number = |name: &str| -> Result<f64> {
            let text = record
                .get(name)
                .ok_or_else(|| format!("no column {name}"))?;
            Ok(text.parse()?)
        };
        let run = Observation {
            params: Params::new(number("params")?)?,
            tokens: Tokens::new(number("tokens")?)?,
            unique_tokens: number("unique_tokens")
                .ok()
                .and_then(|u| Tokens::new(u).ok()),
            quality: None,
            flops: Flops::new(number("flops")?)?,
            loss: Loss::new(number("loss")?)?,
            loss_std: None,
            cluster: index,
        };
        match record.get("split").map(String::as_str) {
            Some("fit") => fitted.push(run),
            Some("test") => held_out.push(run),
            _ => {}
        }
    }
    let data = Dataset {
        param_count: ParamCount::Total,
        // N without embeddings in some files: their C is not 6ND of the counted N.
        flop_count: FlopCount::Counted,
        observations: fitted,
    };
    Ok((data, held_out))
}

fn curve(file: &str) -> Result<()> {
    let mut reader = csv::Reader::from_path(file)?;
    let mut families = Vec::new();
    let (mut fitted, mut held_out, mut of) = (Vec::new(), Vec::new(), CurveOf::Loss);
    for record in reader.deserialize() {
        let record: HashMap<String, String> = record?;
        let text = |name: &str| record.get(name).ok_or_else(|| format!("no column {name}"));
        let (x, value) = (text("x")?.parse()?, text("value")?.parse()?);
        if text("of")? == "pass-rate" {
            of = CurveOf::PassRate;
        }
        let family = record.get("family").filter(|name| !name.is_empty());
        let point = CurvePoint {
            x,
            value,
            family: family.map(|name| number(name, &mut families)),
        };
        match text("split")?.as_str() {
            "fit" => fitted.push(point),
            _ => held_out.push(point),
        }
    }
    let fitted = fit_curve(&fitted, of)?;
    for point in held_out {
        let said = fitted.forecast(point.x, point.family, 0.9)?;
        println!(
            "{file},{:e},{},{},{},{},{}",
            point.x, said.extrapolation, point.value, said.value, said.lo, said.hi
        );
    }
    Ok(())
}

/// The family of this name, among those seen so far.
fn number(name: &str, seen: &mut Vec<String>) -> Family {
    let at = seen.iter().position(|one| one == name);
    let at = at.unwrap_or_else(|| {
        seen.push(name.to_owned());
        seen.len() - 1
    });
    Family(u32::try_from(at).unwrap_or(u32::MAX))
}
