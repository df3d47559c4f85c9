//! The repair of a writable root file system in CEL: the flag, and an emptyDir at each default directory, named
//! and placed as the fixer does.

use super::exemption::Exemptions;
use super::variables::{NEW, Variable};
use crate::checks::Check;
use crate::checks::predicate::cel::{self, Expr, holds, text};
use crate::checks::predicate::{CONTAINER_LISTS, Predicate};
use crate::checks::read_only_root::{Medium, Writable, default_mounts};

/// Longest name of a volume.
const LABEL: usize = 63;

/// The lists whose containers can get volumes; the API takes none with an ephemeral container.
const LISTS: [&str; 2] = ["initContainers", "containers"];

/// The patches, and the variables that they read.
pub(super) fn patches(
    check: &Check,
    predicate: &Predicate,
    exemptions: &Exemptions<'_>,
    writable: &Writable,
) -> (Vec<Variable>, Vec<String>) {
    let mounts = default_mounts(writable);
    let [rule] = predicate.rules else { return (Vec::new(), Vec::new()) };
    let mut chosen = vec![holds(&rule.test, "c", NEW).not()];
    chosen.extend(cel::exempt(predicate, NEW).map(Expr::not));
    chosen.extend(exemptions.of_container(check.id).into_iter().map(Expr::not));
    chosen.push(Expr::Atom("!variables.oldContainers.exists(o, o.name == c.name)".to_owned()));
    // Where the fixer would end a name with a hash, CEL cannot.
    chosen.push(Expr::Atom("!c.name.contains('--')".to_owned()));
    chosen.extend(mounts.iter().map(|(path, slug)| Expr::any([covered(path), nameable(slug)])));
    let is_chosen = Variable::new(
        "writableRoots",
        format!("variables.containers.filter(c, {}).map(c, c.name)", Expr::all(chosen)),
    );
    let new_volumes = mounts.iter().map(|(path, slug)| {
        let needed = covered(path).not();
        let which: Vec<_> = LISTS.iter().map(|list| list_of(list)).collect();
        format!(
            "({}).filter(c, c.name in variables.writableRoots && {needed}).map(c, \
             {{'name': dyn({}), 'emptyDir': dyn({})}})",
            which.join(" + "),
            volume(slug),
            empty_dir(writable)
        )
    });
    let new_volumes = Variable::new("writableVolumes", joined(new_volumes));
    let mut patches: Vec<_> = CONTAINER_LISTS.iter().map(|(list, _)| flag(list)).collect();
    if !mounts.is_empty() {
        patches.push(add_volumes());
        patches.extend(LISTS.iter().flat_map(|list| mounts_of(list, &mounts)));
    }
    (vec![is_chosen, new_volumes], patches)
}

fn joined(lists: impl Iterator<Item = String>) -> String {
    let lists: Vec<_> = lists.collect();
    if lists.is_empty() { "[]".to_owned() } else { lists.join(" +\n") }
}

fn list_of(list: &str) -> String {
    format!("(has({0}.{list}) ? {0}.{list} : [])", NEW.spec)
}

/// A mount of the container `c` holds the path.
fn covered(path: &str) -> Expr {
    let mut around = vec![text("/")];
    for (at, _) in path.match_indices('/').filter(|(at, _)| *at > 0).chain([(path.len(), "")]) {
        around.extend([text(&path[..at]), text(&format!("{}/", &path[..at]))]);
    }
    Expr::all([
        Expr::Atom("has(c.volumeMounts)".to_owned()),
        Expr::Atom(format!("c.volumeMounts.exists(m, m.mountPath in [{}])", around.join(", "))),
    ])
}

/// Nothing has the name of the volume for this container, and it is a DNS label.
fn nameable(slug: &str) -> Expr {
    let name = volume(slug);
    Expr::all(
        [
            format!("({name}).size() <= {LABEL}"),
            format!("!variables.volumes.exists(v, v.name == {name})"),
            format!("!variables.containers.exists(o, o.name == {name})"),
        ]
        .map(Expr::Atom),
    )
}

fn volume(slug: &str) -> String {
    if slug.is_empty() {
        "'rw-' + c.name".to_owned()
    } else {
        format!("'rw-' + c.name + {}", text(&format!("-{slug}")))
    }
}

fn empty_dir(writable: &Writable) -> String {
    let limit = writable.size_limit.as_ref().map(|limit| format!("'sizeLimit': {}", text(limit)));
    let memory = (writable.medium == Medium::Memory).then(|| "'medium': 'Memory'".to_owned());
    let fields: Vec<_> = limit.into_iter().chain(memory).collect();
    format!("{{{}}}", fields.join(", "))
}

fn flag(list: &str) -> String {
    let at = format!("variables.at + '/{list}/' + string(i) + '/securityContext'");
    format!(
        "{}.transformList(i, c, c.name in variables.writableRoots,\n!has(c.securityContext) ?\n\
         JSONPatch{{op: 'add', path: {at}, value: {{'readOnlyRootFilesystem': true}}}} :\n\
         JSONPatch{{op: 'add', path: {at} + '/readOnlyRootFilesystem', value: true}})",
        list_of(list)
    )
}

/// At once where the pod has none, else one by one at the end.
fn add_volumes() -> String {
    "(variables.writableVolumes.size() == 0 ? [] :\n!has(variables.spec.volumes) ?\n\
     [JSONPatch{op: 'add', path: variables.at + '/volumes', value: variables.writableVolumes}] :\n\
     variables.writableVolumes.map(v, JSONPatch{op: 'add', path: variables.at + '/volumes/-', value: v}))"
        .to_owned()
}

/// The mounts of each container: the first makes the list where there is none.
fn mounts_of(list: &str, mounts: &[(String, String)]) -> Vec<String> {
    let at = format!("variables.at + '/{list}/' + string(i) + '/volumeMounts'");
    let needed = |path: &str| {
        Expr::all([Expr::Atom("c.name in variables.writableRoots".to_owned()), covered(path).not()])
    };
    let make = Expr::all([
        Expr::Atom("!has(c.volumeMounts)".to_owned()),
        Expr::Atom("c.name in variables.writableRoots".to_owned()),
    ]);
    let make = format!(
        "{}.transformList(i, c, {make}, JSONPatch{{op: 'add', path: {at}, value: []}})",
        list_of(list)
    );
    let add = mounts.iter().map(|(path, slug)| {
        format!(
            "{}.transformList(i, c, {},\nJSONPatch{{op: 'add', path: {at} + '/-', value: \
             {{'name': {}, 'mountPath': {}}}}})",
            list_of(list),
            needed(path),
            volume(slug),
            text(path)
        )
    });
    [make].into_iter().chain(add).collect()
}
