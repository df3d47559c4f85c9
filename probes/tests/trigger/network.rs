//! Sockets: IPv4, IPv6 and unix, connected and not.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixListener;

use serde_json::json;

use crate::Case;
use crate::call;
use crate::call::Trace;

pub(crate) const CASES: &[Case] = &[
    ("socket", socket),
    ("bind", bind),
    ("listen", listen),
    ("connect", connect),
    ("accept", accept),
    ("accept4", accept4),
    ("sendto", sendto),
    ("sendmsg", sendmsg),
    ("recvfrom", recvfrom),
    ("recvmsg", recvmsg),
    ("socketpair", socketpair),
    ("shutdown", shutdown),
];

/// A `sockaddr` as bytes.
fn address(of: SocketAddr) -> Vec<u8> {
    let mut out = Vec::new();
    match of {
        SocketAddr::V4(v4) => {
            out.extend((libc::AF_INET as u16).to_ne_bytes());
            out.extend(v4.port().to_be_bytes());
            out.extend(v4.ip().octets());
            out.extend([0; 8]);
        }
        SocketAddr::V6(v6) => {
            out.extend((libc::AF_INET6 as u16).to_ne_bytes());
            out.extend(v6.port().to_be_bytes());
            out.extend([0; 4]);
            out.extend(v6.ip().octets());
            out.extend([0; 4]);
        }
    }
    out
}

pub(crate) fn unix_address(path: &str) -> Vec<u8> {
    let mut out = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    out.extend(path.as_bytes());
    out.push(0);
    out
}

pub(crate) fn new_socket(family: i32, kind: i32) -> i64 {
    call!(libc::SYS_socket, family, kind | libc::SOCK_CLOEXEC, 0)
}

fn socket(t: &mut Trace) {
    let fd = call!(libc::SYS_socket, libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0x0300);
    t.expect("socket", fd, json!({"fd.num": fd, "evt.arg.domain": "AF_PACKET", "evt.arg.type": "3", "evt.arg.proto": "768", "evt.arg.flags": "SOCK_CLOEXEC"}));
    let fd = call!(libc::SYS_socket, libc::AF_INET6, libc::SOCK_STREAM, 0);
    t.expect("socket", fd, json!({"fd.num": fd, "fd.type": "ipv6", "fd.typechar": "6", "fd.l4proto": "tcp", "evt.arg.domain": "AF_INET6", "evt.arg.flags": "0"}));
    let result = call!(libc::SYS_socket, 77, libc::SOCK_STREAM, 0);
    t.expect("socket", result, json!({"evt.res": "EAFNOSUPPORT", "evt.arg.domain": "77", "fd.num": -1}));
}

fn bind(t: &mut Trace) {
    let fd = new_socket(libc::AF_INET, libc::SOCK_STREAM);
    let any = address("127.0.0.1:0".parse().unwrap());
    let result = call!(libc::SYS_bind, fd, any.as_ptr(), any.len());
    t.expect(
        "bind",
        result,
        json!({"fd.num": fd, "evt.arg.addr": "127.0.0.1:0", "fd.type": "ipv4", "fd.lip": "127.0.0.1"}),
    );
    let result = call!(libc::SYS_bind, fd, any.as_ptr(), any.len());
    t.expect("bind", result, json!({"evt.res": "EINVAL", "evt.arg.addr": "127.0.0.1:0"}));
    let fd = new_socket(libc::AF_UNIX, libc::SOCK_STREAM);
    let path = t.path("s");
    let named = unix_address(&path);
    let result = call!(libc::SYS_bind, fd, named.as_ptr(), named.len());
    t.expect("bind", result, json!({"evt.arg.addr": path, "fd.type": "unix", "fd.sockfamily": "unix"}));
}

fn listen(t: &mut Trace) {
    let fd = new_socket(libc::AF_INET, libc::SOCK_STREAM);
    let result = call!(libc::SYS_listen, fd, 7);
    t.expect("listen", result, json!({"fd.num": fd, "fd.type": "ipv4", "evt.arg.backlog": "7"}));
    let result = call!(libc::SYS_listen, 999, 7);
    t.expect("listen", result, json!({"evt.res": "EBADF", "fd.num": 999}));
}

