//! The webhook is dead: what a cluster needs to start is admitted all the same, and so is what it is never asked about.

use std::time::Duration;

use super::hook::{Hook, OWN, pod, said};
use crate::testbed::bed::wait_for;

const BAD: &str = "privileged: true";
const GOOD: &str = "readOnlyRootFilesystem: true";
/// A name that must be quoted in CEL.
const EXEMPT: &str = "o'brien\\deployer";

#[test]
fn a_cluster_starts_while_the_webhook_is_dead() {
    let config = format!("webhook: {{exemptUsers: [\"{}\"]}}\n", EXEMPT.replace('\\', "\\\\"));
    let Some(mut hook) = Hook::install(&config, &[]) else { return };
    hook.namespace("vital", &["lithify.dev/enforce=baseline"]);
    hook.namespace("observed", &[]);
    hook.namespace("released", &["lithify.dev/enforce=privileged"]);
    hook.account("kube-system");
    hook.account(OWN);
    for (name, finalizers) in [("held", "finalizers: [example.com/hold]"), ("stays", "labels: {a: b}")] {
        let named = format!("{{name: {name}, {finalizers}}}");
        let output = hook.apply("vital", &pod(name, GOOD).replace(&format!("{{name: {name}}}"), &named), &[]);
        assert!(output.status.success(), "{}", said(&output));
    }
    hook.bed.succeed(&["kubectl", "-n", "vital", "delete", "pod", "held", "--wait=false"]);
    let address = hook.address();
    hook.kill();
    let text = said(&hook.apply("vital", &pod("web", GOOD), &[]));
    assert!(text.contains(DEAD), "it closes where it denies: {text}");
    for namespace in ["kube-system", "kube-node-lease", OWN, "observed", "released"] {
        hook.account(namespace);
        // Pod Security guards the own namespace; the rest is the webhook's affair.
        let security = "readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, runAsNonRoot: true, \
            capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}";
        let output = hook.apply(namespace, &pod("starting", security), &[]);
        assert!(output.status.success(), "{namespace}: {}", said(&output));
        hook.bed.run(&["kubectl", "-n", namespace, "delete", "pod", "starting", "--wait=false"]);
    }
    is_not_asked_about_what_goes_or_is_exempt(&hook);

    // It starts again, and nobody has registered or unregistered anything.
    hook.start_at(&address, &[]);
    wait_for("the webhook to be asked again", Duration::from_secs(30), || {
        hook.apply("vital", &pod("web", GOOD), &[]).status.success().then_some(())
    });
    let text = said(&hook.apply("vital", &pod("bad", BAD), &[]));
    assert!(text.contains("Pod `bad` violates lithify baseline"), "{text}");

    hook.kill();
    assert!(said(&hook.apply("vital", &pod("bad", BAD), &[])).contains(DEAD));
    hook.remove();
    assert!(hook.apply("vital", &pod("bad", BAD), &[]).status.success(), "removed while it is dead");
}

const DEAD: &str = "failed calling webhook \"deny.lithify.dev\"";

/// The apiserver's own matchConditions: with a dead webhook, only they can let these pass.
fn is_not_asked_about_what_goes_or_is_exempt(hook: &Hook) {
    let change = |name: &str, patch: &str| {
        let patched = ["kubectl", "-n", "vital", "patch", "pod", name, "--type=merge", "-p", patch];
        said(&hook.bed.run(&patched))
    };
    let text = change("stays", r#"{"metadata": {"labels": {"a": "c"}}}"#);
    assert!(text.contains(DEAD), "an update is asked about: {text}");
    let text = change("held", r#"{"metadata": {"labels": {"a": "c"}}}"#);
    assert!(text.contains("patched"), "but not of what goes: {text}");
    let text = change("held", r#"{"metadata": {"finalizers": null}}"#);
    assert!(text.contains("patched"), "or it could never go: {text}");
    assert!(!hook.bed.run(&["kubectl", "-n", "vital", "get", "pod", "held"]).status.success());
    for (name, user, passes) in [("exempt", EXEMPT, true), ("ordinary", "other", false)] {
        let user = format!("--as={user}");
        let output = hook.apply("vital", &pod(name, BAD), &[&user, "--as-group=system:masters"]);
        let text = said(&output);
        assert!(output.status.success() == passes && text.contains(DEAD) != passes, "{user}: {text}");
    }
}
