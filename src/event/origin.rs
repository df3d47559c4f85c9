//! Where a parameter's value comes from in the kernel: what the probe captures, and how it decodes it.

/// Where a parameter's value comes from.
///
/// Arguments are numbered from 0. The event table writes one behind `=`; nothing there means that the kernel is not
/// asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Not captured.
    None,
    /// `ret`: what the call returned.
    Result,
    /// `a2`: an argument, as it was in its register.
    Argument(u8),
    /// `s1`: the text that an argument points to.
    Text(u8),
    /// `p1`, `p1@0`: the path that an argument points to, and the argument that is the descriptor of its directory.
    Path {
        /// The pointer.
        at: u8,
        /// The directory's descriptor; without, the working directory.
        directory: Option<u8>,
    },
    /// `buf1:2`, `buf1:ret`: the beginning of a buffer and the argument (or the result) that is its length.
    Buffer {
        /// The pointer.
        at: u8,
        /// The length; without, the result.
        length: Option<u8>,
    },
    /// `vec1:2`: the beginning of an array of buffers and the argument that counts them.
    Buffers {
        /// The pointer.
        at: u8,
        /// How many.
        count: u8,
    },
    /// `msg1`: the data of a message.
    Message(u8),
    /// `ctl1`: the control data of a message.
    Control(u8),
    /// `addr1:2`: a socket address and the argument that is its length.
    Address {
        /// The pointer.
        at: u8,
        /// The length.
        length: u8,
    },
    /// `tuple0`, `tupleret`: the two ends of the socket of a descriptor; what follows `+` tells the other end where
    /// the socket itself is not connected.
    Tuple {
        /// The descriptor; without, the result.
        fd: Option<u8>,
        /// Where the address of the other end is.
        peer: Peer,
    },
    /// `queue0`: the queue of a listening socket.
    Queue(u8),
    /// `mem1.8.4`: an unsigned number in the structure that an argument points to.
    Memory {
        /// The pointer.
        at: u8,
        /// Bytes before it.
        offset: u8,
        /// Bytes of it.
        size: u8,
    },
    /// `dev`: device of the opened file.
    Device,
    /// `ino`: inode of the opened file.
    Inode,
    /// `file`: facts about the opened file.
    File,
    /// `path`: path of the opened file, as the kernel knows it.
    KernelPath,
    /// `self`: what is known of the calling process.
    Process,
}

/// Where the address of a socket's other end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Only in the socket.
    Socket,
    /// `+4:5`: at an argument, with its length.
    Argument {
        /// The pointer.
        at: u8,
        /// The length; without, as long as an address can be.
        length: Option<u8>,
    },
    /// `+msg1`: in a message.
    Message(u8),
}

impl Origin {
    /// Reads what the table writes behind `=`; `None` if it is none of the forms above.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let pair = |text: &str| -> Option<(u8, Option<u8>)> {
            match text.split_once(':') {
                None => Some((digit(text)?, None)),
                Some((at, "ret")) => Some((digit(at)?, None)),
                Some((at, length)) => Some((digit(at)?, Some(digit(length)?))),
            }
        };
        Some(match text {
            "" => Self::None,
            "ret" => Self::Result,
            "dev" => Self::Device,
            "ino" => Self::Inode,
            "file" => Self::File,
            "path" => Self::KernelPath,
            "self" => Self::Process,
            _ => {
                if let Some(rest) = text.strip_prefix("tuple") {
                    let (fd, peer) = rest.split_once('+').unwrap_or((rest, ""));
                    let fd = if fd == "ret" { None } else { Some(digit(fd)?) };
                    let peer = match peer.strip_prefix("msg") {
                        Some(at) => Peer::Message(digit(at)?),
                        None if peer.is_empty() => Peer::Socket,
                        None => {
                            let (at, length) = pair(peer)?;
                            Peer::Argument { at, length }
                        }
                    };
                    return Some(Self::Tuple { fd, peer });
                }
                if let Some(rest) = text.strip_prefix("buf") {
                    let (at, length) = pair(rest)?;
                    return Some(Self::Buffer { at, length });
                }
                if let Some(rest) = text.strip_prefix("vec") {
                    let (at, count) = pair(rest)?;
                    return Some(Self::Buffers { at, count: count? });
                }
                if let Some(rest) = text.strip_prefix("addr") {
                    let (at, length) = pair(rest)?;
                    return Some(Self::Address { at, length: length? });
                }
                if let Some(rest) = text.strip_prefix("mem") {
                    let mut numbers = rest.split('.').map(|number| number.parse().ok());
                    return Some(Self::Memory {
                        at: numbers.next()??,
                        offset: numbers.next()??,
                        size: numbers.next()??,
                    });
                }
                if let Some(rest) = text.strip_prefix("msg") {
                    return Some(Self::Message(digit(rest)?));
                }
                if let Some(rest) = text.strip_prefix("ctl") {
                    return Some(Self::Control(digit(rest)?));
                }
                if let Some(rest) = text.strip_prefix("queue") {
                    return Some(Self::Queue(digit(rest)?));
                }
                if let Some(rest) = text.strip_prefix('a') {
                    return Some(Self::Argument(digit(rest)?));
                }
                if let Some(rest) = text.strip_prefix('s') {
                    return Some(Self::Text(digit(rest)?));
                }
                let (at, directory) = match text.strip_prefix('p')?.split_once('@') {
                    Some((at, directory)) => (at, Some(digit(directory)?)),
                    None => (text.strip_prefix('p')?, None),
                };
                Self::Path { at: digit(at)?, directory }
            }
        })
    }
}

/// The number of an argument: a call has six.
fn digit(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number| *number < 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let parse = |text| Origin::parse(text).unwrap();
        assert_eq!(parse(""), Origin::None);
        assert_eq!(parse("ret"), Origin::Result);
        assert_eq!(parse("a5"), Origin::Argument(5));
        assert_eq!(parse("s0"), Origin::Text(0));
        assert_eq!(parse("p1@0"), Origin::Path { at: 1, directory: Some(0) });
        assert_eq!(parse("p0"), Origin::Path { at: 0, directory: None });
        assert_eq!(parse("buf1:ret"), Origin::Buffer { at: 1, length: None });
        assert_eq!(parse("vec1:2"), Origin::Buffers { at: 1, count: 2 });
        assert_eq!(parse("mem1.20.4"), Origin::Memory { at: 1, offset: 20, size: 4 });
        assert_eq!(parse("tupleret"), Origin::Tuple { fd: None, peer: Peer::Socket });
        assert_eq!(parse("tuple0+msg1"), Origin::Tuple { fd: Some(0), peer: Peer::Message(1) });
        let peer = Peer::Argument { at: 4, length: Some(5) };
        assert_eq!(parse("tuple0+4:5"), Origin::Tuple { fd: Some(0), peer });
    }

    #[test]
    fn refuses_what_is_none() {
        for text in ["a6", "x1", "p", "mem1.2", "vec1", "buf", "tuple", "addr1"] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
