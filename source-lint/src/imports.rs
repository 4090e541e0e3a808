//! Which file imports from which: `use` items, and paths that are written out in code and in macros.
//!
//! A path is followed through `pub use` to the file that defines the name, so a folder's `mod.rs` that only
//! declares and re-exports its children imports nothing. A name it re-exports and uses itself counts.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::workspace::{Crate, Source, Workspace, attributes, is_test_only};

/// An import, as indexes of files in the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The first line in `from` that makes the import.
    pub(crate) line: usize,
}

/// Returns the imports within one crate, each pair of files once.
pub(crate) fn imports(workspace: &Workspace, one: &Crate) -> Vec<Import> {
    let names = Names::of(workspace, one);
    let mut found = BTreeMap::new();
    for (module, index) in &one.modules {
        let Some(source) = workspace.sources.get(*index).filter(|source| !source.test_only) else { continue };
        if !is_root_of_its_file(one, module, *index) {
            continue;
        }
        for (path, line) in Paths::of(source, module, &names) {
            let Some(to) = names.file(&path, 0).filter(|to| to != index) else { continue };
            let first = found.entry((*index, to)).or_insert(line);
            *first = line.min(*first);
        }
    }
    found.into_iter().map(|((from, to), line)| Import { from, to, line }).collect()
}

/// Returns false for a module inside braces: it is visited with the file around it.
fn is_root_of_its_file(one: &Crate, module: &[String], index: usize) -> bool {
    module.split_last().is_none_or(|(_, parent)| one.modules.get(parent) != Some(&index))
}

/// Absolute paths from a crate's root; a last part of `*` is a glob.
type Path = Vec<String>;

/// Names in the modules of one crate, and what they stand for.
struct Names<'a> {
    modules: &'a BTreeMap<Path, usize>,
    /// By the path of a re-exported name, the path it stands for.
    exports: BTreeMap<Path, Path>,
    /// By module, the modules whose names it re-exports with `*`.
    globs: BTreeMap<Path, Vec<Path>>,
    /// The paths of items that are defined in the crate.
    items: BTreeSet<Path>,
}

impl<'a> Names<'a> {
    fn of(workspace: &Workspace, one: &'a Crate) -> Self {
        let mut names = Self {
            modules: &one.modules,
            exports: BTreeMap::new(),
            globs: BTreeMap::new(),
            items: BTreeSet::new(),
        };
        for (module, index) in &one.modules {
            if is_root_of_its_file(one, module, *index)
                && let Some(source) = workspace.sources.get(*index)
            {
                names.add_items(module, &source.syntax.items);
            }
        }
        names
    }

    fn add_items(&mut self, module: &[String], items: &[syn::Item]) {
        for item in items.iter().filter(|item| !is_test_only(attributes(item))) {
            if let Some(name) = name_of(item) {
                self.items.insert(join(module, &[name]));
            }
            match item {
                syn::Item::Use(item) if is_exported(&item.vis) => self.add_exports(module, &item.tree),
                syn::Item::Mod(item) => {
                    let inner = join(module, &[item.ident.to_string()]);
                    self.add_items(&inner, item.content.as_ref().map_or(&[], |(_, items)| items));
                }
                _ => {}
            }
        }
    }

    fn add_exports(&mut self, module: &[String], tree: &syn::UseTree) {
        for (path, name) in flattened(tree) {
            let Some(mut target) = self.absolute(module, &path) else { continue };
            if name == "*" {
                target.pop();
                self.globs.entry(module.to_vec()).or_default().push(target);
            } else {
                self.exports.insert(join(module, &[name]), target);
            }
        }
    }

    /// Makes a path absolute. Returns `None` for a path into another crate, or a local name.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some(join(module, rest)),
            "super" => {
                let (_, parent) = module.split_last()?;
                if rest.first().is_some_and(|next| next == "super") {
                    return self.absolute(parent, rest);
                }
                Some(join(parent, rest))
            }
            name => {
                let here = join(module, &[name.to_owned()]);
                let module_here = !rest.is_empty() && self.modules.contains_key(&here);
                (module_here || self.exports.contains_key(&here)).then(|| join(module, path))
            }
        }
    }

    /// Returns the file that defines what `path` names.
    fn file(&self, path: &[String], depth: usize) -> Option<usize> {
        if depth > 8 {
            return None;
        }
        let mut module: Path = Vec::new();
        for (at, name) in path.iter().enumerate() {
            let next = join(&module, std::slice::from_ref(name));
            let rest = path.get(at + 1..).unwrap_or_default();
            if self.modules.contains_key(&next) {
                module = next;
            } else if let Some(target) = self.exports.get(&next) {
                return self.file(&join(target, rest), depth + 1);
            } else if !self.items.contains(&next)
                && let Some(target) = self.through_glob(&module, name, depth)
            {
                return Some(target);
            } else {
                break;
            }
        }
        self.modules.get(&module).copied()
    }

    fn through_glob(&self, module: &[String], name: &str, depth: usize) -> Option<usize> {
        self.globs.get(module)?.iter().find_map(|target| {
            let path = join(target, &[name.to_owned()]);
            let known = self.items.contains(&path) || self.exports.contains_key(&path);
            known.then(|| self.file(&path, depth + 1)).flatten()
        })
    }
}

fn join(module: &[String], rest: &[String]) -> Path {
    [module, rest].concat()
}

