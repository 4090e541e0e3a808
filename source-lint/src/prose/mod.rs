//! Rules for prose: phrases, how documentation begins and ends, full stops of messages.

mod passages;
mod patterns;

use regex::{Regex, RegexBuilder};

use crate::finding::Finding;
use crate::rules::{PRINTS_SENTENCES, is_within_any};
use crate::workspace::Workspace;
use passages::{Passage, Place};
use patterns::{PATTERNS, Pattern};

/// Files that quote what they forbid.
const QUOTES: &[&str] =
    &["docs/style.md", "source-lint/src/prose/patterns.rs", "source-lint/src/prose/mod.rs"];

/// Reports passages against the table of patterns and the rules of sentence ends.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let patterns = Compiled::all();
    let mut findings = Vec::new();
    for (path, passages) in passages_of(workspace) {
        for passage in passages {
            findings.extend(patterns.iter().filter_map(|pattern| pattern.find(path, &passage)));
            findings.extend(sentence_end(path, &passage));
            findings.extend(unbalanced(path, &passage));
        }
    }
    findings
}

fn passages_of(workspace: &Workspace) -> Vec<(&str, Vec<Passage>)> {
    let sources = workspace.sources.iter().map(|source| (source.path.as_str(), passages::of_source(source)));
    let texts = workspace.texts.iter().map(|(path, text)| (path.as_str(), passages_of_text(path, text)));
    sources.chain(texts).filter(|(path, _)| !QUOTES.contains(path)).collect()
}

fn passages_of_text(path: &str, text: &str) -> Vec<Passage> {
    let lines = text.lines().enumerate().map(|(at, text)| (at + 1, text));
    let (name, extension) =
        (path.rsplit('/').next().unwrap_or(path), path.rsplit('.').next().unwrap_or(path));
    match (name, extension) {
        (_, "md") => passages::markdown(Place::Page, lines),
        (_, "1") => passages::manual(lines),
        (_, "wit" | "proto" | "go") => passages::comments(text, "//"),
        ("Justfile" | "Makefile", _) | (_, "toml" | "yaml") => passages::comments(text, "#"),
        _ => Vec::new(),
    }
}

/// A pattern with its regular expressions compiled.
struct Compiled {
    pattern: &'static Pattern,
    regex: Regex,
    except: Option<Regex>,
}

impl Compiled {
    /// Compiles the table; a test compiles every entry, so none is skipped here.
    fn all() -> Vec<Self> {
        PATTERNS.iter().filter_map(|pattern| Self::new(pattern).ok()).collect()
    }

    fn new(pattern: &'static Pattern) -> Result<Self, regex::Error> {
        let regex = |text: &str| RegexBuilder::new(text).case_insensitive(true).build();
        let except = (!pattern.except.is_empty()).then(|| regex(pattern.except)).transpose()?;
        Ok(Self { pattern, regex: regex(pattern.regex)?, except })
    }

    fn find(&self, path: &str, passage: &Passage) -> Option<Finding> {
        if self.pattern.opens_doc && passage.place != (Place::Doc { first: true }) {
            return None;
        }
        let right = |text: &str| self.except.as_ref().is_some_and(|except| except.is_match(text));
        let found = self.regex.find_iter(&passage.text).find(|found| !right(found.as_str()))?;
        let words = found.as_str().trim_start_matches(['.', ';', ':', ' ']);
        let line = passage.line_at(found.end() - words.len());
        Some(Finding::new(path, line, self.pattern.rule, format!("{words:?}: {}", self.pattern.hint)))
    }
}

