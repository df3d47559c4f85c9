//! Why a name is no field, and which was probably meant.

/// Why a name is no field of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// There is none.
    #[error("filter_check called with nonexistent field {name}")]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// Another source has it.
    #[error(
        "filter_check called with nonexistent field {name}: events of source {source_name} do not have it"
    )]
    OtherSource {
        /// The name.
        name: String,
        /// The source that was asked.
        source_name: &'static str,
    },
    /// An argument must follow.
    #[error("field {name} requires an argument: {name}[…]")]
    MissingArgument {
        /// The name.
        name: String,
    },
    /// An argument must not follow.
    #[error("field {name} does not take an argument, found [{argument}]")]
    UnexpectedArgument {
        /// The name.
        name: String,
        /// What followed.
        argument: String,
    },
    /// The argument must be a number.
    #[error("the argument of {name} is a number, found [{argument}]")]
    NotAnIndex {
        /// The name.
        name: String,
        /// What followed.
        argument: String,
    },
    /// No event has such a parameter.
    #[error("unknown event argument {argument} in {name}.{argument}")]
    UnknownParameter {
        /// The field's name.
        name: String,
        /// The parameter's.
        argument: String,
        /// The parameter that was probably meant.
        near: Option<&'static str>,
    },
    /// No event has such a name.
    #[error("unknown event type {argument}")]
    UnknownEvent {
        /// The event's name.
        argument: String,
        /// The name that was probably meant.
        near: Option<&'static str>,
    },
}

impl FieldError {
    /// The name to write instead.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::Unknown { near, .. } => near.clone(),
            Self::UnknownParameter { name, near, .. } => near.map(|near| format!("{name}.{near}")),
            Self::UnknownEvent { near, .. } => near.map(str::to_owned),
            _ => None,
        }
    }

    /// Whether the field is unknown altogether, which `skip-if-unknown-filter` forgives.
    pub const fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. }
                | Self::OtherSource { .. }
                | Self::UnknownParameter { .. }
                | Self::UnknownEvent { .. }
        )
    }
}