fn connect(t: &mut Trace) {
    for host in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(host).unwrap();
        let server = listener.local_addr().unwrap();
        let fd = new_socket(if server.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }, libc::SOCK_STREAM);
        let to = address(server);
        let result = call!(libc::SYS_connect, fd, to.as_ptr(), to.len());
        let (_, client) = listener.accept().unwrap();
        let tuple = format!("{}:{}->{}:{}", client.ip(), client.port(), server.ip(), server.port());
        let version = if server.is_ipv4() { "4" } else { "6" };
        t.expect("connect", result, json!({
            "fd.num": fd, "fd.type": format!("ipv{version}"), "fd.typechar": version, "fd.name": tuple, "fd.l4proto": "tcp",
            "fd.cip": client.ip().to_string(), "fd.cport": client.port(), "fd.sip": server.ip().to_string(),
            "fd.sport": server.port(), "fd.lport": client.port(), "fd.rip": server.ip().to_string(), "fd.connected": true,
            "fd.name_changed": true, "fd.is_server": false, "evt.arg.tuple": tuple, "fd.sockfamily": "ip",
            "evt.arg.addr": format!("{}:{}", server.ip(), server.port()), "fd.port": [client.port(), server.port()],
        }));
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fd = new_socket(libc::AF_INET, libc::SOCK_STREAM);
    let to = address(closed);
    let result = call!(libc::SYS_connect, fd, to.as_ptr(), to.len());
    t.expect("connect", result, json!({
        "evt.res": "ECONNREFUSED", "fd.sip": "127.0.0.1", "fd.sport": closed.port(), "fd.connected": false,
        "fd.name_changed": false, "evt.arg.addr": format!("127.0.0.1:{}", closed.port()),
    }));
    let path = t.path("s");
    let _listener = UnixListener::bind(&path).unwrap();
    let fd = new_socket(libc::AF_UNIX, libc::SOCK_STREAM);
    let to = unix_address(&path);
    let result = call!(libc::SYS_connect, fd, to.as_ptr(), to.len());
    t.expect("connect", result, json!({"fd.type": "unix", "fd.typechar": "u", "evt.arg.addr": path}));
}

fn accepts(t: &mut Trace, event: &str, number: libc::c_long, more: serde_json::Value) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let stream = TcpStream::connect(server).unwrap();
    let client = stream.local_addr().unwrap();
    let fd = call!(number, listener.as_raw_fd(), 0, 0, libc::SOCK_CLOEXEC);
    let tuple = format!("{client}->{server}");
    let mut fields = json!({
        "fd.num": fd, "fd.name": tuple, "evt.arg.tuple": tuple, "evt.arg.queuelen": "0", "evt.arg.queuepct": "0",
        "fd.type": "ipv4", "fd.is_server": true, "fd.sport": server.port(), "fd.cport": client.port(), "fd.connected": true,
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    t.expect(event, fd, fields);
    let result = call!(number, stream.as_raw_fd(), 0, 0, 0);
    t.expect(event, result, json!({"evt.res": "EINVAL", "fd.num": -1}));
}

fn accept(t: &mut Trace) {
    accepts(t, "accept", libc::SYS_accept, json!({}));
}

fn accept4(t: &mut Trace) {
    accepts(t, "accept4", libc::SYS_accept4, json!({"evt.arg.flags": "SOCK_CLOEXEC"}));
}

fn sendto(t: &mut Trace) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = receiver.local_addr().unwrap();
    let fd = new_socket(libc::AF_INET, libc::SOCK_DGRAM);
    let raw = address(to);
    let data = t.text("ping");
    let result = call!(libc::SYS_sendto, fd, data, 4, 0, raw.as_ptr(), raw.len());
    t.expect("sendto", result, json!({
        "fd.num": fd, "fd.l4proto": "udp", "fd.sip": "127.0.0.1", "fd.sport": to.port(), "fd.connected": false,
        "fd.name_changed": true, "evt.arg.data": "ping", "evt.arg.size": "4", "evt.is_io_write": true,
    }));
    let result = call!(libc::SYS_sendto, 999, data, 4, 0, 0, 0);
    t.expect("sendto", result, json!({"evt.res": "EBADF", "fd.num": 999, "evt.arg.data": "ping"}));
}

fn recvfrom(t: &mut Trace) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"pong", receiver.local_addr().unwrap()).unwrap();
    let (local, from) = (receiver.local_addr().unwrap(), sender.local_addr().unwrap());
    let mut buffer = [0_u8; 32];
    let mut raw = [0_u8; 28];
    let mut length = 28_u32;
    let result = call!(
        libc::SYS_recvfrom,
        receiver.as_raw_fd(),
        buffer.as_mut_ptr(),
        32,
        0,
        raw.as_mut_ptr(),
        &raw mut length
    );
    t.expect("recvfrom", result, json!({
        "fd.num": receiver.as_raw_fd(), "evt.arg.data": "pong", "evt.arg.size": "32", "evt.arg.tuple": format!("{from}->{local}"),
        "fd.cip": "127.0.0.1", "fd.cport": from.port(), "fd.sport": local.port(), "evt.is_io_read": true,
    }));
    let result =
        call!(libc::SYS_recvfrom, receiver.as_raw_fd(), buffer.as_mut_ptr(), 32, libc::MSG_DONTWAIT, 0, 0);
    t.expect(
        "recvfrom",
        result,
        json!({"evt.res": "EAGAIN", "evt.arg.size": "32", "fd.lport": local.port()}),
    );
}

