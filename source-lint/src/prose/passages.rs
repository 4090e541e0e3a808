//! Cuts files into passages: stretches of prose that belong together, with the lines they came from.

use crate::scan::{Kind, Piece};
use crate::workspace::Source;

/// Kind of text that a passage is from; decides which rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A doc comment; `first` marks the paragraph that opens it.
    Doc { first: bool },
    /// An ordinary comment, in any language.
    Comment,
    /// A string literal outside tests.
    Message,
    /// A document such as README.md or the manual page.
    Page,
}

/// Lines of prose, joined with spaces, without code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) place: Place,
    pub(crate) text: String,
    /// For each line, the offset in `text` at which it begins and its number.
    lines: Vec<(usize, usize)>,
}

impl Passage {
    fn new(place: Place) -> Self {
        Self { place, text: String::new(), lines: Vec::new() }
    }

    fn push(&mut self, line: usize, text: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.lines.push((self.text.len(), line));
        self.text.push_str(text);
    }

    /// Returns the line number of an offset in the text.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        let before = self.lines.iter().take_while(|(start, _)| *start <= offset);
        before.last().map_or(0, |(_, line)| *line)
    }

    /// Returns the number of the last line.
    pub(crate) fn last_line(&self) -> usize {
        self.lines.last().map_or(0, |(_, line)| *line)
    }
}

/// Returns the passages of a Rust file.
pub(crate) fn of_source(source: &Source) -> Vec<Passage> {
    let mut out = Vec::new();
    let lines: Vec<&str> = source.text.lines().collect();
    let is_comment = |piece: &&Piece| piece.kind != Kind::Literal;
    let comments: Vec<&Piece> = source.pieces.iter().filter(is_comment).collect();
    for block in comments.chunk_by(|one, next| belongs(one, next, &lines)) {
        let place = match block.first().map(|piece| piece.kind) {
            Some(Kind::Doc) => Place::Doc { first: false },
            _ => Place::Comment,
        };
        let block = block.iter().map(|piece| (piece.line, piece.text.as_str()));
        let mut passages = markdown(place, block);
        if let Some(Passage { place: Place::Doc { first }, .. }) = passages.first_mut() {
            *first = true;
        }
        out.extend(passages);
    }
    if source.is_product() {
        let literals = source.pieces.iter().filter(|piece| piece.kind == Kind::Literal);
        out.extend(literals.filter(|piece| !source.is_test(piece.line)).filter_map(message));
    }
    out
}

/// Returns true if two comments are lines of the same block.
fn belongs(one: &Piece, next: &Piece, lines: &[&str]) -> bool {
    let alone = lines.get(next.line - 1).is_some_and(|line| line.trim_start().starts_with(['/', '*']));
    one.kind == next.kind && next.line == one.line + 1 && alone
}

/// Returns a string literal that reads as text for people: several words.
fn message(piece: &Piece) -> Option<Passage> {
    let text = piece.text.replace('\n', " ");
    let words = text.split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count();
    let mut passage = Passage::new(Place::Message);
    // Spaces at the ends stay: such a text is only a part of a message.
    passage.push(piece.line, &without_code(&text));
    (words > 2).then_some(passage)
}

/// Cuts lines of Markdown at blank lines, headings, list items and table rows. Leaves out code.
pub(crate) fn markdown<'a>(place: Place, lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Passage> {
    let mut out = Vec::new();
    let mut current = Passage::new(place);
    let mut fenced = false;
    for (line, text) in lines {
        let trimmed = text.trim();
        let fence = trimmed.starts_with("```");
        fenced ^= fence;
        if fence || fenced || trimmed.is_empty() || begins_passage(trimmed) {
            out.push(std::mem::replace(&mut current, Passage::new(place)));
        }
        if !fence && !fenced && !trimmed.is_empty() {
            current.push(line, trimmed);
        }
    }
    out.push(current);
    finish(out)
}

