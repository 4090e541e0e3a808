//! Converts the last segments of hrefs to file names, and back. The names are safe on every file system and
//! the same in every run.
//!
//! A name is the last segment of the href, percent-decoded once. Characters that some file system, terminal
//! or tool cannot take are percent-encoded, and so is a `%` of the name itself. A name gets `~` and a hash of
//! the href if it collides with another one, if Unicode normalisation may change it, or if it is too long.
//! Collisions are decided without regard to case, because some file systems ignore it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use percent_encoding::percent_decode_str;

use super::digest::hash;
use crate::error::is_invisible;

/// The longest name, in bytes. File systems take 255; the rest is for suffixes that programs add.
const MAX_NAME: usize = 200;
/// The end of the name of every object.
const EXTENSION: &str = ".ics";

/// Returns the file name of an object; `segment` is the last one of its href, as the server spelt it.
#[must_use]
pub fn object_name(segment: &str) -> String {
    let stem = segment.strip_suffix(EXTENSION).unwrap_or(segment);
    if is_plain(stem) && stem.len() + EXTENSION.len() <= MAX_NAME {
        return [stem, EXTENSION].concat();
    }
    let name = escape_unsafe(segment);
    let stem = name.strip_suffix(EXTENSION).unwrap_or(&name);
    let stem = if stem.is_empty() { "%" } else { stem };
    hash_if_needed(&escape_hash_suffix(stem), segment, EXTENSION)
}

/// Returns the directory name of a calendar; `segment` is the last one of its href, as the server spelt it.
#[must_use]
pub fn directory_name(segment: &str) -> String {
    hash_if_needed(&escape_hash_suffix(&escape_unsafe(segment)), segment, "")
}

/// Returns the name with a hash of its href at the end, for a name that collides with another one.
#[must_use]
pub fn with_hash_suffix(name: &str, href: &str) -> String {
    let (stem, extension) = name.strip_suffix(EXTENSION).map_or((name, ""), |stem| (stem, EXTENSION));
    let stem = truncate(stem, MAX_NAME - extension.len() - 9);
    format!("{stem}~{}{extension}", hash(&[href.as_bytes()], 8))
}

/// Converts a file name back to the last segment of an href, spelt as a path segment (RFC 3986 3.3). This is
/// the segment that the name was made from only if the name has no hash: see [`round_trips`].
#[must_use]
pub fn to_segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in percent_decode_str(name) {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            encode(&mut out, &[byte]);
        }
    }
    out
}

/// Returns true if [`to_segment`] converts `name` back to `own`, in this spelling or another.
#[must_use]
pub fn round_trips(name: &str, own: &str) -> bool {
    // Nearly always.
    name == own || percent_decode_str(&to_segment(name)).eq(percent_decode_str(own))
}

/// Returns a segment that every server accepts, for an object whose own segment was refused or is taken.
#[must_use]
pub fn fallback_segment(name: &str) -> String {
    let stem = name.strip_suffix(EXTENSION).unwrap_or(name);
    let plain: String =
        stem.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(100).collect();
    [&plain, "-", &hash(&[name.as_bytes()], 8), EXTENSION].concat()
}

/// Returns, for each of `names`, whether it collides with another one: whether they differ in nothing but
/// case.
///
/// Only hashes are compared. If two different names had the same hash, both would get a suffix that they do
/// not need; they would not become one name.
#[must_use]
pub fn colliding<'a>(names: impl Iterator<Item = &'a str>) -> Vec<bool> {
    let mut hashes: Vec<(u64, u32)> = names.zip(0..).map(|(name, at)| (folded(name), at)).collect();
    let mut colliding = vec![false; hashes.len()];
    hashes.sort_unstable();
    for pair in hashes.windows(2) {
        if let [(a, first), (b, second)] = pair
            && a == b
        {
            for at in [*first, *second] {
                if let Some(flag) = colliding.get_mut(at as usize) {
                    *flag = true;
                }
            }
        }
    }
    colliding
}

/// Returns a number that is the same for names that differ only in case.
fn folded(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    if name.is_ascii() {
        name.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
    } else {
        let mut utf8 = [0; 4];
        for c in name.chars().flat_map(char::to_lowercase) {
            hasher.write(c.encode_utf8(&mut utf8).as_bytes());
        }
    }
    hasher.finish()
}

