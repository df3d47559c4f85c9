//! From a merged and checked tree to settings.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use lithify::event::EventType;
use lithify::rules::{Extra, Priority, Selection, Step, What};
use sha2::{Digest as _, Sha256};

use super::check::check;
use super::containers::containers;
use super::keys::PRIORITIES;
use super::merge::{Merged, merge, merge_text};
use super::outputs::outputs;
use super::plugins::plugins;
use super::problem::{ConfigError, Problem, Sources};
use super::tree::{Content, Environment, Tree};
use super::values::Values;
use super::{Config, Drops, Engine, Kernel, Log, Matching, Metrics, Webserver};
use crate::http::ServerTls;

/// Which configuration is read.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The file; without one everything has its default, but alerts and log are shown.
    pub file: Option<PathBuf>,
    /// `key=value`, stronger than the file.
    pub options: Vec<String>,
    /// Rule files and directories instead of the configuration's.
    pub rules: Vec<PathBuf>,
    /// Unknown keys and keys without meaning are errors.
    pub strict: bool,
}

/// What the container plugin of Falco suggests for the outputs of all rules about system calls.
const SUGGESTED: &str = "container_id=%container.id container_name=%container.name \
    container_image_repository=%container.image.repository container_image_tag=%container.image.tag \
    k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name";

/// Reads a configuration. The second value is what is odd in it.
///
/// # Errors
/// [`ConfigError`] with everything that is wrong.
pub fn load(request: &Request, env: Environment<'_>) -> Result<(Config, Vec<Problem>), ConfigError> {
    let options = with_defaults(request);
    let merged = merge(request.file.as_deref(), &options, env).map_err(ConfigError)?;
    judge(merged, request)
}

/// As [`load`], of a text; `config_files` is not followed. Touches no file.
///
/// # Errors
/// As [`load`].
pub fn load_text(
    name: &str,
    text: &[u8],
    options: &[String],
    env: Environment<'_>,
) -> Result<(Config, Vec<Problem>), ConfigError> {
    judge(merge_text(name, text, options, env).map_err(ConfigError)?, &Request::default())
}

/// Makes settings of a tree, and says what is wrong with it.
fn judge(merged: Merged, request: &Request) -> Result<(Config, Vec<Problem>), ConfigError> {
    let sources = &merged.sources;
    let checked = merged.tree.as_ref().map(|tree| check(tree, sources)).unwrap_or_default();
    let mut warnings = merged.warnings;
    warnings.extend(checked.warnings);
    let mut errors = checked.errors;
    let values = Values::new(merged.tree.as_ref());
    let read = read(values, sources, &mut errors, &mut warnings);
    for warning in &mut warnings {
        warning.is_error = request.strict;
    }
    let is_strict = request.strict && !warnings.is_empty();
    let mut config = match read {
        Some(config) if errors.is_empty() && !is_strict => config,
        // What is odd may be the cause of what is wrong.
        _ => return Err(ConfigError([errors, warnings].concat())),
    };
    if !request.rules.is_empty() {
        config.rules_files.clone_from(&request.rules);
    }
    config.files = merged.files.iter().map(|(path, bytes)| (path.clone(), digest(bytes))).collect();
    config.directories = merged.directories;
    Ok((config, warnings))
}

/// Without a file nobody has chosen outputs: alerts and log are shown.
fn with_defaults(request: &Request) -> Vec<String> {
    let mut options = Vec::new();
    if request.file.is_none() {
        options
            .extend(["stdout_output.enabled=true", "log_stderr=true", "log_syslog=false"].map(str::to_owned));
    }
    options.extend(request.options.iter().cloned());
    options
}

/// The SHA-256 of bytes, as Falco's metrics write it.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn read(
    values: Values<'_>,
    sources: &Sources,
    errors: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<Config> {
    let plugins = plugins(values, sources);
    errors.extend(plugins.errors);
    warnings.extend(plugins.warnings);
    let outputs = outputs(values, sources).map_err(|missing| errors.extend(missing)).ok();
    let rules_files = keep(rules_files(values, sources), errors);
    let engine = keep(engine(values, sources), errors);
    let extras = keep(extras(values, sources), errors);
    let metrics = keep(metrics(values, sources), errors);
    let containers = keep(containers(values, sources), errors);
    Some(Config {
        rules_files: rules_files?,
        selection: selection(values),
        extras: extras?,
        matching: if values.word("rule_matching") == "all" { Matching::All } else { Matching::First },
        static_fields: values.pairs("static_fields").into_iter().collect(),
        outputs: outputs?,
        audit: plugins.audit,
        containers: containers?,
        engine: engine?,
        drops: drops(values),
        webserver: values.flag("webserver.enabled").then(|| webserver(values)),
        metrics: metrics?,
        log: Log {
            stderr: values.flag("log_stderr"),
            syslog: values.flag("log_syslog"),
            level: priority(values, "log_level"),
            time_iso_8601: values.flag("time_format_iso_8601"),
        },
        watch: values.flag("watch_config_files"),
        files: Vec::new(),
        directories: Vec::new(),
    })
}

