//! A made-up host: system calls as they come from a node with containers, for measuring rules.
//!
//! The same seed gives the same events. Three of four are of types that many rules are about (openat,
//! execve); programs, paths and peers are ordinary ones, shells and package managers among them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::sync::LazyLock;

use lithify::event::{Argument, Event, EventType, Field, FieldId, Source, Timestamp, Value};

/// A process as a thread table has it: events refer to it.
struct Process {
    name: &'static str,
    exe: &'static str,
    exepath: &'static str,
    args: &'static str,
    cmdline: String,
    ancestors: &'static [&'static str],
    parent_exe: &'static str,
    parent_cmdline: &'static str,
    user: &'static str,
    tty: u64,
}

/// Name, executable, arguments, ancestors from the parent on, user, terminal.
type Program = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, u64);

const PROGRAMS: &[Program] = &[
    ("nginx", "/usr/sbin/nginx", "-g daemon off;", &["containerd-shim", "systemd"], "www-data", 0),
    (
        "postgres",
        "/usr/lib/postgresql/16/bin/postgres",
        "-D /var/lib/pg",
        &["containerd-shim", "systemd"],
        "postgres",
        0,
    ),
    (
        "java",
        "/opt/jdk/bin/java",
        "-Xmx2g -jar /app/service.jar --port 8080",
        &["tini", "containerd-shim", "systemd"],
        "app",
        0,
    ),
    ("node", "/usr/bin/node", "/srv/app/server.js", &["tini", "containerd-shim", "systemd"], "node", 0),
    (
        "python3",
        "/usr/bin/python3.11",
        "-m gunicorn wsgi:app",
        &["gunicorn", "containerd-shim", "systemd"],
        "app",
        0,
    ),
    ("kubelet", "/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", &["systemd"], "root", 0),
    ("containerd", "/usr/bin/containerd", "", &["systemd"], "root", 0),
    ("runc", "/usr/bin/runc", "--root /run/containerd/runc init", &["containerd-shim", "systemd"], "root", 0),
    ("redis-server", "/usr/bin/redis-server", "*:6379", &["containerd-shim", "systemd"], "redis", 0),
    (
        "prometheus",
        "/bin/prometheus",
        "--config.file=/etc/prometheus/prometheus.yml",
        &["containerd-shim", "systemd"],
        "nobody",
        0,
    ),
    ("sh", "/bin/sh", "-c /health/check.sh", &["kubelet", "systemd"], "root", 0),
    ("bash", "/bin/bash", "/opt/cron/rotate.sh --all", &["cron", "cron", "systemd"], "root", 0),
    ("curl", "curl", "-fsS http://127.0.0.1:8080/healthz", &["sh", "containerd-shim", "systemd"], "app", 0),
    ("grep", "grep", "-rn TODO /srv/app/src", &["bash", "sshd", "sshd", "systemd"], "dev", 34816),
    ("cat", "cat", "/proc/loadavg", &["sh", "node_exporter", "systemd"], "nobody", 0),
    ("sshd", "/usr/sbin/sshd", "-D", &["systemd"], "root", 0),
    ("systemd-journald", "/lib/systemd/systemd-journald", "", &["systemd"], "root", 0),
    ("dockerd", "/usr/bin/dockerd", "-H fd://", &["systemd"], "root", 0),
    ("coredns", "/coredns", "-conf /etc/coredns/Corefile", &["containerd-shim", "systemd"], "root", 0),
    ("etcd", "/usr/local/bin/etcd", "--data-dir=/var/lib/etcd", &["containerd-shim", "systemd"], "root", 0),
    ("apt-get", "apt-get", "-qq update", &["unattended-upgr", "systemd"], "root", 0),
    ("find", "find", "/var/cache -mtime +7 -delete", &["bash", "cron", "systemd"], "root", 0),
    ("tar", "tar", "-czf /backup/data.tar.gz /data", &["bash", "cron", "systemd"], "backup", 0),
    ("git", "git", "fetch --all --prune", &["node", "tini", "containerd-shim"], "node", 0),
];

