//! The plan for all containers of a pod.

use serde_json::Value;

use super::super::predicate::CONTAINER_LISTS;
use super::{Plan, PodOf, Refusal, Writable, plan_container};
use crate::edit::{FieldOp, apply};
use crate::k8s::{Tree, to_value};

/// What becomes of the containers of a pod whose root filesystem is writable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodPlan {
    /// The changes of all accepted plans, in order, with pointers from the pod spec.
    pub ops: Vec<FieldOp>,
    /// The accepted plans; each one's own operations fit the pod as the plans before it leave it.
    pub accepted: Vec<Plan>,
    /// The plans that were not accepted.
    pub declined: Vec<Plan>,
    /// Containers for which there is no plan, by list and name, with the reason.
    pub refused: Vec<(&'static str, String, Refusal)>,
}

/// Plans every container whose root filesystem is writable, in an order in which no plan moves what another one
/// names. `accept` decides by a plan's applicability and reasons.
pub fn plan_pod<T: Tree>(pod: PodOf<'_, T>, writable: &Writable, accept: impl Fn(&Plan) -> bool) -> PodPlan {
    let mut found = PodPlan::default();
    let PodOf { spec, namespace, owners } = pod;
    if is_all_read_only(spec) {
        return found;
    }
    // Plans change it as they go.
    let mut spec = to_value(spec);
    // Copying init containers are appended for other containers and inserted before init containers: those come
    // last, and from the last to the first, so that nothing that is still to be planned moves.
    for (list, _) in CONTAINER_LISTS.into_iter().rev() {
        let mut indices: Vec<usize> =
            (0..pod.spec.field(list).map_or(0, |items| items.items().count())).collect();
        if list == "initContainers" {
            indices.reverse();
        }
        for index in indices {
            if container(&spec, list, index).is_some_and(is_read_only) {
                continue;
            }
            match plan_container(PodOf { spec: &spec, namespace, owners }, list, index, writable) {
                Ok(plan) if accept(&plan) => match apply(&plan.ops, &mut spec) {
                    Ok(()) => {
                        found.ops.extend(plan.ops.iter().cloned());
                        found.accepted.push(plan);
                    }
                    Err(error) => found.refused.push((list, plan.container, Refusal(error.to_string()))),
                },
                Ok(plan) => found.declined.push(plan),
                Err(refusal) => found.refused.push((list, name(&spec, list, index), refusal)),
            }
        }
    }
    found
}

fn container<T: Tree>(spec: T, list: &str, index: usize) -> Option<T> {
    spec.field(list)?.items().nth(index)
}

fn is_read_only<T: Tree>(container: T) -> bool {
    let context = container.field("securityContext");
    context.and_then(|context| context.field("readOnlyRootFilesystem")?.as_bool()) == Some(true)
}

fn is_all_read_only<T: Tree>(spec: T) -> bool {
    let mut lists = CONTAINER_LISTS.into_iter().filter_map(|(list, _)| spec.field(list));
    lists.all(|containers| containers.items().all(is_read_only))
}

fn name(spec: &Value, list: &str, index: usize) -> String {
    let name = container(spec, list, index).and_then(|container| Tree::as_str(container.field("name")?));
    name.map_or_else(|| index.to_string(), str::to_owned)
}
