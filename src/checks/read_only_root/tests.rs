//! Plans on small pods.

#![expect(clippy::needless_pass_by_value, reason = "`json!` at the place of use reads better")]

use serde_json::{Value, json};

use super::*;
use crate::edit;
use crate::profile;

const HEAD: &str = "apiVersion: lithify.dev/v1alpha1\nkind: WriteProfile\nmetadata: {name: web-nginx, namespace: web}\n\
    spec:\n  image: nginx\n  workload: {kind: Deployment, name: web, container: nginx}\n";

fn writable(spec: &str) -> Writable {
    let source = format!("{HEAD}{spec}");
    let profiles = profile::read(source.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{source}"));
    Writable { profiles: Profiles::new(profiles), ..Writable::default() }
}

fn complete(paths: &str) -> Writable {
    writable(&format!("  paths:\n{paths}  complete: true\n"))
}

fn owner() -> [Owner; 1] {
    [Owner { kind: "Deployment".into(), name: "web".into() }]
}

fn plan(spec: &Value, list: &'static str, writable: &Writable) -> Result<Plan, Refusal> {
    plan_container(PodOf { spec, namespace: "web", owners: &owner() }, list, 0, writable)
}

fn nginx(more: Value) -> Value {
    let mut container = json!({"name": "nginx", "image": "nginx:1.29"});
    container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    container
}

fn pod(container: Value) -> Value {
    json!({"containers": [container]})
}

/// The pod as the plan leaves it.
fn planned(spec: &Value, writable: &Writable) -> Value {
    let mut after = spec.clone();
    edit::apply(&plan(spec, "containers", writable).unwrap().ops, &mut after).unwrap();
    after
}

fn reasons(spec: &Value, writable: &Writable) -> String {
    plan(spec, "containers", writable).unwrap().reasons.join("; ")
}

#[test]
fn a_complete_profile_makes_the_plan_safe() {
    let writable = complete("  - {path: /var/cache/nginx}\n  - {path: /run}\n");
    let spec = pod(nginx(json!({})));
    let plan = plan(&spec, "containers", &writable).unwrap();
    assert_eq!((plan.applicability, plan.profile.as_deref()), (Applicability::Safe, Some("web-nginx")));
    assert_eq!(
        planned(&spec, &writable),
        json!({
            "containers": [{"name": "nginx", "image": "nginx:1.29",
                "securityContext": {"readOnlyRootFilesystem": true},
                "volumeMounts": [
                    {"name": "rw-nginx-run", "mountPath": "/run"},
                    {"name": "rw-nginx-var-cache-nginx", "mountPath": "/var/cache/nginx"}]}],
            "volumes": [
                {"name": "rw-nginx-run", "emptyDir": {}},
                {"name": "rw-nginx-var-cache-nginx", "emptyDir": {}}]
        })
    );
}

#[test]
fn without_evidence_it_is_unsafe_and_says_so() {
    let spec = pod(nginx(json!({})));
    let plan = plan(&spec, "containers", &Writable::default()).unwrap();
    assert_eq!(plan.applicability, Applicability::Unsafe);
    assert_eq!(plan.reasons, ["no write-path profile tells where it writes but /tmp"]);
    assert_eq!(plan.mounts[0].volume, "rw-nginx-tmp");
    let short = writable("  paths: [{path: /run}]\n  complete: false\n");
    assert_eq!(reasons(&spec, &short), "the write-path profile `web-nginx` is not complete");
    let unresolved = writable("  unresolved: [openat]\n  complete: true\n");
    assert_eq!(reasons(&spec, &unresolved), "the write-path profile `web-nginx` has 1 write unresolved");
}

#[test]
fn leaves_what_is_mounted_alone() {
    let writable = complete("  - {path: /var/cache/nginx}\n  - {path: /var/run}\n  - {path: /data}\n");
    let mounts = json!([{"name": "a", "mountPath": "/var/cache/"}, {"name": "b", "mountPath": "/run"},
        {"name": "c", "mountPath": "data", "readOnly": true}]);
    let spec = pod(nginx(json!({"volumeMounts": mounts})));
    let plan = plan(&spec, "containers", &writable).unwrap();
    assert_eq!((plan.mounts.len(), plan.ops.len(), plan.applicability), (0, 1, Applicability::Safe));
    assert_eq!(plan.notes, ["/data is mounted read-only: writes to /data fail, as they do today"]);
}

#[test]
fn copies_files_of_the_image_first() {
    let writable = complete("  - {path: /etc/nginx/conf.d, contents: populated}\n");
    let context = json!({"allowPrivilegeEscalation": false});
    let spec = pod(nginx(
        json!({"imagePullPolicy": "Always", "resources": {"limits": {"cpu": 1}}, "securityContext": context}),
    ));
    let after = planned(&spec, &writable);
    let volume = "rw-nginx-etc-nginx-conf-d";
    assert_eq!(
        after["initContainers"],
        json!([{"name": volume, "image": "nginx:1.29", "imagePullPolicy": "Always",
            "command": ["cp", "-af", "/etc/nginx/conf.d", "/lithify/"],
            "resources": {"limits": {"cpu": 1}},
            "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true},
            "volumeMounts": [{"name": volume, "mountPath": "/lithify"}]}])
    );
    assert_eq!(
        after["containers"][0]["volumeMounts"],
        json!([{"name": volume, "mountPath": "/etc/nginx/conf.d", "subPath": "conf.d"}])
    );
}

#[test]
fn tells_where_copies_could_not_keep_their_owner() {
    let writable = complete("  - {path: /etc/nginx, contents: populated}\n");
    let with = |context: Value| reasons(&pod(nginx(json!({"securityContext": context}))), &writable);
    assert_eq!(with(json!({"runAsUser": 0})), "");
    assert!(with(json!({"runAsUser": 101})).contains("the copies are that user's"));
    assert!(with(json!({"capabilities": {"drop": ["ALL"]}})).contains("lacks CAP_CHOWN"));
    assert_eq!(with(json!({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}})), "");
}

