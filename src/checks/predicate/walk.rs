//! The native evaluation: which places of a pod violate a rule.

use std::borrow::Cow;

use super::{Allowed, AnnotationKey, CONTAINER_LISTS, Rule, Scope, Test};
use crate::k8s::{Step, Tree, TreeKind};

/// The parts of a pod that rules judge.
#[derive(Clone, Copy, Debug)]
pub(in crate::checks) struct Pod<T> {
    /// The pod spec.
    pub(in crate::checks) spec: T,
    /// The metadata that the pod carries.
    pub(in crate::checks) metadata: Option<T>,
}

/// What a violation is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::checks) enum Subject<T> {
    Pod,
    /// The volume, and how many steps of a path lead to it.
    Volume(T, usize),
    /// What it is called, the container, and how many steps of a path lead to it.
    Container(&'static str, T, usize),
    Annotation,
}

/// Why a place violates a rule.
#[derive(Clone, Copy, Debug)]
pub(in crate::checks) enum Problem {
    /// It is not among the allowed values; `optional`: it could also be unset.
    NotAllowed { allowed: &'static Allowed, optional: bool },
    /// It may not be set.
    Set,
    /// The list lacks this string.
    Lacks(&'static str),
    /// None of these fields is set.
    NoneOf(&'static [&'static str]),
    /// It cannot be judged: the API has another type there.
    WrongType(TreeKind),
    /// It takes a value of the pod that is not allowed: the rule for the pod reports it.
    InheritsBad,
}

/// A place that violates a rule.
#[derive(Debug)]
pub(in crate::checks) struct Violation<'w, T> {
    pub(in crate::checks) subject: Subject<T>,
    /// From the pod spec, or for annotations from the metadata.
    pub(in crate::checks) path: &'w [Step],
    /// Length of the longest beginning of the path that is a mapping; `None` where a new field has no place.
    pub(in crate::checks) anchor: Option<usize>,
    /// What is there, unless nothing or null.
    pub(in crate::checks) found: Option<T>,
    pub(in crate::checks) problem: Problem,
}

