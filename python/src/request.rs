//! Sizes, points and budgets as Python gives them.

use crate::errors::{misuse, misuse_with_hint, of_budget};
use isoflop_fit::ForecastAt;
use isoflop_laws::{Flops, Params, Quality, QuantityError, Tokens};
use isoflop_plan::{Cluster, Given, PlanRequest, days_for_money};
use pyo3::prelude::*;
use serde::Serialize;
use std::str::FromStr;

/// A number, or a size as people write it: `"70B"`.
#[derive(Debug, Clone, FromPyObject)]
pub enum Size {
    Number(f64),
    Text(String),
}

impl Size {
    pub fn read<Q>(&self) -> PyResult<Q>
    where
        Q: FromStr<Err = QuantityError> + TryFrom<f64, Error = QuantityError>,
    {
        match self {
            Size::Number(value) => Q::try_from(*value),
            Size::Text(text) => text.parse(),
        }
        .map_err(misuse)
    }
}

fn read<Q>(size: Option<&Size>) -> PyResult<Option<Q>>
where
    Q: FromStr<Err = QuantityError> + TryFrom<f64, Error = QuantityError>,
{
    size.map(Size::read).transpose()
}

/// N, D, C, U and Q of a run to forecast.
pub type Point = (
    Option<Size>,
    Option<Size>,
    Option<Size>,
    Option<Size>,
    Option<Size>,
);

pub fn forecast_at((params, tokens, flops, unique, quality): &Point) -> PyResult<ForecastAt> {
    Ok(ForecastAt {
        params: read::<Params>(params.as_ref())?,
        tokens: read::<Tokens>(tokens.as_ref())?,
        flops: read::<Flops>(flops.as_ref())?,
        unique_tokens: read::<Tokens>(unique.as_ref())?,
        quality: read::<Quality>(quality.as_ref())?,
    })
}

/// Keyword arguments of `plan`.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct PlanArguments {
    flops: Option<Size>,
    params: Option<Size>,
    tokens: Option<Size>,
    gpus: Option<String>,
    days: Option<f64>,
    mfu: f64,
    money: Option<f64>,
    price: Option<f64>,
    unique_tokens: Option<Size>,
    served_tokens: Option<Size>,
    compare: bool,
    stop: bool,
    vocab: u64,
    context: u64,
}

/// What a budget in devices came from.
#[derive(Debug, Serialize)]
pub struct Hardware {
    #[serde(flatten)]
    cluster: Cluster,
    days: f64,
    mfu: f64,
    flops: Flops,
    cost: Option<f64>,
}

impl PlanArguments {
    /// The request, and the devices that its budget came from.
    pub fn request(&self) -> PyResult<(PlanRequest, Option<Hardware>)> {
        let hardware = self.hardware()?;
        let request = PlanRequest {
            given: self.given(hardware.as_ref())?,
            unique_tokens: read(self.unique_tokens.as_ref())?,
            served_tokens: read(self.served_tokens.as_ref())?,
            compare: self.compare,
            vocabulary: self.vocab,
            context: self.context,
            stop: self.stop,
        };
        Ok((request, hardware))
    }

    fn given(&self, hardware: Option<&Hardware>) -> PyResult<Given> {
        let budgets = [
            read(self.flops.as_ref())?.map(Given::Flops),
            read(self.params.as_ref())?.map(Given::Params),
            read(self.tokens.as_ref())?.map(Given::Tokens),
            hardware.map(|hardware| Given::Flops(hardware.flops)),
        ];
        let mut budgets = budgets.into_iter().flatten();
        match (budgets.next(), budgets.next()) {
            (Some(budget), None) => Ok(budget),
            _ => Err(misuse("give one budget: flops, params, tokens or gpus")),
        }
    }

    fn hardware(&self) -> PyResult<Option<Hardware>> {
        let Some(gpus) = &self.gpus else {
            return Ok(None);
        };
        let cluster = Cluster::read(gpus).map_err(of_budget)?;
        let days = match (self.days, self.money, self.price) {
            (Some(days), None, _) => days,
            (None, Some(money), Some(price)) => {
                days_for_money(&cluster, money, price).map_err(of_budget)?
            }
            _ => {
                let hint = "add `days=30`, or `money=1e6, price=2.5`";
                return Err(misuse_with_hint("`gpus` needs to know for how long", hint));
            }
        };
        let hours = cluster.devices * days * 24.0;
        Ok(Some(Hardware {
            cluster,
            days,
            mfu: self.mfu,
            flops: cluster.flops(days, self.mfu).map_err(of_budget)?,
            cost: self.price.map(|price| price * hours),
        }))
    }
}
