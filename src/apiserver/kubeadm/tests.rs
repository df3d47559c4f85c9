//! Plans over small configurations; those that real kubeadms read are in `fixtures/apiserver.rs`.

use super::super::settings::{LogBackend, WebhookBackend};
use super::*;

fn config(api: &str, api_server: &Value) -> Value {
    json!({"apiVersion": format!("kubeadm.k8s.io/{api}"), "kind": "ClusterConfiguration", "apiServer": api_server})
}

fn after(config: &Value, settings: &Settings) -> (ConfigPlan, Value) {
    let plan = plan(std::slice::from_ref(config), settings).unwrap();
    let mut result = config.clone();
    edit::apply(&plan.ops, &mut result).unwrap();
    let again = super::plan(&[result.clone()], settings).unwrap();
    assert_eq!((again.ops, again.changes), (vec![], vec![]), "planned again on its result");
    (plan, result)
}

#[test]
fn writes_a_mapping_in_v1beta3_and_a_list_in_v1beta4() {
    let (_, result) = after(&config("v1beta3", &Value::Null), &Settings::default());
    assert_eq!(result["apiServer"]["extraArgs"]["audit-log-maxage"], "30");
    let (_, result) = after(&config("v1beta4", &json!({})), &Settings::default());
    assert_eq!(result["apiServer"]["extraArgs"][2], json!({"name": "audit-log-maxage", "value": "30"}));
    let policy = json!({"name": "audit-policy", "hostPath": "/etc/kubernetes/audit-policy.yaml",
        "mountPath": "/etc/kubernetes/audit-policy.yaml", "readOnly": true, "pathType": "File"});
    assert_eq!(result["apiServer"]["extraVolumes"][0], policy);
}

#[test]
fn changes_and_folds_arguments_where_they_stand() {
    let arguments = json!([{"name": "audit-log-maxage", "value": "1"}, {"name": "v", "value": "4"}, {"name": "audit_log_maxage", "value": "7"}]);
    let (plan, result) = after(&config("v1beta4", &json!({"extraArgs": arguments})), &Settings::default());
    assert_eq!(result["apiServer"]["extraArgs"][0], json!({"name": "v", "value": "4"}));
    assert_eq!(result["apiServer"]["extraArgs"][1], json!({"name": "audit_log_maxage", "value": "30"}));
    assert!(plan.changes.iter().any(|change| matches!(change, Change::FlagFolded { .. })));
    let (_, result) = after(
        &config("v1beta3", &json!({"extraArgs": {"audit-log-maxage": "7", "v": "4"}})),
        &Settings::default(),
    );
    assert_eq!(result["apiServer"]["extraArgs"]["audit-log-maxage"], "30");
}

#[test]
fn reuses_extra_volumes_and_never_two_of_one_name() {
    let volumes = json!([{"name": "audit-policy", "hostPath": "/x", "mountPath": "/x"},
        {"name": "logs", "hostPath": "/var/log/kubernetes/audit", "mountPath": "/logs"}]);
    let (_, result) = after(&config("v1beta4", &json!({"extraVolumes": volumes})), &Settings::default());
    let names: Vec<_> =
        result["apiServer"]["extraVolumes"].as_array().unwrap().iter().map(|v| v["name"].clone()).collect();
    assert_eq!(names, ["audit-policy", "logs", "audit-policy-2", "audit-log"]);
}

#[test]
fn a_log_mounted_as_a_file_gets_its_directory() {
    let volumes = json!([{"name": "log", "hostPath": "/data/a.log", "mountPath": "/var/log/audit/a.log", "readOnly": true, "pathType": "FileOrCreate"}]);
    let log = LogBackend { path: Some("/var/log/audit/a.log".to_owned()), ..LogBackend::default() };
    let (_, result) = after(
        &config("v1beta4", &json!({"extraVolumes": volumes})),
        &Settings { log: Some(log), ..Settings::default() },
    );
    let expected = json!({"name": "log", "hostPath": "/data", "mountPath": "/var/log/audit", "pathType": "DirectoryOrCreate"});
    assert_eq!(result["apiServer"]["extraVolumes"][0], expected);
}

