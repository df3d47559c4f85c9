//! Plans over small manifests, one trap each.

use serde_json::{Value, json};

use super::*;
use crate::edit::apply;

/// A pod with this apiserver container and these volumes.
fn pod(container: &Value, volumes: &Value) -> Value {
    let mut container = container.clone();
    container["name"] = json!("kube-apiserver");
    if container.get("command").is_none() {
        container["command"] = json!(["kube-apiserver"]);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kube-apiserver"},
        "spec": {"containers": [container], "volumes": volumes}})
}

fn plain() -> Value {
    pod(&json!({}), &json!([]))
}

fn log_at(path: &str) -> Settings {
    Settings {
        log: Some(LogBackend { path: Some(path.to_owned()), ..LogBackend::default() }),
        ..Settings::default()
    }
}

fn policy_at(path: &str) -> Settings {
    Settings { policy_file: Some(path.to_owned()), ..Settings::default() }
}

fn after(pod: &Value, settings: &Settings) -> (Plan, Value) {
    let plan = plan(pod, settings).unwrap();
    let mut result = pod.clone();
    apply(&plan.ops, &mut result).unwrap();
    let again = super::plan(&result, settings).unwrap();
    assert_eq!((again.ops, again.changes), (vec![], vec![]), "planned again on its result");
    (plan, result)
}

fn error(pod: &Value, settings: &Settings) -> String {
    plan(pod, settings).unwrap_err().to_string()
}

fn mounts_of(pod: &Value) -> &Value {
    &pod["spec"]["containers"][0]["volumeMounts"]
}

#[test]
fn adds_lists_that_are_not_there() {
    let mut bare = plain();
    bare["spec"].as_object_mut().unwrap().remove("volumes");
    let (_, result) = after(&bare, &Settings::default());
    assert_eq!(
        result["spec"]["volumes"],
        json!([
            {"hostPath": {"path": "/etc/kubernetes/audit-policy.yaml", "type": "File"}, "name": "audit-policy"},
            {"hostPath": {"path": "/var/log/kubernetes/audit", "type": "DirectoryOrCreate"}, "name": "audit-log"},
        ])
    );
    assert_eq!(
        *mounts_of(&result),
        json!([
            {"mountPath": "/etc/kubernetes/audit-policy.yaml", "name": "audit-policy", "readOnly": true},
            {"mountPath": "/var/log/kubernetes/audit", "name": "audit-log"},
        ])
    );
}

#[test]
fn standard_output_needs_no_volume() {
    let (plan, result) = after(&plain(), &log_at("-"));
    assert_eq!(plan.log, None);
    assert_eq!(result["spec"]["volumes"].as_array().unwrap().len(), 1);
    let command =
        ["kube-apiserver", "--audit-policy-file=/etc/kubernetes/audit-policy.yaml", "--audit-log-path=-"];
    assert_eq!(result["spec"]["containers"][0]["command"], json!(command));
}

#[test]
fn reuses_a_mount_that_covers_the_path_and_follows_it_to_the_host() {
    let mounts = json!([{"name": "logs", "mountPath": "/var/log/kubernetes"}, {"name": "etc", "mountPath": "/etc/kubernetes", "readOnly": true}]);
    let volumes = json!([{"name": "logs", "hostPath": {"path": "/data/logs"}}, {"name": "etc", "hostPath": {"path": "/etc/kubernetes"}}]);
    let (plan, result) = after(&pod(&json!({"volumeMounts": mounts}), &volumes), &Settings::default());
    assert_eq!((mounts_of(&result), &result["spec"]["volumes"]), (&mounts, &volumes));
    assert_eq!(plan.log.unwrap().host_path.as_str(), "/data/logs/audit/audit.log");
    assert_eq!(plan.policy.host_path.as_str(), "/etc/kubernetes/audit-policy.yaml");
}

#[test]
fn reuses_a_volume_that_is_not_mounted() {
    let volumes =
        json!([{"name": "mine", "hostPath": {"path": "/var/log/kubernetes/audit", "type": "Directory"}}]);
    let (plan, result) = after(&pod(&json!({}), &volumes), &Settings::default());
    assert_eq!(mounts_of(&result)[1], json!({"mountPath": "/var/log/kubernetes/audit", "name": "mine"}));
    assert!(
        plan.changes
            .iter()
            .any(|change| matches!(change, Change::MountAdded { volume, .. } if volume == "mine"))
    );
}

#[test]
fn takes_another_name_where_one_is_taken() {
    let volumes = json!([{"name": "audit-log", "emptyDir": {}}, {"name": "audit-policy", "hostPath": {"path": "/x"}}, {"name": "audit-policy-2"}]);
    let (_, result) = after(&pod(&json!({}), &volumes), &Settings::default());
    assert_eq!(mounts_of(&result)[0]["name"], "audit-policy-3");
    assert_eq!(mounts_of(&result)[1]["name"], "audit-log-2");
}

