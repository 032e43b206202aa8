//! The interleaved ratio harness: what goes in is rows, what comes out is the table of goals.
//!
//! A row has one sampler for ours and one per peer; a sampler does its work once and answers
//! nanoseconds per operation. In a round everybody is sampled forwards and then backwards
//! (A-B-C-C-B-A), so that drift of the machine hits all alike; the ratio of a round is the sum of our
//! two samples over the sum of the peer's two. What is reported is the median over the rounds with
//! the 95 % interval of its order statistics. A goal is met when the interval lies on its side.
//!
//! Rows that are no ratios (allocations, bytes, lateness of timers) are [`Figure`]s: exact numbers
//! against exact bounds.

pub mod counting;
#[cfg(feature = "dagrs")]
mod dagrs;
pub mod executors;
pub mod figures;
pub mod graphs;
pub mod net;
pub mod resumes;
pub mod rows;
pub mod submit;
pub mod sync;
pub mod workloads;

use std::fmt;

/// Does its work once; nanoseconds per operation.
pub type Sampler = Box<dyn FnMut() -> f64>;

/// A bound and the side to be on.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// The figure is to be at most this.
    AtMost(f64),
    /// The figure is to be at least this.
    AtLeast(f64),
    /// Reported for comparison only.
    None,
}

impl Goal {
    /// Whether an interval lies on the goal's side; nothing where there is no goal.
    pub fn is_met(self, low: f64, high: f64) -> Option<bool> {
        match self {
            Goal::AtMost(bound) => Some(high <= bound),
            Goal::AtLeast(bound) => Some(low >= bound),
            Goal::None => None,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtMost(bound) => write!(f, "≤ {}", (bound * 100.0).round() / 100.0),
            Goal::AtLeast(bound) => write!(f, "≥ {}", (bound * 100.0).round() / 100.0),
            Goal::None => f.write_str("–"),
        }
    }
}

/// Somebody to be compared with.
pub struct Peer {
    /// Who.
    pub name: &'static str,
    /// Its sampler.
    pub sample: Sampler,
    /// For ours ÷ this peer.
    pub goal: Goal,
}

/// A comparison.
pub struct Row {
    /// As in the table of goals.
    pub name: &'static str,
    /// Our sampler.
    pub ours: Sampler,
    /// Those beside us.
    pub peers: Vec<Peer>,
}

/// One line of the table.
#[derive(Debug)]
pub struct Line {
    /// Row, and what exactly.
    pub name: String,
    /// Our figure with its unit.
    pub ours: String,
    /// Peer and its figure.
    pub peer: String,
    /// Median ratio and its 95 % interval.
    pub ratio: Option<[f64; 3]>,
    /// What was to be reached.
    pub goal: Goal,
    /// Whether it was.
    pub met: Option<bool>,
}

/// A number that is not a ratio.
#[derive(Debug)]
pub struct Figure {
    /// As in the table of goals.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Its unit, or none.
    pub unit: &'static str,
    /// Its bound.
    pub goal: Goal,
}

impl From<Figure> for Line {
    fn from(figure: Figure) -> Line {
        let Figure { name, value, unit, goal } = figure;
        let ours = format!("{value:.3} {unit}").trim_end().to_string();
        let met = goal.is_met(value, value);
        Line { name, ours, peer: "–".into(), ratio: None, goal, met }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio.map_or("–".into(), |[median, low, high]| {
            format!("{median:.2} [{low:.2}, {high:.2}]")
        });
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "–",
        };
        write!(f, "{} | {} | {} | {ratio} | {} | {met}", self.name, self.ours, self.peer, self.goal)
    }
}

impl Line {
    /// The line as a JSON object.
    pub fn json(&self) -> String {
        let ratio = self.ratio.map_or("null".into(), |[median, low, high]| {
            format!("{{\"median\":{median:.4},\"low\":{low:.4},\"high\":{high:.4}}}")
        });
        let met = self.met.map_or("null".into(), |met| met.to_string());
        format!(
            "{{\"name\":\"{}\",\"ours\":\"{}\",\"peer\":\"{}\",\"ratio\":{ratio},\"goal\":\"{}\",\"met\":{met}}}",
            self.name, self.ours, self.peer, self.goal
        )
    }
}

