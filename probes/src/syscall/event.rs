//! A system call as rules see it.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use lithify::event::{
    Argument, Common, Event, EventType, Field, FieldId, Kind, Origin, Parameter, Source, Timestamp, Value,
};

use super::arena::Arena;
use super::fields::{self, Getter};
use crate::cgroup_table::Cgroup;
use crate::container::ContainerId;
use crate::kernel::layout::{
    PIECE_CGROUP, PIECE_CWD, PIECE_DIRECTORY, PIECE_STRING, RECORD_EXEC, RECORD_EXIT, RECORD_FORK, SLOT_NONE,
    SLOT_RESULT,
};
use crate::kernel::record::Record;
use crate::path;
use crate::process::Process;
use crate::state::State;
use crate::users::Names;

/// What the table says about a type, taken apart once.
pub(crate) struct Shape {
    pub(crate) parameters: Vec<Parameter>,
    /// The argument (or `SLOT_RESULT`) that is the descriptor which `fd.*` is about.
    pub(crate) fd: Option<u8>,
    /// Pointers and directories of the paths in order.
    pub(crate) paths: Vec<(u8, Option<u8>)>,
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| EventType::all().map(shape).collect());

/// What the table says about a type.
pub(crate) fn shape_of(event: EventType) -> &'static Shape {
    &SHAPES[event.index()]
}

fn shape(event: EventType) -> Shape {
    let parameters: Vec<_> = event.parameters().collect();
    let paths = parameters.iter().filter_map(|parameter| match parameter.origin {
        Origin::Path { at, directory } => Some((at, directory)),
        _ => None,
    });
    // A descriptor that the call is given comes before one that it makes: fcntl is about its argument.
    let given = parameters.iter().find_map(|parameter| match parameter.origin {
        Origin::Argument(at) if parameter.kind == Kind::Fd && parameter.name == "fd" => Some(at),
        _ => None,
    });
    let makes_one =
        parameters.iter().any(|parameter| parameter.kind == Kind::Fd && parameter.origin == Origin::Result);
    let fd = given.or(makes_one.then_some(SLOT_RESULT));
    Shape { paths: paths.collect(), fd, parameters }
}

/// Types of calls by number.
static BY_NUMBER: LazyLock<Vec<Option<EventType>>> = LazyLock::new(|| {
    let mut types = vec![None; crate::kernel::layout::SYSCALLS as usize];
    for event in EventType::all() {
        if let Some(number) = event.number(super::plan::ARCHITECTURE)
            && let Some(place) = types.get_mut(usize::from(number))
        {
            place.get_or_insert(event);
        }
    }
    types
});

static PROCEXIT: LazyLock<EventType> =
    LazyLock::new(|| EventType::from_name("procexit").expect("the event table has procexit"));

/// The type of a record; `None` for what only keeps the table of processes.
pub(crate) fn type_of(record: &Record<'_>) -> Option<EventType> {
    match record.header.kind {
        RECORD_FORK => None,
        RECORD_EXIT => Some(*PROCEXIT),
        _ => BY_NUMBER.get(usize::from(record.header.syscall)).copied().flatten(),
    }
}

/// One event, borrowed from the ring buffer and from what the probe knows.
pub struct SyscallEvent<'e> {
    pub(crate) event_type: EventType,
    pub(crate) record: Record<'e>,
    pub(crate) state: &'e State,
    pub(crate) process: Option<&'e Process>,
    pub(crate) common: Common,
    arena: Arena,
}

impl<'e> SyscallEvent<'e> {
    /// The event of a record; `None` if it is none that rules see.
    pub(crate) fn new(record: Record<'e>, state: &'e State, number: u64) -> Option<Self> {
        let event_type = type_of(&record)?;
        let process = state.processes.get(record.header.pid, record.header.start_ns);
        let time = Timestamp(state.boot_ns + record.header.time_ns);
        let common = Common::new(Source::Syscall, event_type, time, number);
        Some(Self { event_type, record, state, process, common, arena: Arena::default() })
    }

