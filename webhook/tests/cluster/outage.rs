//! The webhook is dead: what a cluster needs to start is admitted all the same.

use super::hook::{Hook, OWN, pod, said};

const BAD: &str = "privileged: true";

#[test]
fn a_cluster_starts_while_the_webhook_is_dead() {
    let Some(mut hook) = Hook::install("", &[]) else { return };
    hook.namespace("vital", &["lithify.dev/enforce=baseline"]);
    hook.namespace("observed", &[]);
    hook.account("kube-system");
    hook.account(OWN);
    hook.kill();
    let output = hook.apply("vital", &pod("web", "readOnlyRootFilesystem: true"), &[]);
    let text = said(&output);
    assert!(
        text.contains("failed calling webhook \"deny.lithify.dev\""),
        "it closes where it denies: {text}"
    );
    for namespace in ["kube-system", "kube-node-lease", OWN, "observed"] {
        hook.account(namespace);
        // Pod Security guards the own namespace; the rest is the webhook's affair.
        let security = "readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, runAsNonRoot: true, \
            capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}";
        let output = hook.apply(namespace, &pod("starting", security), &[]);
        assert!(output.status.success(), "{namespace}: {}", said(&output));
        hook.bed.run(&["kubectl", "-n", namespace, "delete", "pod", "starting", "--wait=false"]);
    }
    // A pod that goes may go, also where the webhook is needed.
    hook.remove();
    assert!(hook.apply("vital", &pod("web", BAD), &[]).status.success(), "removed while it is dead");
}
