//! Lines for people on standard error, and results on standard output.

use std::io::Write;

/// Result of a command or of a step of it; the error is for people.
pub(super) type Outcome<T = ()> = Result<T, String>;

/// Writes to standard output.
pub(super) fn write_stdout(bytes: &[u8]) -> std::io::Result<()> {
    std::io::stdout().write_all(bytes)
}

/// Writes text to standard output. The error is for people.
pub(super) fn print(parts: &[&str]) -> Outcome {
    write_stdout(parts.concat().as_bytes())
        .map_err(|error| ["standard output: ", &error.to_string()].concat())
}

/// Writes a line to standard error. If that fails, there is nowhere to report it.
pub(super) fn eprint_line(text: &str) {
    std::io::stderr().write_all(&[text.as_bytes(), b"\n"].concat()).ok();
}

/// Writes an error to standard error. Messages have no full stop at their end inside the connector; here each
/// line gets one.
pub(super) fn eprint_error(message: &str) {
    for line in message.lines() {
        let stop = if line.ends_with(['.', '!', '?', '…', ':']) { "" } else { "." };
        eprint_line(&[line, stop].concat());
    }
}