fn keep<T>(result: Result<T, Problem>, errors: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| errors.push(problem)).ok()
}

fn rules_files(values: Values<'_>, sources: &Sources) -> Result<Vec<PathBuf>, Problem> {
    if values.node("rules_files").is_some() && values.node("rules_file").is_some() {
        let message = "`rules_file` is the older name of `rules_files`: give only one of them";
        return Err(sources.problem(values.place("rules_file"), message));
    }
    let written = [values.texts("rules_files"), values.texts("rules_file")].concat();
    Ok(written.into_iter().map(PathBuf::from).collect())
}

fn priority(values: Values<'_>, key: &str) -> Priority {
    debug_assert!(PRIORITIES.iter().all(|name| Priority::from_name(name).is_some()));
    Priority::from_name(&values.text(key)).unwrap_or(Priority::Debug)
}

fn selection(values: Values<'_>) -> Selection {
    let mut steps = Vec::new();
    for item in values.items("rules", "rules[]") {
        for (word, enables) in [("enable", true), ("disable", false)] {
            let named = [("rule", What::Rule as fn(String) -> What), ("tag", What::Tag)];
            for (key, what) in named {
                if let Some(name) = item.some_text(&format!("{word}.{key}")) {
                    steps.push(Step { enables, what: what(name) });
                }
            }
        }
    }
    Selection { steps, priority: priority(values, "priority") }
}

fn extras(values: Values<'_>, sources: &Sources) -> Result<Vec<Extra>, Problem> {
    let mut extras = Vec::new();
    for item in values.items("append_output", "append_output[]") {
        let mut fields = Vec::new();
        for field in item.node("extra_fields").map(Tree::items).unwrap_or_default() {
            match &field.content {
                Content::Scalar(name) => fields.push((name.clone(), format!("%{name}"))),
                Content::Map(entries) => {
                    for (key, place, format) in entries {
                        let format = format.text().ok_or_else(|| {
                            sources.problem(*place, format!("`{key}`: expected a text with %fields"))
                        })?;
                        fields.push((key.clone(), format.to_owned()));
                    }
                }
                _ => {
                    let message = format!("expected a field or `key: text`, found {}", field.shown());
                    return Err(sources.problem(field.place, message));
                }
            }
        }
        let extra = Extra {
            source: item.some_text("match.source"),
            rule: item.some_text("match.rule"),
            tags: item.texts("match.tags").into_iter().collect(),
            output: item.some_text("extra_output"),
            fields,
        };
        if item.flag("suggested_output") && extra.source.as_ref().is_none_or(|source| source == "syscall") {
            extras.push(Extra {
                source: Some("syscall".to_owned()),
                output: Some(SUGGESTED.to_owned()),
                fields: Vec::new(),
                ..extra.clone()
            });
        }
        if extra.output.is_some() || !extra.fields.is_empty() {
            extras.push(extra);
        }
    }
    Ok(extras)
}

/// What `-p` adds: `container` and `k8s` are short for what Falco adds, anything else is a format.
pub fn printed(format: &str) -> Extra {
    const CONTAINER: &str = "container_id=%container.id container_image=%container.image.repository \
        container_image_tag=%container.image.tag container_name=%container.name";
    let output = match format {
        "c" | "container" => CONTAINER.to_owned(),
        "k" | "kubernetes" | "k8s" => format!("{CONTAINER} k8s_ns=%k8s.ns.name k8s_pod_name=%k8s.pod.name"),
        other => other.to_owned(),
    };
    Extra {
        source: Some("syscall".to_owned()),
        rule: None,
        tags: BTreeSet::new(),
        output: Some(output),
        fields: Vec::new(),
    }
}