const PATHS: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/localtime",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/nginx/nginx.conf",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libssl.so.3",
    "/usr/lib/locale/locale-archive",
    "/usr/share/zoneinfo/UTC",
    "/proc/self/status",
    "/proc/meminfo",
    "/proc/1/cgroup",
    "/sys/fs/cgroup/memory.current",
    "/sys/fs/cgroup/kubepods.slice/cpu.stat",
    "/dev/null",
    "/dev/urandom",
    "/tmp/upload-83f1.tmp",
    "/var/lib/postgresql/16/main/base/16384/2619",
    "/var/lib/postgresql/16/main/pg_wal/000000010000000000000042",
    "/var/lib/kubelet/pods/0f1e/volumes/kubernetes.io~configmap/config/app.yaml",
    "/var/lib/etcd/member/wal/0000000000000001-000000000001.wal",
    "/var/www/html/index.html",
    "/srv/app/node_modules/express/lib/router/index.js",
    "/srv/app/static/logo.svg",
    "/app/lib/service-core-2.4.1.jar",
    "/data/prometheus/chunks_head/000042",
    "/home/dev/project/src/main.rs",
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io/3f2a/config.json",
    "/root/.cache/pip/http/a/b/c",
];

const CONTAINERS: &[(&str, &str)] = &[
    ("host", ""),
    ("3f2a9c81d0e7", "docker.io/library/nginx"),
    ("a81b33c7fe02", "docker.io/library/postgres"),
    ("0c9d8e7f6a5b", "registry.example.com/team/service"),
    ("77e1d2c3b4a5", "quay.io/prometheus/prometheus"),
    ("5b6c7d8e9f00", "registry.k8s.io/coredns/coredns"),
];

/// Event types in parts of 200.
const MIX: &[(&str, u64)] = &[
    ("openat", 100),
    ("open", 10),
    ("execve", 38),
    ("execveat", 2),
    ("connect", 12),
    ("socket", 6),
    ("sendto", 6),
    ("dup3", 4),
    ("close", 12),
    ("clone", 4),
    ("unlinkat", 2),
    ("symlinkat", 1),
    ("ptrace", 1),
    ("setuid", 2),
];

static PROCESSES: LazyLock<Vec<Process>> = LazyLock::new(|| {
    let process = |(name, exe, args, ancestors, user, tty): &Program| Process {
        name,
        exe,
        exepath: exe,
        args,
        cmdline: format!("{name} {args}").trim_end().to_owned(),
        ancestors,
        parent_exe: "/usr/bin/parent",
        parent_cmdline: "parent --serve --config /etc/parent.conf",
        user,
        tty: *tty,
    };
    PROGRAMS.iter().map(process).collect()
});

/// A field that events here have.
#[derive(Clone, Copy)]
enum Which {
    Type,
    Number,
    Result,
    ResultText,
    ProcessName,
    ParentName,
    AncestorName,
    Exe,
    ExePath,
    ParentExe,
    Args,
    Cmdline,
    ParentCmdline,
    User,
    UserId,
    Tty,
    Duration,
    UpperLayer,
    FromMemfd,
    Container,
    Image,
    Privileged,
    Descriptor,
    DescriptorType,
    Path,
    RawPath,
    Directory,
    FileName,
    OpenRead,
    OpenWrite,
    Argument,
    Ends,
    Server,
    ServerPort,
    Protocol,
    Capabilities,
    Directory2,
}

