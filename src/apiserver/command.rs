//! The command line of a container: which of its arguments reach the apiserver.

use serde_json::Value;

use super::shape::{self, WrongType};
use crate::yaml::Pointer;

/// The program's name.
pub(super) const APISERVER: &str = "kube-apiserver";

/// One item of `command` or `args`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Item {
    /// `command` or `args`.
    pub(super) list: &'static str,
    pub(super) index: usize,
}

impl Item {
    pub(super) fn pointer(self, container: &Pointer) -> Pointer {
        container.join(self.list).item(self.index)
    }
}

/// What follows the program's name, with where each argument stands.
#[derive(Debug)]
pub(super) struct CommandLine {
    /// The item that names the apiserver; `None` where the image does.
    pub(super) program: Option<Item>,
    pub(super) arguments: Vec<(Item, String)>,
    pub(super) last_list: &'static str,
}

/// Why a container's flags cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// `sh -c "… kube-apiserver …"`.
    #[error(
        "the apiserver is started by the shell `{shell}`, which may compute its flags; write `command` as a list \
         that begins with `kube-apiserver`, one flag an item, then run this again"
    )]
    Shell {
        /// The item that runs the apiserver, or the shell itself where a script file does.
        at: Pointer,
        /// The shell as written.
        shell: String,
    },
    /// The program is none that is known to be, or to run, the apiserver.
    #[error(
        "`{program}` is not known to run kube-apiserver with the arguments that follow it; write `command` as a \
         list that begins with `kube-apiserver`"
    )]
    UnknownProgram {
        /// The item.
        at: Pointer,
        /// What stands there.
        program: String,
    },
    /// Neither `command` nor `args`.
    #[error("the container has neither `command` nor `args`: what its image starts cannot be told from here")]
    NoCommand {
        /// The container.
        at: Pointer,
    },
    /// A field of another type than the Pod API has.
    #[error(transparent)]
    WrongType(#[from] WrongType),
}

impl CommandError {
    /// The place in the manifest.
    pub fn pointer(&self) -> &Pointer {
        match self {
            Self::Shell { at, .. } | Self::UnknownProgram { at, .. } | Self::NoCommand { at } => at,
            Self::WrongType(error) => &error.at,
        }
    }
}

/// Whether a container is an apiserver by what it starts or, where it names no program, by its image.
pub(super) fn runs_apiserver(container: &Value) -> bool {
    let items: Vec<&str> = ["command", "args"].iter().flat_map(|list| strings(&container[*list])).collect();
    let has_command = strings(&container["command"]).next().is_some();
    let in_shell =
        items.first().is_some_and(|first| is_shell(first)) && items.iter().any(|i| i.contains(APISERVER));
    program(&items).is_some() || in_shell || (!has_command && image_name(container) == APISERVER)
}

/// Whether a container is named as, or has the image of, an apiserver, whatever it starts.
pub(super) fn looks_like_apiserver(container: &Value) -> bool {
    container["name"] == APISERVER || image_name(container) == APISERVER
}

pub(super) fn read(container: &Value, at: &Pointer) -> Result<CommandLine, CommandError> {
    let mut items: Vec<(Item, String)> = Vec::new();
    for list in ["command", "args"] {
        for (index, item) in shape::items(container, at, list)?.iter().enumerate() {
            let text = shape::text(item, || Item { list, index }.pointer(at))?;
            items.push((Item { list, index }, text.to_owned()));
        }
    }
    let Some((first, program_text)) = items.first().cloned() else {
        return Err(CommandError::NoCommand { at: at.clone() });
    };
    let last_list = items[items.len() - 1].0.list;
    if is_shell(&program_text) {
        let script = items.iter().find(|(_, text)| text.contains(APISERVER)).map_or(first, |(item, _)| *item);
        return Err(CommandError::Shell { at: script.pointer(at), shell: program_text });
    }
    let texts: Vec<&str> = items.iter().map(|(_, text)| text.as_str()).collect();
    let index = program(&texts);
    let program = index.map(|index| items[index].0);
    let arguments = match index {
        Some(index) => items.split_off(index + 1),
        // Only `args`: the image's entrypoint is the apiserver.
        None if first.list == "args" && image_name(container) == APISERVER => items,
        None => return Err(CommandError::UnknownProgram { at: first.pointer(at), program: program_text }),
    };
    Ok(CommandLine { program, arguments, last_list })
}

