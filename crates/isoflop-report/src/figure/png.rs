//! SVG to PNG with the embedded font, so that a machine without fonts draws the same text.

use super::FigureError;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;
use std::sync::{Arc, LazyLock};

/// Pixels that a picture may have at most.
const MAX_PIXELS: f32 = 1e8;

static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    Arc::new(fonts)
});

/// Draws an SVG document on `scale` pixels a unit.
pub(super) fn rasterise(svg: &str, scale: f32) -> Result<Vec<u8>, FigureError> {
    let failed = |what: String| FigureError::Raster(what);
    let options = usvg::Options {
        fontdb: FONTS.clone(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let size = tree.size();
    let (width, height) = (size.width() * scale, size.height() * scale);
    if (width * height).is_nan() || width * height > MAX_PIXELS {
        return Err(failed(format!("{width} × {height} pixels are too many")));
    }
    let mut pixels = Pixmap::new(width.round() as u32, height.round() as u32)
        .ok_or_else(|| failed("the picture has no pixels".to_owned()))?;
    let transform = Transform::from_scale(scale, scale);
    resvg::render(&tree, transform, &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| failed(error.to_string()))
}