/// Whether the test holds for a value; `pod` is what a container inherits from.
pub(in crate::checks) fn holds<T: Tree>(test: &'static Test, value: T, pod: T) -> bool {
    let mut holds = true;
    let report: &mut dyn FnMut(Violation<'_, T>) = &mut |_| holds = false;
    // Nobody asks where.
    let mut walk =
        Walk { pod, subject: Subject::Pod, path: &mut Vec::new(), has_path: false, anchor: None, report };
    walk.judge(test, Some(value), false);
    holds
}

/// Reports every place of a part of a pod that is set and violates the rule; `container` where it is one's.
pub(in crate::checks) fn walk_fragment<T: Tree>(
    rule: &'static Rule,
    part: T,
    container: bool,
    report: &mut dyn FnMut(Violation<'_, T>),
) {
    let (subject, scope) = if container {
        (Subject::Container("container template", part, 0), Scope::Container)
    } else {
        (Subject::Pod, Scope::Pod)
    };
    if rule.scope != scope {
        return;
    }
    let path = &mut Vec::with_capacity(8);
    // What is missing may be set by whoever completes the pod, and a wrong type may be a type of his.
    let report: &mut dyn FnMut(Violation<'_, T>) = &mut |violation| {
        if violation.found.is_some() && !matches!(violation.problem, Problem::WrongType(_)) {
            report(violation);
        }
    };
    Walk { pod: part, subject, path, has_path: true, anchor: None, report }.judge(
        &rule.test,
        Some(part),
        false,
    );
}

/// Reports every place of the pod that violates the rule. `path` is for the walk to write in, empty before and after.
pub(in crate::checks) fn walk<T: Tree>(
    rule: &'static Rule,
    pod: Pod<T>,
    path: &mut Vec<Step>,
    report: &mut dyn FnMut(Violation<'_, T>),
) {
    let mut walk =
        Walk { pod: pod.spec, subject: Subject::Pod, path, has_path: true, anchor: Some(0), report };
    match rule.scope {
        Scope::Pod => walk.judge(&rule.test, Some(pod.spec), false),
        Scope::Volume => walk.each_of("volumes", Subject::Volume, &rule.test),
        Scope::Container => {
            for (list, name) in CONTAINER_LISTS {
                let subject = |container, depth| Subject::Container(name, container, depth);
                walk.each_of(list, subject, &rule.test);
            }
        }
        Scope::Annotation(key) => {
            walk.subject = Subject::Annotation;
            if let Some(metadata) = pod.metadata {
                walk.annotations(metadata, key, &rule.test);
            }
        }
    }
}

struct Walk<'w, T> {
    pod: T,
    subject: Subject<T>,
    path: &'w mut Vec<Step>,
    /// Whether the path is kept.
    has_path: bool,
    anchor: Option<usize>,
    report: &'w mut dyn FnMut(Violation<'_, T>),
}

impl<T: Tree> Walk<'_, T> {
    fn violation(&mut self, found: Option<T>, problem: Problem) {
        let Self { subject, anchor, .. } = *self;
        (self.report)(Violation { subject, path: self.path, anchor, found, problem });
    }

    /// Judges with one more step on the path.
    fn below(&mut self, step: Step, value: Option<T>, judge: impl FnOnce(&mut Self)) {
        if !self.has_path {
            return judge(self);
        }
        let anchor = self.anchor;
        self.path.push(step);
        match value.map(Tree::kind) {
            Some(TreeKind::Mapping) => self.anchor = Some(self.path.len()),
            // A field can be added to what is not there yet, by way of its parent; an item cannot.
            None if matches!(self.path.last(), Some(Step::Item(_))) => self.anchor = None,
            _ => {}
        }
        judge(self);
        self.path.pop();
        self.anchor = anchor;
    }

    /// Judges every item of a list of the pod spec; where the list or an item has a wrong type, nothing in it
    /// can be judged and the place itself is the violation.
    fn each_of(&mut self, list: &'static str, subject: impl Fn(T, usize) -> Subject<T>, test: &'static Test) {
        let Some(items) = self.pod.field(list) else { return };
        self.below(Step::Key(Cow::Borrowed(list)), Some(items), |walk| {
            if items.kind() != TreeKind::Sequence {
                return walk.violation(Some(items), Problem::WrongType(TreeKind::Sequence));
            }
            for (index, item) in items.items().enumerate() {
                let value = Some(item).filter(|item| !item.is_null());
                walk.below(Step::Item(index), value, |walk| {
                    walk.subject = subject(item, 2);
                    match item.kind() {
                        TreeKind::Mapping | TreeKind::Null => walk.judge(test, value, false),
                        _ => walk.violation(value, Problem::WrongType(TreeKind::Mapping)),
                    }
                });
            }
            walk.subject = Subject::Pod;
        });
    }

    fn annotations(&mut self, metadata: T, key: AnnotationKey, test: &'static Test) {
        if metadata.kind() != TreeKind::Mapping {
            return self.violation(Some(metadata), Problem::WrongType(TreeKind::Mapping));
        }
        let Some(annotations) = metadata.field("annotations") else { return };
        self.below(Step::Key(Cow::Borrowed("annotations")), Some(annotations), |walk| {
            if annotations.kind() != TreeKind::Mapping {
                return walk.violation(Some(annotations), Problem::WrongType(TreeKind::Mapping));
            }
            match key {
                AnnotationKey::Named(name) => walk.annotation(annotations, Cow::Borrowed(name), test),
                AnnotationKey::WithPrefix(prefix) => {
                    for (key, _) in annotations.entries().filter(|(key, _)| key.as_ref().starts_with(prefix))
                    {
                        walk.annotation(annotations, Cow::Owned(key.as_ref().to_owned()), test);
                    }
                }
                AnnotationKey::OfContainer(prefix) => {
                    let pod = walk.pod;
                    let lists = CONTAINER_LISTS.iter().filter_map(|(list, _)| pod.field(list));
                    for container in lists.flat_map(Tree::items) {
                        let name = container.get("name").and_then(Tree::as_str);
                        let name = name.as_ref().map_or("", AsRef::as_ref);
                        walk.annotation(annotations, Cow::Owned(format!("{prefix}{name}")), test);
                    }
                }
            }
        });
    }

    /// Judges one annotation if its key is there; a `null` is Go's empty string.
    fn annotation(&mut self, annotations: T, key: Cow<'static, str>, test: &'static Test) {
        let Some(value) = annotations.get(&key) else { return };
        let value = Some(value).filter(|value| !value.is_null());
        self.below(Step::Key(key), value, |walk| walk.judge(test, value, false));
    }

    /// `value` is `None` where nothing or null is there; `optional`: it need not be there.
    fn judge(&mut self, test: &'static Test, value: Option<T>, optional: bool) {
        match test {
            Test::Is(allowed) => self.is(allowed, value, optional),
            Test::Unset => {
                if value.is_some() {
                    self.violation(value, Problem::Set);
                }
            }
            Test::UnsetOr(test) => {
                if value.is_some() {
                    self.judge(test, value, true);
                }
            }
            Test::Field(path, test) => self.field(path, test, value, optional),
            Test::Each(test) => self.each(test, value),
            Test::Includes(item) => self.includes(item, value),
            Test::AnyField(keys) => self.any_field(keys, value),
            Test::OnlyKeys(keys) => {
                let others = value.into_iter().flat_map(Tree::entries);
                if others.into_iter().any(|(key, _)| !keys.contains(&key.as_ref())) {
                    self.violation(value, Problem::Set);
                }
            }
            Test::All(tests) => tests.iter().for_each(|test| self.judge(test, value, optional)),
            Test::Any(tests) => {
                let one_holds = |value| tests.iter().any(|test| holds(test, value, self.pod));
                if !value.is_some_and(one_holds) {
                    self.violation(value, Problem::Set);
                }
            }
            Test::Not(test) => {
                if value.is_some_and(|value| holds(test, value, self.pod)) {
                    self.violation(value, Problem::Set);
                }
            }
            Test::Inherited(path, test) => self.inherited(path, test, value),
        }
    }

    fn is(&mut self, allowed: &'static Allowed, value: Option<T>, optional: bool) {
        match value.map(|value| allowed.accepts(value)) {
            Some(Some(true)) => {}
            Some(None) => self.violation(value, Problem::WrongType(allowed.kind())),
            Some(Some(false)) | None => self.violation(value, Problem::NotAllowed { allowed, optional }),
        }
    }

    fn field(
        &mut self,
        path: &'static [&'static str],
        test: &'static Test,
        value: Option<T>,
        optional: bool,
    ) {
        let Some((key, rest)) = path.split_first() else { return self.judge(test, value, optional) };
        if value.is_none() && test.holds_for_nothing() {
            return;
        }
        if let Some(value) = value.filter(|value| value.kind() != TreeKind::Mapping) {
            return self.violation(Some(value), Problem::WrongType(TreeKind::Mapping));
        }
        let child = value.and_then(|value| value.field(key));
        // An absent parent makes the field no less wanted, but what was optional about the parent is not so
        // about the field.
        self.below(Step::Key(Cow::Borrowed(key)), child, |walk| walk.field(rest, test, child, false));
    }

    fn each(&mut self, test: &'static Test, value: Option<T>) {
        let Some(list) = value else { return };
        if list.kind() != TreeKind::Sequence {
            return self.violation(value, Problem::WrongType(TreeKind::Sequence));
        }
        for (index, item) in list.items().enumerate() {
            let item = Some(item).filter(|item| !item.is_null());
            self.below(Step::Item(index), item, |walk| walk.judge(test, item, false));
        }
    }

    fn includes(&mut self, wanted: &'static str, value: Option<T>) {
        if let Some(list) = value.filter(|list| list.kind() != TreeKind::Sequence) {
            return self.violation(Some(list), Problem::WrongType(TreeKind::Sequence));
        }
        let mut items = value.into_iter().flat_map(Tree::items);
        if !items.any(|item| item.as_str().is_some_and(|item| item.as_ref() == wanted)) {
            self.violation(value, Problem::Lacks(wanted));
        }
    }

    fn any_field(&mut self, keys: &'static [&'static str], value: Option<T>) {
        let fields = keys.iter().filter_map(|key| Some((*key, value?.field(key)?)));
        let mut wrong = None;
        for (key, field) in fields {
            if field.kind() == TreeKind::Mapping {
                return;
            }
            wrong = Some((key, field));
        }
        match wrong {
            Some((key, field)) => self.below(Step::Key(Cow::Borrowed(key)), Some(field), |walk| {
                walk.violation(Some(field), Problem::WrongType(TreeKind::Mapping));
            }),
            None => self.violation(value, Problem::NoneOf(keys)),
        }
    }

    fn inherited(&mut self, path: &'static [&'static str], test: &'static Test, container: Option<T>) {
        if !matches!(lookup(container, path), Ok(None)) {
            return self.field(path, test, container, false);
        }
        match lookup(Some(self.pod), path) {
            Ok(None) => self.field(path, test, container, false),
            Ok(Some(value)) if holds(test, value, self.pod) => {}
            Ok(Some(_)) | Err(()) => self.violation(None, Problem::InheritsBad),
        }
    }
}

/// The field at a path, `None` where it is not set.
///
/// # Errors
/// Where a parent is no mapping.
fn lookup<T: Tree>(value: Option<T>, path: &[&str]) -> Result<Option<T>, ()> {
    path.iter().try_fold(value, |value, key| match value {
        Some(value) if value.kind() != TreeKind::Mapping => Err(()),
        value => Ok(value.and_then(|value| value.field(key))),
    })
}
