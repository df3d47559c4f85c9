//! From values to the settings of outputs.

use std::path::PathBuf;
use std::time::Duration;

use crate::alert::Format;
use crate::http::ClientTls;
use crate::output;

use super::problem::{Problem, Sources};
use super::values::Values;

/// Every output's settings.
///
/// # Errors
/// An output is enabled without what it needs.
pub(super) fn outputs(values: Values<'_>, sources: &Sources) -> Result<output::Settings, Vec<Problem>> {
    let mut missing = Vec::new();
    for (output, key) in [("file_output", "filename"), ("program_output", "program"), ("http_output", "url")]
    {
        let needed = format!("{output}.{key}");
        if values.flag(&format!("{output}.enabled")) && values.some_text(&needed).is_none() {
            let place = values.place(&format!("{output}.enabled"));
            missing.push(sources.problem(place, format!("{output} is enabled, but has no `{needed}`")));
        }
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    Ok(output::Settings {
        format: format(values),
        queue_capacity: usize::try_from(values.integer("outputs_queue.capacity")).unwrap_or(usize::MAX),
        timeout: values.milliseconds("output_timeout"),
        buffered: values.flag("buffered_outputs"),
        stdout: output::Stdout { enabled: values.flag("stdout_output.enabled") },
        file: output::File {
            enabled: values.flag("file_output.enabled"),
            filename: PathBuf::from(values.text("file_output.filename")),
            keep_alive: values.flag("file_output.keep_alive"),
        },
        syslog: output::Syslog { enabled: values.flag("syslog_output.enabled"), ..output::Syslog::default() },
        program: output::Program {
            enabled: values.flag("program_output.enabled"),
            program: values.text("program_output.program"),
            keep_alive: values.flag("program_output.keep_alive"),
        },
        http: http(values),
        otlp: otlp(values),
    })
}

fn format(values: Values<'_>) -> Format {
    Format {
        json: values.flag("json_output"),
        include_output: values.flag("json_include_output_property"),
        include_message: values.flag("json_include_message_property"),
        include_output_fields: values.flag("json_include_output_fields_property"),
        include_tags: values.flag("json_include_tags_property"),
        time_iso_8601: values.flag("time_format_iso_8601"),
        ..Format::default()
    }
}

fn http(values: Values<'_>) -> output::Http {
    output::Http {
        enabled: values.flag("http_output.enabled"),
        url: values.text("http_output.url"),
        user_agent: values.text("http_output.user_agent"),
        tls: tls(values, "http_output"),
        echo: values.flag("http_output.echo"),
        compress_uploads: values.flag("http_output.compress_uploads"),
        keep_alive: values.flag("http_output.keep_alive"),
        max_consecutive_timeouts: u8::try_from(values.integer("http_output.max_consecutive_timeouts"))
            .unwrap_or(u8::MAX),
        ..output::Http::default()
    }
}

fn otlp(values: Values<'_>) -> output::Otlp {
    output::Otlp {
        enabled: values.flag("otlp_output.enabled"),
        endpoint: values.text("otlp_output.endpoint"),
        headers: values.pairs("otlp_output.headers"),
        service_name: values.text("otlp_output.service_name"),
        resource_attributes: values.pairs("otlp_output.resource_attributes"),
        tls: tls(values, "otlp_output"),
        compress_uploads: values.flag("otlp_output.compress_uploads"),
        timeout: Duration::from_millis(values.integer("otlp_output.timeout")),
        max_batch: usize::try_from(values.integer("otlp_output.max_batch")).unwrap_or(usize::MAX),
    }
}

fn tls(values: Values<'_>, output: &str) -> ClientTls {
    let of = |key: &str| format!("{output}.{key}");
    ClientTls {
        insecure: values.flag(&of("insecure")),
        ca_cert: values.some_text(&of("ca_cert")).map(PathBuf::from),
        ca_bundle: values.some_text(&of("ca_bundle")).map(PathBuf::from),
        ca_path: PathBuf::from(values.text(&of("ca_path"))),
        mtls: values.flag(&of("mtls")),
        client_cert: PathBuf::from(values.text(&of("client_cert"))),
        client_key: PathBuf::from(values.text(&of("client_key"))),
    }
}
