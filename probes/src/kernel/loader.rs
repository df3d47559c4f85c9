//! Loads the prebuilt object into the kernel and attaches its programs.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use aya::maps::{Array, HashMap, LpmTrie, Map, MapData, RingBuf, lpm_trie};
use aya::programs::{BtfTracePoint, RawTracePoint, TestRun as _, TracePoint};
use aya::{Btf, Ebpf, EbpfLoader};

use super::attach::attach_tracepoint;
use super::filter::Tables;
use super::layout::{self, Filter, NameKey, Plan, PrefixKey, Settings};
use super::object;
use super::tracepoints::Tracepoints;

/// Bytes of a trie's key behind its length: group and path.
const PREFIX_BYTES: usize = size_of::<PrefixKey>() - size_of::<u32>();

/// How system calls are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachKind {
    /// A tracepoint on each wanted call.
    PerSyscall,
    /// One program on every call.
    EverySyscall,
}

impl std::fmt::Display for AttachKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PerSyscall => "tracepoint per system call",
            Self::EverySyscall => "one program on every system call",
        })
    }
}

/// What the kernel's half cannot do here.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel does not tell its types.
    #[error("this kernel has no type information at /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF): {0}")]
    NoTypes(#[source] aya::BtfError),
    /// The object or one of its maps was refused.
    #[error("load maps: {0}")]
    Object(#[from] aya::EbpfError),
    /// A program was refused.
    #[error("load program {program}: {error}; loading needs CAP_BPF and CAP_PERFMON")]
    Program {
        /// Its name.
        program: &'static str,
        /// Why.
        #[source]
        error: Box<aya::programs::ProgramError>,
    },
    /// A map could not be written.
    #[error("map {map}: {error}")]
    Map {
        /// Its name.
        map: &'static str,
        /// Why.
        #[source]
        error: Box<aya::maps::MapError>,
    },
    /// A tracepoint could not be attached to.
    #[error("attach to {tracepoint}: {error}")]
    Attach {
        /// Its name.
        tracepoint: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The prebuilt object lacks a part: it is of another version.
    #[error("the built-in object has no `{0}`")]
    Missing(&'static str),
}

pub(super) fn map_error(map: &'static str) -> impl FnOnce(aya::maps::MapError) -> LoadError {
    move |error| LoadError::Map { map, error: Box::new(error) }
}

fn program_error(program: &'static str) -> impl FnOnce(aya::programs::ProgramError) -> LoadError {
    move |error| LoadError::Program { program, error: Box::new(error) }
}

/// Tracepoints by number and name, and calls that have none.
type Numbered = (Vec<(u64, String)>, Vec<&'static str>);

/// The loaded programs. Dropping it detaches them.
pub(crate) struct Kernel {
    pub(super) object: Ebpf,
    /// The kernel's, some ten MB: let go of once everything is attached.
    pub(super) types: Option<Btf>,
    tracepoints: Vec<OwnedFd>,
}

/// What the programs are loaded with.
pub(crate) struct LoadOptions {
    /// Size of the ring buffer, a power of two of pages.
    pub(crate) ring_bytes: u32,
}

impl Kernel {
    /// Makes the maps. Nothing is attached yet.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(crate) fn load(options: &LoadOptions) -> Result<Self, LoadError> {
        allow_locked_memory();
        let types = Btf::from_sys_fs().map_err(LoadError::NoTypes)?;
        let cpus = aya::util::nr_cpus().map_or(1, |cpus| u32::try_from(cpus).unwrap_or(u32::MAX));
        let object = EbpfLoader::new()
            .btf(Some(&types))
            .map_max_entries("events", options.ring_bytes)
            .map_max_entries("frames", cpus)
            .load(object::fitting())?;
        Ok(Self { object, types: Some(types), tracepoints: Vec::new() })
    }

    fn map(&mut self, name: &'static str) -> Result<&mut Map, LoadError> {
        self.object.map_mut(name).ok_or(LoadError::Missing(name))
    }

    fn array<T: aya::Pod>(&mut self, name: &'static str) -> Result<Array<&mut MapData, T>, LoadError> {
        Array::try_from(self.map(name)?).map_err(map_error(name))
    }

    /// The reader's end of the ring buffer, once.
    ///
    /// # Errors
    /// [`LoadError::Missing`] the second time.
    pub(crate) fn take_ring(&mut self) -> Result<RingBuf<MapData>, LoadError> {
        let map = self.object.take_map("events").ok_or(LoadError::Missing("events"))?;
        RingBuf::try_from(map).map_err(map_error("events"))
    }

    /// Writes the settings, then lets the kernel fill in which process is ours.
    pub(crate) fn configure(&mut self, settings: Settings) -> Result<u32, LoadError> {
        self.array("settings")?.set(0, settings, 0).map_err(map_error("settings"))?;
        let program: &mut RawTracePoint = self
            .object
            .program_mut("whoami")
            .ok_or(LoadError::Missing("whoami"))?
            .try_into()
            .map_err(program_error("whoami"))?;
        program.load().map_err(program_error("whoami"))?;
        program
            .test_run(aya::programs::RawTracePointRunOptions::default())
            .map_err(program_error("whoami"))?;
        let settings: Settings = self.array("settings")?.get(&0, 0).map_err(map_error("settings"))?;
        Ok(settings.self_pid)
    }

    /// Tells the cgroup outside of which nothing is looked at.
    pub(crate) fn set_pod(&mut self, cgroup: u64) -> Result<(), LoadError> {
        let mut map: Array<_, Settings> = self.array("settings")?;
        let settings = map.get(&0, 0).map_err(map_error("settings"))?;
        map.set(0, Settings { pod_cgroup: cgroup, ..settings }, 0).map_err(map_error("settings"))
    }

    /// What to do about each call: plans by number.
    pub(crate) fn set_plans(&mut self, plans: &[(u16, Plan)]) -> Result<(), LoadError> {
        let mut bits = [0_u64; layout::SYSCALLS as usize / 64];
        let mut map: Array<_, Plan> = self.array("plans")?;
        for (number, plan) in plans {
            map.set(u32::from(*number), plan, 0).map_err(map_error("plans"))?;
            bits[usize::from(*number) / 64] |= 1 << (number % 64);
        }
        let mut map: Array<_, [u64; layout::SYSCALLS as usize / 64]> = self.array("wanted")?;
        map.set(0, bits, 0).map_err(map_error("wanted"))
    }

    /// What each call's events must meet, by number and group.
    pub(crate) fn set_filters(&mut self, filters: &[(u16, u32, Tables)]) -> Result<(), LoadError> {
        let mut map: Array<_, Filter> = self.array("filters")?;
        for (number, _, tables) in filters {
            map.set(u32::from(*number), tables.filter, 0).map_err(map_error("filters"))?;
        }
        let mut map: HashMap<_, NameKey, u64> =
            HashMap::try_from(self.map("names")?).map_err(map_error("names"))?;
        for (key, bits) in filters.iter().flat_map(|(_, _, tables)| &tables.names) {
            map.insert(key, bits, 0).map_err(map_error("names"))?;
        }
        let mut map: LpmTrie<_, [u8; PREFIX_BYTES], u64> =
            LpmTrie::try_from(self.map("prefixes")?).map_err(map_error("prefixes"))?;
        for (_, group, tables) in filters {
            for (path, bits) in &tables.prefixes {
                let mut data = [0; PREFIX_BYTES];
                data[..4].copy_from_slice(&group.to_ne_bytes());
                data[4..4 + path.len()].copy_from_slice(path);
                let length = u32::try_from((4 + path.len()) * 8).expect("a key is short");
                map.insert(&lpm_trie::Key::new(length, data), bits, 0).map_err(map_error("prefixes"))?;
            }
        }
        Ok(())
    }

    /// The map of cgroups, to be written while events arrive.
    pub(crate) fn take_cgroups(&mut self) -> Result<HashMap<MapData, u64, u32>, LoadError> {
        let map = self.object.take_map("cgroups").ok_or(LoadError::Missing("cgroups"))?;
        HashMap::try_from(map).map_err(map_error("cgroups"))
    }

    /// Attaches the programs of processes, then one for each named call, as can be had.
    ///
    /// Returns how, and the calls that this kernel does not have.
    pub(crate) fn attach(
        &mut self,
        names: &[&'static str],
        how: Option<AttachKind>,
    ) -> Result<(AttachKind, Vec<&'static str>), LoadError> {
        // Before anything is attached: the search uses the work space of a CPU.
        let numbered = if names.is_empty() { None } else { self.numbered(names, how)? };
        for (program, tracepoint) in [
            ("process_exit", "sched_process_exit"),
            ("process_exec", "sched_process_exec"),
            ("process_fork", "sched_process_fork"),
        ] {
            self.attach_btf(program, tracepoint)?;
        }
        if names.is_empty() {
            return Ok((how.unwrap_or(AttachKind::PerSyscall), Vec::new()));
        }
        if let Some((ids, missing)) = numbered {
            match self.attach_each(&ids) {
                Ok(()) => return Ok((AttachKind::PerSyscall, missing)),
                // Debian's kernels want CAP_SYS_ADMIN for any perf event while kernel.perf_event_paranoid is 3.
                Err(LoadError::Attach { error, .. })
                    if how.is_none() && error.kind() == io::ErrorKind::PermissionDenied =>
                {
                    self.tracepoints.clear();
                }
                Err(error) => return Err(error),
            }
        }
        self.attach_btf("every_exit", "sys_exit")?;
        Ok((AttachKind::EverySyscall, Vec::new()))
    }

    /// The tracepoints of the named calls, and the calls that have none; `None` if one program is to see all.
    fn numbered(
        &mut self,
        names: &[&'static str],
        how: Option<AttachKind>,
    ) -> Result<Option<Numbered>, LoadError> {
        let failed = |tracepoint: &str| {
            let tracepoint = tracepoint.to_owned();
            move |error| LoadError::Attach { tracepoint, error }
        };
        let tracepoints = match how {
            Some(AttachKind::EverySyscall) => return Ok(None),
            Some(AttachKind::PerSyscall) => {
                Tracepoints::open(&mut self.object).map_err(failed("syscalls/sys_exit_*"))?
            }
            None => match Tracepoints::open(&mut self.object) {
                Ok(tracepoints) => tracepoints,
                Err(_) => return Ok(None),
            },
        };
        let (mut ids, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            let tracepoint = format!("sys_exit_{}", tracepoint_name(name));
            match tracepoints.id(&mut self.object, &tracepoint) {
                Ok(id) => ids.push((id, tracepoint)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(*name),
                Err(error) => return Err(failed(&tracepoint)(error)),
            }
        }
        Ok(Some((ids, missing)))
    }

    /// Nothing more will be attached.
    pub(crate) fn forget_types(&mut self) {
        self.types = None;
    }

    fn attach_btf(&mut self, name: &'static str, tracepoint: &'static str) -> Result<(), LoadError> {
        let program: &mut BtfTracePoint = self
            .object
            .program_mut(name)
            .ok_or(LoadError::Missing(name))?
            .try_into()
            .map_err(program_error(name))?;
        let types = self.types.as_ref().ok_or(LoadError::Missing("types"))?;
        program.load(tracepoint, types).map_err(program_error(name))?;
        program.attach().map_err(program_error(name))?;
        Ok(())
    }

    fn attach_each(&mut self, ids: &[(u64, String)]) -> Result<(), LoadError> {
        const NAME: &str = "syscall_exit";
        let program: &mut TracePoint = self
            .object
            .program_mut(NAME)
            .ok_or(LoadError::Missing(NAME))?
            .try_into()
            .map_err(program_error(NAME))?;
        program.load().map_err(program_error(NAME))?;
        let fd = program.fd().map_err(program_error(NAME))?.as_fd();
        for (id, tracepoint) in ids {
            let event = attach_tracepoint(*id, fd)
                .map_err(|error| LoadError::Attach { tracepoint: tracepoint.clone(), error })?;
            self.tracepoints.push(event);
        }
        Ok(())
    }
}

/// The name under which the kernel traces a call, where it is another one.
fn tracepoint_name(name: &str) -> &str {
    match name {
        "umount2" => "umount",
        "stat" => "newstat",
        "lstat" => "newlstat",
        "fstat" => "newfstat",
        "uname" => "newuname",
        other => other,
    }
}

/// Kernels before 5.11 count maps against this limit. Newer ones do not, so a refusal is no error: if memory is short
/// after all, making the maps says so.
fn allow_locked_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    #[test]
    fn the_prebuilt_objects_are_of_the_sources_beside_them() {
        let bpf = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf");
        let noted = std::fs::read_to_string(bpf.join("prebuilt/SOURCES")).unwrap();
        let mut of_sources = Vec::new();
        for entry in std::fs::read_dir(&bpf).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "c" || extension == "h") {
                let digest = Sha256::digest(std::fs::read(&path).unwrap());
                let name = path.file_name().unwrap().to_str().unwrap();
                of_sources.push(format!("{}  {name}", hex(&digest)));
            }
        }
        let mut noted: Vec<_> = noted.lines().collect();
        noted.sort_unstable();
        of_sources.sort_unstable();
        assert_eq!(of_sources, noted, "run `make bpf`");
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }
}
