//! The files under version control, parsed, and the modules they make up.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::process::Command;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::finding::Finding;
use crate::rules;
use crate::scan::{self, Piece};

/// A Rust source file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    pub(crate) pieces: Vec<Piece>,
    /// Lines of items that are compiled for tests only.
    test_lines: Vec<RangeInclusive<usize>>,
    /// Set for files under `#[cfg(test)]`. Crates of tests are code like any other.
    pub(crate) test_only: bool,
}

impl Source {
    /// Returns true if `line` is compiled for tests only.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.test_only || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Returns true if the file is part of the product's code.
    pub(crate) fn is_product(&self) -> bool {
        !self.test_only && rules::is_within_any(&self.path, rules::PRODUCT)
    }
}

/// One compiled crate: its modules, by path from the root (`[]` is the root itself).
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Vec<String>, usize>,
}

/// Everything that the rules look at.
#[derive(Default)]
pub(crate) struct Workspace {
    pub(crate) sources: Vec<Source>,
    /// Files that are not Rust, as path and text.
    pub(crate) texts: Vec<(String, String)>,
    pub(crate) crates: Vec<Crate>,
    /// Files that could not be read or parsed.
    pub(crate) broken: Vec<Finding>,
}

impl Workspace {
    /// Reads the files that git knows in the current directory.
    ///
    /// # Errors
    ///
    /// Returns a message if git cannot be run or does not list the files.
    pub(crate) fn load() -> Result<Self, String> {
        let output = Command::new("git").args(["ls-files", "-z", "--cached"]).output();
        let output = output.map_err(|error| format!("git ls-files: {error}"))?;
        if !output.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let paths = String::from_utf8_lossy(&output.stdout).into_owned();
        // A file that was moved or deleted and not yet committed is not an error; neither is a binary file.
        let read = |path: &str| Some((path.to_owned(), std::fs::read_to_string(path).ok()?));
        Ok(Self::from_files(paths.split('\0').filter(|path| !path.is_empty()).filter_map(read)))
    }

    /// Parses the given files, as path and text.
    pub(crate) fn from_files(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut workspace = Self::default();
        for (path, text) in files {
            if !path.ends_with(".rs") {
                workspace.texts.push((path, text));
                continue;
            }
            match syn::parse_file(&text) {
                Ok(syntax) => workspace.sources.push(source(path, text, syntax)),
                Err(error) => {
                    let line = error.span().start().line;
                    workspace.broken.push(Finding::new(&path, line, "parse", error.to_string()));
                }
            }
        }
        workspace.find_crates();
        workspace
    }

    fn find_crates(&mut self) {
        for root in 0..self.sources.len() {
            if self.sources.get(root).is_some_and(|source| is_crate_root(&source.path)) {
                let mut modules = BTreeMap::new();
                self.add_module(&mut modules, root, &[], false);
                self.crates.push(Crate { modules });
            }
        }
    }

    fn add_module(
        &mut self,
        modules: &mut BTreeMap<Vec<String>, usize>,
        index: usize,
        path: &[String],
        test_only: bool,
    ) {
        let Some(source) = self.sources.get_mut(index) else { return };
        source.test_only |= test_only;
        let folder = folder_of_children(&source.path);
        let children = declared(&source.syntax.items, &source.path, &folder, source.test_only);
        modules.insert(path.to_vec(), index);
        for child in children {
            let found = self.sources.iter().position(|source| child.files.contains(&source.path));
            let path = [path, &child.path].concat();
            match found {
                Some(found) => self.add_module(modules, found, &path, child.test_only),
                // A module with its code inside braces belongs to the file around it.
                None if child.files.is_empty() => drop(modules.insert(path, index)),
                None => {}
            }
        }
    }
}

/// Scans a parsed file for comments and tests.
fn source(path: String, text: String, syntax: syn::File) -> Source {
    let mut tests = TestLines::default();
    tests.visit_file(&syntax);
    let test_only = is_test_only(&syntax.attrs);
    Source { pieces: scan::pieces(&text), test_lines: tests.lines, test_only, path, text, syntax }
}

fn is_crate_root(path: &str) -> bool {
    let parts: Vec<&str> = path.rsplit('/').take(3).collect();
    let test = matches!(parts.as_slice(), [_, "tests", ..] | ["main.rs", _, "tests"]);
    matches!(parts.as_slice(), ["lib.rs" | "main.rs", "src", ..] | [_, "bin", "src"])
        || (test && !path.starts_with("src/") && !path.contains("/src/"))
}

