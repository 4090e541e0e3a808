//! Options that the program keeps to itself: what a job may do, and where a password comes from. Everything else goes
//! to the connector, which knows its own options.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use caldav::options::table::{OptionSpec, Side, Values};
use connector_host::egress::tls::TlsError;
use connector_host::{Error, JobConfig, Limits, TlsConfig};

/// Options of a job, as pairs of name and value.
type Pairs = Vec<(String, String)>;

/// All options that [`split`] takes out of the list, in the order of the documentation.
pub static HOST_OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(Side::Both, "password_file", Values::Text, "File whose first line is the password"),
    OptionSpec::new(
        Side::Both,
        "password_command",
        Values::Text,
        "Shell command whose first line of output is the password",
    ),
    OptionSpec::new(Side::Both, "insecure", Values::Flag, "Allow plain http").with_default("false"),
    OptionSpec::new(
        Side::Both,
        "tls_ca",
        Values::Text,
        "PEM file of certificates to trust besides the system's",
    ),
    OptionSpec::new(
        Side::Both,
        "tls_no_verify",
        Values::Flag,
        "Trust every certificate; dangerous, for testing only",
    )
    .with_default("false"),
    OptionSpec::new(
        Side::Both,
        "tls_cert",
        Values::Text,
        "PEM file with the certificate to show to the server; needs tls_key",
    ),
    OptionSpec::new(Side::Both, "tls_key", Values::Text, "PEM file with the key of that certificate"),
    OptionSpec::new(
        Side::Both,
        "allow_hosts",
        Values::List,
        "More hosts that may be reached: HOST, HOST:PORT or *.HOST",
    ),
];

/// Splits options into what the host grants to a job, and what the connector is told.
///
/// # Errors
/// [`Error::InvalidOptions`], with one line for each option of the host that is wrong.
pub fn split(options: Pairs, limits: Limits) -> Result<(JobConfig, Pairs), Error> {
    let (own, mut rest): (Pairs, Pairs) = options.into_iter().partition(|(name, _)| find(name).is_some());
    let mut parser = HostParser { pairs: &own, problems: Vec::new() };
    let insecure = parser.flag("insecure");
    let allow_hosts = parser.list("allow_hosts");
    let tls = tls(&mut parser);
    let is_given = rest.iter().any(|(name, value)| name == "password" && !value.is_empty());
    match password(&parser, is_given) {
        Ok(password) => rest.extend(password.map(|password| ("password".to_owned(), password))),
        Err(error) => parser.problems.push(format!("{error:#}")),
    }
    let config = JobConfig::new().plain_http(insecure).limits(limits);
    let config = allow_hosts.into_iter().fold(config, JobConfig::allow_host);
    match tls {
        Some(tls) if parser.problems.is_empty() => Ok((config.tls(tls), rest)),
        _ => Err(Error::InvalidOptions(parser.problems.join("\n"))),
    }
}

fn find(name: &str) -> Option<&'static OptionSpec> {
    HOST_OPTIONS.iter().find(|option| option.name == name)
}

/// The given options of the host while they are read. Problems are collected, so that all are reported at once.
struct HostParser<'a> {
    pairs: &'a [(String, String)],
    problems: Vec<String>,
}

impl<'a> HostParser<'a> {
    /// Returns the last value that was given, or else the default. Empty counts as not given.
    fn value(&self, name: &str) -> Option<&'a str> {
        let given = self.pairs.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let default = find(name).map(|option| option.default);
        given.filter(|value| !value.is_empty()).or(default).filter(|value| !value.is_empty())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.value(name).map(PathBuf::from)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let items = self.value(name).unwrap_or_default().split(',').map(str::trim);
        items.filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn flag(&mut self, name: &str) -> bool {
        let value = self.value(name).unwrap_or_default();
        if !["true", "false"].contains(&value) {
            self.problems.push(format!("{name}: {value} is neither true nor false"));
        }
        value == "true"
    }
}