/// Cuts a manual page in mdoc at its requests for paragraphs, lists and sections.
pub(crate) fn manual<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Passage> {
    let mut out = Vec::new();
    let mut current = Passage::new(Place::Page);
    let mut literal = false;
    for (line, text) in lines {
        let request = text.strip_prefix('.').map(|text| text.split(' ').next().unwrap_or(text));
        literal = (literal || request == Some("Bd")) && request != Some("Ed");
        if matches!(
            request,
            Some("Sh" | "Ss" | "Pp" | "It" | "Bl" | "El" | "Bd" | "Ed" | "Dd" | "Dt" | "\\\"")
        ) {
            out.push(std::mem::replace(&mut current, Passage::new(Place::Page)));
        } else if !literal {
            // The arguments of other requests are words of the sentence around them.
            let text = request.map_or(text, |request| text.get(request.len() + 1..).unwrap_or_default());
            current.push(line, text.trim());
        }
    }
    out.push(current);
    finish(out)
}

/// Returns the comments of a file in another language, of lines that begin with `mark`.
pub(crate) fn comments(text: &str, mark: &str) -> Vec<Passage> {
    let line = |text: &'_ str| {
        text.trim_start().strip_prefix(mark).map(|text| text.trim_matches(['/', ' ']).to_owned())
    };
    let lines: Vec<String> = text.lines().map(|text| line(text).unwrap_or_default()).collect();
    markdown(Place::Comment, lines.iter().enumerate().map(|(at, text)| (at + 1, text.as_str())))
}

fn begins_passage(line: &str) -> bool {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['#', '|', '>'])
        || line.starts_with("- ")
        || line.starts_with("* ")
        || (numbered.len() < line.len() && numbered.starts_with(". "))
}

fn finish(passages: Vec<Passage>) -> Vec<Passage> {
    let mut passages = passages;
    passages.retain(|passage| !passage.text.is_empty());
    for passage in &mut passages {
        passage.text = without_code(&passage.text);
    }
    passages
}

/// Overwrites code between backticks with `x`, so that offsets stay and no pattern matches in it.
fn without_code(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let closed = parts.len() % 2 == 1;
    let blank = |(at, part): (usize, &&str)| {
        if closed && at % 2 == 1 { "x".repeat(part.len()) } else { (*part).to_owned() }
    };
    parts.iter().enumerate().map(blank).collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::{Place, comments, manual, markdown, of_source};
    use crate::workspace::tests::workspace;

    fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
        text.lines().enumerate().map(|(at, text)| (at + 1, text))
    }

    #[test]
    fn blocks_of_comments_become_passages() {
        let text = "/// Opens it\n/// at last.\n///\n/// More.\nfn a() {\n    b(); // one\n    c(); // two\n    // three\n}\n";
        let workspace = workspace(&[("src/lib.rs", text)]);
        let found = of_source(&workspace.sources[0]);
        let found: Vec<_> = found.iter().map(|one| (one.place, one.text.as_str(), one.last_line())).collect();
        let doc = |first| Place::Doc { first };
        assert_eq!(
            found,
            [
                (doc(true), "Opens it at last.", 2),
                (doc(false), "More.", 4),
                (Place::Comment, "one", 6),
                (Place::Comment, "two three", 8),
            ]
        );
    }

    #[test]
    fn messages_are_literals_of_the_product_outside_tests() {
        let text = "fn a() { b(\"no such place here\", \"DAV:\"); }\n#[cfg(test)]\nmod t { const A: &str = \"a b c d\"; }";
        let workspace = workspace(&[("src/lib.rs", text), ("host-tests/src/lib.rs", text)]);
        let all = workspace.sources.iter().flat_map(of_source);
        assert_eq!(all.map(|one| one.text).collect::<Vec<_>>(), ["no such place here"]);
    }

    #[test]
    fn code_and_fences_are_left_out() {
        let text = "# Title\nUse `heal`\nit.\n```\nheal\n```\n- one\n- two\n";
        let found = markdown(Place::Page, numbered(text));
        let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["# Title Use `xxxx` it.", "- one", "- two"]);
        assert_eq!(found[0].line_at(19), 3);
    }

    #[test]
    fn manual_pages_and_comments_of_other_languages() {
        let page = ".Sh NAME\nIt runs as a plugin of\n.Xr plakar 1 .\n.Bd -literal\n$ heal\n.Ed\nDone.\n";
        let texts: Vec<String> = manual(numbered(page)).into_iter().map(|one| one.text).collect();
        assert_eq!(texts, ["It runs as a plugin of plakar 1 .", "Done."]);
        let found = comments("a: b, // no\n  /// One\n  /// two.\n", "//");
        assert_eq!(found.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["One two."]);
    }
}
