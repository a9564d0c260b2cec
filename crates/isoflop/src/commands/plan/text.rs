//! A plan as text.

use super::{Answer, Hardware};
use crate::output::columns;
use crate::text::{basis, factor, labelled, paragraph, percent, reach, warnings};
use isoflop_laws::ParamCount;
use isoflop_plan::{
    CountedArchitecture, EfficientStop, Plan, PlanAnswer, SameLoss, ServedModel, Valley,
};

pub fn render(answer: &Answer) -> String {
    let plan = &answer.plan;
    let own = plan.plans.iter().find(|p| p.rule == plan.law);
    let extrapolation = own.and_then(|own| own.extrapolation);
    let mut text = basis(
        &plan.law,
        plan.conventions,
        plan.n_used,
        &reach(extrapolation),
    );
    if let Some(hardware) = &answer.hardware {
        text += &labelled("Budget", &budget(hardware));
    }
    text += "\n";
    text += &headline(&plan.plans[0], plan.level);
    if let Some((own, flat)) = own.zip(plan.valley) {
        text += &valley(flat, own);
    }
    if plan.plans.len() > 1 {
        text += "\nThe rules side by side, and what ten times the compute does to N and D:\n";
        text += &rules(&plan.plans);
        let star = |plan: &Plan| plan.param_count == ParamCount::NonEmbedding;
        if plan.plans.iter().any(star) {
            text += "  * N without embeddings\n";
        }
    }
    text += &same_loss(plan, &plan.same_loss);
    if let Some(served) = &plan.served {
        text += &paragraph(&format!("\n{}", serving(served)), 0);
    }
    text += "\nShapes that people build, near that size, and their exact counts:\n";
    text += &shapes(&plan.architectures, plan.conventions.param_count);
    if let Some(stop) = &plan.stop {
        text += &paragraph(&format!("\n{}", stopping(stop)), 0);
    }
    text + &warnings(&plan.warnings)
}

fn stopping(stop: &EfficientStop) -> String {
    format!(
        "Compute-efficient training of the first shape ({} parameters without embeddings) stops {} above its converged loss, at {} against {} nats a token of WebText2: {} steps with the critical batch of {} tokens ({} tokens, {} FLOPs), {} steps at the least with larger batches. {}.",
        stop.params_non_embedding,
        percent(stop.excess),
        stop.stop_loss,
        stop.converged_loss,
        stop.steps,
        stop.batch,
        stop.tokens,
        stop.flops,
        stop.min_steps,
        stop.source,
    )
}

fn budget(hardware: &Hardware) -> String {
    let cost = hardware.cost.map(|cost| format!(", costing {cost:.0}"));
    format!(
        "{} FLOPs: {} {} for {:.1} days at {} of {:.0} TFLOP/s {}{}",
        hardware.flops,
        hardware.cluster.devices,
        hardware.cluster.accelerator.name,
        hardware.days,
        percent(hardware.mfu),
        hardware.cluster.accelerator.peak_flops_per_sec / 1e12,
        hardware.cluster.accelerator.precision,
        cost.unwrap_or_default(),
    )
}

fn headline(plan: &Plan, level: f64) -> String {
    let mut text = format!(
        "Train N = {} parameters on D = {} tokens ({} a parameter) with {} FLOPs by {}.",
        plan.params,
        plan.tokens,
        factor(plan.tokens.get() / plan.params.get()),
        plan.flops,
        plan.rule,
    );
    if let Some(loss) = plan.loss {
        text += &format!(" Expected loss: {loss} nats a token");
        if let (Some(lo), Some(hi)) = (plan.lo, plan.hi) {
            text += &format!(" ({lo} to {hi} at {} %)", level * 100.0);
        }
        text += ".";
    }
    if let (Some(lo), Some(hi)) = (plan.params_lo, plan.params_hi) {
        text += &format!(" The best N is {lo} to {hi} at {} %.", level * 100.0);
    }
    paragraph(&text, 0)
}

fn valley(valley: Valley, own: &Plan) -> String {
    paragraph(
        &format!(
            "At {} FLOPs any N from {} to {} costs less than {} loss by {}.",
            own.flops,
            valley.params_lo,
            valley.params_hi,
            percent(valley.tolerance),
            own.rule,
        ),
        0,
    )
}

fn rules(plans: &[Plan]) -> String {
    let rows = plans.iter().map(|plan| {
        let mark = match plan.param_count {
            ParamCount::Total => "",
            ParamCount::NonEmbedding => "*",
        };
        vec![
            plan.rule.clone(),
            format!("{}{mark}", plan.params),
            plan.tokens.to_string(),
            factor(plan.tokens.get() / plan.params.get()),
            plan.loss.map_or("-".to_owned(), |loss| loss.to_string()),
            format!("x{:.2}", plan.params_times_ten),
            format!("x{:.2}", plan.tokens_times_ten),
        ]
    });
    columns(&["rule", "N", "D", "D/N", "loss", "10C: N", "D"], rows)
}

fn same_loss(plan: &PlanAnswer, others: &[SameLoss]) -> String {
    let own = plan.plans.iter().find(|p| p.rule == plan.law);
    let Some(loss) = own.filter(|_| !others.is_empty()) else {
        return String::new();
    };
    let rows = others.iter().map(|other| {
        vec![
            format!("{} times", other.size_ratio),
            other.params.to_string(),
            other
                .tokens
                .map_or("none suffice".to_owned(), |tokens| tokens.to_string()),
            other
                .flops_ratio
                .map_or("-".to_owned(), |ratio| format!("x{ratio:.2}")),
        ]
    });
    let title = match loss.loss {
        Some(loss) => format!("\nOther sizes for the same loss, {loss}:\n"),
        None => "\nOther sizes for the same loss:\n".to_owned(),
    };
    title + &columns(&["size", "N", "D", "compute"], rows)
}

fn serving(served: &ServedModel) -> String {
    format!(
        "Served {} tokens, the cheapest model of that loss over its life is N = {} on D = {}: {} FLOPs to train and serve, {} less than the optimum for training alone.",
        served.served_tokens,
        served.model.params,
        served.model.tokens,
        served.total_flops,
        percent(served.saved_fraction),
    )
}

fn shapes(shapes: &[CountedArchitecture], count: ParamCount) -> String {
    let rows = shapes.iter().map(|counted| {
        let shape = counted.shape;
        let params = match count {
            ParamCount::Total => counted.params,
            ParamCount::NonEmbedding => counted.params_non_embedding,
        };
        vec![
            shape.layers.to_string(),
            shape.width.to_string(),
            shape.heads.to_string(),
            shape.feed_forward.to_string(),
            format!("{:.0}", params.get()),
            format!("{:.2}", counted.flops_per_token / 6.0 / params.get()),
        ]
    });
    let parameters = match count {
        ParamCount::Total => "parameters",
        ParamCount::NonEmbedding => "non-embedding",
    };
    columns(
        &["layers", "width", "heads", "MLP", parameters, "C/6ND"],
        rows,
    )
}
