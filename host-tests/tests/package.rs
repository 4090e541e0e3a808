//! The package: its schemas accept the same options as the program, and its files name this version.
//!
//! Schemas, manual and tables are generated; a test of `plakar-caldav` checks that they are up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, ensure};
use caldav::options::table::{OptionSpec, Side, Values, options_of};
use caldav::options::{DestinationOptions, SourceOptions};
use connector_host::Limits;
use host_tests::program::{self, workspace};
use plakar_caldav::host_options::{self, HOST_OPTIONS};
use serde_json::{Value, json};

fn read(name: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(workspace().join(name)).with_context(|| name.to_owned())
}

fn schema(side: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&read(&format!("assets/{side}.schema.json"))?)?)
}

const SIDES: [(&str, Side); 2] = [("source", Side::Source), ("destination", Side::Destination)];

/// Returns the names of all options of a side, those of the host included.
fn names_of(side: Side) -> BTreeSet<&'static str> {
    options_of(side).chain(HOST_OPTIONS).map(|option| option.name).collect()
}

#[test]
fn schemas_have_every_option_and_no_other() -> anyhow::Result<()> {
    for (side, options) in SIDES {
        let schema = schema(side)?;
        let there = schema["properties"].as_object().context("no properties")?;
        ensure!(there.keys().map(String::as_str).collect::<BTreeSet<_>>() == names_of(options), "{side}");
        ensure!(
            there.values().all(|one| one["description"].as_str().is_some_and(|text| text.ends_with('.')))
        );
    }
    Ok(())
}

#[test]
fn schemas_and_the_program_agree() -> anyhow::Result<()> {
    let cases: &[(&str, &[(&str, &str)], bool)] = &[
        ("source", &[], true),
        ("source", &[("location", "CalDAVs://cal.example/a b")], true),
        ("source", &[("location", "ftp://cal.example")], false),
        ("source", &[("username", "alice"), ("password", " p ")], true),
        ("source", &[("pasword", "x")], false),
        ("source", &[("conflict", "skip")], false),
        ("source", &[("calendars", "work, h*"), ("exclude", "x"), ("components", "vevent, VTODO")], true),
        ("source", &[("fetch", "get"), ("concurrency", "32"), ("timeout", "5m"), ("retries", "0")], true),
        ("source", &[("fetch", "all")], false),
        ("source", &[("concurrency", "33")], false),
        ("source", &[("timeout", "soon")], false),
        ("source", &[("retries", "-1")], false),
        ("source", &[("insecure", "true"), ("tls_no_verify", "false"), ("name", "mine")], true),
        ("source", &[("insecure", "yes")], false),
        ("source", &[("tls_cert", "/nowhere")], false),
        ("source", &[("client_id", "x")], false),
        ("destination", &[("conflict", "duplicate"), ("into", "Work"), ("create", "false")], true),
        (
            "destination",
            &[("map", "work:Office"), ("scheduling", "allow"), ("verify", "etag"), ("dry_run", "true")],
            true,
        ),
        ("destination", &[("conflict", "merge")], false),
        ("destination", &[("verify", "twice")], false),
        ("destination", &[("fetch", "get")], false),
    ];
    for (side, given, expected) in cases {
        let both = accepted(side, given)?;
        ensure!(both == (*expected, *expected), "a {side}: {given:?}: (schema, program) is {both:?}");
    }
    Ok(())
}

#[test]
fn every_value_of_the_tables_is_accepted() -> anyhow::Result<()> {
    for (side, options) in SIDES {
        for option in options_of(options).chain(HOST_OPTIONS) {
            for value in sample_values(option) {
                let both = accepted(side, &[(option.name, &value)])?;
                ensure!(
                    both == (true, true),
                    "a {side}: {}={value}: (schema, program) is {both:?}",
                    option.name
                );
            }
        }
    }
    Ok(())
}

/// Returns the values of an option that its table names: the default, all choices, the ends of a range.
fn sample_values(option: &OptionSpec) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match option.values {
        Values::Flag => texts(&["true", "false"]),
        Values::Choice(choices) | Values::ListOf(choices) => texts(choices),
        Values::Number { min, max } | Values::Seconds { min, max } => {
            vec![min.to_string(), option.default.to_owned(), max.to_string()]
        }
        Values::Text | Values::List | Values::Pairs => Vec::new(),
    }
}

/// Returns true or false for the schema and for the program: whether each accepts these options of a side.
fn accepted(side: &str, given: &[(&str, &str)]) -> anyhow::Result<(bool, bool)> {
    let mut all = BTreeMap::from([("location", "caldav://cal.example")]);
    all.extend(given.iter().copied());
    let schema = jsonschema::validator_for(&schema(side)?)?.is_valid(&json!(all));
    let pairs: Vec<_> = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let parses = |pairs: &[(String, String)]| match side {
        "source" => SourceOptions::parse(pairs).is_ok(),
        _ => DestinationOptions::parse(pairs).is_ok(),
    };
    let program = host_options::split(pairs, Limits::default()).is_ok_and(|(_, rest)| parses(&rest));
    Ok((schema, program))
}

