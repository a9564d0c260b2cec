//! From a size to a shape: the rule of depth, heads and hidden layers that a specification states.

use super::settings::RunSettings;
use super::spec::SpecError;
use crate::architecture::{Architecture, Embeddings, FeedForward};
use crate::recipe::Recipe;
use crate::shape::ModelShape;
use isoflop_laws::Params;

/// ln of the ratio beyond which a size is not the one that was asked for; widths of the recipe are up
/// to a factor of 2.4 in N apart.
const FAR: f64 = std::f64::consts::LN_2;

/// What depends on the width, and how.
pub(super) struct ShapeRule<'a> {
    settings: &'a RunSettings,
    recipe: &'a Recipe,
}

impl<'a> ShapeRule<'a> {
    pub(super) fn new(settings: &'a RunSettings, recipe: &'a Recipe) -> Self {
        Self { settings, recipe }
    }

    /// The shape of the width that is set, or else the one whose N is nearest to `params` by ratio
    /// among the widths of the recipe that can be built.
    pub(super) fn shape(&self, params: Option<Params>) -> Result<ModelShape, SpecError> {
        if let Some(width) = self.settings.width {
            return self.at(width);
        }
        let mut nearest: Option<(f64, ModelShape)> = None;
        let mut refusal: Option<SpecError> = None;
        for plain in self.recipe.family() {
            let shape = match self.at(plain.width) {
                Ok(shape) => shape,
                Err(error) => {
                    refusal.get_or_insert(error);
                    continue;
                }
            };
            let n = shape.params()?;
            let distance = params.map_or(0.0, |params| (n.ln() - params.ln()).abs());
            if nearest.is_none_or(|(best, _)| distance < best) {
                nearest = Some((distance, shape));
            }
        }
        match (nearest, refusal) {
            // What can be built is another size than was asked for: why the nearer can't is said.
            (Some((distance, _)), Some(error)) if distance > FAR => Err(error),
            (Some((_, shape)), _) => Ok(shape),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(self.recipe.shape(0)),
        }
    }

    /// The shape of a width, if it can be built.
    fn at(&self, width: usize) -> Result<ModelShape, SpecError> {
        let (settings, plain) = (self.settings, self.recipe.shape(0));
        if let Some(head) = settings.head_width
            && (head == 0 || head % 2 > 0 || !width.is_multiple_of(head))
        {
            return Err(SpecError::Value {
                name: "head_width",
                given: head.to_string(),
                expected: "an even divisor of the width, such as 16",
            });
        }
        let by_aspect = |aspect: f64| ((width as f64 / aspect).round() as usize).max(1);
        let layers = settings.aspect_ratio.map_or(plain.layers, by_aspect);
        let head = settings.head_width.unwrap_or(plain.head_width()).max(1);
        let shape = ModelShape {
            layers: settings.layers.unwrap_or(layers),
            width,
            heads: settings.heads.unwrap_or((width / head).max(1)),
            architecture: settings.architecture(),
            ..plain
        };
        shape.validate()?;
        Ok(shape)
    }

    /// The rule in words, for the record of a run.
    pub(super) fn in_words(&self, shape: &ModelShape) -> String {
        let settings = self.settings;
        let plural = |n: usize, of: &str| format!("{n} {of}{}", if n == 1 { "" } else { "s" });
        let mut words = vec![match (settings.layers, settings.aspect_ratio) {
            (None, Some(aspect)) => format!("a layer for every {aspect} of width"),
            _ => plural(shape.layers, "layer"),
        }];
        words.push(match settings.heads {
            Some(heads) => plural(heads, "head"),
            None => format!("heads of {}", shape.head_width()),
        });
        if let Some(kv_heads) = settings.kv_heads {
            words.push(format!("{} of keys", plural(kv_heads, "head")));
        }
        let hidden = match (settings.hidden_width, settings.feed_forward()) {
            (Some(hidden), _) => hidden.to_string(),
            (None, FeedForward::Gelu) => "4 d".to_owned(),
            (None, FeedForward::SwiGlu) => "8/3 d".to_owned(),
        };
        words.push(match settings.feed_forward() {
            FeedForward::Gelu => format!("GELU {hidden}"),
            FeedForward::SwiGlu => format!("SwiGLU {hidden}"),
        });
        if let Some(experts) = settings.experts {
            words.push(format!("{} of {} experts", experts.active, experts.count));
        }
        words.push(match shape.architecture.embeddings {
            Embeddings::Tied => "tied embeddings".to_owned(),
            Embeddings::Untied => "embeddings not tied".to_owned(),
        });
        words.join(", ")
    }
}

