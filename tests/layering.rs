//! The architecture's invariants, read from the manifests and the sources.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a broken workspace may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Normal (not dev, not build) dependencies of every package of ours, by name without prefix.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let plain = |value: &Value| {
        value
            .as_str()
            .unwrap()
            .trim_start_matches("autotrader-")
            .to_owned()
    };
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let normal = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"].is_null());
            (
                plain(&package["name"]),
                normal.map(|dependency| plain(&dependency["name"])).collect(),
            )
        })
        .collect()
}

const PURE: [&str; 5] = ["settlement", "domain", "risk", "strategy", "engine"];

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    let allowed: BTreeMap<&str, &[&str]> = [
        ("settlement", &[][..]),
        ("domain", &["settlement"]),
        ("risk", &["domain"]),
        ("strategy", &["domain", "settlement"]),
        ("engine", &["domain", "settlement", "risk"]),
        ("config", &["domain"]),
        ("arena-signals", &["domain", "settlement"]),
        ("kalshi-api", &["domain"]),
        ("execution", &["domain", "risk"]),
        ("state", &["domain", "settlement"]),
        ("monitoring", &["domain"]),
        ("simulator", &["domain"]),
        (
            "backtest",
            &[
                "domain",
                "engine",
                "strategy",
                "risk",
                "execution",
                "simulator",
                "settlement",
            ],
        ),
    ]
    .into();
    let dependencies = dependencies();
    let ours: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    for (name, needs) in &dependencies {
        if name == "autotrader" {
            continue;
        }
        let allowed = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is not in the design"));
        for needed in needs.iter().filter(|needed| ours.contains(needed.as_str())) {
            assert!(
                allowed.contains(&needed.as_str()),
                "{name} must not depend on {needed}"
            );
        }
    }
}

#[test]
fn pure_crates_have_no_io_runtime_or_randomness_among_their_dependencies() {
    let forbidden = [
        "tokio",
        "reqwest",
        "diesel",
        "rand",
        "getrandom",
        "axum",
        "figment",
        "tracing",
        "futures-util",
    ];
    let dependencies = dependencies();
    for name in PURE {
        for dependency in forbidden {
            assert!(
                !dependencies[name].contains(dependency),
                "{name} must not depend on {dependency}"
            );
        }
    }
    let settlement: BTreeSet<String> = ["serde".to_owned()].into();
    assert!(
        dependencies["settlement"].is_subset(&settlement),
        "settlement stands alone"
    );
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn pure_crates_have_no_async_bodies_files_threads_or_clocks() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::thread",
        "std::process",
        "std::env",
        "SystemTime",
        "Instant::now",
        "Utc::now",
        ".await",
    ];
    for name in PURE {
        let mut files = Vec::new();
        sources(&root().join("crates").join(name).join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let code: String = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            for word in forbidden {
                assert!(!code.contains(word), "{}: {word}", file.display());
            }
            // Ports declare async functions; nothing here has a body for one.
            let bodies = code.split("async fn").skip(1).filter(|rest| {
                let end = rest.find([';', '{']).unwrap();
                rest.as_bytes()[end] == b'{'
            });
            assert_eq!(
                bodies.count(),
                0,
                "{}: an async function with a body",
                file.display()
            );
        }
    }
}

#[test]
fn only_execution_calls_a_gateways_place() {
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let directory = entry.unwrap().path();
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "execution" {
            continue;
        }
        let mut files = Vec::new();
        sources(&directory.join("src"), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            assert!(!code.contains("gateway.place("), "{}", file.display());
        }
    }
}

#[test]
fn files_have_one_reason_to_exist_and_fit_it() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    sources(&root().join("bin"), &mut files);
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 700, "{} has {lines} lines", file.display());
    }
}

#[test]
fn main_is_thin() {
    let text = fs::read_to_string(root().join("bin/autotrader/src/main.rs")).unwrap();
    assert!(text.lines().count() < 150);
}
