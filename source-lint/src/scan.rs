//! Splits Rust source into what people read: doc comments, comments and string literals.
//!
//! `syn` drops ordinary comments, so this scanner knows just enough of the language to find them.

/// The kind of a [`Piece`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line of a doc comment.
    Doc,
    /// One line of an ordinary comment.
    Comment,
    /// A string literal, which may cover several lines.
    Literal,
}

/// Text taken from a source file, without its delimiters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    /// Line number of the first character, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Returns all pieces of `source` in order.
pub(crate) fn pieces(source: &str) -> Vec<Piece> {
    let mut scanner = Scanner { rest: source, line: 1, out: Vec::new() };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.out
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    out: Vec<Piece>,
}

impl<'a> Scanner<'a> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            self.line_comment();
        } else if self.rest.starts_with("/*") {
            self.block_comment();
        } else if self.rest.starts_with('"') {
            self.literal();
        } else if self.rest.starts_with('\'') {
            self.quote();
        } else if let Some(hashes) = raw_string(self.rest) {
            self.raw_literal(hashes);
        } else {
            self.word_or_symbol();
        }
    }

    /// Consumes `length` bytes and counts the lines in them.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn push(&mut self, kind: Kind, line: usize, text: impl Into<String>) {
        self.out.push(Piece { kind, line, text: text.into() });
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let text = self.take(end);
        let doc = text.starts_with("//!") || (text.starts_with("///") && !text.starts_with("////"));
        let text = text.get(if doc { 3 } else { 2 }..).unwrap_or_default();
        self.push(if doc { Kind::Doc } else { Kind::Comment }, line, text.trim_end());
    }

    fn block_comment(&mut self) {
        let line = self.line;
        let mut depth = 0_u32;
        let mut end = 0;
        while let Some(rest) = self.rest.get(end..).filter(|rest| !rest.is_empty()) {
            let step = if rest.starts_with("/*") {
                depth += 1;
                2
            } else if rest.starts_with("*/") {
                depth -= 1;
                2
            } else {
                rest.chars().next().map_or(1, char::len_utf8)
            };
            end += step;
            if depth == 0 {
                break;
            }
        }
        let text = self.take(end);
        let doc = text.starts_with("/*!") || (text.starts_with("/**") && !text.starts_with("/**/"));
        let kind = if doc { Kind::Doc } else { Kind::Comment };
        for (index, text) in text.lines().enumerate() {
            let text = text.trim().trim_start_matches(['/', '*', '!']).trim_end_matches(['/', '*']);
            self.push(kind, line + index, text.trim_end());
        }
    }

    fn literal(&mut self) {
        let line = self.line;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, other)) => text.push(other),
                    None => {}
                },
                _ => text.push(c),
            }
        }
        self.take(end);
        self.push(Kind::Literal, line, text);
    }

    fn raw_literal(&mut self, hashes: usize) {
        let line = self.line;
        let start = self.rest.find('"').unwrap_or_default() + 1;
        let close = ["\"", &"#".repeat(hashes)].concat();
        let body = self.rest.get(start..).unwrap_or_default();
        let length = body.find(&close).unwrap_or(body.len());
        let text = body.get(..length).unwrap_or_default().to_owned();
        self.take((start + length + close.len()).min(self.rest.len()));
        self.push(Kind::Literal, line, text);
    }

    /// Skips a character literal, or the mark of a lifetime.
    fn quote(&mut self) {
        let mut chars = self.rest.char_indices().skip(1);
        let (first, second) = (chars.next(), chars.next());
        let end = match (first, second) {
            (Some((_, '\\')), Some((at, c))) => {
                let from = at + c.len_utf8();
                self.rest.get(from..).and_then(|rest| rest.find('\'')).map_or(1, |found| from + found + 1)
            }
            (_, Some((at, '\''))) => at + 1,
            _ => 1,
        };
        self.take(end);
    }

    /// Skips a whole word, so that the `r` at its end begins no raw string.
    fn word_or_symbol(&mut self) {
        let word = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let symbol = self.rest.chars().next().map_or(1, char::len_utf8);
        self.take(if word == 0 { symbol } else { word });
    }
}

/// Returns the number of `#` if a raw string begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let after = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let quoted = after.trim_start_matches('#');
    quoted.starts_with('"').then(|| after.len() - quoted.len())
}

#[cfg(test)]
mod tests {
    use super::{Kind, pieces};

    fn scanned(source: &str) -> Vec<(Kind, usize, String)> {
        pieces(source).into_iter().map(|piece| (piece.kind, piece.line, piece.text)).collect()
    }

    #[test]
    fn comments_docs_and_literals_are_told_apart() {
        let source =
            "//! Crate.\n/// Doc.\nfn a() { // why\n    b(\"x \\\"y\\\" // z\"); /* one\n two */ }\n";
        assert_eq!(
            scanned(source),
            [
                (Kind::Doc, 1, " Crate.".into()),
                (Kind::Doc, 2, " Doc.".into()),
                (Kind::Comment, 3, " why".into()),
                (Kind::Literal, 4, "x \"y\" // z".into()),
                (Kind::Comment, 4, " one".into()),
                (Kind::Comment, 5, "two".into()),
            ]
        );
    }

    #[test]
    fn raw_strings_characters_and_lifetimes() {
        let source = "fn a<'a>(x: &'a str) { r#\"a \"b\" // c\"#; '\"'; '\\''; '\\u{22}'; for_r \"d\" }";
        let found: Vec<String> = pieces(source).into_iter().map(|piece| piece.text).collect();
        assert_eq!(found, ["a \"b\" // c", "d"]);
    }

    #[test]
    fn a_literal_over_several_lines_is_joined() {
        assert_eq!(
            scanned("\"a \\\n     b\" \"c\""),
            [(Kind::Literal, 1, "a b".into()), (Kind::Literal, 2, "c".into())]
        );
    }
}
