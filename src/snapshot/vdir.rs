//! The vdir format: what other programs read of a calendar.

/// `#RRGGBB`, which is what vdir readers take, from what servers have: with or without alpha, short
/// or long. Names of colours are left to the sidecar.
pub(crate) fn vdir_color(raw: &str) -> Option<String> {
    let digits = raw.trim().strip_prefix('#')?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let long = match digits.len() {
        3 | 4 => digits.chars().take(3).flat_map(|c| [c, c]).collect(),
        6 | 8 => digits.get(..6)?.to_owned(),
        _ => return None,
    };
    Some(format!("#{}", long.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_what_vdir_readers_take() {
        for (raw, expected) in [
            ("#ff00aaFF", Some("#FF00AA")),
            ("#f0a", Some("#FF00AA")),
            ("#FF00AA", Some("#FF00AA")),
            ("red", None),
            ("#12", None),
        ] {
            assert_eq!(vdir_color(raw).as_deref(), expected, "{raw}");
        }
    }
}
