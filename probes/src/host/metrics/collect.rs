//! The numbers at one moment.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::super::account::Account;
use super::own_process::usage;
use super::{Kind, Loaded, Metric, Number, Registry};
use crate::Counted;
use crate::config::Metrics;

/// A number that the table names.
fn number(name: &'static str, field: &str, kind: Kind, value: u64) -> Metric {
    let field = (!field.is_empty()).then(|| field.to_owned());
    Metric { name, field, labels: Vec::new(), kind, value: Number::Whole(value) }
}

fn real(name: &'static str, field: &str, value: f64) -> Metric {
    Metric {
        name,
        field: Some(field.to_owned()),
        labels: Vec::new(),
        kind: Kind::Gauge,
        value: Number::Real(value),
    }
}

fn info(name: &'static str, field: String, labels: Vec<(&'static str, String)>, text: String) -> Metric {
    Metric { name, field: Some(field), labels, kind: Kind::Gauge, value: Number::Info(text) }
}

impl Registry {
    pub(super) fn collect(&self, settings: &Metrics) -> Vec<Metric> {
        let mut all = self.about_us();
        self.about_outputs(&mut all);
        self.about_receivers(&mut all);
        if settings.rules {
            self.about_rules(&mut all);
        }
        if settings.resources {
            self.about_resources(&mut all);
        }
        if settings.kernel {
            about_kernel(&self.kernel.account(), settings.kernel_per_cpu, &mut all);
        }
        if settings.state {
            let (known, refused) = (&self.kernel.processes, &self.kernel.processes_refused);
            all.extend([
                number("falcosecurity_scap_n_threads", "scap.n_threads", Kind::Gauge, known.load(Relaxed)),
                number(
                    "falcosecurity_scap_n_drops_full_threadtable_total",
                    "scap.n_drops_full_threadtable",
                    Kind::Counter,
                    refused.load(Relaxed),
                ),
            ]);
        }
        all
    }

    fn about_us(&self) -> Vec<Metric> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let release =
            std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
        let hostname = self.hostname.to_string();
        let cpus = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let duration = self.started.elapsed().as_secs();
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = vec![
            info(
                "falcosecurity_falco_version_info",
                "falco.version".into(),
                vec![("version", version.clone())],
                version,
            ),
            info(
                "falcosecurity_falco_kernel_release_info",
                "falco.kernel_release".into(),
                vec![("kernel_release", release.clone())],
                release,
            ),
            info(
                "falcosecurity_evt_hostname_info",
                "evt.hostname".into(),
                vec![("hostname", hostname.clone())],
                hostname,
            ),
            number(
                "falcosecurity_falco_start_timestamp_nanoseconds",
                "falco.start_ts",
                Kind::Gauge,
                self.start_ns,
            ),
            number(
                "falcosecurity_falco_reload_timestamp_nanoseconds",
                "falco.reload_ts",
                Kind::Gauge,
                loaded.reload_ns,
            ),
            number(
                "falcosecurity_falco_duration_seconds_total",
                "falco.duration_sec",
                Kind::Counter,
                duration,
            ),
            number("falcosecurity_falco_host_num_cpus_total", "falco.host_num_cpus", Kind::Gauge, cpus),
            number(
                "falcosecurity_falco_host_boot_timestamp_nanoseconds",
                "falco.host_boot_ts",
                Kind::Gauge,
                boot_ns(),
            ),
            number("lithify_probe_rules", "lithify.rules", Kind::Gauge, loaded.rules),
        ];
        self.about_events(&mut all);
        about_files(&loaded, &mut all);
        all
    }

    fn about_events(&self, all: &mut Vec<Metric>) {
        for (result, count) in [("ok", &self.reloads), ("failed", &self.failed_reloads)] {
            let mut metric = number(
                "lithify_probe_reloads_total",
                &format!("lithify.reloads.{result}"),
                Kind::Counter,
                count.load(Relaxed),
            );
            metric.labels.push(("result", result.to_owned()));
            all.push(metric);
        }
        for (source, count) in [("k8s_audit", &self.audit_events), ("replay", &self.replayed_events)] {
            let mut metric = number(
                "lithify_probe_events_total",
                &format!("lithify.events.{source}"),
                Kind::Counter,
                count.load(Relaxed),
            );
            metric.labels.push(("source", source.to_owned()));
            all.push(metric);
        }
    }

    fn about_outputs(&self, all: &mut Vec<Metric>) {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner).clone();
        let counters = slot.map(|slot| slot.get().outputs.counters()).unwrap_or_default();
        let dropped = counters.iter().map(|counter| counter.dropped + counter.failed).sum();
        all.push(number(
            "falcosecurity_falco_outputs_queue_num_drops_total",
            "falco.outputs_queue_num_drops",
            Kind::Counter,
            dropped,
        ));
        for counter in &counters {
            for (name, what, kind, value) in [
                ("lithify_probe_output_queued", "queued", Kind::Gauge, counter.queued as u64),
                ("lithify_probe_output_delivered_total", "delivered", Kind::Counter, counter.delivered),
                ("lithify_probe_output_dropped_total", "dropped", Kind::Counter, counter.dropped),
                ("lithify_probe_output_failed_total", "failed", Kind::Counter, counter.failed),
                ("lithify_probe_output_blocked_total", "blocked", Kind::Counter, counter.blocked),
            ] {
                let mut metric =
                    number(name, &format!("lithify.output.{}.{what}", counter.output), kind, value);
                metric.labels.push(("output", counter.output.to_owned()));
                all.push(metric);
            }
        }
    }

    fn about_receivers(&self, all: &mut Vec<Metric>) {
        let audit = self.audit.read().unwrap_or_else(PoisonError::into_inner);
        for counter in audit.as_ref().map(|counters| counters()).unwrap_or_default() {
            let lost = counter.lost;
            for (name, value) in [
                ("lithify_probe_audit_events_total", counter.events),
                ("lithify_probe_audit_refused_requests_total", counter.refused),
                ("lithify_probe_audit_oversized_events_total", lost.oversized),
                ("lithify_probe_audit_malformed_events_total", lost.malformed),
                ("lithify_probe_audit_missing_logs_total", lost.missing_logs),
            ] {
                let mut metric = number(name, "", Kind::Counter, value);
                metric.labels.push(("receiver", counter.receiver.clone()));
                all.push(metric);
            }
        }
    }

    fn about_rules(&self, all: &mut Vec<Metric>) {
        let mut total = 0;
        for rule in self.rules.all() {
            total += rule.count();
            let field =
                format!("falco.rules.{}", rule.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
            let mut metric =
                number("falcosecurity_falco_rules_matches_total", &field, Kind::Counter, rule.count());
            metric.labels = vec![
                // Falco writes the number of the priority.
                ("priority", (rule.priority as usize).to_string()),
                ("rule_name", rule.name.clone()),
                ("source", rule.source.name().to_owned()),
                ("tags", rule.tags.clone()),
            ];
            all.push(metric);
        }
        all.push(number("lithify_probe_alerts_total", "falco.rules.matches_total", Kind::Counter, total));
    }

    fn about_resources(&self, all: &mut Vec<Metric>) {
        let usage = usage();
        let wall = self.started.elapsed().as_secs_f64().max(1e-3);
        all.extend([
            real("falcosecurity_falco_cpu_usage_ratio", "falco.cpu_usage_perc", usage.cpu_seconds / wall),
            number("falcosecurity_falco_memory_rss_bytes", "falco.memory_rss", Kind::Gauge, usage.rss_bytes),
            number("falcosecurity_falco_memory_vsz_bytes", "falco.memory_vsz", Kind::Gauge, usage.vsz_bytes),
        ]);
    }
}

