//! Checks the rules of `docs/style.md` that a program can check.
//!
//! Prints one line for each finding and exits with 1 if there is one. `--report` prints the measured figures
//! instead and exits with 0. Other arguments are paths: only findings below them are printed.

mod allow;
mod circles;
mod directions;
mod finding;
mod imports;
mod lengths;
mod names;
mod prose;
mod report;
mod rules;
mod scan;
mod workspace;

use std::io::{self, Write};
use std::process::ExitCode;

use finding::Finding;
use workspace::Workspace;

fn main() -> ExitCode {
    let (flags, paths): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|one| one.starts_with("--"));
    match run(&flags, &paths) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "source-lint: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs all rules. Returns false if something was found.
fn run(flags: &[String], paths: &[String]) -> Result<bool, String> {
    if let Some(unknown) = flags.iter().find(|flag| *flag != "--report") {
        return Err(format!("{unknown} is not an option; the only one is --report"));
    }
    let workspace = Workspace::load()?;
    let mut findings = check(&workspace);
    findings.retain(|finding| paths.is_empty() || paths.iter().any(|path| finding.file.starts_with(path)));
    let report = !flags.is_empty();
    let text = if report { report::table(&workspace, &findings) } else { lines(&findings) };
    io::stdout().write_all(text.as_bytes()).map_err(|error| format!("standard output: {error}"))?;
    Ok(report || findings.is_empty())
}

/// Returns all findings in the order of files and lines, without those that an exception covers.
fn check(workspace: &Workspace) -> Vec<Finding> {
    let rules = [
        circles::check,
        directions::check_imports,
        directions::check_words,
        lengths::check,
        names::check_types,
        names::check_docs,
        prose::check,
    ];
    let found = rules.iter().flat_map(|rule| rule(workspace)).chain(workspace.broken.iter().cloned());
    let mut findings = allow::apply(workspace, found.collect());
    findings.sort();
    findings.dedup();
    findings
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}
