//! Verdicts on whole reviews.

use serde_json::{Value, json};

use super::{Decision, Labels, Policy, Question, Surroundings, Verdict, review};
use lithify::config;
use lithify::profile::{self, Profiles};

const UNKNOWN_LABELS: Option<&[(&str, &str)]> = None;

fn verdict_on(config: &str, labels: Option<&[(&str, &str)]>, review_of: &Value) -> Verdict {
    let policy = Policy::new(config::read(config.as_bytes()).unwrap(), Profiles::default()).unwrap();
    let labels: Option<Labels> =
        labels.map(|all| all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
    let surroundings = Surroundings { labels: labels.as_ref(), today: "2026-11-24".parse().unwrap() };
    review(review_of.to_string().as_bytes(), Question::Validate, &policy, surroundings).unwrap()
}

fn verdict(config: &str, review_of: &Value) -> Verdict {
    verdict_on(config, Some(&[]), review_of)
}

fn create(api_version: &str, object: &Value) -> Value {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = json!({"group": group, "version": version, "kind": object["kind"]});
    let mut object = object.clone();
    object["apiVersion"] = json!(api_version);
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u-1",
        "operation": "CREATE", "kind": kind, "namespace": "web", "name": "web",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]}, "object": object}})
}

fn update(old: &Value, new: &Value) -> Value {
    let mut review = create("v1", new);
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = old.clone();
    review
}

fn pod(containers: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers}})
}

fn container(name: &str, privileged: bool) -> Value {
    let security = json!({"privileged": privileged, "readOnlyRootFilesystem": true});
    json!({"name": name, "image": "nginx", "securityContext": security})
}

fn bad() -> Value {
    pod(&json!([container("a", true), {"name": "b", "image": "nginx"}]))
}

const DENY: &str = "enforcement: {default: deny}";

#[test]
fn denial_names_every_violation_with_container_field_and_the_repair() {
    let verdict = verdict(DENY, &create("v1", &bad()));
    let refusal = verdict.refusal.as_ref().unwrap();
    assert_eq!((refusal.code, refusal.reason), (403, "Forbidden"));
    let expected = "Pod `web` violates lithify immutable:latest (lithify.yaml)\n\
        - privileged: container \"a\" is privileged: securityContext.privileged is true, must be unset or false; its \
        read-only root filesystem is void: privileged, it can mount it again for writing \
        (spec.containers[0].securityContext.privileged)\n\
        - writable-root-filesystem: container \"b\" has a writable root filesystem: \
        securityContext.readOnlyRootFilesystem is not set, must be true \
        (spec.containers[1].securityContext.readOnlyRootFilesystem)\n\
        repair the manifest with `lithify fix --unsafe FILE`; `lithify checks privileged` explains";
    assert_eq!(refusal.message, expected);
    assert!(verdict.warnings.is_empty());
    assert_eq!(verdict.to_json()["response"]["auditAnnotations"]["decision"], "denied");
}

#[test]
fn the_default_only_warns() {
    let verdict = verdict("", &create("v1", &bad()));
    assert!(verdict.is_allowed());
    assert_eq!(verdict.record.decision, Decision::Warned);
    assert_eq!(verdict.warnings.len(), 3, "{:#?}", verdict.warnings);
    assert!(
        verdict.warnings[0]
            .starts_with("lithify immutable:latest: privileged: container \"a\" is privileged")
    );
}

#[test]
fn each_label_has_its_own_mode_and_level() {
    let labels = [("lithify.dev/enforce", "baseline"), ("lithify.dev/audit", "strict")];
    let read_only = pod(&json!([container("a", false)]));
    let audited = verdict_on("enforcement: {default: off}", Some(&labels), &create("v1", &read_only));
    assert_eq!(audited.record.decision, Decision::Audited);
    assert!(audited.warnings.is_empty());
    let annotations = &audited.to_json()["response"]["auditAnnotations"];
    assert!(annotations["audited"].as_str().unwrap().contains("privilege-escalation"), "{annotations}");
    let denied = verdict_on("", Some(&labels), &create("v1", &bad()));
    assert!(denied.refusal.unwrap().message.contains("lithify baseline:latest (lithify.dev/enforce)"));
}