fn engine(values: Values<'_>, sources: &Sources) -> Result<Engine, Problem> {
    match values.word("engine.kind").as_str() {
        "nodriver" => return Ok(Engine::Nothing),
        "replay" => {
            let file = values.some_text("engine.replay.capture_file").map(PathBuf::from);
            let place = values.place("engine.replay.capture_file");
            let file = file.ok_or_else(|| {
                sources.problem(values.place("engine.kind"), "replay needs `engine.replay.capture_file`")
            })?;
            if file.extension().is_some_and(|extension| extension == "scap") {
                let message = ".scap files cannot be read; `run --record FILE` writes events that can";
                return Err(sources.problem(place, message));
            }
            return Ok(Engine::Replay(file));
        }
        _ => {}
    }
    let (mut also, mut not) = (Vec::new(), Vec::new());
    for item in values.node("base_syscalls.custom_set").map(Tree::items).unwrap_or_default() {
        let written = item.text().unwrap_or_default();
        let (name, list) = match written.strip_prefix('!') {
            Some(name) => (name, &mut not),
            None => (written, &mut also),
        };
        let event = EventType::from_name(name).filter(|event| event.is_syscall()).ok_or_else(|| {
            let near = EventType::near(name).map(|near| format!("did you mean `{near}`?"));
            sources.problem(item.place, format!("there is no system call `{name}`")).help(near)
        })?;
        list.push(event);
    }
    let preset = values.integer("engine.modern_ebpf.buf_size_preset").clamp(1, 10);
    let most = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Engine::Kernel(Kernel {
        ring_bytes: 1 << (19 + preset),
        snap_bytes: most(values.integer("falco_libs.snaplen")),
        processes_max: usize::try_from(values.integer("falco_libs.thread_table_size")).unwrap_or(usize::MAX),
        also,
        not,
        all: values.flag("base_syscalls.all"),
    }))
}

fn drops(values: Values<'_>) -> Drops {
    let actions = values.texts("syscall_event_drops.actions");
    let has = |action: &str| actions.iter().any(|known| known.eq_ignore_ascii_case(action));
    Drops {
        threshold: values.number("syscall_event_drops.threshold"),
        log: has("log"),
        alert: has("alert"),
        exit: has("exit"),
        rate: values.number("syscall_event_drops.rate"),
        max_burst: values.number("syscall_event_drops.max_burst"),
        simulate: values.flag("syscall_event_drops.simulate_drops"),
    }
}

fn webserver(values: Values<'_>) -> Webserver {
    let certificate = PathBuf::from(values.text("webserver.ssl_certificate"));
    let address = values.text("webserver.listen_address");
    // An IPv6 address stands in brackets before its port.
    let address = if address.contains(':') { format!("[{address}]") } else { address };
    Webserver {
        listen: format!("{address}:{}", values.integer("webserver.listen_port")),
        health: values.text("webserver.k8s_healthz_endpoint"),
        tls: values.flag("webserver.ssl_enabled").then(|| ServerTls {
            key: certificate.clone(),
            certificate,
            client_ca: None,
        }),
        metrics: values.flag("webserver.prometheus_metrics_enabled"),
    }
}

fn metrics(values: Values<'_>, sources: &Sources) -> Result<Option<Metrics>, Problem> {
    let written = values.text("metrics.interval");
    let interval = interval(&written).ok_or_else(|| {
        let message = format!("expected a time such as 30s, 15m, 1h or milliseconds, found `{written}`");
        sources.problem(values.place("metrics.interval"), message)
    })?;
    let flag = |key: &str| values.flag(&format!("metrics.{key}"));
    Ok(flag("enabled").then(|| Metrics {
        interval,
        output_rule: flag("output_rule"),
        output_file: values.some_text("metrics.output_file").map(PathBuf::from),
        rules: flag("rules_counters_enabled"),
        resources: flag("resource_utilization_enabled"),
        state: flag("state_counters_enabled"),
        kernel: flag("kernel_event_counters_enabled"),
        kernel_per_cpu: flag("kernel_event_counters_per_cpu_enabled"),
        megabytes: flag("convert_memory_to_mb"),
        include_empty: flag("include_empty_values"),
    }))
}

/// `1h30m`, `30s`, `100ms`, or a number of milliseconds; more than nothing.
pub(super) fn interval(text: &str) -> Option<Duration> {
    const UNITS: &[(&str, u64)] = &[
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
        ("y", 31_536_000_000),
    ];
    let text = text.trim();
    let mut total: u64 = 0;
    let mut rest = text;
    if let Ok(milliseconds) = text.parse::<u64>() {
        return (milliseconds > 0).then(|| Duration::from_millis(milliseconds));
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = UNITS.iter().find(|(name, _)| *name == &rest[..letters])?.1;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[letters..];
    }
    (total > 0).then(|| Duration::from_millis(total))
}