#[test]
fn the_readme_and_the_manual_have_every_option() -> anyhow::Result<()> {
    let (readme, manual) = (read("README.md")?, read("docs/plakar-caldav.1")?);
    for name in names_of(Side::Source).union(&names_of(Side::Destination)) {
        // The location is an argument of the program; the README explains it outside of its tables.
        ensure!(*name == "location" || readme.contains(&format!("| `{name}` |")), "README.md: {name}");
        ensure!(manual.contains(&format!("\\fB{name}\\fR")), "docs/plakar-caldav.1: {name}");
    }
    Ok(())
}

#[tokio::test]
async fn completions_know_the_commands() -> anyhow::Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let outcome = program::run(&["completions", shell], &[]).await?;
        ensure!(outcome.code == 0 && outcome.err.is_empty(), "{shell}: {outcome:?}");
        for command in ["backup", "restore", "diff", "calendars", "check"] {
            ensure!(outcome.out.contains(command), "{shell}: {command} is missing");
        }
        ensure!(!outcome.out.contains("generate"), "{shell}: a hidden command");
    }
    Ok(())
}

#[test]
fn the_manifest_and_the_recipe_are_those_of_this_version() -> anyhow::Result<()> {
    let (manifest, recipe, make) = (read("manifest.yaml")?, read("recipe.yaml")?, read("Makefile")?);
    let version = concat!("version: v", env!("CARGO_PKG_VERSION"), "\n");
    ensure!(recipe.contains(version) && recipe.contains("name: caldav\n"), "{recipe}");
    for line in ["protocols: [caldav, caldavs]", "executable: dist/plakar-caldav", "args: [plugin]"] {
        ensure!(manifest.matches(line).count() == 2, "{line}");
    }
    for file in manifest.lines().filter_map(|line| line.trim().strip_prefix("validator: ")) {
        ensure!(workspace().join(file).is_file(), "{file}");
    }
    // `plakar pkg build` makes the first target.
    let first = make.lines().find(|line| line.ends_with(':')).context("no target")?;
    ensure!(first == "all:" && make.contains("dist/plakar-caldav$(EXT) compile --portable"));
    Ok(())
}

/// Returns the crates that a selection of packages is built from, each with its version and features.
fn crates(selection: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}"]).args(selection);
    let output = tree.current_dir(workspace()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(|line| line.trim_end_matches(" (*)").trim_end().to_owned()).collect())
}

/// `just test` and `just bench` must use the crates that `just build` has built: with other features, cargo would build
/// wasmtime again.
#[test]
fn tests_and_benchmarks_use_the_crates_that_just_build_has_built() -> anyhow::Result<()> {
    let built = crates(&[
        "--workspace",
        "--exclude",
        "host-tests",
        "--exclude",
        "dav-model",
        "--exclude",
        "source-lint",
        "--edges",
        "normal,build",
    ])?;
    let tested = crates(&["--workspace", "--edges", "normal,build,dev"])?;
    let measured = crates(&["--package", "host-tests", "--edges", "normal,build"])?;
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    // Macros and build scripts are built apart from the crates that wasmtime is built on.
    let library = crates(&["--package", "connector-host", "--edges", "normal,no-proc-macro"])?;
    let names: BTreeSet<String> = library.iter().map(|line| name(line)).collect();
    for (what, wanted) in [("test", tested), ("bench", measured)] {
        let other: Vec<_> = wanted.difference(&built).filter(|line| names.contains(&name(line))).collect();
        ensure!(other.is_empty(), "`just {what}` needs other features than `just build`: {other:?}");
    }
    Ok(())
}

/// The connector, the host and the contract agree on the errors that end a run.
#[test]
fn the_same_errors_end_a_run_everywhere() -> anyhow::Result<()> {
    use caldav::error::Kind;
    use connector_host::Error;

    let text = String::new;
    let kinds = [
        ("invalid-options", Kind::InvalidOptions, Error::InvalidOptions(text())),
        ("sign-in-refused", Kind::SignInRefused, Error::SignInRefused(text())),
        ("forbidden", Kind::Forbidden, Error::Forbidden(text())),
        ("not-found", Kind::NotFound, Error::NotFound(text())),
        ("rate-limited", Kind::RateLimited, Error::RateLimited(text())),
        ("quota-exceeded", Kind::QuotaExceeded, Error::QuotaExceeded(text())),
        ("read-only", Kind::ReadOnly, Error::ReadOnly(text())),
        ("too-large", Kind::TooLarge, Error::TooLarge(text())),
        ("conflict", Kind::Conflict, Error::Conflict(text())),
        ("unsupported", Kind::Unsupported, Error::Unsupported(text())),
        ("unreachable", Kind::Unreachable, Error::Unreachable(text())),
        ("tls", Kind::Tls, Error::Tls(text())),
        ("denied", Kind::Denied, Error::Denied(text())),
        ("protocol", Kind::Protocol, Error::Protocol(text())),
        ("cancelled", Kind::Cancelled, Error::Cancelled(text())),
        ("other", Kind::Other, Error::Other(text())),
    ];
    let wit = read("wit/types.wit")?;
    let cases = wit.split_once("variant error {").context("no variant error")?.1;
    for (case, kind, error) in kinds {
        let (documentation, _) = cases.split_once(&format!(" {case}(string)")).context(case)?;
        let own = documentation.rsplit_once("(string),").map_or(documentation, |(_, own)| own);
        let in_wit = own.contains("Ends the run.");
        assert_eq!((kind.ends_run(), error.ends_run()), (in_wit, in_wit), "{case}");
    }
    Ok(())
}