#[test]
fn names_the_level_that_decides() {
    let labels = [("lithify.dev/enforce", "baseline"), ("lithify.dev/warn", "restricted")];
    let denied = verdict_on("", Some(&labels), &create("v1", &bad()));
    let annotations = &denied.to_json()["response"]["auditAnnotations"];
    assert_eq!(
        (&annotations["decision"], &annotations["level"]),
        (&json!("denied"), &json!("baseline:latest"))
    );
}

#[test]
fn a_denial_says_what_is_wrong_with_the_label_behind_it() {
    let denied = verdict_on("", Some(&[("lithify.dev/enforce", "imutable")]), &create("v1", &bad()));
    let message = denied.refusal.unwrap().message;
    assert!(message.contains("namespace label lithify.dev/enforce is `imutable`, expected"), "{message}");
}

#[test]
fn names_a_repair_only_where_there_is_one() {
    let by_hand = json!({"metadata": {"name": "web"}, "kind": "Pod", "spec": {"containers": [container("a", false)],
        "volumes": [{"name": "v", "hostPath": {"path": "/"}}]}});
    let message = verdict(DENY, &create("v1", &by_hand)).refusal.unwrap().message;
    assert!(
        message.ends_with("to be repaired by hand; `lithify checks host-path-volumes` explains"),
        "{message}"
    );
    let mut both = bad();
    both["spec"]["volumes"] = by_hand["spec"]["volumes"].clone();
    let message = verdict(DENY, &create("v1", &both)).refusal.unwrap().message;
    assert!(message.contains("repair what has a fix with `lithify fix --unsafe FILE`"), "{message}");
}

#[test]
fn a_violation_that_moves_within_its_list_is_no_new_one() {
    let adds = |added: &[&str]| {
        let security = json!({"readOnlyRootFilesystem": true, "capabilities": {"add": added}});
        pod(&json!([{"name": "a", "image": "nginx", "securityContext": security}]))
    };
    let better = update(&adds(&["SYS_ADMIN", "NET_ADMIN"]), &adds(&["NET_ADMIN"]));
    assert_eq!(verdict(DENY, &better).record.decision, Decision::NoWorse);
    let worse = update(&adds(&["NET_ADMIN"]), &adds(&["NET_ADMIN", "SYS_ADMIN"]));
    assert_eq!(verdict(DENY, &worse).record.decision, Decision::Denied);
}

#[test]
fn workloads_are_warned_about_where_their_pods_will_be_denied() {
    let deployment = json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": bad()}});
    let review_of = create("apps/v1", &deployment);
    let warned = verdict(DENY, &review_of);
    assert!(warned.is_allowed());
    assert!(
        warned.warnings[0]
            .starts_with("its pods will be denied by lithify immutable:latest: privileged: container")
    );
    let config = format!("{DENY}\nwebhook: {{workloads: deny}}");
    assert!(!verdict(&config, &review_of).is_allowed());
    let config = format!("{DENY}\nwebhook: {{workloads: off}}");
    assert_eq!(verdict(&config, &review_of).record.decision, Decision::Allowed);
}

#[test]
fn an_update_that_makes_nothing_worse_passes_and_says_so() {
    let mut labelled = bad();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let silent = verdict(DENY, &update(&bad(), &labelled));
    assert_eq!((silent.record.decision, silent.warnings.len()), (Decision::NoWorse, 0));
    assert!(silent.to_json()["response"]["auditAnnotations"]["no-worse"].is_string());
    let mut other_image = bad();
    other_image["spec"]["containers"][0]["image"] = json!("nginx:2");
    let said = verdict(DENY, &update(&bad(), &other_image));
    assert!(said.is_allowed());
    assert!(said.warnings[0].contains("makes nothing worse: privileged, writable-root-filesystem"));
}

#[test]
fn an_update_that_makes_it_worse_is_denied() {
    let two = pod(&json!([container("a", true), container("b", true)]));
    let denied = verdict(DENY, &update(&pod(&json!([container("a", true), container("b", false)])), &two));
    let message = denied.refusal.unwrap().message;
    assert!(message.contains("container \"b\"") && !message.contains("container \"a\""), "{message}");
    // Another container of another name is another violation.
    let renamed = pod(&json!([container("c", true)]));
    assert!(!verdict(DENY, &update(&pod(&json!([container("a", true)])), &renamed)).is_allowed());
}

