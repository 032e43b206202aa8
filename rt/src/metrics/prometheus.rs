//! The text that Prometheus reads: one family after the other, each with help and type.

use std::fmt::Write;

use super::{Metrics, Snapshot};

/// A page being written.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP vitte_{name} {}\n# TYPE vitte_{name} {kind}", help.trim());
    }

    /// All counters.
    pub(crate) fn counters(&mut self, metrics: &Metrics) {
        for (name, help, value) in metrics.each() {
            self.family(&format!("{name}_total"), "counter", help);
            let _ = writeln!(self.0, "vitte_{name}_total {value}");
        }
    }

    /// A number that goes up and down.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        let _ = writeln!(self.0, "vitte_{name} {value}");
    }

    /// A histogram of seconds, with a bucket per power of two from 1 µs to 17 s.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, said: &Snapshot) {
        let name = format!("{name}_seconds");
        self.family(&name, "histogram", help);
        for log in 10..35 {
            let upper = (1u64 << log) - 1;
            let (seconds, n) = (upper as f64 / 1e9, said.up_to(upper));
            let _ = writeln!(self.0, "vitte_{name}_bucket{{le=\"{seconds}\"}} {n}");
        }
        let (count, sum) = (said.count(), said.sum_ns() as f64 / 1e9);
        let _ = writeln!(self.0, "vitte_{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(self.0, "vitte_{name}_sum {sum}\nvitte_{name}_count {count}");
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}
