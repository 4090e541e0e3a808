//! Imports that point the wrong way, and words that belong elsewhere.

use regex::RegexBuilder;

use crate::finding::Finding;
use crate::imports::imports;
use crate::rules::{FORBIDDEN, Forbidden, LAYERS, is_within, is_within_any};
use crate::workspace::Workspace;

/// Reports imports against [`LAYERS`].
pub(crate) fn check_imports(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for import in workspace.crates.iter().flat_map(|one| imports(workspace, one)) {
        let (Some(from), Some(to)) = (workspace.sources.get(import.from), workspace.sources.get(import.to))
        else {
            continue;
        };
        if is_against(&from.path, &to.path) {
            let text = format!("imports {}, which is not in a lower layer (LAYERS in rules.rs)", to.path);
            findings.push(Finding::new(&from.path, import.line, "direction", text));
        }
    }
    findings
}

/// Returns true if both files are within a layer, not within the same module, and `to` is not lower than `from`.
fn is_against(from: &str, to: &str) -> bool {
    let place = |path: &str| {
        let in_row = |row: &[&'static str]| row.iter().copied().find(|module| is_within(path, module));
        LAYERS.iter().enumerate().find_map(|(layer, row)| Some((layer, in_row(row)?)))
    };
    match (place(from), place(to)) {
        (Some((from_layer, from)), Some((to_layer, to))) => from != to && to_layer >= from_layer,
        _ => false,
    }
}

/// Reports words against [`FORBIDDEN`].
pub(crate) fn check_words(workspace: &Workspace) -> Vec<Finding> {
    let sources = workspace.sources.iter().map(|source| (&source.path, &source.text));
    let texts = workspace.texts.iter().map(|(path, text)| (path, text));
    sources.chain(texts).flat_map(|(path, text)| forbidden_in(path, text)).collect()
}

fn forbidden_in(path: &str, text: &str) -> Vec<Finding> {
    let rules = FORBIDDEN
        .iter()
        .filter(|rule| is_within_any(path, rule.files))
        .filter(|rule| !is_within_any(path, rule.except));
    rules.flat_map(|rule| words_in(rule, path, text)).collect()
}

fn words_in(rule: &Forbidden, path: &str, text: &str) -> Vec<Finding> {
    let words = RegexBuilder::new(&format!(r"\b(?:{})\b", rule.words)).case_insensitive(true).build();
    let Ok(words) = words else { return Vec::new() };
    let found = text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, words.find(line)?.as_str())));
    found.map(|(line, word)| Finding::new(path, line, "word", format!("{word:?}: {}", rule.why))).collect()
}

#[cfg(test)]
mod tests {
    use super::{check_imports, check_words};
    use crate::workspace::tests::workspace;

    #[test]
    fn an_import_of_a_higher_layer_is_reported() {
        let files = [
            ("src/lib.rs", "mod destination; mod source; mod options; mod session;"),
            ("src/destination/mod.rs", "\nuse crate::source::last_segment;"),
            ("src/source/mod.rs", "pub fn last_segment() {}"),
            ("src/session.rs", "fn f() -> crate::options::Options {}"),
            ("src/options.rs", "use crate::session::Session;"),
        ];
        let found = check_imports(&workspace(&files));
        let places: Vec<_> = found.iter().map(|one| (one.file.as_str(), one.line)).collect();
        assert_eq!(places, [("src/destination/mod.rs", 2), ("src/session.rs", 1)]);
    }

    #[test]
    fn words_of_calendars_are_found_in_the_host_only() {
        let text = "// Calendar\nfn f() { g(\"x.ics\"); basics(); my_caldav(); }\n";
        let found = check_words(&workspace(&[("host/src/job.rs", text), ("src/source.rs", text)]));
        let lines: Vec<_> = found.iter().map(|one| (one.file.as_str(), one.line)).collect();
        assert_eq!(lines, [("host/src/job.rs", 1), ("host/src/job.rs", 2)]);
    }

    #[test]
    fn wasi_is_known_to_the_glue_only() {
        let files = [("src/component/wasi.rs", "use wasip3::http;"), ("src/http.rs", "use wasip3::http;")];
        let found = check_words(&workspace(&files));
        assert_eq!(found.iter().map(|one| one.file.as_str()).collect::<Vec<_>>(), ["src/http.rs"]);
    }
}