#[test]
fn what_goes_may_go() {
    let mut deletion = create("v1", &bad());
    deletion["request"]["operation"] = json!("DELETE");
    deletion["request"]["object"] = json!(null);
    assert_eq!(verdict(DENY, &deletion).record.decision, Decision::Deletion);
    let mut old = bad();
    old["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    let worse = pod(&json!([container("a", true), container("z", true)]));
    assert_eq!(verdict(DENY, &update(&old, &worse)).record.decision, Decision::Deletion);
    // Only what is stored is believed.
    let mut forged = create("v1", &bad());
    forged["request"]["object"]["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    assert!(!verdict(DENY, &forged).is_allowed());
}

#[test]
fn mirror_pods_pass_for_nodes_only() {
    let mut mirror = bad();
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "abc"});
    let mut review_of = create("v1", &mirror);
    assert!(!verdict(DENY, &review_of).is_allowed(), "alice is no node");
    review_of["request"]["userInfo"] = json!({"username": "system:node:n1", "groups": ["system:nodes"]});
    let passed = verdict(DENY, &review_of);
    assert_eq!(passed.record.decision, Decision::Mirror);
    assert!(passed.warnings[0].contains("lithify lint --static-pods"));
    let mut ordinary = create("v1", &bad());
    ordinary["request"]["userInfo"] = review_of["request"]["userInfo"].clone();
    assert!(!verdict(DENY, &ordinary).is_allowed(), "a node's ordinary pod");
}

#[test]
fn ephemeral_containers_have_their_own_setting() {
    let old = bad();
    let mut new = bad();
    new["spec"]["ephemeralContainers"] = json!([container("debug", true)]);
    let mut review_of = update(&old, &new);
    review_of["request"]["subResource"] = json!("ephemeralcontainers");
    let warned = verdict(DENY, &review_of);
    assert!(warned.is_allowed());
    assert_eq!(warned.warnings.len(), 2, "{:#?}", warned.warnings);
    assert!(warned.warnings[0].contains("ephemeral container \"debug\" is privileged"));
    let config = format!("{DENY}\nwebhook: {{ephemeralContainers: deny}}");
    assert!(!verdict(&config, &review_of).is_allowed());
    review_of["request"]["subResource"] = json!("status");
    assert_eq!(verdict("", &review_of).record.decision, Decision::Unjudged);
}

#[test]
fn exemptions_come_from_the_configuration() {
    let config = format!(
        "{DENY}\nexemptions:\n- {{checks: [privileged], namespaces: [web], containers: [a], reason: it must}}\n\
         - {{checks: [writable-root-filesystem], reason: over, expires: 2026-11-23}}\n"
    );
    let denied = verdict(&config, &create("v1", &bad()));
    assert_eq!(denied.record.violations.len(), 1, "the expired one does not count");
    let exempt = &denied.to_json()["response"]["auditAnnotations"]["exempt"];
    assert!(exempt.as_str().unwrap().ends_with(": it must"), "{exempt}");
    let mut elsewhere = create("v1", &bad());
    elsewhere["request"]["namespace"] = json!("other");
    assert_eq!(verdict(&config, &elsewhere).record.violations.len(), 2);
}

#[test]
fn annotations_exempt_only_where_the_configuration_says_so() {
    let mut allowing = bad();
    allowing["metadata"]["annotations"] =
        json!({"lithify.dev/allow": "privileged, writable-root-filesystem"});
    let review_of = create("v1", &allowing);
    assert!(!verdict(DENY, &review_of).is_allowed());
    let config = format!("{DENY}\nwebhook: {{annotations: true}}");
    assert!(verdict(&config, &review_of).is_allowed());
}

#[test]
fn exempt_users_are_not_judged() {
    let config = format!("{DENY}\nwebhook: {{exemptUsers: [alice]}}");
    assert_eq!(verdict(&config, &create("v1", &bad())).record.decision, Decision::ExemptUser);
}