/// Reports documentation that ends without a full stop, and messages that end with one.
fn sentence_end(path: &str, passage: &Passage) -> Option<Finding> {
    let text = passage.text.as_str();
    if is_within_any(path, PRINTS_SENTENCES) {
        return None;
    }
    let table_or_list =
        text.starts_with(['|', '#', '-', '*', '[', '>']) || text.starts_with(char::is_numeric);
    let rule = match passage.place {
        Place::Doc { .. } if !table_or_list && !text.ends_with(['.', ':', '!', '?', '…', ')', '"']) => {
            "this documentation ends without a full stop"
        }
        Place::Message if text.ends_with('.') && !text.ends_with("..") => {
            "a message has no full stop at its end; the program adds it"
        }
        _ => return None,
    };
    Some(Finding::new(path, passage.last_line(), "sentence-end", rule))
}

/// Reports parentheses and backticks that are not closed in their paragraph.
fn unbalanced(path: &str, passage: &Passage) -> Option<Finding> {
    let text = &passage.text;
    let count = |mark: char| text.matches(mark).count();
    let what = if passage.place == Place::Message {
        return None;
    } else if count('`') % 2 == 1 {
        "backtick"
    } else if count('(') != count(')') {
        "parenthesis"
    } else {
        return None;
    };
    Some(Finding::new(path, passage.line_at(0), "unbalanced", format!("a {what} without its partner")))
}

#[cfg(test)]
mod tests {
    use super::{Compiled, PATTERNS, check};
    use crate::workspace::tests::workspace;

    /// Returns the rules that a file breaks, with the lines.
    fn found(path: &str, text: &str) -> Vec<(&'static str, usize)> {
        check(&workspace(&[(path, text)])).iter().map(|one| (one.rule, one.line)).collect()
    }

    #[test]
    fn every_pattern_finds_its_example_and_nothing_in_the_better_wording() {
        for pattern in PATTERNS {
            let compiled = Compiled::new(pattern).expect(pattern.regex);
            let (worse, better) = pattern.example;
            let find = |text: &str| {
                let text = format!("/// {text}\nfn a() {{}}\n");
                let workspace = workspace(&[("src/lib.rs", &text)]);
                let passages = super::passages_of(&workspace).remove(0).1;
                passages.iter().find_map(|passage| compiled.find("src/lib.rs", passage))
            };
            assert!(find(worse).is_some(), "{worse}");
            assert!(find(better).is_none(), "{better}");
        }
    }

    #[test]
    fn all_kinds_of_files_are_read() {
        assert_eq!(found("README.md", "One.\n\nIt waits\nfor ever.\n"), [("phrase", 4)]);
        assert_eq!(found("docs/a.1", ".Sh NAME\nwritten anew\n"), [("phrase", 2)]);
        assert_eq!(found("wit/types.wit", "/// Written\n/// anew.\nrecord a {}\n"), [("phrase", 2)]);
        assert_eq!(found("Justfile", "a: b\n# built anew\n"), [("phrase", 2)]);
        assert_eq!(found("src/lib.rs", "fn a() {\n    b(\"it is written anew\");\n}\n"), [("phrase", 2)]);
        assert!(found("docs/style.md", "anew\n").is_empty());
    }

    #[test]
    fn code_in_prose_is_not_prose() {
        assert!(found("README.md", "Run `heal` now.\n\n```\nheal\n```\n").is_empty());
    }

    #[test]
    fn documentation_ends_with_a_full_stop_and_messages_do_not() {
        let text = "/// Opens it\npub fn a() {\n    b(\"cannot open it.\");\n}\n";
        assert_eq!(found("src/lib.rs", text), [("sentence-end", 1), ("sentence-end", 3)]);
        assert_eq!(found("cli/src/a.rs", "fn a() { b(\"It is done.\"); }\n"), []);
        assert_eq!(found("src/lib.rs", "fn a() { b(\"It is done. \"); }\n"), []);
        assert_eq!(found("src/lib.rs", "/// | a | b |\n/// |---|---|\npub fn a() {}\n"), []);
    }

    #[test]
    fn partners_are_missed() {
        assert_eq!(
            found("README.md", "Open (it.\n\nOpen `it.\n\nOpen (it).\n"),
            [("unbalanced", 1), ("unbalanced", 3)]
        );
    }
}
