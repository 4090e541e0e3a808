//! Type names with two meanings, and documentation that only repeats a name.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use crate::finding::Finding;
use crate::rules::SHARED_TYPE_NAMES;
use crate::workspace::{Source, Workspace};

/// Reports names of structs, enums and traits that are defined more than once in the product.
pub(crate) fn check_types(workspace: &Workspace) -> Vec<Finding> {
    let mut places: BTreeMap<String, Vec<(&str, usize)>> = BTreeMap::new();
    for source in workspace.sources.iter().filter(|source| source.is_product()) {
        for (name, line) in types(source) {
            places.entry(name).or_default().push((&source.path, line));
        }
    }
    let allowed = |name: &str| SHARED_TYPE_NAMES.contains(&name);
    places
        .iter()
        .filter(|(name, places)| places.len() > 1 && !allowed(name))
        .flat_map(|(name, places)| places.iter().map(move |place| doubled(name, *place, places)))
        .collect()
}

fn doubled(name: &str, place: (&str, usize), places: &[(&str, usize)]) -> Finding {
    let others = places.iter().filter(|other| **other != place);
    let others: Vec<String> = others.map(|(file, line)| format!("{file}:{line}")).collect();
    let text = format!("{name} is also a type in {}; one name, one meaning", others.join(", "));
    Finding::new(place.0, place.1, "type-name", text)
}

fn types(source: &Source) -> Vec<(String, usize)> {
    let mut types = Types { source, out: Vec::new() };
    types.visit_file(&source.syntax);
    types.out
}

struct Types<'a> {
    source: &'a Source,
    out: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Types<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let name = match item {
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = name {
            let line = name.span().start().line;
            if !self.source.is_test(line) {
                self.out.push((name.to_string(), line));
            }
        }
        visit::visit_item(self, item);
    }
}

/// Reports documentation of three words or fewer that adds nothing to the name of a public item.
pub(crate) fn check_docs(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &workspace.sources {
        let mut docs = Docs { source, out: Vec::new() };
        docs.visit_file(&source.syntax);
        findings.extend(docs.out);
    }
    findings
}

struct Docs<'a> {
    source: &'a Source,
    out: Vec<Finding>,
}

impl Docs<'_> {
    fn add(&mut self, attributes: &[syn::Attribute], name: &syn::Ident) {
        let doc = doc_text(attributes);
        if repeats(&doc, &name.to_string()) {
            let text = format!(
                "{:?} repeats the name {name}; say what it means, its unit or its source",
                doc.trim()
            );
            self.out.push(Finding::new(&self.source.path, name.span().start().line, "repeated-name", text));
        }
    }

    fn add_public(&mut self, visibility: &syn::Visibility, attributes: &[syn::Attribute], name: &syn::Ident) {
        if !matches!(visibility, syn::Visibility::Inherited) {
            self.add(attributes, name);
        }
    }
}

fn doc_text(attributes: &[syn::Attribute]) -> String {
    let texts = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    texts.collect()
}

/// Returns true if `doc` has at most three words, and none that is not in `name`.
fn repeats(doc: &str, name: &str) -> bool {
    let words: Vec<String> = words(doc).collect();
    let name: Vec<String> = words_of_name(name);
    let filler =
        |word: &str| matches!(word, "a" | "an" | "the" | "its" | "of" | "this" | "it" | "is" | "all");
    let known = |word: &String| filler(word) || name.iter().any(|part| stem(part) == stem(word));
    !words.is_empty() && words.len() <= 3 && words.iter().all(known)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Splits `snake_case` and `CamelCase`.
fn words_of_name(name: &str) -> Vec<String> {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            spaced.push('_');
        }
        spaced.push(c);
    }
    words(&spaced).collect()
}

fn stem(word: &str) -> &str {
    let word = word.strip_suffix("es").or_else(|| word.strip_suffix("ed")).unwrap_or(word);
    word.trim_end_matches(['s', 'e'])
}

impl<'ast> Visit<'ast> for Docs<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Const(item) => self.add_public(&item.vis, &item.attrs, &item.ident),
            syn::Item::Enum(item) => self.add_public(&item.vis, &item.attrs, &item.ident),
            syn::Item::Fn(item) => self.add_public(&item.vis, &item.attrs, &item.sig.ident),
            syn::Item::Struct(item) => self.add_public(&item.vis, &item.attrs, &item.ident),
            syn::Item::Trait(item) => self.add_public(&item.vis, &item.attrs, &item.ident),
            syn::Item::Type(item) => self.add_public(&item.vis, &item.attrs, &item.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add_public(&item.vis, &item.attrs, &item.sig.ident);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.add(&item.attrs, &item.sig.ident);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident {
            self.add_public(&field.vis, &field.attrs, name);
        }
        visit::visit_field(self, field);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.add(&variant.attrs, &variant.ident);
        visit::visit_variant(self, variant);
    }
}

#[cfg(test)]
mod tests {
    use super::{check_docs, check_types, repeats};
    use crate::workspace::tests::workspace;

    #[test]
    fn a_type_name_has_one_meaning() {
        let one = "pub struct Answer; pub struct Error;\n#[cfg(test)]\nmod tests { struct Base; }";
        let files = [("src/a.rs", one), ("host/src/b.rs", "\nenum Answer {} trait Base {} enum Error {}")];
        let found: Vec<String> = check_types(&workspace(&files)).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("src/a.rs:1: type-name: Answer is also a type in host/src/b.rs:2"));
    }

    #[test]
    fn documentation_says_more_than_the_name() {
        let text = "/// The gate.\npub struct Gate {\n    /// The limit.\n    pub limit: u32,\n    /// Seconds.\n    pub wait: u32 }\n\
                    /// Gate.\nstruct Private;\nenum Kind {\n    /// An entry.\n    Entry }";
        let found = check_docs(&workspace(&[("src/lib.rs", text)]));
        let lines: Vec<usize> = found.iter().map(|one| one.line).collect();
        assert_eq!(lines, [2, 4, 11]);
    }

    #[test]
    fn repetition() {
        assert!(repeats(" The clients.", "client") && repeats(" Is listed.", "list"));
        assert!(repeats(" Its redirects.", "redirect"));
        assert!(!repeats(" RFC 4918, 9.7.", "put"));
        assert!(!repeats("", "put"));
    }
}
