//! A report for people: one HTML file that needs no network, with everything inlined. What it draws is in
//! `loadtest/assets/report.js`.

use crate::failure::Failure;
use crate::report::Runs;
use std::path::Path;

const PAGE: &str = include_str!("../assets/report.html");
const STYLE: &str = include_str!("../assets/report.css");
const SCRIPT: &str = include_str!("../assets/report.js");
const PLOT_STYLE: &str = include_str!("../assets/uPlot.min.css");
const PLOT: &str = include_str!("../assets/uPlot.iife.min.js");

/// Writes the report.
///
/// # Errors
/// [`Failure::Io`].
pub fn write(runs: &Runs, file: &Path) -> Result<(), Failure> {
    let text = page(runs)?;
    std::fs::write(file, text).map_err(Failure::io(format!("cannot write {}", file.display())))
}

fn page(runs: &Runs) -> Result<String, Failure> {
    let data = serde_json::to_string(runs).map_err(|error| Failure::wrong(error.to_string()))?;
    // Within a script element, `<` could end it.
    let data = data.replace('<', "\\u003c");
    let parts = [
        ("{{title}}", format!("dibs-loadtest: {}", runs.scenario)),
        ("{{style}}", format!("{PLOT_STYLE}\n{STYLE}")),
        ("{{plot}}", PLOT.to_owned()),
        ("{{script}}", SCRIPT.to_owned()),
        ("{{data}}", data),
    ];
    let mut page = String::with_capacity(PAGE.len() + 256 * 1024);
    let mut rest = PAGE;
    // Each place is filled once, so that nothing in the data is taken for a place.
    while let Some((at, (place, text))) = parts
        .iter()
        .filter_map(|part| Some((rest.find(part.0)?, part)))
        .min_by_key(|(at, _)| *at)
    {
        page.push_str(&rest[..at]);
        page.push_str(text);
        rest = &rest[at + place.len()..];
    }
    page.push_str(rest);
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    #[test]
    fn nothing_in_the_data_can_leave_its_element_and_nothing_comes_from_elsewhere() {
        let mut report = Report::default();
        report.figure("</script>{{data}}", 1.0, "");
        let text = page(&Runs::new("fleet", vec!["<b>".to_owned()], vec![report])).unwrap();
        assert!(!text.contains("</script>{{data}}") && !text.contains("<b>"));
        assert!(text.contains("\\u003c/script>{{data}}"));
        for from_elsewhere in ["src=\"http", "href=\"http", "@import", "url(http"] {
            assert!(!text.contains(from_elsewhere), "{from_elsewhere}");
        }
    }
}
