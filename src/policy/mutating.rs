//! MutatingAdmissionPolicies, each with its binding.

use serde_json::{Value, json};

use super::exemption::Exemptions;
use super::mutation::mutations;
use super::target::{Requests, Target};
use super::validating::{match_conditions, pod_checks};
use super::variables::{self, Variable};
use super::{ExportError, Exported, GROUP, Settings, binding, metadata, root};
use crate::checks::Check;
use crate::checks::predicate::Predicate;
use crate::checks::read_only_root::Writable;
use crate::config::Mutation;

/// What to export of the fixes.
#[derive(Clone, Debug)]
pub struct MutatingSettings<'s> {
    /// Also those that can change behaviour.
    pub is_unsafe: bool,
    /// The version of the API to write for: `v1`.
    pub version: &'s str,
    /// What a container without profile gets to write in.
    pub writable: &'s Writable,
}

/// The check whose fix also mounts volumes.
const ROOT: &str = "writable-root-filesystem";

/// The fixes of the selected checks as policies that change pods when they are created, and workloads where the
/// configuration says so.
///
/// # Errors
/// [`ExportError`].
pub fn mutating(settings: &Settings<'_>, fixes: &MutatingSettings<'_>) -> Result<Exported, ExportError> {
    let checks = pod_checks(settings)?;
    let longest = checks.iter().map(|(check, _)| check.id.len() + "-fix-".len()).max().unwrap_or_default();
    settings.check_name(longest)?;
    let (target, mut notes) = Target::new(&settings.config.kinds);
    let (exemptions, of_exemptions) = Exemptions::new(&settings.config.exemptions, settings.today);
    notes.extend(of_exemptions);
    let mut objects = Vec::new();
    for (check, predicate) in checks {
        let export = Export { settings, fixes, target: &target, exemptions: &exemptions, check, predicate };
        let (variables, patches) = export.patches(&mut notes);
        if patches.is_empty() {
            continue;
        }
        let name = format!("{}-fix-{}", settings.name, check.id);
        objects.push(export.policy(&name, variables, &patches));
        objects.push(export.binding(&name));
    }
    if objects.is_empty() {
        return Err(ExportError::NoFixes);
    }
    notes.push(binding::SYSTEM_NOTE.to_owned());
    Ok(Exported { objects, notes })
}

struct Export<'e> {
    settings: &'e Settings<'e>,
    fixes: &'e MutatingSettings<'e>,
    target: &'e Target,
    exemptions: &'e Exemptions<'e>,
    check: &'static Check,
    predicate: &'static Predicate,
}

impl Export<'_> {
    fn patches(&self, notes: &mut Vec<String>) -> (Vec<Variable>, Vec<String>) {
        if self.check.id == ROOT {
            return self.root(notes);
        }
        let made = mutations(self.check, self.predicate, self.exemptions, self.fixes.is_unsafe);
        let which = if made.patches.is_empty() { "" } else { ", of a part of its rules," };
        notes.extend(made.left_out.iter().map(|why| format!("{}{which} is left out: {why}", self.check.id)));
        (Vec::new(), made.patches)
    }

    /// Without profiles a guess, so that somebody must have asked for it.
    fn root(&self, notes: &mut Vec<String>) -> (Vec<Variable>, Vec<String>) {
        let mutation = self.settings.config.mutation;
        let id = self.check.id;
        if mutation == Mutation::Off || !(self.fixes.is_unsafe || mutation == Mutation::All) {
            notes.push(format!(
                "{id} is left out: where containers write is not known; `--unsafe` or `mutation: all` mounts the \
                 directories of `writable.default`"
            ));
            return (Vec::new(), Vec::new());
        }
        notes.push(format!(
            "{id} mounts the directories of `writable.default` in every container: write-path profiles are for \
             the webhook and `lithify fix`; containers whose volumes would need a hash in their names are left \
             alone"
        ));
        root::patches(self.check, self.predicate, self.exemptions, self.fixes.writable)
    }

    fn policy(&self, name: &str, own: Vec<Variable>, patches: &[String]) -> Value {
        let mut all = variables::of_mutation(self.target);
        all.extend(self.exemptions.variables());
        all.extend(own);
        let expression = patches.join(" +\n");
        json!({
            "apiVersion": self.api_version(),
            "kind": "MutatingAdmissionPolicy",
            "metadata": metadata(name),
            "spec": {
                // A pod that is not changed is still judged.
                "failurePolicy": "Ignore",
                "reinvocationPolicy": "IfNeeded",
                "matchConstraints": {
                    "matchPolicy": "Equivalent",
                    "resourceRules": self.resource_rules(),
                },
                "matchConditions": match_conditions(self.target, self.settings.config),
                "variables": variables::used(all, &[&expression]),
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
            },
        })
    }

    fn resource_rules(&self) -> Vec<Value> {
        let mut rules = self.target.resource_rules(&[Requests::Pods, Requests::EphemeralContainers]);
        // Nothing that matters of a pod can be changed later.
        rules[0]["operations"] = json!(["CREATE"]);
        if self.settings.config.webhook.mutate_workloads {
            rules.extend(self.target.resource_rules(&[Requests::Workloads]));
        }
        rules
    }

    fn binding(&self, name: &str) -> Value {
        json!({
            "apiVersion": self.api_version(),
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": metadata(name),
            "spec": {
                "policyName": name,
                "matchResources": {"namespaceSelector": binding::not_of_the_system()},
            },
        })
    }

    fn api_version(&self) -> String {
        format!("{GROUP}/{}", self.fixes.version)
    }
}
