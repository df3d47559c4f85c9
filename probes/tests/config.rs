//! Configurations, and what is said about them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lithify_probe::config::{Config, ConfigError, Engine, Matching, Request, load, load_text, markdown};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Loads a fixture as a user would from the project's root.
fn load_fixture(case: &str, options: &[&str], strict: bool) -> Result<(Config, Vec<String>), ConfigError> {
    std::env::set_current_dir(root()).unwrap();
    let request = Request {
        file: Some(PathBuf::from(format!("fixtures/probe/config/{case}/falco.yaml"))),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        rules: Vec::new(),
        strict,
    };
    let env = |name: &str| (name == "LITHIFY_TEST_PRIORITY").then(|| "notice".to_owned());
    let (config, warnings) = load(&request, &env)?;
    Ok((config, warnings.iter().map(lithify_probe::config::Problem::one_line).collect()))
}

fn options(options: &[&str]) -> Config {
    let request = Request {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        ..Request::default()
    };
    load(&request, &|_| None).unwrap().0
}

/// Compares with a file, or writes it under `LITHIFY_BLESS`.
fn compare(path: &Path, found: &str) {
    if std::env::var_os("LITHIFY_BLESS").is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{}: `make bless` writes it", path.display());
}

#[test]
fn says_of_each_fixture_what_is_expected() {
    for entry in fs::read_dir(root().join("fixtures/probe/config")).unwrap() {
        let directory = entry.unwrap().path();
        let case = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let mut found = String::new();
        match load_fixture(&case, &[], false) {
            Ok((_, warnings)) => {
                for warning in warnings {
                    writeln!(found, "warning: {warning}").unwrap();
                }
            }
            Err(error) => found = error.to_string(),
        }
        compare(&directory.join("expected.txt"), &found);
    }
}

#[test]
fn an_unmodified_falco_yaml_is_taken_and_means_the_same() {
    let (config, _) = load_fixture("upstream", &[], false).unwrap();
    assert!(config.outputs.stdout.enabled && config.outputs.syslog.enabled && config.watch);
    assert_eq!(config.matching, Matching::First);
    assert_eq!(config.outputs.timeout, Duration::from_secs(2));
    assert_eq!((config.drops.threshold, config.drops.rate), (0.1, 0.03333));
    assert!(config.drops.log && config.drops.alert && !config.drops.exit);
    assert_eq!(config.webserver.unwrap().listen, "0.0.0.0:8765");
    assert!(config.audit.is_none() && config.metrics.is_none());
    let Engine::Kernel(kernel) = config.engine else { panic!("{:?}", config.engine) };
    assert_eq!((kernel.ring_bytes, kernel.processes_max), (8 << 20, 262_144));
    let output = config.extras[0].output.as_deref().unwrap();
    assert!(output.starts_with("container_id=%container.id container_name="), "{output}");
}

#[test]
fn strict_makes_warnings_errors() {
    let error = load_fixture("idle", &[], true).unwrap_err();
    assert!(error.0.iter().any(|problem| problem.message.contains("`grpc` has no meaning here")));
    assert!(load_fixture("idle", &[], false).is_ok());
}

#[test]
fn options_are_stronger_than_the_file() {
    let set = [
        "engine.kind=nodriver",
        "priority=critical",
        "stdout_output.enabled=false",
        "rules_files[]=more.yaml",
    ];
    let (config, _) = load_fixture("upstream", &set, false).unwrap();
    assert_eq!(config.engine, Engine::Nothing);
    assert_eq!(config.selection.priority.name(), "Critical");
    assert!(!config.outputs.stdout.enabled);
    assert_eq!(config.rules_files.last().unwrap(), Path::new("more.yaml"));
}

#[test]
fn options_reach_into_lists_and_take_yaml() {
    let config = options(&[
        "rules[].disable.rule=*",
        "rules[].enable.tag=network",
        r#"append_output[]={"match": {"source": "syscall", "tags": ["a"]}, "extra_fields": ["proc.aname[2]", {"pod": "%k8s.pod.name"}]}"#,
        "load_plugins=[k8saudit]",
        "plugins[0].name=k8saudit",
        "plugins[0].open_params=https://127.0.0.1:9765/k8s-audit",
        "plugins[0].init_config={clientCA: /ca.pem}",
        "static_fields.region=eu",
    ]);
    assert_eq!(config.selection.steps.len(), 2);
    assert_eq!(config.extras[0].tags, BTreeSet::from(["a".to_owned()]));
    assert_eq!(config.extras[0].fields[0], ("proc.aname[2]".to_owned(), "%proc.aname[2]".to_owned()));
    assert_eq!(config.static_fields["region"], "eu");
    let http = &config.audit.unwrap().http[0];
    assert_eq!((http.listen.as_str(), http.path.as_str()), ("127.0.0.1:9765", "/k8s-audit"));
    assert_eq!(http.tls.as_ref().unwrap().client_ca.as_deref(), Some(Path::new("/ca.pem")));
}

