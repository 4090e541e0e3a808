//! The JSON schemas of the options, which Plakar checks a source or a destination against.

use std::collections::BTreeMap;

use caldav::options::table::{OptionSpec, Side, Values};
use serde::{Serialize, Serializer};

use crate::options;
use crate::output::with_full_stop;

/// Start of every location, in any case.
const LOCATION_PATTERN: &str = "^[cC][aA][lL][dD][aA][vV][sS]?:";

/// A schema, with its keywords in the order in which people read them.
#[derive(Serialize)]
struct OptionsSchema {
    #[serde(rename = "$schema")]
    dialect: &'static str,
    title: &'static str,
    r#type: &'static str,
    #[serde(serialize_with = "as_map")]
    properties: Vec<(&'static str, OptionSchema)>,
    required: [&'static str; 1],
    #[serde(rename = "additionalProperties")]
    additional_properties: bool,
    #[serde(rename = "dependentRequired")]
    dependent_required: BTreeMap<&'static str, [&'static str; 1]>,
}

/// The schema of one option. All values are strings: Plakar passes options as text.
#[derive(Serialize)]
struct OptionSchema {
    r#type: &'static str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(rename = "enum", skip_serializing_if = "<[_]>::is_empty")]
    choices: &'static [&'static str],
    #[serde(skip_serializing_if = "str::is_empty")]
    default: &'static str,
}

/// Returns the schema of the options of a source or a destination.
pub(super) fn render(side: Side) -> anyhow::Result<String> {
    let schema = OptionsSchema {
        dialect: "https://json-schema.org/draft/2020-12/schema",
        title: match side {
            Side::Destination => "Options of a CalDAV destination",
            _ => "Options of a CalDAV source",
        },
        r#type: "object",
        properties: options::options_of(side).map(|option| (option.name, option_schema(option))).collect(),
        required: ["location"],
        additional_properties: false,
        dependent_required: BTreeMap::from([("tls_cert", ["tls_key"]), ("tls_key", ["tls_cert"])]),
    };
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

fn option_schema(option: &OptionSpec) -> OptionSchema {
    OptionSchema {
        r#type: "string",
        description: description(option),
        format: option.secret.then_some("password"),
        pattern: pattern(option),
        choices: match option.values {
            Values::Choice(choices) => choices,
            Values::Flag => &["true", "false"],
            _ => &[],
        },
        default: option.default,
    }
}

/// Returns the explanation, and the values if `enum` does not have them.
fn description(option: &OptionSpec) -> String {
    let values = options::describe_values(option.values, str::to_owned);
    match option.values {
        Values::Text | Values::Flag | Values::Choice(_) => with_full_stop(option.help),
        _ => format!("{} Values: {values}.", with_full_stop(option.help)),
    }
}

/// Returns the pattern of the values, as far as one is readable: the connector checks the rest.
fn pattern(option: &OptionSpec) -> Option<String> {
    match option.values {
        _ if option.name == "location" => Some(LOCATION_PATTERN.to_owned()),
        Values::Number { min, max } => {
            let numbers: Vec<_> = (min..=max).map(|number| number.to_string()).collect();
            Some(format!("^({})$", numbers.join("|")))
        }
        Values::Seconds { .. } => Some("^[0-9]+[sm]?$".to_owned()),
        Values::ListOf(_) => Some("^[A-Za-z, ]*$".to_owned()),
        _ => None,
    }
}

/// Keeps the order of the table, which a JSON object of `serde_json` would not.
fn as_map<S: Serializer>(
    properties: &[(&'static str, OptionSchema)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(properties.iter().map(|(name, schema)| (name, schema)))
}
