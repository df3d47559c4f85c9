//! The plan for one container.

use serde_json::{Value, json};

use super::super::predicate::{Allowed, Test, holds};
use super::mounts::{Mounts, Target};
use super::name::slug;
use super::present::{Present, items, text};
use super::{Plan, PodOf, Refusal, Writable};
use crate::edit::{Applicability, FieldOp};
use crate::k8s::{Tree, TreeKind, brief};
use crate::profile::{Container, WriteProfile, WrittenPath, mount_points};
use crate::yaml::Pointer;

/// Judged on the container.
pub(in crate::checks) const PRIVILEGED: Test =
    Test::Field(&["securityContext", "privileged"], &Test::Is(Allowed::Bool(true)));
const WINDOWS: Test = Test::Field(&["os", "name"], &Test::Is(Allowed::text(&["windows"])));

/// Said of a privileged container, by the check and by its fix.
pub(in crate::checks) const PRIVILEGED_IS_VOID: &str =
    "the container is privileged, which makes a read-only root void: it can mount it again for writing";

/// What makes the root filesystem of the container at `index` of `list` read-only, and mounts an emptyDir at each
/// directory that it writes in: by its profile, else the default directories.
///
/// `list` is one of `containers`, `initContainers` and `ephemeralContainers`. A directory that a mount covers is
/// left alone. Whether the flag is set already is not asked.
///
/// # Errors
/// [`Refusal`] where no such plan can be made: two profiles fit equally well, the container has no name, files of
/// the image cannot be copied, the pod runs on Windows, or what must be added to has another type.
pub fn plan_container<T: Tree>(
    pod: PodOf<'_, T>,
    list: &'static str,
    index: usize,
    writable: &Writable,
) -> Result<Plan, Refusal> {
    if holds(&WINDOWS, pod.spec, pod.spec) {
        return Err(Refusal("Windows has no read-only root filesystems".to_owned()));
    }
    let Some(container) = items(pod.spec, list)?.nth(index) else {
        return Err(Refusal(format!("{list} has no item {index}")));
    };
    if container.kind() != TreeKind::Mapping {
        return Err(Refusal(format!("the container is {}, expected a mapping", brief(container))));
    }
    let Some(name) = text(container, "name") else {
        return Err(Refusal("the container has no name, which its volumes would be named after".to_owned()));
    };
    let image = text(container, "image").unwrap_or_default();
    let of = Container { namespace: pod.namespace, owners: pod.owners, name: &name, image: &image };
    let profile = writable.profiles.find(&of).map_err(|tie| Refusal(tie.to_string()))?;
    let mut reasons = reasons(pod, container, profile, writable);
    let mut present = Present::read(pod.spec, list, index, container)?;
    let target =
        Target { pod, container, name: &name, is_ephemeral: list == "ephemeralContainers", writable };
    let wanted = profile.map_or_else(|| default_paths(writable), WriteProfile::wanted);
    let mounts = Mounts::new(&target, wanted, &mut present)?;
    let ops = operations(&target, list, index, &mounts)?;
    reasons.extend(mounts.risks);
    Ok(Plan {
        list,
        profile: profile.map(|profile| profile.name.clone()),
        mounts: mounts.added,
        ops,
        applicability: if reasons.is_empty() { Applicability::Safe } else { Applicability::Unsafe },
        reasons,
        notes: mounts.notes,
        container: name,
    })
}

/// What the evidence lacks.
fn reasons<T: Tree>(
    pod: PodOf<'_, T>,
    container: T,
    profile: Option<&WriteProfile>,
    writable: &Writable,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if holds(&PRIVILEGED, container, pod.spec) {
        reasons.push(PRIVILEGED_IS_VOID.to_owned());
    }
    match profile {
        None => {
            let defaults: Vec<_> = writable.default.iter().map(ToString::to_string).collect();
            let but =
                if defaults.is_empty() { String::new() } else { format!(" but {}", defaults.join(", ")) };
            reasons.push(format!("no write-path profile tells where it writes{but}"));
        }
        Some(profile) if !profile.unresolved.is_empty() => reasons.push(format!(
            "the write-path profile `{}` has {} unresolved",
            profile.name,
            plural(profile.unresolved.len(), "write")
        )),
        Some(profile) if !profile.complete => {
            reasons.push(format!("the write-path profile `{}` is not complete", profile.name));
        }
        Some(_) => {}
    }
    reasons
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// The default directories that are mounted, each with its part of a volume's name.
pub(crate) fn default_mounts(writable: &Writable) -> Vec<(String, String)> {
    let (points, _) = mount_points(default_paths(writable));
    points.iter().map(|point| (point.path.to_string(), slug(point.path.as_str()))).collect()
}

fn default_paths(writable: &Writable) -> Vec<(WrittenPath, bool)> {
    writable.default.iter().map(|path| (WrittenPath::new(path.clone()), false)).collect()
}

/// The operations, init containers last: they move the items behind them.
fn operations<T: Tree>(
    target: &Target<'_, T>,
    list: &'static str,
    index: usize,
    mounts: &Mounts,
) -> Result<Vec<FieldOp>, Refusal> {
    let root = |key: &'static str| [key].into_iter().collect::<Pointer>();
    let container = root(list).item(index);
    let mut ops = Vec::with_capacity(4);
    ops.push(set_flag(target.container, &container)?);
    add_to(target.container, &container, "volumeMounts", &mounts.of_container, &mut ops);
    add_to(target.pod.spec, &Pointer::root(), "volumes", &mounts.volumes, &mut ops);
    if list == "initContainers" {
        for (place, item) in mounts.init_containers.iter().enumerate() {
            ops.push(FieldOp::Insert { at: root(list).item(index + place), value: item.clone() });
        }
    } else {
        add_to(target.pod.spec, &Pointer::root(), "initContainers", &mounts.init_containers, &mut ops);
    }
    Ok(ops)
}

fn set_flag<T: Tree>(container: T, at: &Pointer) -> Result<FieldOp, Refusal> {
    const FLAG: &str = "readOnlyRootFilesystem";
    let at = at.join("securityContext");
    match container.field("securityContext") {
        None => Ok(FieldOp::Set { at, value: json!({FLAG: true}) }),
        Some(context) if context.kind() == TreeKind::Mapping => {
            Ok(FieldOp::Set { at: at.join(FLAG), value: Value::Bool(true) })
        }
        Some(context) => Err(Refusal(format!("securityContext is {}, expected a mapping", brief(context)))),
    }
}

/// Adds items to a list, which is made where it is missing.
fn add_to<T: Tree>(parent: T, at: &Pointer, key: &'static str, items: &[Value], ops: &mut Vec<FieldOp>) {
    let at = at.join(key);
    if items.is_empty() {
        return;
    }
    if parent.field(key).is_none() {
        return ops.push(FieldOp::Set { at, value: Value::Array(items.to_vec()) });
    }
    ops.extend(items.iter().map(|item| FieldOp::Append { at: at.clone(), value: item.clone() }));
}