#[test]
fn an_audit_log_is_followed_by_file_and_read_by_path() {
    let of = |params: &str| {
        let params = format!("plugins[0].open_params={params}");
        options(&["load_plugins=[k8saudit]", "plugins[0].name=k8saudit", &params]).audit.unwrap()
    };
    let followed = &of("file:///var/log/audit.log").files[0];
    assert!(followed.follow && followed.state.is_some());
    let read = &of("/var/log/audit.log").files[0];
    assert!(!read.follow && read.state.is_none());
    assert!(of("-").stdin);
    assert_eq!(of("http://:9765/k8s-audit").http[0].listen, "0.0.0.0:9765");
}

#[test]
fn nothing_configured_shows_alerts_and_log() {
    let config = options(&[]);
    assert!(config.outputs.stdout.enabled && config.log.stderr && !config.log.syslog);
}

#[test]
fn included_files_add_to_lists_and_replace_the_rest() {
    let (config, warnings) = load_fixture("include", &[], false).unwrap();
    assert_eq!(config.rules_files, ["first.yaml", "second.yaml", "third.yaml"].map(PathBuf::from));
    // add-only: json_output was there already, log_level was not.
    assert!(config.outputs.format.json);
    assert_eq!(config.log.level.name(), "Debug");
    assert_eq!(config.selection.priority.name(), "Notice");
    assert_eq!(config.files.len(), 4);
    assert!(warnings[0].contains("nowhere.d does not exist"), "{warnings:?}");
}

#[test]
fn intervals_are_read_as_falco_reads_them() {
    let interval = |text: &str| {
        let option = format!("metrics.interval={text}");
        options(&["metrics.enabled=true", &option]).metrics.unwrap().interval
    };
    assert_eq!(interval("1h30m"), Duration::from_mins(90));
    assert_eq!(interval("500"), Duration::from_millis(500));
}

proptest::proptest! {
    /// Texts between a word and a configuration: parts of real ones, cut, doubled and mixed.
    #[test]
    fn no_text_makes_the_reader_panic(
        parts in proptest::collection::vec((0..200_usize, 0..40_usize, proptest::prelude::any::<char>()), 0..12),
        options in proptest::collection::vec("[a-z_.\\[\\]0-9]{0,20}=?[\\[{a-z$:, ]{0,12}", 0..3),
    ) {
        let whole = include_str!("../../fixtures/probe/config/upstream/falco.yaml");
        let lines: Vec<&str> = whole.lines().collect();
        let mut text = String::new();
        for (line, cut, odd) in parts {
            let line = lines[line % lines.len()];
            text.push_str(&line.chars().take(cut).collect::<String>());
            text.push(odd);
            text.push('\n');
        }
        let env = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
        if let Err(error) = load_text("falco.yaml", text.as_bytes(), &options, &env) {
            proptest::prop_assert!(!error.0.is_empty());
            for problem in &error.0 {
                proptest::prop_assert!(problem.line > 0 && problem.column > 0 && !problem.to_string().is_empty());
            }
        }
    }
}

#[test]
fn runtimes_are_asked_where_falcos_container_plugin_says() {
    let sockets = |option: &str| {
        let asked = options(&[option]).containers?;
        Some(asked.sockets.iter().map(|path| path.display().to_string()).collect::<Vec<_>>())
    };
    assert_eq!(sockets("priority=debug").unwrap()[0], "/run/containerd/containerd.sock");
    assert_eq!(sockets("container_engines.cri.enabled=false"), None);
    assert_eq!(sockets("container_engines.cri.sockets[0]=/x.sock").unwrap(), ["/x.sock"]);
    let plugin =
        "plugins[0]={name: container, init_config: {label_max_len: 7, engines: {cri: {sockets: [/y.sock]}}}}";
    assert_eq!(sockets(plugin).unwrap(), ["/y.sock"]);
    assert_eq!(options(&[plugin]).containers.unwrap().label_max, 7);
}

#[test]
fn the_document_has_every_key() {
    compare(&root().join("docs/probe-config.md"), &markdown());
}
