//! From the event table to what the kernel's half captures.

use lithify::event::{Architecture, EventType, Kind, Origin, Peer};

use crate::kernel::layout::{
    self, Bytes as _, Plan, SLOT_NONE, SLOT_RESULT, STEP_BYTES, STEP_CWD, STEP_FILE, STEP_IOVEC, STEP_MEMORY,
    STEP_MESSAGE, STEP_PROCESS, STEP_SOCKADDR, STEP_STRING, Step,
};

/// The architecture that this is built for.
#[cfg(target_arch = "x86_64")]
pub(crate) const ARCHITECTURE: Architecture = Architecture::X86_64;
/// The architecture that this is built for.
#[cfg(target_arch = "aarch64")]
pub(crate) const ARCHITECTURE: Architecture = Architecture::Aarch64;

/// `STEP_FILE` with this size leaves the path out: the caller gave it.
const WITHOUT_PATH: u8 = 1;
/// `STEP_STRING` with this size is a path: a relative one needs its directory.
const IS_PATH: u8 = 1;
/// Bytes of the longest address that a call writes back without saying its length in a register.
const ADDRESS_BYTES: u8 = 28;

const NO_STEP: Step = Step { kind: 0, slot: SLOT_NONE, with: SLOT_NONE, size: 0 };

/// What the rules ask of an event beyond its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The working directory.
    pub(crate) cwd: bool,
    /// Files as the kernel knows them: the path of what an open returned, and where a socket's name is relative to.
    pub(crate) places: bool,
}

/// What to capture of a call, in order: the path that the filter asks first.
fn steps(event: EventType, needs: Needs) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |step: Step| {
        let same = steps.iter_mut().find(|one: &&mut Step| {
            (one.kind, one.slot) == (step.kind, step.slot)
                && (one.kind == STEP_MEMORY || one.kind == STEP_FILE || **one == step)
        });
        match same {
            Some(one) if one.kind == STEP_MEMORY => one.size = one.size.max(step.size),
            // With the path, if anybody asks for it.
            Some(one) if one.kind == STEP_FILE => one.size = one.size.min(step.size),
            Some(_) => {}
            None => steps.push(step),
        }
    };
    let step =
        |kind, slot, with: Option<u8>, size| Step { kind, slot, with: with.unwrap_or(SLOT_NONE), size };
    let parameters: Vec<_> = event.parameters().collect();
    for parameter in &parameters {
        match parameter.origin {
            Origin::Path { at, directory } => add(step(STEP_STRING, at, directory, IS_PATH)),
            Origin::Text(at) => add(step(STEP_STRING, at, None, 0)),
            _ => {}
        }
    }
    let opens_path = parameters.iter().any(|parameter| matches!(parameter.origin, Origin::Path { .. }));
    for parameter in &parameters {
        match parameter.origin {
            Origin::Buffer { at, length } => add(step(STEP_BYTES, at, length.or(Some(SLOT_RESULT)), 0)),
            Origin::Buffers { at, count } => add(step(STEP_IOVEC, at, Some(count), 0)),
            Origin::Message(at) | Origin::Control(at) => add(step(STEP_MESSAGE, at, None, 0)),
            Origin::Address { at, length } => {
                add(step(STEP_SOCKADDR, at, Some(length), 0));
                if needs.places {
                    add(step(STEP_CWD, SLOT_NONE, None, 0));
                }
            }
            Origin::Memory { at, offset, size } => add(step(STEP_MEMORY, at, None, offset + size)),
            Origin::Tuple { fd, peer } => {
                match peer {
                    Peer::Argument { at, length: Some(length) } => {
                        add(step(STEP_SOCKADDR, at, Some(length), 0));
                    }
                    Peer::Argument { at, length: None } => add(step(STEP_SOCKADDR, at, None, ADDRESS_BYTES)),
                    Peer::Message(at) => add(step(STEP_MESSAGE, at, None, 0)),
                    Peer::Socket => {}
                }
                add(step(STEP_FILE, fd.unwrap_or(SLOT_RESULT), None, 0));
            }
            Origin::Queue(at) => add(step(STEP_FILE, at, None, WITHOUT_PATH)),
            Origin::Device | Origin::Inode | Origin::File => {
                add(step(STEP_FILE, SLOT_RESULT, None, WITHOUT_PATH));
            }
            Origin::KernelPath => add(step(STEP_FILE, SLOT_RESULT, None, 0)),
            Origin::Process => {
                add(step(STEP_PROCESS, SLOT_NONE, None, 0));
                add(step(STEP_CWD, SLOT_NONE, None, 0));
            }
            Origin::Argument(at) if parameter.kind == Kind::Fd && parameter.name == "fd" => {
                add(step(STEP_FILE, at, None, 0));
            }
            Origin::Result if parameter.kind == Kind::Fd => {
                let without = opens_path && !needs.places;
                add(step(STEP_FILE, SLOT_RESULT, None, if without { WITHOUT_PATH } else { 0 }));
            }
            _ => {}
        }
    }
    if needs.cwd {
        add(step(STEP_CWD, SLOT_NONE, None, 0));
    }
    steps
}

