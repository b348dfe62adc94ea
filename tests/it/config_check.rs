//! `check`, `schema`, `completions` and `man` by the real command, on the real example.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tramgac::config::secret::Env;
use tramgac::config::{Config, load_text};

use crate::support::program::{run, stderr, stdout, tramgac};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml")
}

fn check(arguments: &[&str]) -> String {
    let mut all = vec!["check", "-c", "config.example.yaml"];
    all.extend(arguments);
    let output = tramgac(&all)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

/// What two configurations must have in common; everything but places.
fn essence(config: &Config) -> String {
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        config.organization,
        config.inventory,
        config.polling,
        config.snmp,
        config.classes,
        config.indicators,
        config.calendars,
        config.maintenance,
        config.alerts.routes,
        (
            &config.web,
            &config.retention,
            &config.backup,
            &config.log,
            &config.metrics
        ),
    )
}

#[test]
fn the_example_is_good_and_check_says_what_would_be_polled() {
    let told = check(&[]);
    assert!(told.contains("6 router"), "{told}");
    assert!(told.contains("never polled    1 device"), "{told}");
    assert!(told.ends_with("The configuration is good.\n"), "{told}");
    let json: Value = serde_json::from_str(&check(&["--format", "json"])).unwrap();
    assert_eq!(json["inventory"]["units"], 9);
    assert_eq!(json["polled_devices"]["wifi_ap"], 4);
    assert!(json["echo_requests_per_second"].as_f64().unwrap() > 1.0);
    assert_eq!(json["warnings"], serde_json::json!([]));
}

#[test]
fn the_printed_configuration_is_the_same_configuration() {
    let printed = check(&["--print"]);
    let text = std::fs::read_to_string(example()).unwrap();
    // The community is masked in print; any other will do, since it is not compared.
    let before = load_text("a", &text, Env::default()).unwrap();
    let after = load_text("b", &printed, Env::default()).unwrap_or_else(|p| panic!("{p}\n{printed}"));
    assert_eq!(essence(&before), essence(&after));
    let of_defaults = tempfile::NamedTempFile::new().unwrap();
    let path = of_defaults.path().to_str().unwrap();
    let printed = stdout(&run(&["check", "-c", path, "--print"]));
    assert!(printed.contains("  interval: 60s  # default"), "{printed}");
    let after = load_text("b", &printed, Env::default()).unwrap();
    assert_eq!(
        essence(&load_text("a", "", Env::default()).unwrap()),
        essence(&after)
    );
}

#[test]
fn no_command_and_no_debug_tells_a_secret() {
    const SENTINEL: &str = "hunter2-sentinel";
    let text = format!(
        "credentials:\n  a: {{community: {SENTINEL}}}\n  b:\n    user: u\n    auth: sha\n    auth_password: {SENTINEL}\n\
         \x20   priv: aes\n    priv_password: {SENTINEL}\n  c: {{community: '${{SECRET}}'}}\n  d: {{community: 'env:SECRET'}}\n\
         snmp: {{credentials: [a, b, c, d]}}\nalerts:\n  receivers:\n    hook:\n      kind: webhook\n      \
         url: http://127.0.0.1:1/\n      secret: {SENTINEL}\n      headers: {{X-Token: {SENTINEL}}}\n\
         devices: [{{id: r, class: router, address: 127.0.0.1}}]\n"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let path = file.path().to_str().unwrap();
    for more in [&[][..], &["--print"], &["--format", "json"]] {
        let mut arguments = vec!["check", "-c", path];
        arguments.extend(more);
        let output = tramgac(&arguments).env("SECRET", SENTINEL).output().unwrap();
        let told = stdout(&output) + &stderr(&output);
        assert!(output.status.success(), "{told}");
        assert!(!told.contains(SENTINEL), "{told}");
    }
    let env = Env::new([("SECRET".to_owned(), SENTINEL.to_owned())]);
    let config = load_text("a", &text, env).unwrap();
    for debug in [format!("{config:?}"), format!("{config:#?}")] {
        assert!(!debug.contains(SENTINEL), "{debug}");
        assert!(debug.contains("Secret(…)"));
    }
}

#[test]
fn two_devices_with_one_address_are_a_warning() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "devices:\n- {id: a, class: router, address: 127.0.0.1}\n- {id: b, class: router, address: 127.0.0.1}\n";
    std::fs::write(file.path(), text).unwrap();
    let output = run(&["check", "-c", file.path().to_str().unwrap()]);
    assert!(output.status.success());
    assert!(
        stdout(&output).contains("warning: a and b have the same address 127.0.0.1"),
        "{}",
        stdout(&output)
    );
}

/// Whether `value` fits a schema of the few keywords that ours uses.
fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let told: Vec<String> = any.iter().filter_map(|s| fits(s, value).err()).collect();
        if told.len() == any.len() {
            return Err(format!("{value} fits none: {}", told.join("; ")));
        }
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array)
        && !all.contains(value)
    {
        return Err(format!("{value} is not among {}", Value::from(all.clone())));
    }
    if let Some(only) = schema.get("const")
        && only != value
    {
        return Err(format!("{value} is not {only}"));
    }
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        _ => false,
    };
    let kinds = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|k| is(k)) {
        return Err(format!("{value} is no {}", kinds.join(" or ")));
    }
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64).zip(value.as_f64());
    if bound("minimum").is_some_and(|(least, v)| v < least)
        || bound("maximum").is_some_and(|(most, v)| v > most)
    {
        return Err(format!("{value} is out of bounds"));
    }
    if let (Some(pattern), Some(text)) = (schema.get("pattern").and_then(Value::as_str), value.as_str())
        && !regex::Regex::new(pattern).unwrap().is_match(text)
    {
        return Err(format!("{value} is not like {pattern}"));
    }
    for item in value.as_array().into_iter().flatten() {
        schema.get("items").map_or(Ok(()), |s| fits(s, item))?;
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        match (
            schema.pointer(&format!("/properties/{key}")),
            schema.get("additionalProperties"),
        ) {
            (Some(s), _) => fits(s, inner).map_err(|e| format!("{key}: {e}"))?,
            (None, Some(Value::Bool(false))) => return Err(format!("{key} is not known")),
            (None, Some(s @ Value::Object(_))) => fits(s, inner).map_err(|e| format!("{key}: {e}"))?,
            (None, _) => {}
        }
    }
    Ok(())
}

#[test]
fn the_example_fits_the_schema() {
    let schema: Value = serde_json::from_str(&stdout(&run(&["schema"]))).unwrap();
    let text = std::fs::read_to_string(example()).unwrap();
    let example: Value = serde_saphyr::from_str(&text).unwrap();
    fits(&schema, &example).unwrap();
    let wrong = serde_json::json!({"devices": [{"id": "a", "class": "router", "adress": "127.0.0.1"}]});
    assert!(fits(&schema, &wrong).unwrap_err().contains("adress is not known"));
    let wrong = serde_json::json!({"polling": {"interval": "60"}});
    assert!(fits(&schema, &wrong).is_err());
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let bash = stdout(&run(&["completions", "bash"]));
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["man", folder.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&run(&["man"])).contains(".TH tramgac 1"));
    for command in tramgac::cli::COMMANDS {
        assert!(bash.contains(command.name), "{}", command.name);
        let page = folder.path().join(format!("tramgac-{}.1", command.name));
        assert!(page.is_file(), "{}", page.display());
    }
}