const FIELDS: &[(&str, Which)] = &[
    ("evt.type", Which::Type),
    ("evt.num", Which::Number),
    ("evt.rawres", Which::Result),
    ("evt.res", Which::ResultText),
    ("proc.name", Which::ProcessName),
    ("proc.pname", Which::ParentName),
    ("proc.aname", Which::AncestorName),
    ("proc.exe", Which::Exe),
    ("proc.exepath", Which::ExePath),
    ("proc.pexe", Which::ParentExe),
    ("proc.args", Which::Args),
    ("proc.cmdline", Which::Cmdline),
    ("proc.pcmdline", Which::ParentCmdline),
    ("proc.cwd", Which::Directory2),
    ("user.name", Which::User),
    ("user.uid", Which::UserId),
    ("proc.tty", Which::Tty),
    ("proc.duration", Which::Duration),
    ("proc.is_exe_upper_layer", Which::UpperLayer),
    ("proc.is_exe_from_memfd", Which::FromMemfd),
    ("container.id", Which::Container),
    ("container.image.repository", Which::Image),
    ("container.privileged", Which::Privileged),
    ("fd.num", Which::Descriptor),
    ("fd.typechar", Which::DescriptorType),
    ("fd.name", Which::Path),
    ("fd.nameraw", Which::RawPath),
    ("fd.directory", Which::Directory),
    ("fd.filename", Which::FileName),
    ("evt.is_open_read", Which::OpenRead),
    ("evt.is_open_write", Which::OpenWrite),
    ("evt.arg", Which::Argument),
    ("fd.ip", Which::Ends),
    ("fd.net", Which::Ends),
    ("fd.snet", Which::Server),
    ("fd.sip", Which::Server),
    ("fd.sport", Which::ServerPort),
    ("fd.l4proto", Which::Protocol),
    ("thread.cap_effective", Which::Capabilities),
];

static BY_FIELD: LazyLock<Box<[Option<Which>]>> = LazyLock::new(|| {
    let named: HashMap<&str, Which> = FIELDS.iter().copied().collect();
    FieldId::all().map(|id| named.get(id.name()).copied()).collect()
});

/// What a call works on.
#[derive(Clone, Copy)]
enum Subject {
    File,
    Socket,
    Other,
}

/// An event, as small as a probe would hand it on: what belongs to the process stands with the process.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    kind: EventType,
    subject: Subject,
    number: u64,
    process: &'static Process,
    path: &'static str,
    container: (&'static str, &'static str),
    peer: [u8; 4],
    port: u16,
    descriptor: i64,
    writes: bool,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.cmdline)
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} by {:?} on {} in {}", self.kind.name(), self.process, self.path, self.container.0)
    }
}

impl Call {
    const fn is_file(&self) -> bool {
        matches!(self.subject, Subject::File)
    }

    const fn is_socket(&self) -> bool {
        matches!(self.subject, Subject::Socket)
    }

    fn server(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(self.peer))
    }

    fn argument(&self, field: &Field) -> Option<&'static str> {
        match (field.key()?, self.kind.name()) {
            ("flags", "open" | "openat") if self.writes => Some("O_CREAT|O_WRONLY|O_CLOEXEC"),
            ("flags", "open" | "openat") => Some("O_RDONLY|O_CLOEXEC"),
            ("domain", "socket") => Some("AF_INET"),
            ("request", "ptrace") => Some("PTRACE_PEEKDATA"),
            ("target", "symlinkat") => Some("/var/lib/app/releases/42"),
            _ => None,
        }
    }
}

impl Event for Call {
    fn source(&self) -> Source {
        Source::Syscall
    }

    fn event_type(&self) -> EventType {
        self.kind
    }

    fn time(&self) -> Timestamp {
        Timestamp(1_793_527_200_000_000_000 + self.number * 700)
    }

