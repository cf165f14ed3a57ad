//! The figures of a proof, as a table of docs/.

use std::fmt::Write;
use std::path::Path;

/// Rows of a name and a value.
#[derive(Debug)]
pub(crate) struct Figures(String);

impl Figures {
    pub(crate) fn titled(title: &str) -> Self {
        Self(format!("## {title}\n\n| figure | value |\n|---|---|\n"))
    }

    pub(crate) fn row(&mut self, name: &str, value: impl std::fmt::Display) {
        writeln!(self.0, "| {name} | {value} |").expect("memory");
    }

    /// Median, 99th percentile and the greatest of times in microseconds.
    pub(crate) fn times(&mut self, name: &str, mut us: Vec<u64>) {
        let (half, most, all) = (at(&mut us, 0.5), at(&mut us, 0.99), at(&mut us, 1.0));
        self.row(name, format!("{} · {} · {}", time(half), time(most), time(all)));
    }

    /// For whoever asked for them: `APPSERVER_PROOF_REPORT` names a folder.
    pub(crate) fn hand_in(self, file: &str) {
        if let Ok(folder) = std::env::var("APPSERVER_PROOF_REPORT") {
            std::fs::write(Path::new(&folder).join(file), self.0).expect("the folder is there");
        }
    }
}

/// The value below which that share of the values is.
pub(crate) fn at(values: &mut [u64], share: f64) -> u64 {
    values.sort_unstable();
    values[((values.len() - 1) as f64 * share) as usize]
}

fn time(us: u64) -> String {
    match us {
        ..10_000 => format!("{us} µs"),
        us => format!("{:.1} ms", us as f64 / 1000.0),
    }
}
