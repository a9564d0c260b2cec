//! Many equal discs as one path: a hundred thousand points stay a small file.

/// From this many on, discs are put together.
const WORTH_IT: usize = 24;

/// Puts runs of equal discs, one a line, into one path of dots with round ends.
pub(super) fn dots(svg: &str) -> String {
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
            out.push_str(&first.path(discs.iter().map(|(place, _)| *place)));
        }
    }
    out
}

/// A filled disc as the drawing library writes it.
struct Disc<'a> {
    place: (&'a str, &'a str),
    /// Radius, opacity and colour.
    look: (&'a str, &'a str, &'a str),
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
        let fill = value("fill").filter(|fill| *fill != "none")?;
        Some(Disc {
            place: (value("cx")?, value("cy")?),
            look: (value("r")?, value("opacity")?, fill),
        })
    }

    fn path<'b>(&self, places: impl Iterator<Item = (&'b str, &'b str)>) -> String {
        let (radius, opacity, color) = self.look;
        let width = radius.parse().map_or(0.0, |radius: f64| radius * 2.0);
        let mut path = format!(
            "<path fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" \
             stroke-linecap=\"round\" opacity=\"{opacity}\" d=\""
        );
        for (x, y) in places {
            path.push_str(&format!("M{x} {y}h.1"));
        }
        path + "\"/>\n"
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
        assert!(found.ends_with(&few), "{found}");
        assert_eq!(dots(&few), few);
    }
}
