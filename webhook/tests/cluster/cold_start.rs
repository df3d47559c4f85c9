//! All nodes were down, and no pod of the webhook is left: the cluster comes up by itself, and then the webhook in it.

use super::hook::{OWN, pod, said};
use super::node::{DEPLOYMENT, LONG, Node};
use crate::testbed::bed::wait_for;

/// Somebody whose pods the webhook must be asked about.
const DEPENDANT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: dependant}
spec:
  selector: {matchLabels: {app: dependant}}
  template:
    metadata: {labels: {app: dependant}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: app, image: 'localhost/busybox:1', command: [sleep, '3600']}
";

/// On the node's disk, where nobody is asked; in a namespace whose level it violates.
const STATIC: &str = "apiVersion: v1
kind: Pod
metadata: {name: static, namespace: vital}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: app, image: 'localhost/busybox:1', command: [sleep, '3600']}
";

impl Node {
    fn process_of_apiserver(&self) -> String {
        said(&self.bed.run(&["pgrep", "-f", "^kube-apiserver "]))
    }

    /// Ends every container at once, and waits until the kubelet has started the control plane again.
    fn lose_power(&self) {
        let before = self.process_of_apiserver();
        assert!(!before.is_empty());
        // With a pod's first container others end: some are gone before their turn.
        let kill = "ctr -n k8s.io tasks ls -q | xargs -n 1 ctr -n k8s.io tasks kill --signal SIGKILL || true";
        self.bed.succeed(&["sh", "-c", kill]);
        wait_for("the control plane to start again", LONG, || {
            let now = self.process_of_apiserver();
            (!now.is_empty() && now != before && self.bed.is_ready()).then_some(())
        });
    }
}

#[test]
fn a_cluster_whose_nodes_were_all_down_comes_up_with_the_webhook_registered() {
    let Some(node) = Node::with_webhook() else { return };
    node.namespace("vital", &["lithify.dev/enforce=baseline"]);
    let output = node.create("vital", DEPENDANT, &[]);
    assert!(output.status.success(), "{}", said(&output));
    // What has pods starts them again without a question: the worst is that they are to be made.
    node.succeed(&["-n", OWN, "scale", DEPLOYMENT, "--replicas=0"]);
    wait_for("the webhook's pods to be gone", LONG, || {
        node.succeed(&["-n", OWN, "get", "pods", "-o", "name"]).is_empty().then_some(())
    });
    node.succeed(&["-n", "vital", "delete", "pods", "--all"]);
    node.lose_power();

    let good = pod("good", "readOnlyRootFilesystem: true");
    let text = said(&node.create("vital", &good, &[]));
    assert!(
        text.contains("failed calling webhook \"deny.lithify.dev\""),
        "it closes where it denies: {text}"
    );
    // The real kubelet's own mirror, by which the API shows what runs on the disk's word.
    let file = node.bed.path("/etc/kubernetes/manifests/static.yaml");
    std::fs::write(&file, STATIC).unwrap();
    wait_for("the mirror of the static pod", LONG, || {
        node.kubectl(&["-n", "vital", "get", "pod", "static-cp1"]).status.success().then_some(())
    });
    std::fs::remove_file(file).unwrap();

    node.succeed(&["-n", OWN, "scale", DEPLOYMENT, "--replicas=2"]);
    node.succeed(&["-n", OWN, "rollout", "status", DEPLOYMENT, "--timeout=300s"]);
    node.wait_until_asked("vital", "denied the request: Pod `canary` violates lithify baseline");
    // Its controller has been refused meanwhile, and tries again by itself.
    node.succeed(&["-n", "vital", "rollout", "status", "deployment/dependant", "--timeout=300s"]);
    assert!(node.create("vital", &good, &[]).status.success());
    node.succeed(&["delete", "namespace", "vital", "--wait=false"]);
}