/// Reads how servers are recognised. None after a problem.
fn tls(parser: &mut HostParser<'_>) -> Option<TlsConfig> {
    let no_verify = parser.flag("tls_no_verify");
    let (certificate, key) = (parser.path("tls_cert"), parser.path("tls_key"));
    if certificate.is_some() != key.is_some() {
        parser.problems.push("tls_cert, tls_key: one does not work without the other".to_owned());
    }
    let ca = parser.path("tls_ca").filter(|_| !no_verify);
    let tls = build_tls(no_verify, ca.as_deref(), certificate.as_deref().zip(key.as_deref()));
    tls.map_err(|error| parser.problems.push(format!("tls_ca, tls_cert, tls_key: {error}"))).ok()
}

fn build_tls(
    no_verify: bool,
    ca: Option<&Path>,
    identity: Option<(&Path, &Path)>,
) -> Result<TlsConfig, TlsError> {
    let mut builder = TlsConfig::builder();
    if no_verify {
        builder = builder.trust_any_certificate();
    }
    if let Some(ca) = ca {
        builder = builder.add_root_file(ca)?;
    }
    if let Some((certificate, key)) = identity {
        builder = builder.client_certificate(certificate, key)?;
    }
    builder.build()
}

/// Returns the first line of what a file or a command gives, if one of them is named. `is_given` says that there is a
/// password already.
fn password(parser: &HostParser<'_>, is_given: bool) -> anyhow::Result<Option<String>> {
    let text = match (parser.value("password_file"), parser.value("password_command")) {
        (None, None) => return Ok(None),
        _ if is_given => bail!("password: given twice. Leave out password_file and password_command"),
        (Some(_), Some(_)) => bail!("password_file, password_command: only one of them can be used"),
        (Some(file), None) => {
            std::fs::read_to_string(file).with_context(|| format!("password_file: {file}"))?
        }
        (None, Some(command)) => output_of(command).context("password_command")?,
    };
    let line = text.lines().next().unwrap_or_default();
    ensure!(!line.is_empty(), "password_file, password_command: the first line is empty");
    Ok(Some(line.to_owned()))
}

/// Runs a shell command; its standard error is that of this process.
fn output_of(command: &str) -> anyhow::Result<String> {
    let shell =
        Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = shell?;
    ensure!(output.status.success(), "it failed ({})", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use caldav::options::table::{OF_THE_HOST, OPTIONS};

    use super::*;

    fn split_of(pairs: &[(&str, &str)]) -> Result<(JobConfig, Pairs), Error> {
        split(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(), Limits::default())
    }

    #[test]
    fn the_connector_is_told_the_rest() {
        let (config, rest) = split_of(&[
            ("location", "x"),
            ("insecure", "true"),
            ("allow_hosts", "a, *.b:8443"),
            ("password_command", "echo hush; echo more"),
        ])
        .unwrap();
        assert!(config.plain_http);
        assert_eq!(config.allowed_hosts, ["a", "*.b:8443"]);
        assert_eq!(
            rest,
            [("location".to_owned(), "x".to_owned()), ("password".to_owned(), "hush".to_owned())]
        );
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let error = split_of(&[
            ("insecure", "yes"),
            ("tls_cert", "x"),
            ("tls_ca", "/nowhere"),
            ("password_file", "/nowhere"),
        ])
        .unwrap_err();
        assert_eq!(error.message().lines().count(), 4, "{}", error.message());
        assert!(split_of(&[("password", "a"), ("password_command", "echo b")]).is_err());
    }

    #[test]
    fn the_last_value_counts_and_an_empty_one_is_the_default() {
        assert!(split_of(&[("insecure", "false"), ("insecure", "true")]).unwrap().0.plain_http);
        assert!(!split_of(&[("insecure", "true"), ("insecure", "")]).unwrap().0.plain_http);
    }

    /// The connector gives advice on options of the host, also when it runs without this program.
    #[test]
    fn the_connector_knows_the_names() {
        let names: Vec<_> = HOST_OPTIONS.iter().map(|option| option.name).collect();
        assert_eq!(names, OF_THE_HOST, "src/options/table.rs: OF_THE_HOST is not the host's table");
        assert!(OPTIONS.iter().all(|option| !names.contains(&option.name)));
    }

    #[test]
    fn rows_are_complete() {
        for option in HOST_OPTIONS {
            assert!(!option.help.is_empty() && !option.help.ends_with('.'), "{}", option.name);
            let default = if option.values == Values::Flag { "false" } else { "" };
            assert_eq!(option.default, default, "{}", option.name);
        }
    }
}
