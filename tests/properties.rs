//! Properties of hrefs and names, checked on generated ones.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeMap;

use caldav::snapshot::names::{directory_name, fallback_segment, object_name, round_trips, to_segment};
use caldav::webdav::href::Target;
use percent_encoding::percent_decode_str;
use support::Random;
use url::Url;

/// Number of generated hrefs or names for each property.
const TRIES: usize = 20_000;
const SEED: u64 = 4918;

/// Length of the longest name in a snapshot, in bytes.
const LONGEST: usize = 200;

/// Pieces of which the last segments of hrefs are composed.
const PIECES: &[&str] = &[
    "a",
    "B",
    "work",
    ".",
    "..",
    "~",
    "~0123abcd",
    "-",
    "_",
    "@",
    "%40",
    "%2F",
    "%2f",
    "%",
    "%25",
    "%zz",
    "%00",
    "%0A",
    "+",
    "=",
    "&",
    ";",
    ":",
    "C:",
    "*",
    "'",
    "(",
    "!",
    "$",
    ",",
    "%C3%A9",
    "%c3%a9",
    "%E6%97%A5",
    "%FF",
    "%CC%81",
    "%E2%80%AE",
    "%20",
    "%22",
    "%5C",
    "%7C",
    ".ics",
    ".ICS",
    "con",
    "long-name-of-many-letters-",
];

fn target(url: &str) -> Target {
    Target::of(&Url::parse(url).unwrap()).unwrap()
}

fn decoded(segment: &str) -> Vec<u8> {
    percent_decode_str(segment).collect()
}

/// Returns a segment that names a member of a collection: not empty, and neither `.` nor `..`.
fn member(random: &mut Random) -> String {
    loop {
        let segment = random.text(12, PIECES);
        if !matches!(decoded(&segment).as_slice(), b"" | b"." | b"..") {
            return segment;
        }
    }
}

/// Returns the same segment with some of its letters percent-encoded.
fn spelt_otherwise(random: &mut Random, segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        let is_in_escape = (1..=2).any(|back| at >= back && bytes[at - back] == b'%');
        if byte.is_ascii_alphabetic() && !is_in_escape && random.once_in(3) {
            out += &format!("%{byte:02x}");
        } else {
            out.push(char::from(*byte));
        }
    }
    out
}

#[test]
fn a_member_is_found_again_whatever_way_its_href_is_written() {
    let mut random = Random::new(SEED);
    let collection = target("https://cal.example/dav/a%40b/");
    for _ in 0..TRIES {
        let segment = member(&mut random);
        let hrefs = [
            format!("/dav/a%40b/{segment}"),
            format!("/dav/a@b/{segment}"),
            format!("https://cal.example/dav/a%40b/{segment}"),
            format!("./{segment}"),
        ];
        for href in hrefs {
            let found = collection.resolve_member(&href).unwrap();
            assert_eq!(found.member_of(&collection), Some(segment.as_str()), "{href}");
        }
    }
}

#[test]
fn spellings_of_one_href_have_one_key() {
    let mut random = Random::new(SEED);
    let collection = target("https://cal.example/dav/");
    for _ in 0..TRIES {
        let segment = member(&mut random);
        let other = spelt_otherwise(&mut random, &segment);
        assert_eq!(
            collection.member(&segment).key(),
            collection.member(&other).key(),
            "{segment} and {other}"
        );
    }
}

#[test]
fn whatever_an_href_is_the_path_can_be_sent_and_the_origin_is_its_own() {
    let mut random = Random::new(SEED);
    let base = target("https://cal.example/dav/work/");
    let pieces =
        [PIECES, &["/", "//", "?", "#", "\\", "é", "\u{7}", "https:", "http://", "x.example", " "]].concat();
    for _ in 0..TRIES {
        let href = random.text(8, &pieces);
        let Ok(found) = base.resolve(&href) else { continue };
        assert!(found.path.starts_with('/'), "{href:?} is {found}");
        assert!(found.path.bytes().all(|byte| byte.is_ascii_graphic()), "{href:?} is {found}");
        assert!(found.origin == base.origin || href.contains("//"), "{href:?} is {found}");
    }
}

#[test]
fn names_are_safe_and_not_too_long() {
    let mut random = Random::new(SEED);
    for _ in 0..TRIES {
        let own = member(&mut random);
        for name in [object_name(&own), directory_name(&own)] {
            assert!(name.len() <= LONGEST && !name.is_empty(), "{own} is {name}");
            assert!(!name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']), "{own} is {name}");
            assert!(!name.chars().any(char::is_control), "{own} is {name:?}");
            assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']), "{own} is {name:?}");
        }
        assert!(object_name(&own).ends_with(".ics"), "{own}");
    }
}

/// Returns the decoded segment without the extension `.ics`, which every object's name gets. A segment `.ics` is a name
/// without an extension.
fn stem(segment: &str) -> Vec<u8> {
    let decoded = decoded(segment);
    decoded.strip_suffix(b".ics").filter(|stem| !stem.is_empty()).unwrap_or(&decoded).to_vec()
}

#[test]
fn two_segments_never_become_one_name() {
    let mut random = Random::new(SEED);
    let (mut objects, mut directories) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..TRIES {
        let own = member(&mut random);
        let other = objects.entry(object_name(&own)).or_insert_with(|| own.clone());
        assert_eq!(stem(other), stem(&own), "{other} and {own} are {}", object_name(&own));
        let other = directories.entry(directory_name(&own)).or_insert_with(|| own.clone());
        assert_eq!(decoded(other), decoded(&own), "{other} and {own} are {}", directory_name(&own));
    }
}

/// Returns true if a name ends with a hash of its href, before the extension.
fn is_hashed(name: &str) -> bool {
    let stem = name.strip_suffix(".ics").unwrap_or(name);
    stem.rsplit_once('~')
        .is_some_and(|(_, hash)| hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[test]
fn a_name_tells_its_segment_unless_it_has_a_hash() {
    let mut random = Random::new(SEED);
    let mut hashed = 0;
    for _ in 0..TRIES {
        let own = member(&mut random);
        let name = object_name(&own);
        if is_hashed(&name) {
            hashed += 1;
            continue;
        }
        let whole = [stem(&own), b".ics".to_vec()].concat();
        let is_told = percent_decode_str(&to_segment(&name)).eq(whole.iter().copied());
        assert!(is_told, "{own} is {name}, which is {}", to_segment(&name));
        assert_eq!(round_trips(&name, &own), decoded(&own) == whole, "{own} is {name}");
    }
    println!("{hashed} of {TRIES} names have a hash");
    assert!(hashed < TRIES / 2, "most names have a hash: {hashed}");
}

#[test]
fn every_server_takes_a_plain_segment() {
    let mut random = Random::new(SEED);
    for _ in 0..TRIES {
        let plain = fallback_segment(&object_name(&member(&mut random)));
        let stem = plain.strip_suffix(".ics").unwrap_or_default();
        assert!(
            !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
            "{plain}"
        );
    }
}
