//! `isoflop diagnose`: was a model the right size for its compute?

use crate::failure::{Exit, Failure};
use crate::law_argument::LawArgument;
use crate::output::{Output, columns};
use crate::text::{basis, factor, paragraph, percent, reach, warnings};
use isoflop_laws::{ConventionError, Counts, Loss, Params, Tokens};
use isoflop_plan::{
    Conventions, Diagnosis, KNOWN_MODELS, LawInUse, Verdict, diagnose, known_model,
};
use serde::Serialize;

/// Say whether a model was too large or too small for its compute, and what that cost.
///
/// Examples:
///   isoflop diagnose --params 175B --tokens 300B
///   isoflop diagnose --model Llama-3-8B
///   isoflop diagnose --known
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub struct Args {
    #[command(flatten)]
    law: LawArgument,
    /// Model size N
    #[arg(long, group = "which", requires = "tokens", value_name = "N")]
    params: Option<Params>,
    /// Tokens that it was trained on
    #[arg(long, requires = "params", value_name = "D")]
    tokens: Option<Tokens>,
    /// A well-known model by its name
    #[arg(long, group = "which", value_name = "NAME")]
    model: Option<String>,
    /// All well-known models, with the source of their figures
    #[arg(long, group = "which")]
    known: bool,
}

/// One model, in the fields that scripts rely on.
#[derive(Debug, Serialize)]
struct Answer {
    law: String,
    conventions: Conventions,
    n_used: Option<usize>,
    extrapolation: Option<f64>,
    verdict: Verdict,
    optimal_params: Params,
    optimal_tokens: Tokens,
    loss: Loss,
    optimal_loss: Loss,
    wasted_flops_fraction: f64,
    #[serde(flatten)]
    details: Diagnosis,
    source: Option<&'static str>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Known {
    law: String,
    conventions: Conventions,
    n_used: Option<usize>,
    models: Vec<KnownDiagnosis>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct KnownDiagnosis {
    name: &'static str,
    source: &'static str,
    extrapolation: Option<f64>,
    #[serde(flatten)]
    diagnosis: Diagnosis,
}

pub fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let law = args.law.law_in_use(output)?;
    if args.known || args.model.is_some() {
        counts_of(&law).agree(
            &format!("law `{}`", law.name),
            "the table of well-known models",
            Counts::TOTAL,
        )?;
    }
    if args.known {
        output.answer(&all_known(&law)?, table)?;
        return Ok(Exit::Done);
    }
    let (params, tokens, source) = args.which()?;
    let details = diagnose(&law.surface(), params, tokens).map_err(Failure::no)?;
    let answer = Answer {
        law: law.name.clone(),
        conventions: law.conventions,
        n_used: law.n_used,
        extrapolation: law.extrapolation(details.model.flops),
        verdict: details.verdict,
        optimal_params: details.optimal.params,
        optimal_tokens: details.optimal.tokens,
        loss: details.model.loss,
        optimal_loss: details.optimal.loss,
        wasted_flops_fraction: details.wasted_flops_fraction,
        details,
        source,
        warnings: law.warnings,
    };
    output.answer(&answer, one)?;
    Ok(Exit::Done)
}

fn counts_of(law: &LawInUse) -> Counts {
    Counts {
        params: Some(law.conventions.param_count),
        flops: Some(law.conventions.flop_count),
    }
}

impl From<ConventionError> for Failure {
    fn from(error: ConventionError) -> Failure {
        Failure::misuse(error)
    }
}

impl Args {
    fn which(&self) -> Result<(Params, Tokens, Option<&'static str>), Failure> {
        if let Some(name) = &self.model {
            let known = KNOWN_MODELS.iter().map(|model| model.name);
            let model = known_model(name)
                .ok_or_else(|| Failure::unknown("well-known model", name, known))?;
            let params = model.params().map_err(Failure::misuse)?;
            let tokens = model.tokens().map_err(Failure::misuse)?;
            return Ok((params, tokens, Some(model.source)));
        }
        match (self.params, self.tokens) {
            (Some(params), Some(tokens)) => Ok((params, tokens, None)),
            _ => Err(Failure::misuse(
                "give --params and --tokens, --model or --known",
            )),
        }
    }
}