/// Returns the folder in which the modules declared in `path` are looked for, without a slash at its end.
fn folder_of_children(path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(file, "lib.rs" | "main.rs" | "mod.rs") || folder.ends_with("/bin") {
        return folder.to_owned();
    }
    format!("{folder}/{}", file.trim_end_matches(".rs"))
}

struct Declared {
    path: Vec<String>,
    /// The places the file may be in; empty for a module with its code inside braces.
    files: Vec<String>,
    test_only: bool,
}

/// Lists the modules that `items` declare, nested ones too.
fn declared(items: &[syn::Item], file: &str, folder: &str, test_only: bool) -> Vec<Declared> {
    let mut out = Vec::new();
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        let name = module.ident.to_string();
        let test_only = test_only || is_test_only(&module.attrs);
        let inner = format!("{folder}/{name}");
        let Some((_, items)) = &module.content else {
            let beside = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let files = match path_attribute(&module.attrs) {
                Some(path) => vec![format!("{beside}/{path}")],
                None => vec![format!("{inner}.rs"), format!("{inner}/mod.rs")],
            };
            out.push(Declared { path: vec![name], files, test_only });
            continue;
        };
        out.push(Declared { path: vec![name.clone()], files: Vec::new(), test_only });
        for mut nested in declared(items, file, &inner, test_only) {
            nested.path.insert(0, name.clone());
            out.push(nested);
        }
    }
    out
}

/// Returns the value of `#[path = "…"]`.
fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Returns true if `#[cfg(test)]`, or a `cfg(all(…))` with `test` in it, is among `attributes`.
pub(crate) fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let words = list.tokens.to_string();
        let mut words = words.split(|c: char| !c.is_alphanumeric() && c != '_');
        list.path.is_ident("cfg")
            && words.clone().any(|word| word == "test")
            && !words.any(|word| word == "not")
    })
}

/// Returns the attributes of an item.
pub(crate) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Union(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Collects the lines of items under `#[cfg(test)]`.
#[derive(Default)]
struct TestLines {
    lines: Vec<RangeInclusive<usize>>,
}

impl TestLines {
    fn add(&mut self, attributes: &[syn::Attribute], span: proc_macro2::Span) -> bool {
        let test = is_test_only(attributes);
        if test {
            self.lines.push(span.start().line..=span.end().line);
        }
        test
    }
}

impl<'ast> Visit<'ast> for TestLines {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !self.add(attributes(item), item.span()) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !self.add(&item.attrs, item.span()) {
            visit::visit_impl_item_fn(self, item);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Workspace;

    /// Makes a workspace of files given as path and text.
    pub(crate) fn workspace(files: &[(&str, &str)]) -> Workspace {
        Workspace::from_files(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn modules_are_found_as_the_compiler_finds_them() {
        let workspace = workspace(&[
            ("src/lib.rs", "mod a; mod b { mod c; } #[cfg(test)] mod t;"),
            ("src/a.rs", "mod d; #[path = \"other.rs\"] mod e;"),
            ("src/a/d.rs", ""),
            ("src/other.rs", ""),
            ("src/b/c/mod.rs", ""),
            ("src/t.rs", ""),
        ]);
        let modules: Vec<_> = workspace.crates.iter().flat_map(|one| &one.modules).collect();
        let names: Vec<String> = modules.iter().map(|(path, _)| path.join("::")).collect();
        assert_eq!(names, ["", "a", "a::d", "a::e", "b", "b::c", "t"]);
        let tests: Vec<&str> =
            workspace.sources.iter().filter(|source| source.test_only).map(|source| &*source.path).collect();
        assert_eq!(tests, ["src/t.rs"]);
    }

    #[test]
    fn lines_of_tests_are_known() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n#[cfg(all(test, unix))]\nfn b() {}\n#[cfg(not(test))]\nfn c() {}\n";
        let workspace = workspace(&[("src/lib.rs", text)]);
        let source = &workspace.sources[0];
        let tests: Vec<usize> = (1..=8).filter(|line| source.is_test(*line)).collect();
        assert_eq!(tests, [2, 3, 4, 5, 6]);
    }
}
