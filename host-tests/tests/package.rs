//! The package: what its files say of the options, and what the program makes of them, is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, ensure};
use caldav::options::table::{OptionSpec, Side, Values, options_of};
use caldav::options::{DestinationOptions, SourceOptions};
use connector_host::Limits;
use host_tests::program::workspace;
use plakar_caldav::host_options::{self, HOST_OPTIONS};
use serde_json::{Value, json};

fn read(name: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(workspace().join(name)).with_context(|| name.to_owned())
}

fn schema(side: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&read(&format!("assets/{side}.schema.json"))?)?)
}

const SIDES: [(&str, Side); 2] = [("source", Side::Source), ("destination", Side::Destination)];

/// The name of every option that a side takes; `dry_run` and the like included.
fn names_of(side: Side) -> BTreeSet<&'static str> {
    options_of(side).map(|option| option.name).chain(HOST_OPTIONS.iter().copied()).collect()
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
fn schemas_say_what_the_table_says() -> anyhow::Result<()> {
    for (side, options) in SIDES {
        let schema = schema(side)?;
        for option in options_of(options) {
            let there = &schema["properties"][option.name];
            ensure!(same_option(there, option), "{side}: {there} is not {option:?}");
        }
    }
    Ok(())
}

/// Whether a property of a schema has the default, the choices, the explanation and the secrecy of an option.
fn same_option(there: &Value, option: &OptionSpec) -> bool {
    let choices: &[&str] = match option.values {
        Values::Choice(choices) => choices,
        Values::Flag => &["true", "false"],
        _ => &[],
    };
    let choices_there: Vec<&str> =
        there["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    there["default"].as_str().unwrap_or_default() == option.default
        && choices_there == choices
        && there["description"].as_str().and_then(|text| text.strip_suffix('.')) == Some(option.help)
        && (there["format"] == "password") == option.secret
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
        let mut all = BTreeMap::from([("location", "caldav://cal.example")]);
        all.extend(given.iter().copied());
        let validator = jsonschema::validator_for(&schema(side)?)?;
        ensure!(validator.is_valid(&json!(all)) == *expected, "the schema of a {side}: {given:?}");
        let pairs: Vec<_> =
            all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let parses = |pairs: &[(String, String)]| match *side {
            "source" => SourceOptions::parse(pairs).is_ok(),
            _ => DestinationOptions::parse(pairs).is_ok(),
        };
        let is_taken = host_options::split(pairs, Limits::default()).is_ok_and(|(_, rest)| parses(&rest));
        ensure!(is_taken == *expected, "the program, as a {side}: {given:?}");
    }
    Ok(())
}

#[test]
fn the_readme_and_the_manual_have_every_option() -> anyhow::Result<()> {
    let (readme, manual) = (read("README.md")?, read("docs/plakar-caldav.1")?);
    for name in names_of(Side::Source).union(&names_of(Side::Destination)) {
        // Set by a flag, and without a meaning.
        if ["name", "location"].contains(name) {
            continue;
        }
        ensure!(readme.contains(&format!("`{name}")), "README.md: {name}");
        ensure!(manual.contains(&format!("Cm {name}")), "docs/plakar-caldav.1: {name}");
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
    // The first target is what `plakar pkg build` makes.
    let first = make.lines().find(|line| line.ends_with(':')).context("no target")?;
    ensure!(first == "all:" && make.contains("dist/plakar-caldav$(EXT) compile --portable"));
    Ok(())
}

/// The crates that a selection of packages is built from, each with its version and features.
fn crates(selection: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}"]).args(selection);
    let output = tree.current_dir(workspace()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(|line| line.trim_end_matches(" (*)").trim_end().to_owned()).collect())
}

/// What `just build` builds, `just test` and `just bench` use: with other features, wasmtime would be built again.
#[test]
fn tests_and_benchmarks_use_the_crates_that_just_build_has_built() -> anyhow::Result<()> {
    let built = crates(&[
        "--workspace",
        "--exclude",
        "host-tests",
        "--exclude",
        "dav-model",
        "--edges",
        "normal,build",
    ])?;
    let tested = crates(&["--workspace", "--edges", "all"])?;
    let measured = crates(&["--package", "host-tests", "--edges", "normal,build"])?;
    let only_built: Vec<_> = built.difference(&tested).collect();
    ensure!(only_built.is_empty(), "built with other features by `just test`: {only_built:?}");
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let names: BTreeSet<String> = built.iter().map(|line| name(line)).collect();
    let other: Vec<_> = measured.difference(&built).filter(|line| names.contains(&name(line))).collect();
    ensure!(other.is_empty(), "built with other features by `just bench`: {other:?}");
    Ok(())
}