fn all_known(law: &LawInUse) -> Result<Known, Failure> {
    let models = KNOWN_MODELS.iter().map(|model| {
        let params = model.params().map_err(Failure::misuse)?;
        let tokens = model.tokens().map_err(Failure::misuse)?;
        let diagnosis = diagnose(&law.surface(), params, tokens).map_err(Failure::no)?;
        Ok(KnownDiagnosis {
            name: model.name,
            source: model.source,
            extrapolation: law.extrapolation(diagnosis.model.flops),
            diagnosis,
        })
    });
    Ok(Known {
        law: law.name.clone(),
        conventions: law.conventions,
        n_used: law.n_used,
        models: models.collect::<Result<_, Failure>>()?,
        warnings: law.warnings.clone(),
    })
}

fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::OverParameterised => "over-parameterised and under-trained",
        Verdict::Balanced => "balanced",
        Verdict::OverTrained => "over-trained: small for its compute",
    }
}

fn one(answer: &Answer) -> String {
    let found = &answer.details;
    let mut text = basis(
        &answer.law,
        answer.conventions,
        answer.n_used,
        &reach(answer.extrapolation),
    );
    text += "\n";
    text += &paragraph(
        &format!(
            "{} parameters on {} tokens: {}.",
            found.model.params,
            found.model.tokens,
            in_words(found.verdict)
        ),
        0,
    );
    let points = [
        ("this model", found.model),
        ("best for its compute", found.optimal),
        ("cheapest of its loss", found.same_loss),
    ];
    let rows = points.map(|(name, point)| {
        vec![
            name.to_owned(),
            point.params.to_string(),
            point.tokens.to_string(),
            factor(point.tokens.get() / point.params.get()),
            point.flops.to_string(),
            point.loss.to_string(),
        ]
    });
    text += &columns(&["", "N", "D", "D/N", "FLOPs", "loss"], rows);
    text += "\n";
    text += &paragraph(&cost(found), 0);
    if let Some(source) = answer.source {
        text += &paragraph(&format!("N and D of this model: {source}."), 0);
    }
    text + &warnings(&answer.warnings)
}

fn cost(found: &Diagnosis) -> String {
    let mut text = format!(
        "The same loss needed {} less compute. Any N from {} to {} would have been within {} of the best loss.",
        percent(found.wasted_flops_fraction),
        found.valley.params_lo,
        found.valley.params_hi,
        percent(found.valley.tolerance),
    );
    if let Some(tokens) = found.tokens_for_size {
        text += &format!(
            " The data that suit {}: {tokens} tokens.",
            found.model.params
        );
    }
    text
}

fn table(known: &Known) -> String {
    let furthest = known.models.iter().filter_map(|model| model.extrapolation);
    let reach = match furthest.reduce(f64::max) {
        Some(times) if times > 1.0 => {
            format!(
                "up to {} times the largest run behind the law",
                factor(times)
            )
        }
        other => reach(other),
    };
    let mut text = basis(&known.law, known.conventions, known.n_used, &reach);
    text += "\n";
    let rows = known.models.iter().map(|model| {
        let found = &model.diagnosis;
        let verdict = match found.verdict {
            Verdict::OverParameterised => "over-parameterised",
            Verdict::Balanced => "balanced",
            Verdict::OverTrained => "over-trained",
        };
        vec![
            model.name.to_owned(),
            found.model.params.to_string(),
            found.model.tokens.to_string(),
            found.optimal.params.to_string(),
            found.optimal.tokens.to_string(),
            percent(found.wasted_flops_fraction),
            verdict.to_owned(),
        ]
    });
    let header = ["model", "N", "D", "best N", "best D", "wasted", "verdict"];
    text += &columns(&header, rows);
    text += "\nSources of N and D:\n";
    for model in &known.models {
        text += &paragraph(&format!("  {}: {}", model.name, model.source), 4);
    }
    text + &warnings(&known.warnings)
}