    pub(crate) fn shape(&self) -> &'static Shape {
        shape_of(self.event_type)
    }

    /// Whether the filter in the kernel would have left it out, had it not been told to only say so.
    pub fn is_judged_out(&self) -> bool {
        self.record.header.flags & crate::kernel::layout::FLAG_JUDGED_OUT != 0
    }

    /// When it happened, in nanoseconds since the machine booted: unlike the time of day it never jumps.
    pub fn since_boot_ns(&self) -> u64 {
        self.record.header.time_ns
    }

    /// Whether a process executed a file, successfully.
    pub(crate) fn is_exec(&self) -> bool {
        self.record.header.kind == RECORD_EXEC
    }

    /// What the call returned.
    pub(crate) fn result(&self) -> i64 {
        self.record.header.result
    }

    /// The flags with which a call opens; `None` for any other call, creat among them.
    pub(crate) fn open_flags(&self) -> Option<u64> {
        fields::event::opened(self).map(|open| open.flags)
    }

    /// A descriptor, or another number, from a slot.
    pub(crate) fn slot(&self, slot: u8) -> i64 {
        match slot {
            SLOT_RESULT => self.result(),
            argument => {
                self.record.header.args.get(usize::from(argument)).copied().unwrap_or(0).cast_signed()
            }
        }
    }

    pub(crate) fn cgroup(&self) -> Option<&'e Cgroup> {
        self.state.cgroup(self.record.header.cgroup)
    }

    /// Path of the cgroup; from the record while the state has not kept it.
    pub(crate) fn cgroup_path(&self) -> Option<&[u8]> {
        let told = self.record.text(PIECE_CGROUP, SLOT_NONE);
        told.or_else(|| Some(self.cgroup()?.path.as_bytes()))
    }

    /// The text that an argument points to, as given.
    pub(crate) fn given(&self, at: u8) -> Option<&'e [u8]> {
        self.record.text(PIECE_STRING, at)
    }

    /// The working directory at the time of the event.
    pub(crate) fn cwd(&self) -> Option<&[u8]> {
        let told = self.record.text(PIECE_CWD, SLOT_NONE);
        told.or_else(|| Some(&*self.process?.image.cwd)).filter(|path| !path.is_empty())
    }

    /// A path that an argument points to, absolute and normalised.
    pub(crate) fn absolute(&self, at: u8) -> Option<Vec<u8>> {
        Some(path::join(self.record.text(PIECE_DIRECTORY, at), self.given(at)?))
    }

    /// Ancestors: 0 is the process itself.
    pub(crate) fn lineage(&self) -> impl Iterator<Item = &'e Process> + use<'e> {
        let header = &self.record.header;
        let ancestors = self.state.processes.ancestors(header.ppid, header.parent_start_ns);
        self.process.into_iter().chain(ancestors)
    }

    /// The ancestor that an argument asks for: 1, the parent, without one.
    pub(crate) fn ancestor(&self, argument: &Argument) -> Option<&'e Process> {
        let level = match argument {
            Argument::Index(level) => *level as usize,
            _ => 1,
        };
        // Without the process itself, its ancestors still count from 1.
        let skipped = usize::from(self.process.is_none());
        self.lineage().nth(level.checked_sub(skipped)?)
    }

    /// Bytes that are computed when a field is first asked for.
    pub(crate) fn computed(
        &self,
        field: &Field,
        compute: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<Value<'_>> {
        let argument = match field.argument() {
            Argument::None => 0,
            Argument::Index(number) => *number + 1,
            Argument::Key(_) => return None,
        };
        self.under(field, argument, compute)
    }

    /// The same for one of several values of a field, which `place` tells apart.
    pub(crate) fn under(
        &self,
        field: &Field,
        place: u32,
        compute: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<Value<'_>> {
        let key = (u32::try_from(field.id().index()).ok()? << 16) | (place & 0xffff);
        self.arena.get(key, compute).map(Value::Text)
    }

    /// The container: `Some(None)` on the host, `None` if it is not known which.
    #[expect(clippy::option_option, reason = "the host is known to be no container")]
    pub(crate) fn container(&self) -> Option<Option<&'e ContainerId>> {
        self.cgroup().map(|cgroup| cgroup.container.as_ref())
    }

    /// `container.id`.
    pub(crate) fn container_id(&self) -> Option<&'e str> {
        Some(self.container()?.map_or("host", ContainerId::short))
    }

    /// Names of users and groups where the process lives.
    pub(crate) fn names(&self) -> &'e Names {
        let container = self.cgroup().and_then(|cgroup| cgroup.container.as_ref());
        self.state.users.of(container.map(|container| &*container.full))
    }
}

static GETTERS: LazyLock<Vec<Option<Getter>>> = LazyLock::new(|| {
    let mut table: Vec<Option<Getter>> = vec![None; FieldId::all().len()];
    for (name, getter) in fields::all() {
        let id = FieldId::from_name(name).expect("the field table has it");
        table[id.index()] = Some(*getter);
    }
    table
});

impl Event for SyscallEvent<'_> {
    fn source(&self) -> Source {
        Source::Syscall
    }

    fn event_type(&self) -> EventType {
        self.event_type
    }

    fn time(&self) -> Timestamp {
        self.common.time()
    }

    fn value(&self, field: &Field) -> Option<Value<'_>> {
        GETTERS[field.id().index()]?(self, field)
    }

    fn each(&self, field: &Field, visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>) -> bool {
        fields::each(self, field, visit)
    }
}