#[test]
fn what_cannot_be_judged_is_denied_in_every_mode() {
    let off = "enforcement: {default: off}";
    let changed = |path: &str, value: Value| {
        let mut review_of = create("v1", &bad());
        *review_of.pointer_mut(path).unwrap() = value;
        let verdict = verdict(off, &review_of);
        assert_eq!(verdict.record.decision, Decision::Unjudged, "{path}");
        verdict.refusal.unwrap().message
    };
    assert!(changed("/request/object", json!(null)).contains("no object"));
    assert!(changed("/request/object", json!("pod")).contains("expected a mapping"));
    assert!(changed("/request/object/spec", json!(null)).contains("no pod spec"));
    assert!(changed("/request/object/kind", json!("Service")).contains("object's kind is \"Service\""));
    assert!(changed("/request/kind/kind", json!("Service")).contains("no kind that this webhook judges"));
    assert!(changed("/request/operation", json!("CONNECT")).contains("none of this webhook's business"));
    assert_eq!(verdict_on(off, UNKNOWN_LABELS, &create("v1", &bad())).refusal.unwrap().code, 500);
}

#[test]
fn a_pod_spec_of_another_shape_violates_everything() {
    let mut review_of = create("v1", &bad());
    review_of["request"]["object"]["spec"] = json!([]);
    let message = verdict(DENY, &review_of).refusal.unwrap().message;
    assert!(message.contains("pod spec cannot be judged: /spec is a list, must be a mapping"), "{message}");
}

#[test]
fn kinds_of_the_configuration_are_judged() {
    let config = format!(
        "{DENY}\nwebhook: {{workloads: deny}}\nkinds:\n- {{group: argoproj.io, kind: Rollout, template: spec.template}}\n"
    );
    let rollout = json!({"kind": "Rollout", "metadata": {"name": "web"}, "spec": {"template": bad()}});
    let review_of = create("argoproj.io/v1alpha1", &rollout);
    assert_eq!(verdict(&config, &review_of).record.decision, Decision::Denied);
    assert_eq!(verdict("", &review_of).record.decision, Decision::Unjudged);
    let empty = create("argoproj.io/v1alpha1", &json!({"kind": "Rollout", "spec": {"workloadRef": {}}}));
    assert!(verdict(&config, &empty).is_allowed(), "its pods are elsewhere");
}