fn is_exported(visibility: &syn::Visibility) -> bool {
    !matches!(visibility, syn::Visibility::Inherited)
}

fn name_of(item: &syn::Item) -> Option<String> {
    let name = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Returns every path of a `use` tree with the name it gets here.
fn flattened(tree: &syn::UseTree) -> Vec<(Path, String)> {
    fn walk(tree: &syn::UseTree, before: &Path, out: &mut Vec<(Path, String)>) {
        let with = |name: &syn::Ident| join(before, &[name.to_string()]);
        match tree {
            syn::UseTree::Path(path) => walk(&path.tree, &with(&path.ident), out),
            syn::UseTree::Name(name) if name.ident == "self" => {
                out.push((before.clone(), before.last().cloned().unwrap_or_default()));
            }
            syn::UseTree::Name(name) => out.push((with(&name.ident), name.ident.to_string())),
            syn::UseTree::Rename(rename) => out.push((with(&rename.ident), rename.rename.to_string())),
            syn::UseTree::Glob(_) => out.push((join(before, &["*".to_owned()]), "*".to_owned())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, before, out)),
        }
    }
    let mut out = Vec::new();
    walk(tree, &Vec::new(), &mut out);
    out
}

/// Collects the absolute paths that a file mentions, with their lines.
struct Paths<'a> {
    module: Path,
    names: &'a Names<'a>,
    out: Vec<(Path, usize)>,
}

impl<'a> Paths<'a> {
    fn of(source: &Source, module: &[String], names: &'a Names<'a>) -> Vec<(Path, usize)> {
        let mut paths = Self { module: module.to_vec(), names, out: Vec::new() };
        paths.visit_file(&source.syntax);
        paths.out
    }

    fn add(&mut self, path: &[String], line: usize) {
        // `pub(crate)` and `Self` are not paths to anything.
        let alone = path.len() == 1 && path.iter().all(|name| matches!(&**name, "crate" | "self" | "super"));
        if !alone && let Some(path) = self.names.absolute(&self.module, path) {
            self.out.push((path, line));
        }
    }

    /// Finds paths in the tokens of a macro.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => path.push(name.to_string()),
                TokenTree::Ident(name) => {
                    self.add(&std::mem::take(&mut path), line);
                    line = name.span().start().line;
                    path.push(name.to_string());
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.add(&std::mem::take(&mut path), line);
                    self.add_tokens(group.stream());
                }
                _ => self.add(&std::mem::take(&mut path), line),
            }
            colons = 0;
        }
        self.add(&path, line);
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test_only(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if is_exported(&item.vis) {
            return;
        }
        for (path, _) in flattened(&item.tree) {
            self.add(&path, item.use_token.span.start().line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none()
            && let Some(first) = path.segments.first()
        {
            let names: Path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&names, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.add_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::imports;
    use crate::workspace::tests::workspace;

    /// Returns the imports of the crate as `from -> to`.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let workspace = workspace(files);
        let name = |index: usize| workspace.sources[index].path.trim_start_matches("src/").to_owned();
        let all = imports(&workspace, &workspace.crates[0]);
        all.iter()
            .map(|import| format!("{} -> {}:{}", name(import.from), name(import.to), import.line))
            .collect()
    }

    #[test]
    fn use_items_and_paths_in_code_count() {
        let files = [
            ("src/lib.rs", "mod a; mod b; mod c;"),
            ("src/a.rs", "use crate::{b::{self, X}, c as d};\nuse std::fmt;"),
            ("src/b.rs", "pub struct X;\nfn f() { super::c::g(); }"),
            ("src/c.rs", "pub fn g() {}\n fn h() -> String {\n format!(\"{}\", crate::a::Y) }"),
        ];
        assert_eq!(found(&files), ["a.rs -> b.rs:1", "a.rs -> c.rs:1", "b.rs -> c.rs:2", "c.rs -> a.rs:3"]);
    }

    #[test]
    fn a_re_export_leads_to_the_file_that_defines_the_name() {
        let files = [
            ("src/lib.rs", "mod a; mod b;"),
            ("src/a/mod.rs", "mod x; mod y; pub use x::X; pub(crate) use y::*;"),
            ("src/a/x.rs", "use super::Y; pub struct X;"),
            ("src/a/y.rs", "pub struct Y;"),
            ("src/b.rs", "use crate::a::{X, Y};"),
        ];
        assert_eq!(found(&files), ["a/x.rs -> a/y.rs:1", "b.rs -> a/x.rs:1", "b.rs -> a/y.rs:1"]);
    }

    #[test]
    fn a_parent_that_uses_what_it_re_exports_imports_it() {
        let files = [
            ("src/lib.rs", "mod a;"),
            ("src/a/mod.rs", "mod x;\npub use x::X;\npub struct P;\nfn f(_: &X) {}"),
            ("src/a/x.rs", "use super::P;\npub struct X;"),
        ];
        assert_eq!(found(&files), ["a/mod.rs -> a/x.rs:4", "a/x.rs -> a/mod.rs:1"]);
    }

    #[test]
    fn tests_visibility_and_own_modules_do_not_count() {
        let files = [
            ("src/lib.rs", "mod a; mod b;"),
            (
                "src/a.rs",
                "pub(super) fn f() {} mod inner { use super::f; } #[cfg(test)] mod t { use crate::b::X; }",
            ),
            ("src/b.rs", "#[cfg(test)] use crate::a::f;"),
        ];
        assert!(found(&files).is_empty());
    }
}
