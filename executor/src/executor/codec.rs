//! Arguments and results, in the value codec or as JSON.

use embed::{json_decode, json_encode};
use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::{ZendHashTable, Zval};
use protocol::{Failure, Function};
use values::{AllowedClasses, Argument, DecodeError, EncodeError, Limits};

/// Most that the further properties of an exception may take.
const EXTRAS_BYTES_MAX: usize = 1024 * 1024;
/// And how deep.
const EXTRAS_DEPTH_MAX: u32 = 64;

/// Arguments as the engine takes them.
#[derive(Debug)]
pub(super) enum Arguments {
    Values {
        positional: Vec<Zval>,
        named: Option<ZBox<ZendHashTable>>,
    },
    /// One array: elements with string keys are passed by name, others by position.
    Json(Zval),
}

impl Arguments {
    /// Puts a value before the others.
    pub(super) fn prepend(&mut self, value: Zval) -> Result<(), CodecError> {
        match self {
            Self::Values { positional, .. } => {
                positional.insert(0, value);
                Ok(())
            }
            Self::Json(_) => {
                let reason = "a job whose arguments are JSON takes no result of another";
                Err(bad_arguments(String::new(), reason.to_owned()))
            }
        }
    }

    /// Takes the object that a job is away; what is left are no arguments.
    pub(super) fn take_object(&mut self) -> Result<Zval, CodecError> {
        let object = match self {
            Self::Values { positional, named: None } if positional.len() == 1 => positional.pop(),
            _ => None,
        };
        object.filter(Zval::is_object).ok_or_else(|| {
            let reason = "the only argument of a job's run() is its object";
            bad_arguments(String::new(), reason.to_owned())
        })
    }
}

/// How a call's values travel, and how much they may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codec<'a> {
    pub(super) json: bool,
    pub(super) bytes_max: u32,
    pub(super) depth_max: u32,
    pub(super) classes: &'a AllowedClasses,
}

/// Why a value did not get through.
#[derive(Debug)]
pub(super) enum CodecError {
    Refused(Failure),
    /// The engine gave up in PHP code that the codec ran.
    BailedOut,
}

impl Codec<'_> {
    /// Allocates from PHP and may run PHP code: call it in `Request::guard`.
    pub(super) fn decode(
        self,
        encoded: &[u8],
        function: &Function,
    ) -> Result<Arguments, CodecError> {
        if self.json {
            return self.decode_json(encoded);
        }
        let decoded = values::decode_arguments(encoded, self.limits(), self.classes);
        match decoded {
            Ok(values::Arguments { positional, named }) => {
                Ok(Arguments::Values { positional, named })
            }
            Err(error) => Err(arguments_error(error, function)),
        }
    }

    /// One value, which comes before a job's arguments. As `decode`, call it in `Request::guard`.
    pub(super) fn decode_input(self, encoded: &[u8]) -> Result<Zval, CodecError> {
        let decoded = values::decode_value(encoded, self.limits(), self.classes);
        decoded.map_err(|error| match error {
            DecodeError::Bailout => CodecError::BailedOut,
            DecodeError::Refused { path, reason, .. } => {
                bad_arguments(format!("what the job before returned{path}"), reason)
            }
            other => bad_arguments("what the job before returned".to_owned(), other.to_string()),
        })
    }

    /// Appends the result. As `decode`, call it in `Request::guard`.
    pub(super) fn encode(self, value: &mut Zval, out: &mut Vec<u8>) -> Result<(), CodecError> {
        if self.json {
            let encoded = json_encode(value, self.depth_max, out);
            return encoded.map_err(|error| {
                bad_result(format!("result{}", error.path), error.reason.to_owned())
            });
        }
        values::encode_value(value, out, self.limits()).map_err(result_error)
    }

    fn decode_json(self, encoded: &[u8]) -> Result<Arguments, CodecError> {
        let refuse = |reason: &str| bad_arguments(String::new(), reason.to_owned());
        let arguments = json_decode(encoded, self.depth_max).map_err(refuse)?;
        if !arguments.is_array() {
            return Err(refuse("the arguments are no JSON array or object"));
        }
        Ok(Arguments::Json(arguments))
    }

    fn limits(self) -> Limits {
        let bytes_max = usize::try_from(self.bytes_max).unwrap_or(usize::MAX);
        Limits { bytes_max, depth_max: self.depth_max, ..Limits::default() }
    }
}

/// Appends a value in the value codec; false where that cannot be done.
pub(super) fn encode_extras(value: &Zval, out: &mut Vec<u8>) -> bool {
    let limits =
        Limits { bytes_max: EXTRAS_BYTES_MAX, depth_max: EXTRAS_DEPTH_MAX, ..Limits::default() };
    values::encode_value(value, out, limits).is_ok()
}

fn arguments_error(error: DecodeError, function: &Function) -> CodecError {
    let reason = match &error {
        DecodeError::Bailout => return CodecError::BailedOut,
        DecodeError::Refused { reason, .. } => reason.clone(),
        other => other.to_string(),
    };
    let path = match error {
        DecodeError::Refused { argument, path, .. }
        | DecodeError::TooDeep { argument, path, .. }
        | DecodeError::TooLarge { argument, path, .. } => {
            argument_name(&argument, function) + &path
        }
        _ => String::new(),
    };
    bad_arguments(path, reason)
}

/// As people count: `argument 2 ($rows)`.
fn argument_name(argument: &Argument, function: &Function) -> String {
    match argument {
        Argument::Position(position) => {
            let param = function.params.get(*position).or(function.params.last());
            let name = param.map(|param| format!(" (${})", param.name)).unwrap_or_default();
            format!("argument {}{name}", position + 1)
        }
        Argument::Name(name) => format!("argument ${name}"),
        Argument::Value => String::new(),
    }
}

fn result_error(error: EncodeError) -> CodecError {
    let reason = match &error {
        EncodeError::Bailout => return CodecError::BailedOut,
        EncodeError::Unsendable { reason, .. } => reason.clone(),
        other => other.to_string(),
    };
    let path = match error {
        EncodeError::Unsendable { path, .. }
        | EncodeError::TooDeep { path, .. }
        | EncodeError::TooLarge { path, .. } => path,
        _ => String::new(),
    };
    bad_result(format!("result{path}"), reason)
}

fn bad_arguments(path: String, reason: String) -> CodecError {
    CodecError::Refused(Failure::BadArguments { path, reason })
}

fn bad_result(path: String, reason: String) -> CodecError {
    CodecError::Refused(Failure::BadResult { path, reason })
}
