//! The codes of errors and warnings that Falco gives when it loads rules.

/// An error or a warning that loading rules can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The file cannot be read.
    FileRead,
    /// The file is no YAML.
    YamlParse,
    /// The YAML has another structure than rules have.
    YamlValidate,
    /// A condition does not compile.
    CompileCondition,
    /// An output does not compile.
    CompileOutput,
    /// Rules, macros, lists or exceptions do not fit each other.
    Validate,
    /// The rule is of a source that is not there; it is skipped.
    UnknownSource,
    /// A field of an audit event is compared with `<NA>`.
    UnsafeNaCheck,
    /// A condition holds for too many types of events.
    NoEvttype,
    /// A field or event type is unknown; the rule is skipped, as it asked for.
    UnknownFilter,
    /// Nothing uses the macro.
    UnusedMacro,
    /// Nothing uses the list.
    UnusedList,
    /// An item is neither rule, macro, list nor requirement.
    UnknownItem,
    /// Something is still understood, but should be written in another way.
    DeprecatedItem,
    /// An exception is appended to without values.
    AppendNoValues,
    /// A rule defines two exceptions of the same name.
    ExceptionNameNotUnique,
    /// A macro's name is none that conditions could refer to.
    InvalidMacroName,
    /// A list's name is none that conditions could refer to.
    InvalidListName,
    /// A condition compiles, but probably not as it was meant.
    ConditionWarning,
    /// An item has a key that means nothing there.
    UnknownKey,
    /// For orientation: nothing is wrong.
    Notice,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For orientation.
    Notice,
    /// The rules load, but somebody should know.
    Warning,
    /// The rules do not load.
    Error,
}

impl Code {
    /// Falco's code: `LOAD_ERR_…` or `LOAD_…`.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// What kind of thing it is, in a few words.
    pub const fn summary(self) -> &'static str {
        self.row().1
    }

    /// How bad it is.
    pub const fn level(self) -> Level {
        match self {
            Self::FileRead
            | Self::YamlParse
            | Self::YamlValidate
            | Self::CompileCondition
            | Self::CompileOutput
            | Self::Validate => Level::Error,
            Self::Notice => Level::Notice,
            _ => Level::Warning,
        }
    }

    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::FileRead => ("LOAD_ERR_FILE_READ", "File read error"),
            Self::YamlParse => ("LOAD_ERR_YAML_PARSE", "YAML parse error"),
            Self::YamlValidate => {
                ("LOAD_ERR_YAML_VALIDATE", "Error validating internal structure of YAML file")
            }
            Self::CompileCondition => ("LOAD_ERR_COMPILE_CONDITION", "Error compiling condition"),
            Self::CompileOutput => ("LOAD_ERR_COMPILE_OUTPUT", "Error compiling output"),
            Self::Validate => ("LOAD_ERR_VALIDATE", "Error validating rule/macro/list/exception objects"),
            Self::UnknownSource => ("LOAD_UNKNOWN_SOURCE", "Unknown event source"),
            Self::UnsafeNaCheck => ("LOAD_UNSAFE_NA_CHECK", "Unsafe <NA> comparison in condition"),
            Self::NoEvttype => ("LOAD_NO_EVTTYPE", "Condition has no event-type restriction"),
            Self::UnknownFilter => {
                ("LOAD_UNKNOWN_FILTER", "Unknown field or event-type in condition or output")
            }
            Self::UnusedMacro => ("LOAD_UNUSED_MACRO", "Unused macro"),
            Self::UnusedList => ("LOAD_UNUSED_LIST", "Unused list"),
            Self::UnknownItem => ("LOAD_UNKNOWN_ITEM", "Unknown rules file item"),
            Self::DeprecatedItem => ("LOAD_DEPRECATED_ITEM", "Used deprecated item"),
            Self::AppendNoValues => ("LOAD_APPEND_NO_VALUES", "Overriding/appending with no values"),
            Self::ExceptionNameNotUnique => {
                ("LOAD_EXCEPTION_NAME_NOT_UNIQUE", "Multiple exceptions defined with the same name")
            }
            Self::InvalidMacroName => ("LOAD_INVALID_MACRO_NAME", "Invalid macro name"),
            Self::InvalidListName => ("LOAD_INVALID_LIST_NAME", "Invalid list name"),
            Self::ConditionWarning => ("LOAD_COMPILE_CONDITION", "Warning in rule condition"),
            Self::UnknownKey => ("LOAD_UNKNOWN_KEY", "Unknown key in item definition"),
            Self::Notice => ("LOAD_NOTICE", "Notice"),
        }
    }
}
