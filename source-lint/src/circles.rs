//! Circles of imports within a crate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::finding::Finding;
use crate::imports::{Import, imports};
use crate::workspace::Workspace;

/// Reports every import that is part of a circle, through the shortest circle it is in; each circle once.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in &workspace.crates {
        let imports = imports(workspace, one);
        findings.extend(circles(&imports).iter().map(|circle| finding(workspace, circle)));
    }
    findings
}

fn finding(workspace: &Workspace, circle: &[Import]) -> Finding {
    let path = |index: usize| workspace.sources.get(index).map_or("", |source| &*source.path);
    let steps = circle.iter().map(|step| format!("{}:{}", path(step.from), step.line));
    let steps: Vec<String> = steps.collect();
    let first = circle.first().map_or((0, 0), |step| (step.from, step.line));
    Finding::new(path(first.0), first.1, "circle", format!("{} -> {}", steps.join(" -> "), path(first.0)))
}

/// Returns the shortest circle through each import, without repetitions.
fn circles(imports: &[Import]) -> BTreeSet<Vec<Import>> {
    let mut next: BTreeMap<usize, Vec<Import>> = BTreeMap::new();
    for import in imports {
        next.entry(import.from).or_default().push(*import);
    }
    let back = |import: &Import| {
        let mut circle = shortest(&next, import.to, import.from)?;
        circle.insert(0, *import);
        let least = circle.iter().enumerate().min_by_key(|(_, step)| step.from).map_or(0, |(at, _)| at);
        circle.rotate_left(least);
        Some(circle)
    };
    imports.iter().filter_map(back).collect()
}

/// Returns the shortest way from one file to another.
fn shortest(next: &BTreeMap<usize, Vec<Import>>, from: usize, to: usize) -> Option<Vec<Import>> {
    let mut reached: BTreeMap<usize, Import> = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(at) = waiting.pop_front() {
        if at == to {
            return Some(way_back(&reached, from, to));
        }
        for import in next.get(&at).into_iter().flatten() {
            if import.to != from && !reached.contains_key(&import.to) {
                reached.insert(import.to, *import);
                waiting.push_back(import.to);
            }
        }
    }
    None
}

fn way_back(reached: &BTreeMap<usize, Import>, from: usize, to: usize) -> Vec<Import> {
    let mut way = Vec::new();
    let mut at = to;
    while at != from
        && let Some(step) = reached.get(&at)
    {
        way.push(*step);
        at = step.from;
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::tests::workspace;

    #[test]
    fn a_circle_of_three_is_printed_once() {
        let files = [
            ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
            ("src/a.rs", "use crate::b::B; pub struct A;"),
            ("src/b.rs", "\nuse crate::c::C; pub struct B;"),
            ("src/c.rs", "use crate::a::A; pub struct C;"),
            ("src/d.rs", "use crate::a::A;"),
        ];
        let found: Vec<String> = check(&workspace(&files)).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["src/a.rs:1: circle: src/a.rs:1 -> src/b.rs:2 -> src/c.rs:1 -> src/a.rs"]);
    }

    #[test]
    fn crates_of_tests_have_no_circles_either() {
        let files = [
            ("host-tests/src/lib.rs", "mod a; mod b;"),
            ("host-tests/src/a.rs", "use crate::b::B; pub struct A;"),
            ("host-tests/src/b.rs", "use crate::a::A; pub struct B;"),
        ];
        assert_eq!(check(&workspace(&files)).len(), 1);
    }

    #[test]
    fn a_parent_that_only_re_exports_is_not_in_a_circle() {
        let child = ("src/a/x.rs", "use super::P; pub struct X;");
        let files = [("src/lib.rs", "mod a;"), ("src/a/mod.rs", "mod x; pub use x::X; pub struct P;"), child];
        assert!(check(&workspace(&files)).is_empty());
        let files = [("src/lib.rs", "mod a;"), ("src/a/mod.rs", "mod x; use x::X; pub struct P;"), child];
        assert_eq!(check(&workspace(&files)).len(), 1);
    }
}