/// Returns true if there is nothing to escape: most names are like this, and there may be very many.
fn is_plain(stem: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !stem.is_empty() && stem.bytes().all(plain)
}

/// Decodes the segment and percent-encodes everything unsafe.
fn escape_unsafe(segment: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(segment).collect();
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_invisible(c) || "%/\\:*?\"<>|".contains(c) {
                encode(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(c);
            }
        }
        encode(&mut out, chunk.invalid());
    }
    if out.starts_with('.') || out.starts_with(' ') {
        encode_at(&mut out, 0);
    }
    if out.ends_with('.') || out.ends_with(' ') {
        let last = out.len() - 1;
        encode_at(&mut out, last);
    }
    out
}

fn encode(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        out.push_str(&format!("%{byte:02X}"));
    }
}

/// Percent-encodes the ASCII character at byte `at`.
fn encode_at(out: &mut String, at: usize) {
    let byte = out.as_bytes().get(at).copied().unwrap_or_default();
    out.replace_range(at..=at, &format!("%{byte:02X}"));
}

/// Percent-encodes the `~` of a stem that looks as if it ended in a hash of ours, so that no server can
/// choose a name that another object would get.
fn escape_hash_suffix(stem: &str) -> String {
    let mut stem = stem.to_owned();
    if let Some(at) = stem.len().checked_sub(9)
        && stem
            .get(at..)
            .is_some_and(|end| end.starts_with('~') && end.bytes().skip(1).all(|b| b.is_ascii_hexdigit()))
    {
        encode_at(&mut stem, at);
    }
    stem
}

