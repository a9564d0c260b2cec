//! Many equal discs or lines as one path and many equal rings as one group: a hundred thousand points
//! stay a small file, which opens fast.

/// From this many on, discs are put together.
const WORTH_IT: usize = 24;

/// Puts together what the drawing library writes one by one, and leaves out what is the default
/// anyway.
pub(super) fn compact(svg: &str) -> String {
    lines(&dots(svg))
}

/// Puts the pieces of a dashed line, written as lines of their own, into one path.
fn lines(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut lines = svg.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((look, points)) = polyline(line) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        out.push_str(&format!("<path {look} d=\"M{}", points.trim_end()));
        while let Some((_, points)) = lines
            .peek()
            .and_then(|line| polyline(line))
            .filter(|(other, _)| *other == look)
        {
            out.push_str(&format!("M{}", points.trim_end()));
            lines.next();
        }
        out.push_str("\"/>\n");
    }
    out
}

/// Look and points of a line that hides what is below it: where two of them meet, it does not matter
/// whether they are one.
fn polyline(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("<polyline ")?.strip_suffix("\"/>")?;
    let (look, points) = rest.split_once(" points=\"")?;
    (look.starts_with("fill=\"none\"") && !look.contains("opacity")).then_some((look, points))
}

/// Puts runs of equal discs, one a line, into one path of dots with round ends, and runs of equal
/// rings into one group.
fn dots(svg: &str) -> String {
    let svg = svg
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\" stroke-width=\"1\"/>", "/>");
    let mut out = String::with_capacity(svg.len());
    let mut lines = svg.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = Disc::read(line) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let mut discs = vec![(first.place, line)];
        while let Some(next) = lines.peek().and_then(|line| Disc::read(line)) {
            if next.look != first.look {
                break;
            }
            discs.extend(lines.next().map(|line| (next.place, line)));
        }
        if discs.len() < WORTH_IT {
            for (_, line) in discs {
                out.push_str(line);
                out.push('\n');
            }
        } else {
            out.push_str(&first.together(discs.iter().map(|(place, _)| *place)));
        }
    }
    out
}

/// A disc or ring as the drawing library writes it.
struct Disc<'a> {
    place: (&'a str, &'a str),
    /// Radius, and everything after it.
    look: (&'a str, &'a str),
}

impl<'a> Disc<'a> {
    fn read(line: &'a str) -> Option<Self> {
        if !line.starts_with("<circle ") || !line.ends_with("/>") {
            return None;
        }
        let value = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let radius = value("r")?;
        let (_, rest) = line.split_once(&format!(" r=\"{radius}\" "))?;
        Some(Disc {
            place: (value("cx")?, value("cy")?),
            look: (radius, rest.trim_end_matches("/>")),
        })
    }

    /// All of them in one element.
    fn together<'b>(&self, places: impl Iterator<Item = (&'b str, &'b str)>) -> String {
        let (radius, style) = self.look;
        let fill = style
            .split_once("fill=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        match fill {
            Some((color, _)) if color != "none" => {
                let width = radius.parse().map_or(0.0, |radius: f64| radius * 2.0);
                let opacity = style.split_once("fill=").map_or("", |(before, _)| before);
                let mut path = format!(
                    "<path {opacity}fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" \
                     stroke-linecap=\"round\" d=\""
                );
                for (x, y) in places {
                    path.push_str(&format!("M{x} {y}h.1"));
                }
                path + "\"/>\n"
            }
            _ => {
                let mut group = format!("<g {style}>");
                for (x, y) in places {
                    group.push_str(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"));
                }
                group + "</g>\n"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_equal_discs_become_one_path_and_all_else_stays() {
        let disc = |x: usize, color: &str| {
            format!(
                "<circle cx=\"{x}\" cy=\"7\" r=\"4\" opacity=\"1\" fill=\"{color}\" stroke=\"none\" stroke-width=\"1\"/>\n"
            )
        };
        let blue: String = (0..30).map(|x| disc(x, "#0072B2")).collect();
        let few = disc(1, "#009E73") + "<line/>\n";
        let found = dots(&(blue + &few));
        assert_eq!(found.matches("<path").count(), 1);
        assert_eq!(found.matches('M').count(), 30);
        assert!(found.contains("stroke-width=\"8\""), "{found}");
        assert!(found.ends_with(&dots(&few)), "{found}");
        assert_eq!(
            dots(&few),
            few.replace(" opacity=\"1\"", "")
                .replace(" stroke=\"none\" stroke-width=\"1\"", "")
        );
    }

    #[test]
    fn dashes_become_one_path_and_lines_of_other_looks_stay_apart() {
        let line = |look: &str, points: &str| format!("<polyline {look} points=\"{points} \"/>\n");
        let (blue, grey) = (
            "fill=\"none\" stroke=\"#0072B2\"",
            "fill=\"none\" stroke=\"#595959\"",
        );
        let faint = "fill=\"none\" opacity=\"0.5\" stroke=\"#595959\"";
        let dashes = line(blue, "1,2 3,4") + &line(blue, "5,6 7,8 9,9");
        let others =
            line(grey, "1,1 2,2") + "<text/>\n" + &line(grey, "3,3 4,4") + &line(faint, "1,1 2,2");
        assert_eq!(
            compact(&(dashes + &others)),
            format!("<path {blue} d=\"M1,2 3,4M5,6 7,8 9,9\"/>\n")
                + &format!("<path {grey} d=\"M1,1 2,2\"/>\n<text/>\n")
                + &format!("<path {grey} d=\"M3,3 4,4\"/>\n")
                + &line(faint, "1,1 2,2")
        );
    }

    #[test]
    fn many_equal_rings_become_one_group() {
        let ring = |x: usize| {
            format!(
                "<circle cx=\"{x}\" cy=\"7\" r=\"4\" opacity=\"1\" fill=\"none\" stroke=\"#595959\" stroke-width=\"6\"/>\n"
            )
        };
        let rings: String = (0..30).map(ring).collect();
        let found = dots(&rings);
        assert_eq!(found.matches("<circle").count(), 30);
        assert_eq!(found.matches("stroke=\"#595959\"").count(), 1);
        assert!(found.starts_with("<g fill=\"none\""), "{found}");
    }
}
