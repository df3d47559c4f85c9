//! Which container runtimes are asked: the container plugin's `init_config`, and the older `container_engines`.

use std::path::PathBuf;

use crate::runtime::Settings;

use super::check::read_bool;
use super::problem::{Problem, Sources};
use super::tree::{Content, Tree};
use super::values::Values;

/// Settings; `None` where asking is switched off. What concerns runtimes that are not asked is left aside.
pub(super) fn containers(values: Values<'_>, sources: &Sources) -> Result<Option<Settings>, Problem> {
    let plugin = values
        .items("plugins", "plugins[]")
        .find(|plugin| plugin.node("name").and_then(Tree::text) == Some("container"));
    let init = plugin.and_then(|plugin| plugin.node("init_config"));
    let mut settings = Settings::default();
    if let Some(init) = init {
        match &init.content {
            Content::Map(_) => {}
            Content::Scalar(text) if text.trim().is_empty() => {}
            _ => {
                return Err(sources.problem(
                    init.place,
                    "expected the container plugin's init_config as a mapping".to_owned(),
                ));
            }
        }
        if let Some(length) = init.get("label_max_len") {
            let written = length.text().and_then(|text| text.parse().ok());
            settings.label_max = written.ok_or_else(|| {
                sources.problem(length.place, "`label_max_len`: expected a number of characters".to_owned())
            })?;
        }
    }
    let engine = init
        .and_then(|init| init.get("engines"))
        .and_then(|engines| engines.get("cri"))
        .or_else(|| values.node("container_engines.cri"));
    let Some(engine) = engine else { return Ok(Some(settings)) };
    if let Some(enabled) = engine.get("enabled") {
        match enabled.text().and_then(read_bool) {
            Some(true) => {}
            Some(false) => return Ok(None),
            None => {
                let message = "`enabled`: expected true or false".to_owned();
                return Err(sources.problem(enabled.place, message));
            }
        }
    }
    let sockets: Vec<_> = engine.get("sockets").map(Tree::items).unwrap_or_default().iter().collect();
    if !sockets.is_empty() {
        settings.sockets.clear();
    }
    for socket in sockets {
        match socket.text() {
            Some(path) if path.starts_with('/') => settings.sockets.push(PathBuf::from(path)),
            _ => {
                let message = "expected the absolute path of a socket".to_owned();
                return Err(sources.problem(socket.place, message));
            }
        }
    }
    Ok(Some(settings))
}