const PROFILES: &str = "\
apiVersion: lithify.dev/v1alpha1
kind: WriteProfile
metadata: {name: nginx}
spec:
  image: docker.io/library/nginx
  paths:
  - {path: /var/cache/nginx, contents: empty, writes: 3, mode: \"0755\", firstWriter: nginx}
  observed: {from: 2026-11-01T00:00:00Z, to: 2026-11-08T00:00:00Z, containers: 12, starts: 14, stops: 9}
  unresolved: []
  complete: true
";

fn mutation(config: &str, review_of: &Value) -> Verdict {
    let profiles = Profiles::new(profile::read(PROFILES.as_bytes()).unwrap());
    let policy = Policy::new(config::read(config.as_bytes()).unwrap(), profiles).unwrap();
    let labels = Labels::new();
    let surroundings = Surroundings { labels: Some(&labels), today: "2026-11-24".parse().unwrap() };
    review(review_of.to_string().as_bytes(), Question::Mutate, &policy, surroundings).unwrap()
}

fn unprofiled() -> Value {
    pod(&json!([{"name": "nginx", "image": "nginx"}, {"name": "other", "image": "redis"}]))
}

#[test]
fn a_profiled_container_gets_a_read_only_root_and_its_directories() {
    let changed = mutation("", &create("v1", &unprofiled()));
    assert_eq!(changed.record.decision, Decision::Mutated);
    let expected = json!([
        {"op": "add", "path": "/spec/containers/0/securityContext", "value": {"readOnlyRootFilesystem": true}},
        {"op": "add", "path": "/spec/containers/0/volumeMounts",
            "value": [{"name": "rw-nginx-var-cache-nginx", "mountPath": "/var/cache/nginx"}]},
        {"op": "add", "path": "/spec/volumes", "value": [{"name": "rw-nginx-var-cache-nginx", "emptyDir": {}}]},
        {"op": "add", "path": "/metadata/annotations", "value": {"lithify.dev/mutated":
            "nginx: set readOnlyRootFilesystem to true, mount an emptyDir at /var/cache/nginx (profile nginx)"}},
    ]);
    assert_eq!(serde_json::to_value(changed.patch.unwrap()).unwrap(), expected);
    let expected = "lithify: container \"other\" keeps a writable root: no write-path profile tells where it writes but \
        /tmp; `lithify-probe learn` makes its profile";
    assert_eq!(changed.warnings, [expected]);
}

#[test]
fn a_patched_pod_gets_no_further_patch() {
    for config in ["", "mutation: all"] {
        let mut object = unprofiled();
        let first = mutation(config, &create("v1", &object));
        json_patch::patch(&mut object, &first.patch.unwrap()).unwrap();
        assert_eq!(mutation(config, &create("v1", &object)).patch, None, "{config}");
    }
}

#[test]
fn a_container_injected_later_is_recorded_beside_the_others() {
    let mut object = pod(&json!([{"name": "nginx", "image": "nginx"}]));
    let first = mutation("", &create("v1", &object));
    json_patch::patch(&mut object, &first.patch.unwrap()).unwrap();
    object["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "late", "image": "nginx"}));
    let second = mutation("", &create("v1", &object));
    json_patch::patch(&mut object, &second.patch.unwrap()).unwrap();
    let said = object["metadata"]["annotations"]["lithify.dev/mutated"].as_str().unwrap();
    assert_eq!(said.lines().map(|line| &line[..5]).collect::<Vec<_>>(), ["nginx", "late:"]);
}

#[test]
fn changes_only_what_the_configuration_names() {
    assert_eq!(mutation("mutation: off", &create("v1", &unprofiled())).patch, None);
    let all = mutation("mutation: all", &create("v1", &unprofiled()));
    assert!(all.warnings.is_empty());
    assert!(
        all.annotations[0].1.contains("other: set readOnlyRootFilesystem to true, mount an emptyDir at /tmp")
    );
    let exempt = "exemptions: [{checks: [writable-root-filesystem], containers: [nginx], reason: it must}]";
    let changed = mutation(exempt, &create("v1", &unprofiled()));
    assert_eq!((changed.patch, changed.warnings.len()), (None, 1), "only the other one is warned about");
    let deployment = json!({"kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": unprofiled()["spec"]}}});
    assert_eq!(mutation("", &create("apps/v1", &deployment)).patch, None, "Git has the last word");
    let changed =
        mutation("webhook: {mutateWorkloads: true}", &create("apps/v1", &deployment)).patch.unwrap();
    let patch = serde_json::to_value(changed).unwrap();
    assert_eq!(patch[3]["path"], "/spec/template/metadata", "{patch:#}");
}

#[test]
fn new_ephemeral_containers_get_the_flag_and_mounts_of_volumes_that_are_there() {
    let mut object = pod(&json!([{"name": "nginx", "image": "nginx"}]));
    let first = mutation("", &create("v1", &object));
    json_patch::patch(&mut object, &first.patch.unwrap()).unwrap();
    let old = object.clone();
    object["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": "nginx"}]);
    let mut review_of = update(&old, &object);
    review_of["request"]["subResource"] = json!("ephemeralcontainers");
    let changed = mutation("mutation: all", &review_of);
    let patch = serde_json::to_value(changed.patch.unwrap()).unwrap();
    for op in patch.as_array().unwrap() {
        assert!(op["path"].as_str().unwrap().starts_with("/spec/ephemeralContainers/0/"), "{patch:#}");
    }
    review_of["request"]["oldObject"] = object;
    assert_eq!(mutation("mutation: all", &review_of).patch, None, "nothing new");
}

#[test]
fn mirror_pods_and_objects_that_go_are_never_changed() {
    let mut mirror = pod(&json!([{"name": "nginx", "image": "nginx"}]));
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "abc"});
    let mut review_of = create("v1", &mirror);
    assert!(mutation("", &review_of).patch.is_some(), "alice is no node");
    review_of["request"]["userInfo"] = json!({"username": "system:node:n1", "groups": ["system:nodes"]});
    assert_eq!(mutation("", &review_of).patch, None);
    assert!(
        !mutation(
            "",
            &json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u", "operation": "CREATE", "kind": {"kind": "Pod", "version": "v1"}}})
        )
        .is_allowed()
    );
}