/// The index of the item after which the apiserver's own arguments begin. A wrapper such as `/go-runner` or
/// `tini --` passes on what follows the program's name, so the first such name decides.
fn program(items: &[&str]) -> Option<usize> {
    items.iter().enumerate().position(|(index, item)| {
        let after_multi_call = index > 0 && base_name(items[index - 1]) == "hyperkube";
        let is_flag = item.starts_with('-');
        !is_flag && (base_name(item) == APISERVER || (after_multi_call && *item == "apiserver"))
    })
}

fn is_shell(program: &str) -> bool {
    matches!(base_name(program), "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "busybox")
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The last component of the image's repository, without tag, digest and architecture.
fn image_name(container: &Value) -> &str {
    let image = container["image"].as_str().unwrap_or_default();
    let image = image.split('@').next().unwrap_or_default();
    let name = base_name(image).split(':').next().unwrap_or_default();
    ["-amd64", "-arm64", "-arm", "-ppc64le", "-s390x"]
        .iter()
        .find_map(|arch| name.strip_suffix(arch))
        .unwrap_or(name)
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(container: &Value) -> Result<Vec<String>, CommandError> {
        let line = read(container, &Pointer::root())?;
        Ok(line.arguments.into_iter().map(|(_, text)| text).collect())
    }

    #[test]
    fn finds_the_arguments_behind_wrappers_that_pass_them_on() {
        for command in [
            json!(["kube-apiserver", "--a"]),
            json!(["/usr/local/bin/kube-apiserver", "--a"]),
            json!(["/go-runner", "--log-file=/x", "/usr/local/bin/kube-apiserver", "--a"]),
            json!(["/hyperkube", "apiserver", "--a"]),
            json!(["hyperkube", "kube-apiserver", "--a"]),
        ] {
            let container = json!({"command": command});
            assert!(runs_apiserver(&container), "{container}");
            assert_eq!(arguments(&container), Ok(vec!["--a".to_owned()]), "{container}");
        }
    }

    #[test]
    fn takes_args_alone_for_the_images_entrypoint() {
        let container = json!({"image": "registry.k8s.io/kube-apiserver:v1.34.4", "args": ["--a"]});
        assert!(runs_apiserver(&container));
        assert_eq!(arguments(&container), Ok(vec!["--a".to_owned()]));
    }

    #[test]
    fn reports_a_shell_instead_of_guessing() {
        let container = json!({"command": ["/bin/sh", "-c", "exec kube-apiserver --v=2 1>>/var/log/x 2>&1"]});
        assert!(runs_apiserver(&container));
        let at = "/command/2".parse().unwrap();
        assert_eq!(arguments(&container), Err(CommandError::Shell { at, shell: "/bin/sh".to_owned() }));
    }

    #[test]
    fn does_not_take_others_for_an_apiserver() {
        for container in [
            json!({"command": ["etcd"]}),
            json!({"image": "registry.k8s.io/kube-apiserver-proxy:v1"}),
            json!({"command": ["sh", "-c", "sleep 1"]}),
            json!({"command": ["watcher", "--target=/run/kube-apiserver"]}),
        ] {
            assert!(!runs_apiserver(&container), "{container}");
        }
    }

    #[test]
    fn names_the_item_that_is_no_text() {
        let container = json!({"command": ["kube-apiserver", 30]});
        let error = arguments(&container).unwrap_err();
        assert_eq!(error.pointer().to_string(), "/command/1");
        assert_eq!(error.to_string(), "`/command/1` is a number, expected a string");
    }
}
