//! The measured figures as a table.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::lengths::{docs_share, file_lengths, functions, lengths_in, percentile};
use crate::rules::{FILE_P90, FUNCTION_MAX, FUNCTION_P50, FUNCTION_P90, PRODUCT, PROTOCOL, PROTOCOL_DOCS};
use crate::workspace::Workspace;

/// Returns the table: figures beside their limits, per folder where that helps, and findings by rule.
pub(crate) fn table(workspace: &Workspace, findings: &[Finding]) -> String {
    [lengths(workspace), longest(workspace), docs(workspace), counts(findings)].join("\n")
}

fn lengths(workspace: &Workspace) -> String {
    let functions = functions(workspace);
    let all: Vec<usize> = functions.iter().map(|function| function.lines).collect();
    let files = file_lengths(workspace);
    let mut out = format!(
        "lengths in lines              count   p50   p90   max\n\
         functions (limit)                 -  {FUNCTION_P50:>4}  {FUNCTION_P90:>4}  {FUNCTION_MAX:>4}\n\
         files (limit)                     -     -  {FILE_P90:>4}     -\n"
    );
    out += &row("files, without test modules", &files);
    out += &row("functions", &all);
    for folder in PRODUCT {
        let lengths = lengths_in(&functions, folder);
        if !lengths.is_empty() {
            out += &row(&format!("  {folder}"), &lengths);
        }
    }
    out
}

fn row(name: &str, values: &[usize]) -> String {
    let count = values.len();
    let (p50, p90, max) = (percentile(values, 50), percentile(values, 90), percentile(values, 100));
    format!("{name:<29}{count:>6}{p50:>6}{p90:>6}{max:>6}\n")
}

fn longest(workspace: &Workspace) -> String {
    let mut functions = functions(workspace);
    functions.sort_by_key(|function| std::cmp::Reverse(function.lines));
    let lines = functions
        .iter()
        .take(10)
        .map(|one| format!("{:>4}  {}:{} {}\n", one.lines, one.file, one.line, one.name));
    ["longest functions\n".to_owned()].into_iter().chain(lines).collect()
}

fn docs(workspace: &Workspace) -> String {
    let (least, most) = (PROTOCOL_DOCS.start(), PROTOCOL_DOCS.end());
    let row = |name: &str, folders: &[&str]| {
        let share = docs_share(workspace, folders);
        format!("{name:<29}{:>6} of {:>5} lines {:>4} %\n", share.docs, share.lines, share.percent())
    };
    let rows = PROTOCOL.iter().map(|folder| row(&format!("  {folder}"), &[*folder]));
    let total = row("documentation", PROTOCOL);
    [format!("documentation of protocol modules, {least} to {most} %\n"), total]
        .into_iter()
        .chain(rows)
        .collect()
}

fn counts(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.rule).or_default() += 1;
    }
    let rows = counts.iter().map(|(rule, count)| format!("{rule:<29}{count:>6}\n"));
    [format!("findings by rule             {:>6}\n", findings.len())].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::finding::Finding;
    use crate::workspace::tests::workspace;

    #[test]
    fn the_table_has_figures_and_counts() {
        let workspace = workspace(&[("src/webdav/put.rs", "/// Doc.\nfn a() {\n}\n")]);
        let text = table(&workspace, &[Finding::new("src/webdav/put.rs", 1, "phrase", "")]);
        assert!(text.contains("functions                         1     2     2     2"), "{text}");
        assert!(text.contains("documentation                     1 of     3 lines   33 %"), "{text}");
        assert!(text.contains("phrase                            1"), "{text}");
    }
}