#[repr(C)]
struct Message {
    name: *const u8,
    name_length: u64,
    buffers: *const [u64; 2],
    count: u64,
    control: *const u8,
    control_length: u64,
    flags: u64,
}

fn message(name: &[u8], buffers: &[[u64; 2]]) -> Message {
    Message {
        name: if name.is_empty() { std::ptr::null() } else { name.as_ptr() },
        name_length: name.len() as u64,
        buffers: buffers.as_ptr(),
        count: buffers.len() as u64,
        control: std::ptr::null(),
        control_length: 0,
        flags: 0,
    }
}

fn sendmsg(t: &mut Trace) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = receiver.local_addr().unwrap();
    let raw = address(to);
    let (one, two) = (t.text("he"), t.text("llo"));
    let buffers = [[one as u64, 2], [two as u64, 3]];
    let fd = new_socket(libc::AF_INET, libc::SOCK_DGRAM);
    let sent = message(&raw, &buffers);
    let result = call!(libc::SYS_sendmsg, fd, &raw const sent, 0);
    t.expect("sendmsg", result, json!({
        "fd.num": fd, "evt.arg.data": "hello", "evt.arg.size": "5", "fd.sport": to.port(), "fd.sip": "127.0.0.1",
        "fd.l4proto": "udp",
    }));
    let result = call!(libc::SYS_sendmsg, 999, &raw const sent, 0);
    t.expect("sendmsg", result, json!({"evt.res": "EBADF", "fd.num": 999}));
}

fn recvmsg(t: &mut Trace) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"hello", receiver.local_addr().unwrap()).unwrap();
    let from = sender.local_addr().unwrap();
    let (mut one, mut two, mut name) = ([0_u8; 2], [0_u8; 30], [0_u8; 28]);
    let buffers = [[one.as_mut_ptr() as u64, 2], [two.as_mut_ptr() as u64, 30]];
    let mut got = message(&[], &buffers);
    got.name = name.as_mut_ptr();
    got.name_length = 28;
    let result = call!(libc::SYS_recvmsg, receiver.as_raw_fd(), &raw const got, 0);
    t.expect("recvmsg", result, json!({
        "fd.num": receiver.as_raw_fd(), "evt.arg.data": "hello", "evt.arg.size": "5", "fd.cport": from.port(),
        "fd.sport": receiver.local_addr().unwrap().port(),
    }));
    let result = call!(libc::SYS_recvmsg, receiver.as_raw_fd(), &raw const got, libc::MSG_DONTWAIT);
    t.expect("recvmsg", result, json!({"evt.res": "EAGAIN"}));
}

fn socketpair(t: &mut Trace) {
    let mut pair = [0_i32; 2];
    let result = call!(libc::SYS_socketpair, libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr());
    t.expect(
        "socketpair",
        result,
        json!({"evt.arg.domain": "AF_UNIX", "evt.rawarg.fd1": pair[0], "evt.args": format!(
        "res=0 fd1={} fd2={} source=<NA> peer=<NA> domain=1(AF_UNIX) type=1 proto=0", pair[0], pair[1])}),
    );
    let result = call!(libc::SYS_socketpair, libc::AF_INET, libc::SOCK_STREAM, 0, pair.as_mut_ptr());
    t.expect("socketpair", result, json!({"evt.res": "EOPNOTSUPP", "evt.arg.domain": "AF_INET"}));
}

fn shutdown(t: &mut Trace) {
    let fd = new_socket(libc::AF_INET, libc::SOCK_STREAM);
    let result = call!(libc::SYS_shutdown, fd, libc::SHUT_RDWR);
    t.expect("shutdown", result, json!({"evt.res": "ENOTCONN", "fd.num": fd, "evt.arg.how": "SHUT_RDWR"}));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let result = call!(libc::SYS_shutdown, stream.as_raw_fd(), libc::SHUT_WR);
    t.expect("shutdown", result, json!({"fd.num": stream.as_raw_fd(), "evt.arg.how": "SHUT_WR"}));
}
