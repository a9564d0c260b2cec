//! Bias, root mean square error and coverage of each method, as a table.

/// A method, ours first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `--objective adaptive`.
    Adaptive,
    /// The default, which is Approach 3's objective.
    Approach3,
    Approach2,
    Vpnls,
}

impl Method {
    pub const COUNT: usize = 4;
    pub const ALL: [Self; Self::COUNT] = [
        Self::Adaptive,
        Self::Approach3,
        Self::Approach2,
        Self::Vpnls,
    ];
}

/// Sums over the ladders, for one method and quantity.
#[derive(Default, Clone, Copy)]
struct Sums {
    count: f64,
    errors: f64,
    squares: f64,
    intervals: f64,
    covered: f64,
}

impl Sums {
    fn bias(&self) -> f64 {
        self.errors / self.count
    }
    fn rmse(&self) -> f64 {
        (self.squares / self.count).sqrt()
    }
    fn coverage(&self) -> f64 {
        100.0 * self.covered / self.intervals
    }
    /// Standard error of the bias over the ladders.
    fn bias_error(&self) -> f64 {
        ((self.squares / self.count - self.bias().powi(2)) / self.count).sqrt()
    }
}

/// One quantity of one surface at one noise.
pub struct Line {
    surface: &'static str,
    noise: f64,
    quantity: &'static str,
    sums: [Sums; Method::COUNT],
}

impl Line {
    pub fn new(surface: &'static str, noise: f64, quantity: &'static str) -> Self {
        Self {
            surface,
            noise,
            quantity,
            sums: [Sums::default(); Method::COUNT],
        }
    }

    pub fn add(&mut self, method: Method, estimate: f64, interval: Option<(f64, f64)>, truth: f64) {
        if !estimate.is_finite() {
            return;
        }
        let sums = &mut self.sums[method as usize];
        sums.count += 1.0;
        sums.errors += estimate - truth;
        sums.squares += (estimate - truth).powi(2);
        if let Some((lo, hi)) = interval {
            sums.intervals += 1.0;
            sums.covered += if lo <= truth && truth <= hi { 1.0 } else { 0.0 };
        }
    }
}

pub fn heading(ladders: u64, level: f64) -> String {
    format!(
        "# Known truth\n\n\
        {ladders} simulated ladders of each kind: five budgets from 1e18 to 1e21 FLOPs, nine sizes \
        from 1/8 to 8 times the best one, errors of ln L normal with the standard deviation given. \
        Made by `cargo run --release -p isoflop-fit --example known_truth > bench/fit/known_truth.md`.\n\n\
        adaptive and huber are ours (huber, the default, is the objective of Approach 3, so its \
        estimates are that method's); A2 is Approach 2, VPNLS least squares on L by variable \
        projection. Cover: share of the {:.0} % intervals, in per cent, that hold the truth \
        (400 refits each). Wherever the last column says yes, the bias of adaptive is no larger \
        than the smallest of the peers' plus two standard errors of this simulation, and its RMSE \
        no larger than the smallest of theirs plus one per cent.\n",
        100.0 * level
    )
}

pub fn print_table(lines: &[Line]) {
    println!(
        "| surface | noise | quantity | bias: adaptive | huber = A3 | A2 | VPNLS | RMSE: adaptive | huber = A3 | A2 | VPNLS | cover: adaptive | huber | no worse |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for line in lines {
        let of = |show: &dyn Fn(&Sums) -> String| -> String {
            let one = |method: Method| match &line.sums[method as usize] {
                sums if sums.count > 0.0 => show(sums),
                _ => "–".to_owned(),
            };
            Method::ALL.map(one).join(" | ")
        };
        let ours = &line.sums[Method::Adaptive as usize];
        println!(
            "| {} | {} | {} | {} | {} | {:.1} | {:.1} | {} |",
            line.surface,
            line.noise,
            line.quantity,
            of(&|s| format!("{:+.5}", s.bias())),
            of(&|s| format!("{:.5}", s.rmse())),
            ours.coverage(),
            line.sums[Method::Approach3 as usize].coverage(),
            if no_worse(line) { "yes" } else { "no" },
        );
    }
    let hits = lines.iter().filter(|line| no_worse(line)).count();
    let cover = |method: Method| {
        let within = |line: &&Line| (88.0..=92.0).contains(&line.sums[method as usize].coverage());
        lines.iter().filter(within).count()
    };
    println!(
        "\nNo worse than the best peer on {hits} of {} lines; coverage between 88 and 92 % on {} (adaptive) and {} (huber).",
        lines.len(),
        cover(Method::Adaptive),
        cover(Method::Approach3),
    );
}

fn no_worse(line: &Line) -> bool {
    let peers = [Method::Approach3, Method::Approach2, Method::Vpnls];
    let peers = peers.map(|method| line.sums[method as usize]);
    let peers = peers.iter().filter(|sums| sums.count > 0.0);
    let ours = line.sums[Method::Adaptive as usize];
    let bias = peers
        .clone()
        .map(|s| s.bias().abs())
        .fold(f64::INFINITY, f64::min);
    let rmse = peers.map(Sums::rmse).fold(f64::INFINITY, f64::min);
    ours.bias().abs() <= bias + 2.0 * ours.bias_error() && ours.rmse() <= 1.01 * rmse
}
