//! Which script provokes which rule, and what the alert must say.

use super::container::Needs;

/// One rule.
pub(crate) struct Case {
    /// Its name.
    pub(crate) rule: &'static str,
    /// The file in `scripts/`.
    pub(crate) script: &'static str,
    /// What the container must have.
    pub(crate) needs: Needs,
    pub(crate) priority: &'static str,
    /// The call that it is about, if a kernel may lack it.
    pub(crate) call: Option<&'static str>,
    /// Fields of the alert and their values; `*`: any value.
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

const NONE: Needs = Needs { capabilities: &[], terminal: false };

const fn capabilities(capabilities: &'static [&'static str]) -> Needs {
    Needs { capabilities, terminal: false }
}

type Fields = &'static [(&'static str, &'static str)];

const fn case(
    rule: &'static str,
    script: &'static str,
    needs: Needs,
    priority: &'static str,
    fields: Fields,
) -> Case {
    Case { rule, script, needs, priority, call: None, fields }
}

pub(crate) const CASES: &[Case] = &[
    case(
        "Directory traversal monitored file read",
        "directory-traversal.sh",
        NONE,
        "Warning",
        &[
            ("fd.name", "/etc/passwd"),
            ("fd.nameraw", "../../../../etc/passwd"),
            ("proc.name", "cat"),
            ("proc.pname", "xargs"),
            ("user.name", "root"),
            ("user.uid", "0"),
        ],
    ),
    case(
        "Read sensitive file trusted after startup",
        "sensitive-file-after-startup.sh",
        NONE,
        "Warning",
        &[("fd.name", "/etc/shadow"), ("proc.name", "mysqld"), ("proc.pname", "sh")],
    ),
    case(
        "Read sensitive file untrusted",
        "sensitive-file.sh",
        NONE,
        "Warning",
        &[
            ("fd.name", "/etc/shadow"),
            ("proc.name", "cat"),
            ("proc.cmdline", "cat /etc/shadow"),
            ("proc.exepath", "/bin/busybox"),
            ("proc.pname", "sh"),
            ("proc.tty", "0"),
        ],
    ),
    case(
        "Run shell untrusted",
        "shell-of-a-web-server.sh",
        NONE,
        "Notice",
        &[("proc.name", "sh"), ("proc.pname", "ping"), ("proc.aname[2]", "httpd"), ("proc.pexepath", "*")],
    ),
    case(
        "System user interactive",
        "system-user.sh",
        NONE,
        "Informational",
        &[("user.name", "games"), ("user.uid", "1"), ("proc.cmdline", "sh -c /bin/id")],
    ),
    case(
        "Terminal shell in container",
        "terminal-shell.sh",
        Needs { capabilities: &[], terminal: true },
        "Notice",
        &[("proc.name", "sh"), ("proc.cmdline", "sh /scripts/act.sh"), ("proc.tty", "*")],
    ),
    case(
        "Contact K8S API Server From Container",
        "api-server.sh",
        capabilities(&["CAP_NET_ADMIN"]),
        "Notice",
        &[("proc.name", "nc"), ("fd.rport", "443"), ("fd.l4proto", "tcp"), ("fd.type", "ipv4")],
    ),
    case(
        "Netcat Remote Code Execution in Container",
        "netcat.sh",
        NONE,
        "Warning",
        &[("proc.name", "nc"), ("proc.cmdline", "nc -l -p 4444 -e /bin/sh")],
    ),
    case(
        "Redirect STDOUT/STDIN to Network Connection in Container",
        "redirect-to-network.sh",
        NONE,
        "Notice",
        &[
            ("proc.name", "nc"),
            ("fd.sip", "127.0.0.1"),
            ("fd.rport", "4445"),
            ("fd.l4proto", "tcp"),
            ("evt.type", "dup2"),
        ],
    ),
    case(
        "Search Private Keys or Passwords",
        "private-keys.sh",
        NONE,
        "Warning",
        &[("proc.name", "find"), ("proc.cmdline", "find /root -name id_rsa")],
    ),
    case(
        "Find AWS Credentials",
        "aws-credentials.sh",
        NONE,
        "Warning",
        &[("proc.name", "grep"), ("proc.cwd", "/"), ("group.name", "root")],
    ),
    case(
        "Clear Log Activities",
        "clear-log.sh",
        NONE,
        "Warning",
        &[("fd.name", "/var/log/syslog"), ("proc.name", "cp")],
    ),
    case("Remove Bulk Data from Disk", "bulk-data.sh", NONE, "Warning", &[("proc.name", "shred")]),
    case(
        "Create Symlink Over Sensitive Files",
        "symlink.sh",
        NONE,
        "Warning",
        &[("evt.arg.target", "/etc/shadow"), ("evt.arg.linkpath", "/tmp/link"), ("proc.name", "ln")],
    ),
    case(
        "Create Hardlink Over Sensitive Files",
        "hardlink.sh",
        NONE,
        "Warning",
        &[("evt.arg.oldpath", "/etc/shadow"), ("evt.arg.newpath", "/etc/link"), ("proc.name", "ln")],
    ),
    case(
        "Packet socket created in container",
        "packet-socket.sh",
        NONE,
        "Notice",
        &[("proc.name", "arping")],
    ),
    Case {
        call: Some("finit_module"),
        ..case(
            "Linux Kernel Module Injection Detected",
            "kernel-module.sh",
            capabilities(&["CAP_SYS_MODULE"]),
            "Warning",
            &[("proc.args", "/tmp/rootkit.ko"), ("proc.name", "insmod"), ("evt.type", "finit_module")],
        )
    },
    case(
        "Detect release_agent File Container Escapes",
        "release-agent.sh",
        capabilities(&["CAP_SYS_ADMIN"]),
        "Critical",
        &[("fd.name", "/tmp/cgroup/release_agent"), ("thread.cap_effective", "*")],
    ),
    case(
        "PTRACE attached to process",
        "ptrace-attach.sh",
        capabilities(&["CAP_SYS_PTRACE"]),
        "Warning",
        &[("proc.name", "perl"), ("proc.pname", "sh")],
    ),
    case("PTRACE anti-debug attempt", "ptrace-traceme.sh", NONE, "Notice", &[("proc.name", "perl")]),
    case(
        "Execution from /dev/shm",
        "shared-memory.sh",
        NONE,
        "Warning",
        &[("proc.name", "true"), ("evt.res", "SUCCESS")],
    ),
    case(
        "Drop and execute new binary in container",
        "dropped-binary.sh",
        NONE,
        "Critical",
        &[
            ("proc.name", "true"),
            ("proc.exe", "/tmp/true"),
            ("evt.arg.flags", "EXE_WRITABLE|EXE_UPPER_LAYER"),
            ("container.start_ts", "*"),
        ],
    ),
    case(
        "Disallowed SSH Connection Non Standard Port",
        "ssh-port.sh",
        capabilities(&["CAP_NET_ADMIN"]),
        "Notice",
        &[("proc.name", "ssh"), ("fd.rport", "4444")],
    ),
    case(
        "Fileless execution via memfd_create",
        "memfd.sh",
        NONE,
        "Critical",
        &[("proc.exepath", "memfd:payload"), ("evt.arg.flags", "EXE_WRITABLE|EXE_FROM_MEMFD")],
    ),
];

/// The stable rule that no container of runc alone provokes: that one is privileged, its runtime tells
/// (`fixtures/cluster/probe.rs`).
pub(crate) const ELSEWHERE: &[&str] = &["Debugfs Launched in Privileged Container"];
