//! The install's whole life on a node: who takes the registration away when the install goes, and the chart's Jobs,
//! which register and remove in pods of their own.

use std::process::Output;

use super::chart::{self, helm};
use super::hook::{pod, said};
use super::node::Node;

/// The release's namespace.
const NAMESPACE: &str = "released";

impl Node {
    /// What the registered configurations belong to.
    fn owners(&self) -> String {
        let owners = "jsonpath={.items[*].metadata.ownerReferences[*].uid}";
        self.succeed(&["get", super::node::REGISTERED, "-o", owners])
    }

    fn uid_of_role(&self) -> String {
        self.succeed(&["get", "clusterrole", "lithify-webhook", "-o", "jsonpath={.metadata.uid}"])
    }

    /// Whether a Job of the chart has run to its end; it is deleted then.
    fn has_run(&self, job: &str) -> bool {
        let select =
            format!("--field-selector=involvedObject.kind=Job,involvedObject.name={job},reason=Completed");
        !self.succeed(&["-n", NAMESPACE, "get", "events", &select, "-o", "name"]).is_empty()
    }
}

#[test]
fn the_registration_comes_and_goes_with_the_install() {
    let Some(program) = helm() else { return };
    let Some(node) = Node::with_webhook() else { return };
    let role = node.uid_of_role();
    assert_eq!(node.owners(), format!("{role} {role}"));
    // Nobody unregisters: the garbage collector finds the owner gone.
    node.uninstall();

    // What the bed does not share with the machine may lie elsewhere in it.
    let own = node.bed.directory().join("helm");
    std::fs::copy(program, &own).unwrap();
    let run = |arguments: &[&str]| -> Output {
        let home = node.bed.directory().join("helm.home");
        let mut command = node.bed.command("env");
        command.args(chart::homes(&home)).arg(&own).args(["-n", NAMESPACE]).args(arguments).output().unwrap()
    };
    let succeed = |arguments: &[&str]| {
        let output = run(arguments);
        let jobs = || said(&node.kubectl(&["-n", NAMESPACE, "describe", "jobs,pods"]));
        assert!(output.status.success(), "helm {arguments:?}: {}\n{}", said(&output), jobs());
    };
    node.namespace(NAMESPACE, &["pod-security.kubernetes.io/enforce=restricted"]);
    node.namespace("guarded", &["lithify.dev/enforce=baseline"]);
    node.namespace("configured", &[]);
    let chart = chart::directory();
    let chart = chart.to_str().unwrap();
    succeed(&["install", "hook", chart, "--wait", "--timeout=5m"]);
    assert!(node.has_run("lithify-webhook-register"));
    let role = node.uid_of_role();
    assert_eq!(node.owners(), format!("{role} {role}"));
    node.wait_until_asked("guarded", "violates lithify baseline:latest (lithify.dev/enforce)");
    let privileged = pod("web", "privileged: true");
    assert!(node.create("configured", &privileged, &["--dry-run=server"]).status.success());

    // The Job after an upgrade registers what the new values say.
    let value = "config.enforcement.namespaces.configured=deny";
    succeed(&["upgrade", "hook", chart, "--set", value, "--wait", "--timeout=5m"]);
    node.wait_until_asked("configured", "\"configured.lithify.dev\" denied the request");

    succeed(&["uninstall", "hook", "--timeout=5m"]);
    assert!(node.has_run("lithify-webhook-remove"));
    assert_eq!(node.registered(), "");
    let output = node.create("guarded", &privileged, &["--dry-run=server"]);
    assert!(output.status.success(), "{}", said(&output));
    let left = node.succeed(&["get", "clusterrole,clusterrolebinding", "-o", "name"]);
    assert!(!left.contains("lithify-webhook"), "{left}");
    node.succeed(&["delete", "namespace", NAMESPACE, "guarded", "configured", "--wait=false"]);
}