/// What became of events, together, by type, and by CPU if that is asked.
fn about_kernel(account: &Account, per_cpu: bool, all: &mut Vec<Metric>) {
    let (total, missed) = (account.total(), account.missed_total());
    let labelled = |name, field: String, label, which: String, value| {
        let mut metric = number(name, &field, Kind::Counter, value);
        metric.labels.push((label, which));
        metric
    };
    all.extend(
        [
            ("falcosecurity_scap_n_evts_total", "scap.n_evts", total.sent),
            ("falcosecurity_scap_n_drops_total", "scap.n_drops", total.dropped + missed),
            ("falcosecurity_scap_n_drops_buffer_total", "scap.n_drops_buffer_total", total.dropped),
            ("lithify_probe_filtered_events_total", "lithify.n_filtered", total.filtered),
            ("lithify_probe_32_bit_calls_total", "lithify.n_32_bit_calls", account.calls_32_bit),
            ("lithify_probe_32_bit_programs_total", "lithify.n_32_bit_programs", account.programs_32_bit),
        ]
        .map(|(name, field, value)| number(name, field, Kind::Counter, value)),
    );
    all.extend(account.dropped.iter().map(|(call, value)| {
        let name = "lithify_probe_dropped_events_total";
        labelled(name, format!("lithify.n_drops.{call}"), "type", (*call).to_owned(), *value)
    }));
    all.extend(account.missed.iter().map(|(program, value)| {
        let name = "lithify_probe_programs_not_run_total";
        labelled(name, format!("lithify.n_not_run.{program}"), "program", (*program).to_owned(), *value)
    }));
    if !per_cpu {
        return;
    }
    let sent: fn(&Counted) -> u64 = |one| one.sent;
    for (name, what, of) in [
        ("falcosecurity_scap_n_evts_cpu_total", "evts", sent),
        ("falcosecurity_scap_n_drops_cpu_total", "drops", |one| one.dropped),
    ] {
        all.extend(account.cpus.iter().enumerate().map(|(cpu, one)| {
            labelled(name, format!("scap.n_{what}_cpu_{cpu}"), "cpu", cpu.to_string(), of(one))
        }));
    }
}

/// What is in force: digests of files, engines of sources.
fn about_files(loaded: &Loaded, all: &mut Vec<Metric>) {
    for (name, field, files) in [
        ("falcosecurity_falco_sha256_rules_files_info", "falco.sha256_rules_file", &loaded.files.rules_files),
        (
            "falcosecurity_falco_sha256_config_files_info",
            "falco.sha256_config_file",
            &loaded.files.config_files,
        ),
    ] {
        all.extend(files.iter().map(|(path, digest)| digest_info(name, field, path, digest)));
    }
    for (source, engine) in &loaded.sources {
        let labels = vec![("engine_name", (*engine).to_owned()), ("evt_source", (*source).to_owned())];
        all.push(info(
            "falcosecurity_scap_engine_name_info",
            format!("scap.engine_name.{source}"),
            labels,
            (*engine).to_owned(),
        ));
    }
}

fn digest_info(name: &'static str, field: &str, path: &Path, digest: &str) -> Metric {
    let file: PathBuf = path.file_name().map_or_else(|| path.to_owned(), PathBuf::from);
    let (file, stem) = (file.display().to_string(), file.with_extension("").display().to_string());
    info(
        name,
        format!("{field}.{stem}"),
        vec![("file_name", file), ("sha256", digest.to_owned())],
        digest.to_owned(),
    )
}

fn boot_ns() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let ns = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    u64::try_from(ns(ClockId::Realtime) - ns(ClockId::Boottime)).unwrap_or(0)
}
