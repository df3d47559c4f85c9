//! Every key of falco.yaml, and ours beside them: the one table from which checks, defaults and docs follow.

/// A key by its path: `.` between mappings, `[]` behind a list, `*` for names that users choose.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    /// Where the key is not written; as in YAML.
    pub(super) default: &'static str,
    pub(super) effect: Effect,
    /// What it does, or why it does nothing here.
    pub(super) meaning: &'static str,
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in a range.
    Integer(i64, i64),
    /// A number, not negative.
    Number,
    /// Any scalar.
    Text,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
    /// A list of scalars, or one of them.
    Texts,
    /// A list of these words, or one of them.
    Words(&'static [&'static str]),
    /// Anything: who reads it checks it.
    Any,
}

/// Whether a key does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It does what its meaning says.
    Works,
    /// What it asks for is always so.
    Met,
    /// Known from Falco, but without meaning here.
    Idle,
}

use Effect::{Idle, Met, Works};
use Kind::{Any, Bool, Integer, Number, OneOf, Text, Texts, Words};

pub(super) const PRIORITIES: &[&str] =
    &["emergency", "alert", "critical", "error", "warning", "notice", "info", "informational", "debug"];
const LEVELS: &[&str] = &["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
const STRATEGIES: &[&str] = &["append", "override", "add-only"];
const ENGINES: &[&str] = &["modern_ebpf", "kmod", "ebpf", "replay", "nodriver"];
const ACTIONS: &[&str] = &["ignore", "log", "alert", "exit"];
const PRESET: Kind = Integer(1, 10);
const PORT: Kind = Integer(0, 65_535);
const COUNT: Kind = Integer(0, i64::MAX);

const fn key(path: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key { path, kind, default, effect: Works, meaning }
}

const fn met(path: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key { path, kind, default, effect: Met, meaning }
}

const fn idle(path: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { path, kind, default: "", effect: Idle, meaning }
}

const NO_CAPTURE: &str = "events are recorded as JSON lines by `run --record`, not as .scap files";
const NO_DRIVER: &str = "the probe is modern eBPF only; `engine.modern_ebpf` has its settings";
const NO_GRPC: &str = "Falco has no gRPC output any more either; use http_output or otlp_output";
const NO_LIBS: &str = "there are no Falco libraries inside; `log_level` rules all of the log";
const RUNTIMES: &str = "containers of every runtime are told by their cgroups";

#[rustfmt::skip]
pub(super) static KEYS: &[Key] = &[
    key("config_files[]", Text, "[]", "more files, or directories by their files' names; each a path, or `path` and `strategy`"),
    key("config_files[].path", Text, "", "the file or directory"),
    key("config_files[].strategy", OneOf(STRATEGIES), "append", "append: lists grow, the rest is replaced; override: all is replaced; add-only: only new keys count"),
    key("watch_config_files", Bool, "true", "reload when a configuration or rule file changes"),
    key("rules_files", Texts, "[]", "rule files in order; directories by their files' names"),
    key("rules_file", Texts, "[]", "the older name of rules_files"),
    key("rules[].enable.rule", Text, "", "enables rules whose name matches this shell pattern"),
    key("rules[].enable.tag", Text, "", "enables rules that have this tag"),
    key("rules[].disable.rule", Text, "", "disables rules whose name matches this shell pattern"),
    key("rules[].disable.tag", Text, "", "disables rules that have this tag"),
    key("engine.kind", OneOf(ENGINES), "modern_ebpf", "modern_ebpf (kmod and ebpf mean the same here): watch system calls; nodriver: do not; replay: read `engine.replay.capture_file`"),
    key("engine.modern_ebpf.buf_size_preset", PRESET, "4", "size of the ring buffer: 1 is 1 MiB, each more doubles it: 4 is 8 MiB, 10 is 512 MiB"),
    idle("engine.modern_ebpf.cpus_for_each_buffer", COUNT, "one ring buffer serves every CPU"),
    idle("engine.modern_ebpf.drop_failed_exit", Bool, "failed calls are sent where a rule asks for them"),
    idle("engine.modern_ebpf.disable_iterators", Bool, "processes that are there at the start are read from /proc"),
    idle("engine.kmod.buf_size_preset", COUNT, NO_DRIVER),
    idle("engine.kmod.drop_failed_exit", Bool, NO_DRIVER),
    idle("engine.ebpf.probe", Text, NO_DRIVER),
    idle("engine.ebpf.buf_size_preset", COUNT, NO_DRIVER),
    idle("engine.ebpf.drop_failed_exit", Bool, NO_DRIVER),
    idle("engine.gvisor.config", Text, NO_DRIVER),
    idle("engine.gvisor.root", Text, NO_DRIVER),
    key("engine.replay.capture_file", Text, "", "recorded events, one JSON line each"),
    idle("capture.enabled", Bool, NO_CAPTURE),
    idle("capture.path_prefix", Text, NO_CAPTURE),
    idle("capture.mode", Text, NO_CAPTURE),
    idle("capture.default_duration", COUNT, NO_CAPTURE),
    idle("capture.max_file_size_mb", COUNT, NO_CAPTURE),
    key("load_plugins", Texts, "[]", "plugins to use: k8saudit starts a receiver of audit events; container and json are built in"),
    key("plugins[].name", Text, "", "k8saudit, container or json"),
    met("plugins[].library_path", Text, "", "the plugin's library: these are built in"),
    key("plugins[].open_params", Text, "", "k8saudit: `http://ADDRESS:PORT/PATH` or `https://…` to listen there, `file://PATH` to follow a log, a path to read once, `-` for standard input"),
    key("plugins[].init_config", Any, "", "k8saudit: sslCertificate (one PEM file), maxEventSize, webhookMaxBatchSize; ours: clientCA, stateFile. container: label_max_len, engines.cri.enabled, engines.cri.sockets"),
    met("plugins_hostinfo", Bool, "true", "whether plugins' sources look at /proc: they never do"),
    key("time_format_iso_8601", Bool, "false", "ISO 8601 in UTC instead of local time"),
    idle("buffer_format_base64", Bool, "buffers are printed with a dot for what cannot be printed"),
    key("priority", OneOf(PRIORITIES), "debug", "less urgent rules are not loaded"),
    key("json_output", Bool, "false", "alerts and results of loading as JSON"),
    key("json_include_output_property", Bool, "true", "`output` in JSON alerts"),
    key("json_include_message_property", Bool, "false", "`message` in JSON alerts: the output without time and priority"),
    key("json_include_output_fields_property", Bool, "true", "`output_fields` in JSON alerts"),
    key("json_include_tags_property", Bool, "true", "`tags` in JSON alerts"),
    key("buffered_outputs", Bool, "false", "write alerts out when no other is waiting, not one by one"),
    key("rule_matching", OneOf(&["first", "all"]), "first", "how many rules an event raises: the first in order, or all"),
    key("outputs_queue.capacity", COUNT, "0", "alerts that may wait for one output; 0 stands for 16384"),
    key("append_output[].match.rule", Text, "", "only this rule"),
    key("append_output[].match.source", Text, "", "only rules of this source"),
    key("append_output[].match.tags", Texts, "[]", "only rules with all of these tags"),
    key("append_output[].extra_output", Text, "", "text for the end of the output, with %fields"),
    key("append_output[].extra_fields[]", Any, "[]", "more output_fields: a field's name, or `key: text with %fields`"),
    key("append_output[].suggested_output", Bool, "false", "the container's and pod's names, for rules about system calls"),
    key("static_fields.*", Text, "", "a field that rules and outputs name `static.NAME`"),
    key("stdout_output.enabled", Bool, "false", "alerts on standard output"),
    key("syslog_output.enabled", Bool, "false", "alerts to syslog"),
    key("file_output.enabled", Bool, "false", "alerts to the end of a file"),
    key("file_output.keep_alive", Bool, "false", "keep the file open; SIGUSR1 opens it again"),
    key("file_output.filename", Text, "", "the file"),
    key("program_output.enabled", Bool, "false", "alerts to a program's standard input"),
    key("program_output.keep_alive", Bool, "false", "start the program once, not for every alert"),
    key("program_output.program", Text, "", "the command, for `sh -c`"),
    key("http_output.enabled", Bool, "false", "alerts to an HTTP server"),
    key("http_output.url", Text, "", "the server"),
    key("http_output.user_agent", Text, "falcosecurity/falco", "how we introduce ourselves"),
    key("http_output.insecure", Bool, "false", "do not verify the server's certificate"),
    key("http_output.ca_cert", Text, "", "a CA certificate to trust"),
    key("http_output.ca_bundle", Text, "", "a file of CA certificates to trust"),
    key("http_output.ca_path", Text, "/etc/ssl/certs", "a directory of CA certificates to trust"),
    key("http_output.mtls", Bool, "false", "show a certificate of our own"),
    key("http_output.client_cert", Text, "/etc/ssl/certs/client.crt", "our certificate"),
    key("http_output.client_key", Text, "/etc/ssl/certs/client.key", "its key"),
    key("http_output.echo", Bool, "false", "print what the server answers"),
    key("http_output.compress_uploads", Bool, "false", "gzip"),
    key("http_output.keep_alive", Bool, "false", "TCP keep-alive probes"),
    key("http_output.max_consecutive_timeouts", Integer(0, 255), "5", "how often one alert is tried again after a timeout"),
    key("otlp_output.enabled", Bool, "false", "alerts as logs to an OpenTelemetry collector, OTLP over HTTP; not in Falco"),
    key("otlp_output.endpoint", Text, "http://localhost:4318", "the collector; /v1/logs is added where there is no path"),
    key("otlp_output.headers.*", Text, "", "a header of every request"),
    key("otlp_output.service_name", Text, "lithify-probe", "the resource's service.name"),
    key("otlp_output.resource_attributes.*", Text, "", "one more attribute of the resource"),
    key("otlp_output.insecure", Bool, "false", "do not verify the collector's certificate"),
    key("otlp_output.ca_cert", Text, "", "a CA certificate to trust"),
    key("otlp_output.ca_bundle", Text, "", "a file of CA certificates to trust"),
    key("otlp_output.ca_path", Text, "/etc/ssl/certs", "a directory of CA certificates to trust"),
    key("otlp_output.mtls", Bool, "false", "show a certificate of our own"),
    key("otlp_output.client_cert", Text, "/etc/ssl/certs/client.crt", "our certificate"),
    key("otlp_output.client_key", Text, "/etc/ssl/certs/client.key", "its key"),
    key("otlp_output.compress_uploads", Bool, "false", "gzip"),
    key("otlp_output.timeout", Integer(1, 3_600_000), "10000", "milliseconds that one request may take"),
    key("otlp_output.max_batch", Integer(1, 65_536), "512", "alerts in one request"),
    key("webserver.enabled", Bool, "false", "health, versions and metrics over HTTP"),
    idle("webserver.threadiness", COUNT, "one thread serves health and metrics"),
    key("webserver.listen_port", PORT, "8765", "the port; 0 takes one that is free"),
    key("webserver.listen_address", Text, "0.0.0.0", "the address"),
    key("webserver.k8s_healthz_endpoint", Text, "/healthz", "the path of the health check"),
    key("webserver.ssl_enabled", Bool, "false", "HTTPS"),
    key("webserver.ssl_certificate", Text, "/etc/falco/falco.pem", "one PEM file with certificate and key"),
    key("webserver.prometheus_metrics_enabled", Bool, "false", "serve /metrics; needs `metrics.enabled`"),
    key("log_stderr", Bool, "false", "our own log on standard error"),
    key("log_syslog", Bool, "true", "our own log to syslog"),
    key("log_level", OneOf(LEVELS), "info", "less urgent lines are not logged"),
    idle("libs_logger.enabled", Bool, NO_LIBS),
    idle("libs_logger.severity", Text, NO_LIBS),
    key("output_timeout", Integer(1, 3_600_000), "2000", "milliseconds after which an output counts as blocked"),
    idle("syscall_event_timeouts.max_consecutives", COUNT, "a quiet kernel is no error"),
    key("syscall_event_drops.threshold", Number, "0.1", "the share of events that may be lost in a second before anything is done"),
    key("syscall_event_drops.actions", Words(ACTIONS), "[log, alert]", "what is done when events are lost"),
    key("syscall_event_drops.rate", Number, "0.03333", "how often that is done, per second"),
    key("syscall_event_drops.max_burst", Number, "1", "how often that is done at once"),
    key("syscall_event_drops.simulate_drops", Bool, "false", "pretend that events are lost, to see the actions"),
    key("metrics.enabled", Bool, "false", "count, and show it at /metrics, as alerts or in a file"),
    key("metrics.interval", Text, "5000", "how often: 30s, 15m, 1h, or a number of milliseconds"),
    key("metrics.output_rule", Bool, "false", "as alerts of the rule `Falco internal: metrics snapshot`"),
    key("metrics.output_file", Text, "", "as JSON lines to the end of this file"),
    key("metrics.rules_counters_enabled", Bool, "true", "alerts by rule"),
    key("metrics.resource_utilization_enabled", Bool, "true", "our CPU time and memory"),
    key("metrics.state_counters_enabled", Bool, "true", "processes that are known"),
    key("metrics.kernel_event_counters_enabled", Bool, "true", "events that the kernel sent, lost and left out"),
    key("metrics.kernel_event_counters_per_cpu_enabled", Bool, "false", "events sent and lost, by CPU"),
    idle("metrics.kernel_iter_event_counters_enabled", Bool, "no BPF iterators are used"),
    idle("metrics.libbpf_stats_enabled", Bool, "the probe does without libbpf; `bpftool prog show` has its programs' statistics"),
    idle("metrics.plugins_metrics_enabled", Bool, "the built-in plugins have their counters among the others"),
    idle("metrics.jemalloc_stats_enabled", Bool, "jemalloc is not used"),
    key("metrics.convert_memory_to_mb", Bool, "true", "memory in MB instead of bytes, in alerts and files"),
    key("metrics.include_empty_values", Bool, "false", "also what is zero or empty"),
    key("base_syscalls.custom_set", Texts, "[]", "system calls that are watched beside those that rules need; `!name` is not watched"),
    met("base_syscalls.repair", Bool, "false", "only the calls that keep the state: nothing else is ever traced for it"),
    key("base_syscalls.all", Bool, "false", "rules without event types also see reads, writes and the like"),
    key("falco_libs.thread_table_size", Integer(1, 1 << 24), "65536", "processes that are kept in mind"),
    key("falco_libs.snaplen", Integer(0, 4096), "80", "bytes kept of buffers that calls read and write"),
    idle("falco_libs.thread_table_auto_purging_interval_s", COUNT, "processes are forgotten when they exit"),
    idle("falco_libs.thread_table_auto_purging_thread_timeout_s", COUNT, "processes are forgotten when they exit"),
    idle("container_engines.docker", Any, RUNTIMES),
    key("container_engines.cri", Any, "", "`enabled`, and `sockets` of runtimes to ask for names and images of containers and pods, as in the container plugin's init_config under `engines`"),
    idle("container_engines.podman", Any, RUNTIMES),
    idle("container_engines.lxc", Any, RUNTIMES),
    idle("container_engines.libvirt_lxc", Any, RUNTIMES),
    idle("container_engines.bpm", Any, RUNTIMES),
    idle("grpc", Any, NO_GRPC),
    idle("grpc_output", Any, NO_GRPC),
    idle("outputs.rate", Number, "Falco has no throttle any more either"),
    idle("outputs.max_burst", Number, "Falco has no throttle any more either"),
    idle("syscall_buf_size_preset", COUNT, NO_DRIVER),
    idle("syscall_drop_failed_exit", Bool, NO_DRIVER),
    idle("modern_bpf.cpus_for_each_syscall_buffer", COUNT, NO_DRIVER),
    idle("metadata_download", Any, "pods are told by their containers' labels, without the API"),
];

/// The row of a path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_path_stands_once() {
        let mut seen = HashSet::new();
        assert!(KEYS.iter().all(|key| seen.insert(key.path)));
    }
}
