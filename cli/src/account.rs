//! The account that a command works on: arguments, and the job that they start.

use clap::{Args, ValueHint};
use connector_host::engine::Connector;
use connector_host::{Exporter, Importer, JobError, Limits};
use plakar_caldav::host_options;

use crate::interrupt::stop_on_ctrl_c;
use crate::output::Output;

#[derive(Args)]
pub(crate) struct AccountArguments {
    /// <caldav://HOST>, <caldav://HOST/PATH>, or an https:// address
    #[arg(value_hint = ValueHint::Url)]
    location: String,
    /// An option, as KEY=VALUE; may be repeated. `--help` lists them. A password is better given with `password_file`,
    /// `password_command` or the environment
    #[arg(short = 'o', value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Name to sign in with
    #[arg(long, env = "CALDAV_USERNAME", value_name = "NAME", value_hint = ValueHint::Username)]
    username: Option<String>,
    /// The password, from the environment only
    #[arg(long, env = "CALDAV_PASSWORD", hide = true, hide_env_values = true)]
    password: Option<String>,
    /// Print one JSON object per line; the last one is the summary
    #[arg(long)]
    json: bool,
}

impl AccountArguments {
    /// Returns the form of the output that was asked for.
    pub(crate) fn output(&self, quiet: bool) -> Output {
        Output::new(self.json, quiet)
    }

    /// Starts a job that reads this account. Ctrl-C cancels it.
    pub(crate) async fn open_importer(&self, connector: &Connector) -> Result<Importer, JobError> {
        let (config, options) = host_options::split(self.options(), Limits::default())?;
        let importer = Importer::open(connector, options, config).await?;
        let job = importer.clone();
        stop_on_ctrl_c(move || job.cancel());
        Ok(importer)
    }

    /// Starts a job that restores to this account, or only reports what it would do. Ctrl-C cancels it.
    pub(crate) async fn open_exporter(
        &self,
        connector: &Connector,
        is_dry_run: bool,
    ) -> Result<Exporter, JobError> {
        let (config, mut options) = host_options::split(self.options(), Limits::default())?;
        if is_dry_run {
            options.push(("dry_run".to_owned(), "true".to_owned()));
        }
        let exporter = Exporter::open(connector, options, config).await?;
        let job = exporter.clone();
        stop_on_ctrl_c(move || job.cancel());
        Ok(exporter)
    }

    /// Returns the options as pairs. Those of `-o` take precedence over the environment.
    fn options(&self) -> Vec<(String, String)> {
        let pairs = self.options.iter().map(|text| text.split_once('=').unwrap_or((text, "true")));
        let mut pairs: Vec<(String, String)> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        add_unless_given(&mut pairs, "username", self.username.as_ref(), &["username"]);
        let sources = ["password", "password_file", "password_command"];
        add_unless_given(&mut pairs, "password", self.password.as_ref(), &sources);
        pairs.push(("location".to_owned(), self.location.clone()));
        pairs
    }
}

/// Adds an option unless one of the names in `others` is given.
fn add_unless_given(pairs: &mut Vec<(String, String)>, name: &str, value: Option<&String>, others: &[&str]) {
    let is_given = pairs.iter().any(|(name, _)| others.contains(&name.as_str()));
    if let Some(value) = value.filter(|_| !is_given) {
        pairs.push((name.to_owned(), value.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options_of(options: &[&str]) -> Vec<(String, String)> {
        let arguments = AccountArguments {
            location: "caldav://h".to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            username: Some("from the environment".to_owned()),
            password: Some("secret".to_owned()),
            json: false,
        };
        arguments.options()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn options_take_precedence_over_the_environment() {
        let location = ("location", "caldav://h");
        assert_eq!(
            options_of(&["username=alice", "password_file=/x"]),
            pairs(&[("username", "alice"), ("password_file", "/x"), location])
        );
        assert_eq!(
            options_of(&["insecure"]),
            pairs(&[
                ("insecure", "true"),
                ("username", "from the environment"),
                ("password", "secret"),
                location
            ])
        );
    }
}