#[test]
fn each_wrong_file_gets_its_own_error() {
    let error = |documents: &[Value]| plan(documents, &Settings::default()).unwrap_err();
    let init = json!({"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration"});
    assert_eq!(error(&[json!({"kind": "Pod"})]), KubeadmError::NotKubeadm);
    assert_eq!(error(&[init]), KubeadmError::NoCluster { kinds: vec!["InitConfiguration".to_owned()] });
    let old = error(&[config("v1beta2", &json!({}))]);
    assert!(old.to_string().contains("kubeadm config migrate"), "{old}");
    assert!(matches!(error(&[config("v1beta5", &json!({}))]), KubeadmError::UnknownApi { .. }));
    let two = [config("v1beta4", &json!({})), config("v1beta4", &json!({}))];
    assert_eq!(error(&two), KubeadmError::SeveralClusters);
    let number = error(&[config("v1beta3", &json!({"extraArgs": {"v": 4}}))]);
    assert_eq!(number.pointer().unwrap().to_string(), "/apiServer/extraArgs/v");
    let mapping = error(&[config("v1beta4", &json!({"extraArgs": {"v": "4"}}))]);
    assert_eq!(mapping.to_string(), "`/apiServer/extraArgs` is a mapping, expected a list");
}

#[test]
fn knows_where_the_keys_are() {
    let mut config = config("v1beta4", &json!({}));
    config["certificatesDir"] = json!("/etc/kubernetes/ssl");
    let settings =
        Settings { policy_file: Some("/etc/kubernetes/ssl/policy.yaml".to_owned()), ..Settings::default() };
    assert!(plan(&[config], &settings).unwrap_err().to_string().contains("for the cluster's keys"));
}

#[test]
fn warns_of_a_rootless_control_plane() {
    let mut config = config("v1beta4", &json!({}));
    config["featureGates"] = json!({"RootlessControlPlane": true});
    let (plan, _) = after(&config, &Settings::default());
    assert!(matches!(plan.warnings[..], [Warning::Rootless { log: Some(_) }]));
}

#[test]
fn the_patches_file_adds_to_the_end_of_lists_only() {
    let settings = Settings {
        policy_hash: Some("abc".to_owned()),
        webhook: Some(WebhookBackend::default()),
        ..Settings::default()
    };
    let text = patches::text(&patches::plan(&settings).unwrap());
    assert!(text.contains("- op: test\n  path: /spec/containers/0/name\n"), "{text}");
    assert!(
        text.contains("  path: /metadata/annotations/lithify.dev~1audit-policy-sha256\n  value: \"abc\"\n"),
        "{text}"
    );
    let paths: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  path: ")).skip(1).collect();
    assert!(
        paths.iter().all(|path| path.ends_with("/-") || path.starts_with("/metadata/annotations/")),
        "{paths:?}"
    );
}

#[test]
fn finds_patches_that_do_not_go_together() {
    let plan = patches::plan(&Settings::default()).unwrap();
    let conflicts = |name: &str, document: Value| {
        let file = patches::PatchFile { name: name.to_owned(), documents: vec![document] };
        patches::conflicts(&[file], &plan)
    };
    let command =
        json!({"spec": {"containers": [{"name": "kube-apiserver", "command": ["--audit-log-path=/x"]}]}});
    assert_eq!(conflicts("kube-apiserver0.yaml", command.clone()).len(), 1);
    assert_eq!(conflicts("kube-apiserver0+merge.yaml", command.clone()).len(), 1);
    assert_eq!(conflicts("kube-scheduler0.yaml", command.clone()).len(), 0);
    assert_eq!(conflicts(patches::FILE_NAME, command).len(), 0);
    let flag = json!([{"op": "add", "path": "/spec/containers/0/command/-", "value": "--audit-log-path=/x"}]);
    assert_eq!(conflicts("kube-apiserver+json.json", flag).len(), 1);
    let resources = json!({"spec": {"containers": [{"name": "kube-apiserver", "resources": {}}]}});
    assert_eq!(conflicts("kube-apiserver9+strategic.yaml", resources).len(), 0);
}