impl RunSettings {
    fn feed_forward(&self) -> FeedForward {
        self.feed_forward.unwrap_or_default()
    }

    fn architecture(&self) -> Architecture {
        Architecture {
            embeddings: self.embeddings.unwrap_or_default(),
            feed_forward: self.feed_forward(),
            hidden_width: self.hidden_width,
            kv_heads: self.kv_heads,
            experts: self.experts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Experts;

    fn rule(settings: &RunSettings, params: f64) -> (ModelShape, String) {
        let recipe = Recipe::default();
        let rule = ShapeRule::new(settings, &recipe);
        let shape = rule.shape(Params::new(params).ok()).unwrap();
        let words = rule.in_words(&shape);
        (shape, words)
    }

    #[test]
    fn without_settings_the_shapes_are_those_of_the_recipe() {
        let recipe = Recipe::default();
        for plain in recipe.family() {
            let n = plain.params().unwrap().get();
            let (shape, words) = rule(&RunSettings::default(), n * 1.02);
            assert_eq!(shape, plain);
            assert_eq!(words, "2 layers, heads of 16, GELU 4 d, tied embeddings");
        }
    }

    #[test]
    fn a_rule_gives_the_shape_whose_parameters_are_nearest() {
        let settings = RunSettings {
            aspect_ratio: Some(32.0),
            head_width: Some(32),
            embeddings: Some(Embeddings::Untied),
            feed_forward: Some(FeedForward::SwiGlu),
            ..RunSettings::default()
        };
        let recipe = Recipe::default();
        let rule_of = ShapeRule::new(&settings, &recipe);
        for params in [1e5, 1e6, 7e6, 5e7] {
            let (shape, words) = rule(&settings, params);
            assert_eq!(shape.layers, (shape.width + 16) / 32);
            assert_eq!(shape.heads, shape.width / 32);
            let far = |shape: &ModelShape| (shape.params().unwrap().get() / params).ln().abs();
            for plain in recipe.family() {
                let other = rule_of.at(plain.width);
                // Widths that heads of 32 do not divide can't be built.
                assert_eq!(other.is_ok(), plain.width % 32 == 0);
                assert!(
                    other.is_err() || far(&shape) <= far(&other.unwrap()),
                    "{params}"
                );
            }
            let expected = "a layer for every 32 of width, heads of 32, SwiGLU 8/3 d, \
                            embeddings not tied";
            assert_eq!(words, expected);
        }
    }

    #[test]
    fn a_mixture_is_sized_by_all_of_its_parameters() {
        let settings = RunSettings {
            experts: Some(Experts {
                count: 8,
                active: 2,
            }),
            kv_heads: Some(1),
            ..RunSettings::default()
        };
        let (shape, words) = rule(&settings, 1e6);
        let n = shape.params().unwrap().get();
        assert!((0.7..1.4).contains(&(n / 1e6)), "{n}");
        assert!(shape.params_active().unwrap().get() < 0.5 * n);
        let expected = "2 layers, heads of 16, 1 head of keys, GELU 4 d, 2 of 8 experts, \
                        tied embeddings";
        assert_eq!(words, expected);
    }
}