fn median(xs: &[f64]) -> f64 {
    let mut xs = xs.to_vec();
    xs.sort_by(f64::total_cmp);
    let n = xs.len();
    if n % 2 == 1 { xs[n / 2] } else { f64::midpoint(xs[n / 2 - 1], xs[n / 2]) }
}

/// Median and the order statistics that hold the true one with 95 %.
fn interval(xs: &[f64]) -> [f64; 3] {
    let mut sorted = xs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    // Normal approximation of Binomial(n, ½), rounded outwards.
    let low = (n / 2.0 - 0.98 * n.sqrt()).floor().max(0.0) as usize;
    [median(&sorted), sorted[low], sorted[sorted.len() - 1 - low]]
}

/// Plays `n_rounds` rounds of a row; one line per peer.
pub fn measure(mut row: Row, n_rounds: usize) -> Vec<Line> {
    let n = row.peers.len() + 1;
    let sample = |row: &mut Row, who: usize| match who {
        0 => (row.ours)(),
        k => (row.peers[k - 1].sample)(),
    };
    for who in 0..n {
        sample(&mut row, who); // warm up
    }
    let mut rounds: Vec<Vec<f64>> = vec![Vec::new(); n];
    for _ in 0..n_rounds {
        let forth: Vec<f64> = (0..n).map(|who| sample(&mut row, who)).collect();
        let back: Vec<f64> = (0..n).rev().map(|who| sample(&mut row, who)).collect();
        for who in 0..n {
            rounds[who].push(f64::midpoint(forth[who], back[n - 1 - who]));
        }
    }
    let ours = median(&rounds[0]);
    let lines = row.peers.iter().zip(&rounds[1..]).map(|(peer, theirs)| {
        let ratios: Vec<f64> = rounds[0].iter().zip(theirs).map(|(a, b)| a / b).collect();
        let [mid, low, high] = interval(&ratios);
        Line {
            name: row.name.into(),
            ours: format!("{ours:.1} ns"),
            peer: format!("{} {:.1} ns", peer.name, median(theirs)),
            ratio: Some([mid, low, high]),
            goal: peer.goal,
            met: peer.goal.is_met(low, high),
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_of_fifteen_rounds_is_the_fourth_and_the_twelfth() {
        let xs: Vec<f64> = (1..=15).rev().map(f64::from).collect();
        assert_eq!(interval(&xs), [8.0, 4.0, 12.0]);
    }

    #[test]
    fn goal_is_met_by_the_whole_interval() {
        assert_eq!(Goal::AtMost(0.5).is_met(0.3, 0.5), Some(true));
        assert_eq!(Goal::AtMost(0.5).is_met(0.3, 0.6), Some(false));
        assert_eq!(Goal::AtLeast(1.1).is_met(1.0, 1.2), Some(false));
        assert_eq!(Goal::None.is_met(1.0, 1.2), None);
    }

    #[test]
    fn rounds_go_forth_and_back() {
        use std::cell::RefCell;
        use std::rc::Rc;
        let order = Rc::new(RefCell::new(String::new()));
        let sampler = |who: char, figure: f64| -> Sampler {
            let order = order.clone();
            Box::new(move || {
                order.borrow_mut().push(who);
                figure
            })
        };
        let row = Row {
            name: "row",
            ours: sampler('A', 1.0),
            peers: vec![
                Peer { name: "b", sample: sampler('B', 4.0), goal: Goal::AtMost(0.5) },
                Peer { name: "c", sample: sampler('C', 2.0), goal: Goal::AtMost(0.4) },
            ],
        };
        let lines = measure(row, 2);
        assert_eq!(*order.borrow(), "ABCABCCBAABCCBA");
        assert_eq!(
            lines[0].to_string(),
            "row | 1.0 ns | b 4.0 ns | 0.25 [0.25, 0.25] | ≤ 0.5 | met"
        );
        assert_eq!(lines[1].met, Some(false));
    }
}