    fn value(&self, field: &Field) -> Option<Value<'_>> {
        let process = self.process;
        Some(match BY_FIELD[field.id().index()]? {
            Which::Type => Value::text(self.kind.name()),
            Which::Number => Value::Unsigned(self.number),
            Which::ResultText => Value::text("SUCCESS"),
            Which::ProcessName => Value::text(process.name),
            Which::ParentName => Value::text(process.ancestors.first()?),
            Which::AncestorName => match field.argument() {
                Argument::Index(0) => Value::text(process.name),
                Argument::Index(number) => Value::text(process.ancestors.get(*number as usize - 1)?),
                _ => Value::text(process.ancestors.first()?),
            },
            Which::Exe => Value::text(process.exe),
            Which::ExePath => Value::text(process.exepath),
            Which::ParentExe => Value::text(process.parent_exe),
            Which::Args => Value::text(process.args),
            Which::Cmdline => Value::text(&process.cmdline),
            Which::ParentCmdline => Value::text(process.parent_cmdline),
            Which::User => Value::text(process.user),
            Which::UserId => Value::Unsigned(u64::from(process.user != "root") * 1000),
            Which::Tty => Value::Unsigned(process.tty),
            Which::Duration => Value::Unsigned(7_000_000_000),
            Which::UpperLayer | Which::FromMemfd | Which::Privileged => Value::Bool(false),
            Which::Container => Value::text(self.container.0),
            Which::Image if self.container.1.is_empty() => return None,
            Which::Image => Value::text(self.container.1),
            Which::Descriptor | Which::Result => Value::Signed(self.descriptor),
            Which::DescriptorType if self.is_file() => Value::text("f"),
            Which::DescriptorType if self.is_socket() => Value::text("4"),
            Which::Path | Which::RawPath if self.is_file() => Value::text(self.path),
            Which::Directory if self.is_file() => Value::text(self.path.rsplit_once('/')?.0),
            Which::FileName if self.is_file() => Value::text(self.path.rsplit_once('/')?.1),
            Which::OpenRead => Value::Bool(self.is_file() && !self.writes),
            Which::OpenWrite => Value::Bool(self.is_file() && self.writes),
            Which::Argument => Value::text(self.argument(field)?),
            Which::Ends | Which::Server if self.is_socket() => Value::Address(self.server()),
            Which::ServerPort if self.is_socket() => Value::Unsigned(self.port.into()),
            Which::Protocol if self.is_socket() => Value::text("tcp"),
            Which::Capabilities => Value::text("CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SETGID CAP_SETUID"),
            Which::Directory2 => Value::text("/srv/app/"),
            _ => return None,
        })
    }

    fn each(&self, field: &Field, visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>) -> bool {
        match BY_FIELD[field.id().index()] {
            Some(Which::AncestorName) if *field.argument() == Argument::None => {
                let _ = self.process.ancestors.iter().try_for_each(|name| visit(Value::text(name)));
                !self.process.ancestors.is_empty()
            }
            Some(Which::Ends) if self.is_socket() => {
                let own = visit(Value::Address(IpAddr::V4(Ipv4Addr::new(10, 244, 1, 7))));
                if own.is_continue() {
                    let _ = visit(Value::Address(self.server()));
                }
                true
            }
            _ => match self.value(field) {
                Some(value) => {
                    let _ = visit(value);
                    true
                }
                None => false,
            },
        }
    }
}

/// Numbers that look random: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick<T: Copy>(&mut self, from: &'static [T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

/// As many events as are asked for, always the same.
pub(crate) fn events(count: usize) -> Vec<Call> {
    let mut random = Random(0x1234_5678_9abc_def1);
    let total: u64 = MIX.iter().map(|(_, parts)| parts).sum();
    let kinds: Vec<(EventType, u64)> =
        MIX.iter().map(|(name, parts)| (EventType::from_name(name).unwrap(), *parts)).collect();
    (0..count)
        .map(|number| {
            let mut left = random.below(total);
            let kind = kinds
                .iter()
                .find(|(_, parts)| {
                    let is_it = left < *parts;
                    left = left.saturating_sub(*parts);
                    is_it
                })
                .map_or(kinds[0].0, |(kind, _)| *kind);
            let process = usize::try_from(random.below(PROCESSES.len() as u64)).unwrap();
            let subject = match kind.name() {
                "open" | "openat" | "unlinkat" | "symlinkat" => Subject::File,
                "connect" | "socket" | "sendto" => Subject::Socket,
                _ => Subject::Other,
            };
            Call {
                kind,
                subject,
                number: number as u64 + 1,
                process: &PROCESSES[process],
                path: random.pick(PATHS),
                container: random.pick(CONTAINERS),
                peer: [10, 96, 0, u8::try_from(random.below(250)).unwrap()],
                port: random.pick(&[80, 443, 5432, 6379, 8080, 53]),
                descriptor: i64::try_from(random.below(200)).unwrap() + 3,
                writes: random.below(4) == 0,
            }
        })
        .collect()
}