#[test]
fn a_read_only_mount_over_the_log_is_an_error_with_its_place() {
    let mounts = json!([{"name": "etc", "mountPath": "/etc/kubernetes", "readOnly": true}]);
    let pod = pod(
        &json!({"volumeMounts": mounts}),
        &json!([{"name": "etc", "hostPath": {"path": "/etc/kubernetes"}}]),
    );
    let error = plan(&pod, &log_at("/etc/kubernetes/logs/audit.log")).unwrap_err();
    assert!(matches!(error, PlanError::ReadOnlyLog(_)), "{error}");
    assert_eq!(error.pointer().unwrap().to_string(), "/spec/containers/0/volumeMounts/0");
}

#[test]
fn a_volume_that_is_not_of_the_host_is_an_error() {
    let mounts = json!([{"name": "cm", "mountPath": "/etc/kubernetes/audit"}, {"name": "tmp", "mountPath": "/logs"}, {"name": "no", "mountPath": "/no"}]);
    let volumes = json!([{"name": "cm", "configMap": {"name": "x"}}, {"name": "tmp", "emptyDir": {}}]);
    let pod = pod(&json!({"volumeMounts": mounts}), &volumes);
    assert!(
        error(&pod, &policy_at("/etc/kubernetes/audit/policy.yaml")).contains("a static pod cannot have")
    );
    assert!(error(&pod, &log_at("/logs/audit.log")).contains("ends with the pod"));
    assert!(error(&pod, &log_at("/no/audit.log")).contains("does not exist"));
}

#[test]
fn a_log_mounted_as_a_file_gets_its_directory() {
    let mounts = json!([{"name": "log", "mountPath": "/var/log/audit/a.log", "readOnly": false}]);
    let volumes = json!([{"name": "log", "hostPath": {"path": "/data/a.log", "type": "FileOrCreate"}}]);
    let (plan, result) =
        after(&pod(&json!({"volumeMounts": mounts}), &volumes), &log_at("/var/log/audit/a.log"));
    assert_eq!(mounts_of(&result)[0], json!({"name": "log", "mountPath": "/var/log/audit"}));
    assert_eq!(
        result["spec"]["volumes"][0]["hostPath"],
        json!({"path": "/data", "type": "DirectoryOrCreate"})
    );
    assert_eq!(plan.log.unwrap().host_path.as_str(), "/data/a.log");
}

#[test]
fn a_volume_whose_path_changes_is_not_taken_for_the_old_one() {
    let mounts = json!([{"name": "log", "mountPath": "/var/log/audit/a.log", "subPath": "a"}]);
    let volumes = json!([{"name": "log", "hostPath": {"path": DEFAULT_WEBHOOK_CONFIG}}]);
    let settings = Settings { webhook: Some(WebhookBackend::default()), ..log_at("/var/log/audit/a.log") };
    let (plan, result) = after(&pod(&json!({"volumeMounts": mounts}), &volumes), &settings);
    let mounts = super::mounts(&Apiserver::locate(&result).unwrap()).unwrap();
    let path = plan.webhook_config.unwrap().container_path;
    assert_eq!(covering(&mounts, &path).unwrap().host_path(&path).unwrap().as_str(), DEFAULT_WEBHOOK_CONFIG);
}

#[test]
fn a_log_mounted_as_a_file_never_gives_the_hosts_own_directory_away() {
    let mounts = json!([{"name": "log", "mountPath": "/logs/audit.log"}]);
    let volumes = json!([{"name": "log", "hostPath": {"path": "/etc/kubernetes/audit.log"}}]);
    let pod = pod(&json!({"volumeMounts": mounts}), &volumes);
    assert!(error(&pod, &log_at("/logs/audit.log")).contains("all of the host's /etc/kubernetes writable"));
}

#[test]
fn a_log_mounted_as_a_file_below_its_mounted_directory_goes() {
    let mounts = json!([{"name": "dir", "mountPath": "/var/log/audit"}, {"name": "log", "mountPath": "/var/log/audit/a.log"}]);
    let volumes = json!([{"name": "log", "hostPath": {"path": "/data/a.log"}}, {"name": "dir", "hostPath": {"path": "/audit"}}]);
    let (plan, result) =
        after(&pod(&json!({"volumeMounts": mounts}), &volumes), &log_at("/var/log/audit/a.log"));
    assert_eq!(mounts_of(&result).as_array().unwrap()[0], mounts[0]);
    assert!(result["spec"]["volumes"].as_array().unwrap().iter().all(|volume| volume["name"] != "log"));
    assert_eq!(plan.log.unwrap().host_path.as_str(), "/audit/a.log");
}

#[test]
fn a_shared_log_directory_is_honoured_with_a_warning_and_the_better_path() {
    let (plan, result) = after(&plain(), &log_at("/var/log/k8-audit.log"));
    assert_eq!(mounts_of(&result)[1], json!({"mountPath": "/var/log", "name": "audit-log"}));
    let warning = plan.warnings[0].to_string();
    assert!(warning.contains("all of /var/log becomes writable"), "{warning}");
    assert!(warning.contains("--audit-log-path /var/log/kubernetes/audit/k8-audit.log"), "{warning}");
}