#[test]
fn tells_what_a_limit_puts_at_risk() {
    let paths = "  - {path: /run, maxBytes: 1048576}\n";
    let limited = |limit: &str| Writable { size_limit: Some(limit.into()), ..complete(paths) };
    let spec = pod(nginx(json!({"resources": {"limits": {"memory": "1Gi"}}})));
    assert_eq!(reasons(&spec, &limited("4Mi")), "");
    assert!(reasons(&spec, &limited("4194303")).contains("less than 4 times the 1048576 bytes seen in /run"));
    let unknown = Writable { size_limit: Some("1Gi".into()), ..complete("  - {path: /run}\n") };
    assert!(reasons(&spec, &unknown).contains("is not known: a pod over its limit is evicted"));
    let memory = Writable { medium: Medium::Memory, ..complete(paths) };
    assert!(reasons(&spec, &memory).contains("memory limit"));
    assert_eq!(reasons(&pod(nginx(json!({}))), &memory), "");
    let volume = Writable { size_limit: Some("4Mi".into()), ..memory }.volume("v");
    assert_eq!(volume, json!({"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}}));
}

#[test]
fn is_never_safe_for_what_would_change() {
    let privileged = pod(nginx(json!({"securityContext": {"privileged": true}})));
    assert!(reasons(&privileged, &complete("  - {path: /run}\n")).contains("privileged"));
    let spec = pod(nginx(json!({})));
    assert_eq!(
        reasons(&spec, &complete("  - {path: /etc}\n")),
        "writes in /etc will fail: it is never mounted as a whole"
    );
    assert!(reasons(&spec, &complete("  - {path: /var/lib/pg, mode: '0700'}\n")).contains("0700"));
    assert_eq!(reasons(&spec, &complete("  - {path: /dev/shm}\n")), "");
    let blocked =
        |path: &str| writable(&format!("  blocked: [{{path: {path}, errno: EROFS}}]\n  complete: true\n"));
    assert_eq!(reasons(&spec, &blocked("/run/nginx.pid")), "");
    assert!(reasons(&spec, &blocked("/opt/app/pid")).contains("which the mount would hide"));
}

#[test]
fn gives_ephemeral_containers_only_volumes_that_are_there() {
    let mut spec = json!({"containers": [nginx(json!({}))], "ephemeralContainers": [{"name": "debug", "image": "busybox"}]});
    let alone = plan(&spec, "ephemeralContainers", &Writable::default()).unwrap();
    assert_eq!((alone.ops.len(), alone.mounts.len()), (1, 0));
    assert!(alone.reasons[1].contains("/tmp will fail: an ephemeral container cannot add a volume"));
    spec["volumes"] = json!([{"name": "rw-debug-tmp", "emptyDir": {}}]);
    let mounted = plan(&spec, "ephemeralContainers", &Writable::default()).unwrap();
    assert_eq!(mounted.mounts[0].volume, "rw-debug-tmp");
    assert!(mounted.ops.iter().all(|op| op.at().tokens().next() == Some("ephemeralContainers")));
}

#[test]
fn two_containers_never_share_a_volume() {
    let spec = json!({"containers": [{"name": "a-b", "image": "x"}, {"name": "a", "image": "y"}]});
    let paths = |paths: &[&str]| paths.iter().map(|path| ContainerPath::of_mount(path)).collect();
    let writable = Writable { default: paths(&["/c", "/b/c"]), ..Writable::default() };
    let owners = owner();
    let found = plan_pod(PodOf { spec: &spec, namespace: "", owners: &owners }, &writable, |_| true);
    let volumes: Vec<_> =
        found.accepted.iter().flat_map(|plan| &plan.mounts).map(|mount| mount.volume.as_str()).collect();
    assert_eq!(volumes[..3], ["rw-a-b-b-c", "rw-a-b-c", "rw-a-b-c-e5431606"]);
    let mut after = spec.clone();
    edit::apply(&found.ops, &mut after).unwrap();
    assert_eq!(after["volumes"].as_array().unwrap().len(), 4);
    let again = plan_pod(PodOf { spec: &after, namespace: "", owners: &owners }, &writable, |_| true);
    assert_eq!(again, PodPlan::default());
}

#[test]
fn plans_a_pod_whose_init_containers_need_copies() {
    let spec = json!({
        "initContainers": [nginx(json!({"name": "first"})), nginx(json!({"name": "second"}))],
        "containers": [nginx(json!({}))],
    });
    let source = "apiVersion: lithify.dev/v1alpha1\nkind: WriteProfile\nmetadata: {name: any}\n\
        spec: {image: nginx, paths: [{path: /opt/x, contents: populated}], complete: true}\n";
    let profiles = Profiles::new(profile::read(source.as_bytes()).unwrap());
    let writable = Writable { profiles, ..Writable::default() };
    let found = plan_pod(PodOf { spec: &spec, namespace: "", owners: &[] }, &writable, |plan| {
        plan.reasons.is_empty()
    });
    let mut after = spec.clone();
    edit::apply(&found.ops, &mut after).unwrap();
    let names: Vec<_> =
        after["initContainers"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rw-first-opt-x", "first", "rw-second-opt-x", "second", "rw-nginx-opt-x"]);
    for container in after["initContainers"].as_array().unwrap() {
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    }
}

#[test]
fn refuses_what_it_cannot_do_right() {
    let refusal =
        |spec: Value, writable: &Writable| plan(&spec, "containers", writable).unwrap_err().to_string();
    let default = Writable::default();
    assert!(
        refusal(json!({"os": {"name": "windows"}, "containers": [nginx(json!({}))]}), &default)
            .contains("Windows")
    );
    assert!(refusal(pod(json!({"image": "nginx"})), &default).contains("has no name"));
    assert!(
        refusal(pod(nginx(json!({"volumeMounts": {}}))), &default)
            .contains("volumeMounts is a mapping, expected a list")
    );
    assert!(refusal(pod(nginx(json!({"securityContext": []}))), &default).contains("expected a mapping"));
    let twice = profile::read(format!("{HEAD}---\n{HEAD}").as_bytes()).unwrap();
    let tied = Writable { profiles: Profiles::new(twice), ..Writable::default() };
    assert!(refusal(pod(nginx(json!({}))), &tied).contains("are both about container \"nginx\""));
}
