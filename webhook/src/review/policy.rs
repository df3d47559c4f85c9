//! `lithify.yaml`, made ready for thousands of reviews a second.

use std::borrow::Cow;

use lithify::checks::read_only_root::Writable;
use lithify::checks::{Context, Level, PssVersion, Selection, UnknownCheck};
use lithify::config::{Config, Mode};
use lithify::profile::Profiles;

use super::sidecar::Sidecar;

/// What to demand of whom.
#[derive(Clone, Debug)]
pub struct Policy {
    config: Config,
    context: Context,
    /// The configuration's own demand.
    default: Selection,
    /// Each level at the configured version, for namespaces whose labels name one.
    levels: Vec<(Level, Selection)>,
    /// What to mount where containers write.
    writable: Writable,
    /// The probe beside pods that ask for it.
    sidecar: Option<Sidecar>,
}

impl Policy {
    /// The policy of a configuration, with the write-path profiles that steer mutation.
    ///
    /// # Errors
    /// [`UnknownCheck`] in `select` or `ignore`.
    pub fn new(config: Config, profiles: Profiles) -> Result<Self, UnknownCheck> {
        let version = config.pss_version.unwrap_or_default();
        let default = selection(&config, config.level.unwrap_or_default(), version)?;
        let levels = Level::ALL.into_iter().map(|level| Ok((level, selection(&config, level, version)?)));
        let levels = levels.collect::<Result<_, _>>()?;
        let context = Context { kinds: config.kinds.clone(), ..Context::default() };
        let writable = config.writable.with_profiles(profiles);
        let sidecar = config.webhook.probe_image.as_deref().map(Sidecar::rendered);
        Ok(Self { config, context, default, levels, writable, sidecar })
    }

    /// The configuration that it was made of.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Kinds of the user's.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// What to mount where containers write.
    pub(super) fn writable(&self) -> &Writable {
        &self.writable
    }

    /// The probe beside pods that ask for it.
    pub(super) fn sidecar(&self) -> Option<&Sidecar> {
        self.sidecar.as_ref()
    }

    /// What the configuration does about findings in a namespace, unless its labels say otherwise.
    pub fn mode(&self, namespace: &str) -> Mode {
        let enforcement = &self.config.enforcement;
        let mut own = enforcement.namespaces.iter();
        own.find(|(name, _)| name == namespace).map_or(enforcement.default, |(_, mode)| *mode)
    }

    /// The configuration's own level.
    pub(super) fn level(&self) -> Level {
        self.config.level.unwrap_or_default()
    }

    /// The configuration's own version of the Pod Security Standards.
    pub(super) fn version(&self) -> PssVersion {
        self.config.pss_version.unwrap_or_default()
    }

    /// The configuration's own checks.
    pub(super) fn selection(&self) -> &Selection {
        &self.default
    }

    /// The checks of a level at a version; `select` and `ignore` of the configuration count here too.
    pub(super) fn at(&self, level: Level, version: PssVersion) -> Cow<'_, Selection> {
        if version == self.version()
            && let Some((_, selection)) = self.levels.iter().find(|(own, _)| *own == level)
        {
            return Cow::Borrowed(selection);
        }
        Cow::Owned(selection(&self.config, level, version).expect("`new` has looked every check up"))
    }
}

fn selection(config: &Config, level: Level, version: PssVersion) -> Result<Selection, UnknownCheck> {
    let selection = Selection::level(level, version).select(config.select.iter().map(String::as_str))?;
    selection.ignore(config.ignore.iter().map(String::as_str))
}