/// Returns true if a file system that normalises (NFC or NFD) may take this character and its neighbour for
/// another one: combining marks of the scripts that have composed letters, conjoining Hangul, and the signs
/// that stand for a letter. These are ranges instead of Unicode's tables, which are larger than the rest of
/// the connector. Composed letters themselves do not count.
fn may_be_normalised(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{1100}'..='\u{11ff}' | '\u{3099}' | '\u{309a}'
        | '\u{2126}' | '\u{212a}' | '\u{212b}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

/// Joins a stem and an extension, with a hash between them if the name is too long or may be normalised.
fn hash_if_needed(stem: &str, href: &str, extension: &str) -> String {
    let name = format!("{stem}{extension}");
    let changes = stem.chars().any(may_be_normalised);
    if name.len() > MAX_NAME || changes { with_hash_suffix(&name, href) } else { name }
}

/// Cuts the stem to at most `length` bytes, without splitting a character or an escape.
fn truncate(stem: &str, length: usize) -> &str {
    let mut end = stem.len().min(length);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let head = stem.get(..end).unwrap_or_default();
    match head.rfind('%') {
        Some(at) if end < stem.len() && at + 3 > end => head.get(..at).unwrap_or_default(),
        _ => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_everywhere() {
        for (segment, expected) in [
            ("lunch.ics", "lunch.ics"),
            ("lunch", "lunch.ics"),
            ("a%40b.ics", "a@b.ics"),
            ("a%20b.ics", "a b.ics"),
            ("a%2Fb.ics", "a%2Fb.ics"),
            ("a%252Fb.ics", "a%252Fb.ics"),
            ("C:x.ics", "C%3Ax.ics"),
            ("%00%1b.ics", "%00%1B.ics"),
            ("caf%C3%A9.ics", "café.ics"),
            ("%FF.ics", "%FF.ics"),
            ("%2e%2e", "%2E%2E.ics"),
            (".hidden.ics", "%2Ehidden.ics"),
            (".ics", "%2Eics.ics"),
            ("%E2%80%AEx.ics", "%E2%80%AEx.ics"),
            ("X.ICS", "X.ICS.ics"),
            ("a~0123abcd.ics", "a%7E0123abcd.ics"),
        ] {
            assert_eq!(object_name(segment), expected, "{segment}");
        }
        assert_eq!(directory_name("w%20k."), "w k%2E");
    }

    #[test]
    fn names_round_trip_to_segments() {
        for (own, leads_back) in [
            ("lunch.ics", true),
            ("a%40b.ics", true),
            ("a%20b.ics", true),
            ("a%2Fb.ics", true),
            ("a%252Fb.ics", true),
            ("C:x.ics", true),
            ("caf%C3%A9.ics", true),
            (".hidden.ics", true),
            ("a~0123abcd.ics", true),
            ("no-extension", false),
            ("cafe%CC%81.ics", false),
        ] {
            assert_eq!(round_trips(&object_name(own), own), leads_back, "{own}");
        }
        assert!(!round_trips(&object_name(&"long".repeat(99)), &"long".repeat(99)));
        assert_eq!(to_segment("a b%2Fc@é.ics"), "a%20b%2Fc@%C3%A9.ics");
        assert!(fallback_segment("a b/é~1.ics").starts_with("ab1-"));
    }

    /// Segments made of pieces that are awkward somewhere; the same ones in every run (xorshift, Marsaglia
    /// 2003).
    fn awkward_segments(count: usize) -> Vec<String> {
        const PIECES: [&str; 24] = [
            "a",
            "A",
            "b",
            "%41",
            "%2F",
            "%25",
            "%252F",
            ":",
            ".",
            "%2e",
            "~",
            "~01234567",
            "%20",
            "%C3%A9",
            "%CC%81",
            "%FF",
            "%00",
            "é",
            "%E2%80%AE",
            ".ics",
            ".ICS",
            "%2Eics",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "+",
        ];
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % limit as u64).unwrap()
        };
        let segment = |_| (0..=next(9)).map(|_| PIECES[next(PIECES.len())]).collect();
        (0..count).map(segment).collect()
    }

    #[test]
    fn awkward_names_are_safe_and_round_trip_unless_they_are_hashed() {
        for own in awkward_segments(20_000) {
            let name = object_name(&own);
            assert!(name.len() <= MAX_NAME && name.ends_with(EXTENSION), "{own}: {name}");
            assert!(!name.contains(['/', '\\', ':', '\0', '\u{202e}']), "{own}: {name}");
            assert!(!name.starts_with(['.', ' ']), "{own}: {name}");
            let decoded: Vec<u8> = percent_decode_str(&own).collect();
            let (stem, end) =
                name.split_at(name.floor_char_boundary(name.len().saturating_sub(EXTENSION.len() + 9)));
            let is_hash = |c: char| c.is_ascii_hexdigit();
            let changed = !stem.is_empty() && end.starts_with('~') && end[1..9].chars().all(is_hash);
            let ends_well = decoded.ends_with(EXTENSION.as_bytes()) && decoded != EXTENSION.as_bytes();
            assert_eq!(round_trips(&name, &own), ends_well && !changed, "{own}: {name}");
        }
    }

    #[test]
    fn awkward_names_are_unique_once_collisions_have_a_hash() {
        let mut segments = awkward_segments(20_000);
        segments.sort_by_cached_key(|own| percent_decode_str(own).collect::<Vec<u8>>());
        segments.dedup_by(|a, b| percent_decode_str(a).eq(percent_decode_str(b)));
        let names: Vec<String> = segments.iter().map(|own| object_name(own)).collect();
        let colliding = colliding(names.iter().map(String::as_str));
        let mut unique: Vec<String> = Vec::new();
        for ((name, own), collides) in names.into_iter().zip(&segments).zip(colliding) {
            let name = if collides { with_hash_suffix(&name, own) } else { name };
            unique.push(name.to_lowercase());
        }
        let count = unique.len();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), count);
    }

    #[test]
    fn long_names_are_cut_and_get_a_hash() {
        for letter in ["a", "%C3%A9", "%2F"] {
            let (one, two) = (letter.repeat(300), format!("{}b", letter.repeat(300)));
            let name = object_name(&one);
            assert!(name.len() <= MAX_NAME && name.ends_with(".ics"), "{name}");
            assert_ne!(name, object_name(&two));
            assert_eq!(name, object_name(&one));
            assert!(!name.contains("%~") && !name.contains("%2~"), "{name}");
        }
    }

    #[test]
    fn names_that_differ_in_case_collide() {
        let names = ["A.ics", "a.ics", "b.ics", "caf\u{e9}.ics", "É.ics", "é.ics"];
        assert_eq!(colliding(names.into_iter()), [true, true, false, false, true, true]);
        assert_eq!(object_name("caf%C3%A9"), "café.ics");
        assert!(object_name("cafe%CC%81").contains('~'), "a decomposed name is never like a composed one");
        assert_ne!(with_hash_suffix("a.ics", "A.ics"), with_hash_suffix("a.ics", "a.ics"));
        assert_eq!(with_hash_suffix("a.ics", "a.ics").len(), "a~01234567.ics".len());
    }
}
