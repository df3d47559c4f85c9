use super::super::{Labels, Policy, Question, Surroundings, Verdict, review};
use super::*;
use lithify::config;
use lithify::profile::Profiles;

const DIGEST: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn image() -> String {
    format!("registry.example/lithify-probe@{DIGEST}")
}

fn ask(question: Question, labels: &[(&str, &str)], object: &Value) -> Verdict {
    let text = format!(
        "level: strict\nmutation: off\nenforcement: {{default: deny}}\nwebhook: {{probeImage: '{}'}}\n",
        image()
    );
    let config = config::read(text.as_bytes()).expect("a configuration");
    let policy = Policy::new(config, Profiles::default()).expect("a policy");
    let labels: Labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let surroundings = Surroundings { labels: Some(&labels), today: "2026-11-24".parse().expect("a day") };
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let request =
        json!({"uid": "u", "operation": "CREATE", "kind": kind, "namespace": "web", "object": object});
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    review(body.to_string().as_bytes(), question, &policy, surroundings).expect("a verdict")
}

fn pod() -> Value {
    let security = json!({"runAsNonRoot": true, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {LABEL: "sidecar"}},
        "spec": {"initContainers": [{"name": "first", "image": "nginx", "securityContext": security}],
            "containers": [{"name": "app", "image": "nginx", "securityContext": security}]}})
}

fn injected(pod: &Value) -> Value {
    let verdict = ask(Question::Mutate, &[], pod);
    let mut pod = pod.clone();
    json_patch::patch(&mut pod, &verdict.patch.expect("a patch")).expect("it applies");
    pod
}

#[test]
fn a_pod_that_asks_gets_the_probe_before_everything_else() {
    let pod = injected(&pod());
    let containers = pod["spec"][LIST].as_array().expect("a list");
    assert_eq!((&containers[0]["name"], &containers[1]["name"]), (&json!("lithify-probe"), &json!("first")));
    assert_eq!(containers[0]["image"], image());
    assert_eq!(containers[0]["restartPolicy"], "Always");
    assert_eq!(pod["spec"]["volumes"][0]["name"], containers[0]["volumeMounts"][0]["name"]);
    let said = pod["metadata"]["annotations"]["lithify.dev/mutated"].as_str().expect("an annotation");
    assert!(said.starts_with("lithify-probe: inject"), "{said}");
    assert_eq!(ask(Question::Mutate, &[], &pod).patch, None, "once is enough");
    let verdict = ask(Question::Validate, &[], &pod);
    assert!(verdict.is_allowed(), "{:?}", verdict.refusal);
    assert!(verdict.annotations.iter().any(|(key, text)| *key == "exempt" && text.contains(REASON)));
}

#[test]
fn what_the_api_fills_in_makes_it_no_other() {
    let mut pod = injected(&pod());
    let probe = &mut pod["spec"][LIST][0];
    probe["resources"] = json!({"limits": {"cpu": "1"}});
    let token = json!({"name": "kube-api-access-x", "mountPath": TOKEN, "readOnly": true});
    probe["volumeMounts"].as_array_mut().expect("mounts").push(token);
    assert!(ask(Question::Validate, &[], &pod).is_allowed());
}

#[test]
fn no_look_alike_is_let_through() {
    let good = injected(&pod());
    let changed = |path: &str, value: Value| {
        let mut pod = good.clone();
        let (parent, key) = path.rsplit_once('/').expect("a path");
        let parent = pod.pointer_mut(parent).expect("a parent");
        match parent {
            Value::Array(items) => items.push(value),
            parent => parent[key] = value,
        }
        pod
    };
    let probe = "/spec/initContainers/0";
    for (path, value) in [
        ("image", json!("registry.example/lithify-probe:latest")),
        ("image", json!(image().replace("sha256:00", "sha256:01"))),
        ("image", json!(image().replace("registry.example", "evil.example"))),
        ("command", json!(["/bin/sh"])),
        ("args", json!(["run", "--record", "/dev/stdout"])),
        ("args/-", json!("--record=/dev/stdout")),
        ("env/-", json!({"name": "LD_PRELOAD", "value": "/rules/evil.so"})),
        ("envFrom", json!([{"configMapRef": {"name": "evil"}}])),
        ("lifecycle", json!({"postStart": {"exec": {"command": ["sh"]}}})),
        ("livenessProbe", json!({"exec": {"command": ["sh"]}})),
        ("stdin", json!(true)),
        ("workingDir", json!("/rules")),
        ("restartPolicy", json!(null)),
        ("imagePullPolicy", json!("Never")),
        ("securityContext/privileged", json!(true)),
        ("securityContext/allowPrivilegeEscalation", json!(true)),
        ("securityContext/capabilities/add/-", json!("SYS_ADMIN")),
        ("securityContext/seccompProfile", json!({"type": "Unconfined"})),
        ("volumeMounts/-", json!({"name": "evil", "mountPath": "/evil"})),
        ("volumeMounts/-", json!({"name": "evil", "mountPath": TOKEN})),
        ("volumeMounts/-", json!({"name": "evil", "mountPath": TOKEN, "readOnly": true, "subPath": "x"})),
    ] {
        let verdict = ask(Question::Validate, &[], &changed(&format!("{probe}/{path}"), value.clone()));
        assert!(!verdict.is_allowed(), "{path}: {value}");
    }
    let hollow = changed("/spec/volumes/0/emptyDir", json!({}));
    assert!(!ask(Question::Validate, &[], &hollow).is_allowed(), "rules from elsewhere");
    let shared = changed("/spec/shareProcessNamespace", json!(true));
    assert!(!ask(Question::Validate, &[], &shared).is_allowed(), "others could reach into it");
    let twin = good["spec"][LIST][0].clone();
    let mut wrong = twin.clone();
    wrong["command"] = json!(["/bin/sh"]);
    assert!(
        !ask(Question::Validate, &[], &changed("/spec/initContainers/-", wrong)).is_allowed(),
        "a namesake"
    );
    assert!(
        !ask(Question::Validate, &[], &changed("/spec/containers/-", twin)).is_allowed(),
        "in another list"
    );
}

#[test]
fn says_why_nothing_is_injected() {
    let refused = |labels: &[(&str, &str)], pod: &Value, reason: &str| {
        let verdict = ask(Question::Mutate, labels, pod);
        assert_eq!(verdict.patch, None);
        assert!(verdict.warnings.iter().any(|warning| warning.contains(reason)), "{:?}", verdict.warnings);
    };
    for level in ["baseline", "restricted"] {
        refused(&[(POD_SECURITY, level)], &pod(), &format!("Pod Security enforces `{level}`"));
    }
    assert!(ask(Question::Mutate, &[(POD_SECURITY, "privileged")], &pod()).patch.is_some());
    let changed = |path: &str, value: Value| {
        let mut pod = pod();
        let (parent, key) = path.rsplit_once('/').expect("a path");
        pod.pointer_mut(parent).expect("a parent")[key] = value;
        pod
    };
    refused(
        &[],
        &changed("/spec/containers/0/name", json!("lithify-probe")),
        "another container of the name",
    );
    refused(&[], &changed("/spec/shareProcessNamespace", json!(true)), "shares its process namespace");
    let volume = json!([{"name": "lithify-probe-rules", "emptyDir": {}}]);
    refused(&[], &changed("/spec/volumes", volume), "another volume of the name");
    refused(&[], &changed("/metadata/labels", json!({LABEL: "yes"})), "expected sidecar");
    assert_eq!(ask(Question::Mutate, &[], &changed("/metadata/labels", json!({}))).patch, None);
}
