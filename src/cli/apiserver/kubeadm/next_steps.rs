//! What is left to do by hand, as commands to copy.

use std::fmt::Write as _;
use std::path::Path;

use crate::apiserver::{AbsolutePath, HostFile};
use crate::cluster::ControlPlaneNode;

/// After the ConfigMap has changed.
pub(super) const FOR_CONFIGMAP: &str = "\
kubeadm takes it from now on; it changes no running apiserver. Next, on each control-plane node:
  lithify apiserver patch            # now, with the same options
or at the next upgrade:
  kubeadm upgrade apply VERSION      # on the first node
  kubeadm upgrade node               # on the others
";

/// The files that each control-plane node must have.
pub(super) fn files<'p>(policy: &'p HostFile, webhook: Option<&'p HostFile>) -> Vec<&'p AbsolutePath> {
    [Some(policy), webhook].into_iter().flatten().map(|file| &file.host_path).collect()
}

/// After a configuration file has been written.
pub(super) fn for_config(config: &Path, files: &[&AbsolutePath]) -> String {
    let config = quoted(&config.display().to_string());
    format!(
        "It has no effect before kubeadm reads it. First have {} on each control-plane node. Then,\n\
         for a new cluster:\n\
         \x20 kubeadm init --config {config}\n\
         for a running one, once, so that upgrades and joins take it:\n\
         \x20 kubeadm init phase upload-config kubeadm --config {config}\n\
         and on each control-plane node, now:\n\
         \x20 lithify apiserver patch            # with the same options\n",
        listed(files)
    )
}

/// After a patch file has been written.
pub(super) fn for_patches(directory: &Path, files: &[&AbsolutePath]) -> String {
    let directory = quoted(&directory.display().to_string());
    format!(
        "It has no effect without --patches. First have {} and this directory on each\n\
         control-plane node. Then, each time:\n\
         \x20 kubeadm init --patches {directory}\n\
         \x20 kubeadm join … --control-plane --patches {directory}\n\
         \x20 kubeadm upgrade apply VERSION --patches {directory}\n\
         \x20 kubeadm upgrade node --patches {directory}\n\
         Settings of the ClusterConfiguration and of this file add up: keep them in one of both.\n",
        listed(files)
    )
}

/// The commands that bring the files to the nodes.
pub(super) fn copies(nodes: &[ControlPlaneNode], files: &[&AbsolutePath]) -> String {
    let mut text = String::from("Copy to each control-plane node, from one that has the files:\n");
    for node in nodes {
        let _ = writeln!(text, "# {}", node.name);
        for file in files {
            let (directory, path) = (quoted(file.parent().as_str()), quoted(file.as_str()));
            let _ = writeln!(text, "ssh root@{} mkdir -p {directory}", node.address);
            // scp takes an IPv6 address in brackets only.
            let host =
                if node.address.contains(':') { format!("[{}]", node.address) } else { node.address.clone() };
            let _ = writeln!(text, "scp -p {path} root@{host}:{path}");
        }
    }
    if nodes.is_empty() {
        text.push_str("# no node has the label node-role.kubernetes.io/control-plane\n");
    }
    text
}

fn listed(files: &[&AbsolutePath]) -> String {
    files.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// A word for a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_commands_that_a_shell_takes() {
        let policy = AbsolutePath::clean("/etc/kubernetes/audit policy.yaml");
        let nodes = [
            ControlPlaneNode { name: "cp1".to_owned(), address: "192.0.2.10".to_owned() },
            ControlPlaneNode { name: "cp2".to_owned(), address: "2001:db8::1".to_owned() },
        ];
        let text = copies(&nodes, &[&policy]);
        assert!(text.contains("ssh root@192.0.2.10 mkdir -p /etc/kubernetes\n"), "{text}");
        assert!(text.contains(r"scp -p '/etc/kubernetes/audit policy.yaml' root@[2001:db8::1]:"), "{text}");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn names_the_command_without_which_nothing_happens() {
        let policy = AbsolutePath::clean("/etc/kubernetes/audit-policy.yaml");
        let text = for_config(Path::new("kubeadm.yaml"), &[&policy]);
        assert!(text.contains("kubeadm init --config kubeadm.yaml\n"));
        let text = for_patches(Path::new("/etc/kubernetes/patches"), &[&policy]);
        assert!(text.contains("kubeadm upgrade node --patches /etc/kubernetes/patches\n"));
        assert!(text.contains("have /etc/kubernetes/audit-policy.yaml and"));
    }
}