/// The plan of a call, and its number; `None` if this architecture does not have it.
pub(crate) fn plan(event: EventType, needs: Needs) -> Option<(u16, Plan)> {
    let number = event.number(ARCHITECTURE)?;
    let steps = steps(event, needs);
    let mut plan = Plan::zeroed();
    plan.steps = [NO_STEP; 6];
    // The table's test sees to it that no call has more.
    for (place, step) in plan.steps.iter_mut().zip(&steps) {
        *place = *step;
    }
    plan.count = u32::try_from(steps.len().min(plan.steps.len())).expect("at most six");
    plan.open = open_kind(event.name());
    plan.fd_slot = steps.iter().find(|step| step.kind == STEP_FILE).map_or(SLOT_NONE, |step| step.slot);
    plan.has_path =
        u8::from(steps.first().is_some_and(|step| step.kind == STEP_STRING && step.size == IS_PATH));
    Some((number, plan))
}

/// Where the flags of a call that opens stand.
fn open_kind(name: &str) -> u8 {
    match name {
        "open" => layout::OPEN_FLAGS_1,
        "openat" | "open_by_handle_at" => layout::OPEN_FLAGS_2,
        "openat2" => layout::OPEN_HOW,
        "creat" => layout::OPEN_WRITE,
        _ => layout::OPEN_NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(name: &str) -> Plan {
        plan(EventType::from_name(name).unwrap(), Needs::default()).unwrap().1
    }

    #[test]
    fn no_call_needs_more_steps_than_a_plan_has() {
        for event in EventType::all().filter(|event| event.is_syscall()) {
            assert!(steps(event, Needs { cwd: true, places: true }).len() <= 6, "{event}");
        }
    }

    #[test]
    fn an_open_captures_its_path_first_and_its_file_without_path() {
        let plan = plan_of("openat");
        assert_eq!(plan.steps[0], Step { kind: STEP_STRING, slot: 1, with: 0, size: IS_PATH });
        assert_eq!(
            plan.steps[1],
            Step { kind: STEP_FILE, slot: SLOT_RESULT, with: SLOT_NONE, size: WITHOUT_PATH }
        );
        assert_eq!((plan.count, plan.has_path, plan.open), (2, 1, layout::OPEN_FLAGS_2));
    }

    #[test]
    fn structures_are_captured_once_and_whole() {
        let plan = plan_of("openat2");
        let memory: Vec<_> = plan.steps.iter().filter(|step| step.kind == STEP_MEMORY).collect();
        assert_eq!(memory, [&Step { kind: STEP_MEMORY, slot: 2, with: SLOT_NONE, size: 24 }]);
    }

    #[test]
    fn a_text_that_is_no_path_does_not_feed_the_path_filter() {
        let plan = plan_of("memfd_create");
        assert_eq!((plan.has_path, plan.steps[0].kind), (0, STEP_STRING));
    }
}
