//! Exceptions: `style: allow REASON` in a comment.
//!
//! It covers its own line and what follows: the rest of the comment, and the first line after it.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::scan::Kind;
use crate::workspace::Workspace;

const MARK: &str = "style: allow";

/// Removes the findings that an exception covers, and adds one for each exception without a reason.
pub(crate) fn apply(workspace: &Workspace, findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept = findings;
    for source in &workspace.sources {
        let comments = source.pieces.iter().filter(|piece| piece.kind == Kind::Comment);
        let marks: Vec<(usize, &str)> = comments.map(|piece| (piece.line, piece.text.trim())).collect();
        apply_file(&mut kept, &source.path, &source.text, &marks);
    }
    for (path, text) in &workspace.texts {
        let lines = text.lines().enumerate();
        let comment = |line: &'_ str| {
            ["<!--", "#", "//", ".\\\""]
                .iter()
                .find_map(|mark| Some(line.split_once(mark)?.1.trim().to_owned()))
        };
        let marks: Vec<(usize, String)> =
            lines.filter_map(|(at, line)| Some((at + 1, comment(line)?))).collect();
        let marks: Vec<(usize, &str)> = marks.iter().map(|(line, text)| (*line, text.as_str())).collect();
        apply_file(&mut kept, path, text, &marks);
    }
    kept
}

fn apply_file(findings: &mut Vec<Finding>, path: &str, text: &str, comments: &[(usize, &str)]) {
    let marks = comments.iter().filter_map(|(line, text)| Some((*line, text.strip_prefix(MARK)?)));
    for (line, reason) in marks {
        let covered = covered(text, line);
        findings.retain(|finding| finding.file != path || !covered.contains(&finding.line));
        if !reason.chars().any(char::is_alphanumeric) {
            findings.push(Finding::new(path, line, "allow", "an exception needs a reason"));
        }
    }
}

/// Returns the lines that an exception in `line` covers.
fn covered(text: &str, line: usize) -> BTreeSet<usize> {
    let mut covered = BTreeSet::from([line]);
    for (at, text) in text.lines().enumerate().skip(line) {
        covered.insert(at + 1);
        if !text.trim_start().starts_with(['/', '#']) {
            break;
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::finding::Finding;
    use crate::workspace::tests::workspace;

    fn lines_left(path: &str, text: &str) -> Vec<(usize, &'static str)> {
        let all = (1..=text.lines().count()).map(|line| Finding::new(path, line, "phrase", "")).collect();
        apply(&workspace(&[(path, text)]), all).iter().map(|one| (one.line, one.rule)).collect()
    }

    #[test]
    fn an_exception_covers_the_comment_after_it_and_the_next_line() {
        let text = "fn a() {}\n// style: allow quotes the RFC\n/// One\n/// two.\nfn b() {}\nfn c() {} // style: allow x\n\nfn d() {}\n";
        assert_eq!(lines_left("src/lib.rs", text), [(1, "phrase"), (8, "phrase")]);
    }

    #[test]
    fn an_exception_in_a_page_is_a_comment() {
        let text = "One.\n<!-- style: allow the title of a song -->\nTwo.\nThree.\n";
        assert_eq!(lines_left("README.md", text), [(1, "phrase"), (4, "phrase")]);
    }

    #[test]
    fn an_exception_needs_a_reason() {
        assert_eq!(
            lines_left("src/lib.rs", "fn a() {} // style: allow\nfn b() {}\n\n"),
            [(3, "phrase"), (1, "allow")]
        );
    }
}
