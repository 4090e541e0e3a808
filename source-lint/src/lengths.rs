//! Lengths of functions and files, and the share of documentation in the protocol modules.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use crate::finding::Finding;
use crate::rules::{
    FILE_P90, FUNCTION_MAX, FUNCTION_P50, FUNCTION_P90, PROTOCOL, PROTOCOL_DOCS, is_within, is_within_any,
};
use crate::scan::Kind;
use crate::workspace::{Source, Workspace};

/// One function of the product or of this package.
pub(crate) struct Function {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) name: String,
    /// From `fn` to the closing brace, both lines included.
    pub(crate) lines: usize,
}

/// Reports functions and files that are too long, and too little or too much documentation.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let functions = functions(workspace);
    let lengths: Vec<usize> = functions.iter().map(|function| function.lines).collect();
    let files: Vec<usize> = file_lengths(workspace);
    let mut findings: Vec<Finding> = functions.iter().filter_map(too_long).collect();
    let figures = [
        ("function p50", percentile(&lengths, 50), FUNCTION_P50),
        ("function p90", percentile(&lengths, 90), FUNCTION_P90),
        ("file p90", percentile(&files, 90), FILE_P90),
    ];
    for (name, measured, limit) in figures.into_iter().filter(|(_, measured, limit)| measured > limit) {
        findings.push(Finding::new("src", 0, "length", format!("{name} is {measured} lines, limit {limit}")));
    }
    let docs = docs_share(workspace, PROTOCOL);
    if docs.lines > 0 && !PROTOCOL_DOCS.contains(&docs.percent()) {
        let (least, most) = (PROTOCOL_DOCS.start(), PROTOCOL_DOCS.end());
        let text =
            format!("{} % of the protocol modules are documentation, not {least} to {most}", docs.percent());
        findings.push(Finding::new("src", 0, "docs-share", text));
    }
    findings
}

fn too_long(function: &Function) -> Option<Finding> {
    let Function { file, line, name, lines } = function;
    let text = format!("{name} has {lines} lines, limit {FUNCTION_MAX}");
    (*lines > FUNCTION_MAX).then(|| Finding::new(file, *line, "length", text))
}

/// Returns all functions with a body outside tests.
pub(crate) fn functions(workspace: &Workspace) -> Vec<Function> {
    let mut out = Vec::new();
    for source in workspace.sources.iter().filter(|source| source.is_product()) {
        let mut functions = Functions { source, out: Vec::new() };
        functions.visit_file(&source.syntax);
        out.extend(functions.out);
    }
    out
}

/// Returns the lines of each file of the product, without items under `#[cfg(test)]`.
pub(crate) fn file_lengths(workspace: &Workspace) -> Vec<usize> {
    let product = workspace.sources.iter().filter(|source| source.is_product());
    product
        .map(|source| (1..=source.text.lines().count()).filter(|line| !source.is_test(*line)).count())
        .collect()
}

/// Returns the value below which `percent` of the values are, or 0 of none.
pub(crate) fn percentile(values: &[usize], percent: usize) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
}

/// Documentation in a part of the tree.
#[derive(Default)]
pub(crate) struct DocsShare {
    pub(crate) docs: usize,
    /// Lines that are not blank.
    pub(crate) lines: usize,
}

impl DocsShare {
    /// Returns the share in percent, rounded.
    pub(crate) fn percent(&self) -> usize {
        (self.docs * 100 + self.lines / 2).checked_div(self.lines).unwrap_or_default()
    }
}

/// Counts documentation lines and lines that are not blank in `folders`, outside tests.
pub(crate) fn docs_share(workspace: &Workspace, folders: &[&str]) -> DocsShare {
    let mut share = DocsShare::default();
    for source in workspace.sources.iter().filter(|source| is_within_any(&source.path, folders)) {
        let docs = source.pieces.iter().filter(|piece| piece.kind == Kind::Doc).map(|piece| piece.line);
        let docs: BTreeSet<usize> = docs.filter(|line| !source.is_test(*line)).collect();
        share.docs += docs.len();
        let lines = source
            .text
            .lines()
            .enumerate()
            .filter(|(at, text)| !text.trim().is_empty() && !source.is_test(at + 1));
        share.lines += lines.count();
    }
    share
}

/// Returns the function lengths of one folder.
pub(crate) fn lengths_in(functions: &[Function], folder: &str) -> Vec<usize> {
    functions
        .iter()
        .filter(|function| is_within(&function.file, folder))
        .map(|function| function.lines)
        .collect()
}

struct Functions<'a> {
    source: &'a Source,
    out: Vec<Function>,
}

impl Functions<'_> {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let last = block.brace_token.span.close().end().line;
        if !self.source.is_test(first) {
            let (file, name) = (self.source.path.clone(), signature.ident.to_string());
            self.out.push(Function { file, line: first, name, lines: last + 1 - first });
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::{check, docs_share, file_lengths, functions, percentile};
    use crate::workspace::tests::workspace;

    #[test]
    fn functions_are_measured_from_fn_to_brace_outside_tests() {
        let text = "/// Doc.\nfn a() {\n}\nimpl A {\n    fn b() {}\n}\ntrait T {\n    fn c();\n    fn d() {\n    }\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn e() {}\n}\n";
        let workspace = workspace(&[("src/lib.rs", text), ("host-tests/src/lib.rs", text)]);
        let found: Vec<_> =
            functions(&workspace).into_iter().map(|one| (one.name, one.line, one.lines)).collect();
        assert_eq!(found, [("a".into(), 2, 2), ("b".into(), 5, 1), ("d".into(), 9, 2)]);
        assert_eq!(file_lengths(&workspace), [11]);
    }

    #[test]
    fn a_function_of_61_lines_is_too_long() {
        let of = |lines: usize| format!("fn long() {{\n{}}}\n", "\n".repeat(lines - 2));
        assert!(check(&workspace(&[("src/lib.rs", &of(60))])).iter().all(|one| one.line == 0));
        let found = check(&workspace(&[("src/lib.rs", &of(61))]));
        assert!(
            found.iter().any(|one| one.to_string() == "src/lib.rs:1: length: long has 61 lines, limit 60")
        );
    }

    #[test]
    fn percentiles() {
        let values: Vec<usize> = (1..=101).rev().collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 90), percentile(&[], 50)), (51, 91, 0));
    }

    #[test]
    fn documentation_is_counted_by_lines() {
        let text = "//! Room.\n\n/// Doc.\nfn a() {} // why\n#[cfg(test)]\nmod tests {\n    /// No.\n    fn b() {}\n}\n";
        let workspace = workspace(&[("src/webdav/mod.rs", text)]);
        let share = docs_share(&workspace, &["src/webdav"]);
        assert_eq!((share.docs, share.lines, share.percent()), (2, 3, 67));
        assert!(check(&workspace).iter().any(|one| one.rule == "docs-share"));
    }
}