#[test]
fn refuses_paths_that_would_do_harm() {
    for path in [
        "audit.log",
        "/var/../audit.log",
        "/audit.log",
        "/etc/audit.log",
        "/etc/kubernetes/audit.log",
        "/etc/kubernetes/manifests/audit.log",
        "/etc/kubernetes/pki/audit.log",
        "/usr/local/bin/audit.log",
        "/proc/a.log",
        "",
    ] {
        assert!(plan(&plain(), &log_at(path)).is_err(), "log at `{path}`");
    }
    for path in [
        "policy.yaml",
        "/etc/kubernetes/manifests/policy.yaml",
        "/etc/kubernetes",
        "/",
        "/tmp/policy.yaml",
        "/etc/kubernetes/pki/ca.crt",
        "/run/policy.yaml",
        "/etc/kubernetes/../policy.yaml",
        "/etc/a:b",
    ] {
        assert!(plan(&plain(), &policy_at(path)).is_err(), "policy at `{path}`");
    }
}

#[test]
fn never_takes_the_file_of_another_flag() {
    let command = json!(["kube-apiserver", "--encryption-provider-config=/etc/kubernetes/enc.yaml"]);
    let pod = pod(&json!({"command": command}), &json!([]));
    assert!(
        error(&pod, &policy_at("/etc/kubernetes/enc.yaml"))
            .contains("the file of `--encryption-provider-config`")
    );
    let mut same = log_at("/etc/kubernetes/audit/x");
    same.policy_file = Some("/etc/kubernetes/audit/x".to_owned());
    assert!(error(&plain(), &same).contains("it is also `--audit-policy-file`"));
}

#[test]
fn a_policy_among_the_keys_is_kept_with_a_warning() {
    let command = json!(["kube-apiserver", "--audit-policy-file=/etc/kubernetes/pki/audit.yaml"]);
    let (plan, _) = after(&pod(&json!({"command": command}), &json!([])), &Settings::default());
    assert!(matches!(plan.warnings[0], Warning::AmongCertificates { .. }));
    assert!(plan.changes.iter().all(|change| !matches!(change, Change::FlagChanged { .. })));
}

#[test]
fn both_backends_at_once() {
    let settings = Settings {
        webhook: Some(WebhookBackend { config_file: None, config_hash: Some("w".to_owned()) }),
        extra_flags: vec![ExtraFlag::parse("audit-webhook-mode=blocking").unwrap()],
        policy_hash: Some("p".to_owned()),
        ..Settings::default()
    };
    let (plan, result) = after(&plain(), &settings);
    let annotations =
        json!({"lithify.dev/audit-policy-sha256": "p", "lithify.dev/audit-webhook-sha256": "w"});
    assert_eq!(result["metadata"]["annotations"], annotations);
    assert_eq!(plan.webhook_config.unwrap().container_path.as_str(), DEFAULT_WEBHOOK_CONFIG);
    assert!(plan.warnings.is_empty());
}

#[test]
fn a_webhook_alone_leaves_the_log_backend_as_it_is() {
    let settings = Settings { log: None, webhook: Some(WebhookBackend::default()), ..Settings::default() };
    let (plan, result) = after(&plain(), &settings);
    assert_eq!(plan.log, None);
    assert!(!result.to_string().contains("audit-log"));
}

#[test]
fn an_extra_flag_of_a_backend_that_is_off_is_said() {
    let flag = ExtraFlag::parse("audit-webhook-mode=batch").unwrap();
    let (plan, _) = after(&plain(), &Settings { extra_flags: vec![flag], ..Settings::default() });
    assert_eq!(
        plan.warnings[0].to_string(),
        "--audit-webhook-mode has no effect without --audit-webhook-config-file"
    );
}

#[test]
fn a_new_policy_only_restarts() {
    let settings = |hash: &str| Settings { policy_hash: Some(hash.to_owned()), ..Settings::default() };
    let (first, patched) = after(&plain(), &settings("a"));
    let (second, _) = after(&patched, &settings("b"));
    assert!(!first.only_restarts() && second.only_restarts());
    assert_eq!(
        second.changes[0].to_string(),
        "set annotation lithify.dev/audit-policy-sha256, so that the kubelet restarts it"
    );
}

#[test]
fn what_the_apiserver_refuses_is_refused_before() {
    let command = json!(["kube-apiserver", "--audit-log-mode=async"]);
    let error = plan(&pod(&json!({"command": command}), &json!([])), &Settings::default()).unwrap_err();
    assert_eq!(error.pointer().unwrap().to_string(), "/spec/containers/0/command/1");
    let flag = ExtraFlag::parse("audit-log-truncate-max-event-size=99999999").unwrap();
    let settings = Settings { extra_flags: vec![flag], ..Settings::default() };
    assert!(matches!(plan(&plain(), &settings), Err(PlanError::Contradiction(_))));
}

#[test]
fn runs_as_the_user_of_a_rootless_control_plane() {
    let mut pod = plain();
    pod["spec"]["securityContext"] = json!({"runAsUser": 999, "runAsGroup": 998});
    assert_eq!(after(&pod, &Settings::default()).0.runs_as, Owner { uid: 999, gid: 998 });
}
