//! The exception classes, as one table.

use crate::php::{Class, End, Handler, empty_array, guard, runtime_exception, ty};
use crate::php::{args, properties};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, DataType, MethodFlags, PropertyFlags};
use ext_php_rs::types::{ZendStr, Zval};
use ext_php_rs::zend::ExecuteData;

/// `AppServer\Exception`, the base of all.
pub(super) static BASE: Class = Class::unregistered();

/// A getter of an exception: its name, the property it returns, and the type of both.
struct Getter {
    method: &'static str,
    property: &'static str,
    returns: DataType,
    mask: u32,
    default: fn() -> Zval,
    handler: Handler,
}

/// One final class.
struct Spec {
    name: &'static str,
    class: &'static Class,
    getters: &'static [Getter],
}

macro_rules! classes {
    ($($ident:ident = $name:literal [$($getter:expr),*];)*) => {
        $(pub(super) static $ident: Class = Class::unregistered();)*

        static SPECS: &[Spec] = &[
            $(Spec { name: $name, class: &$ident, getters: &[$($getter),*] },)*
        ];
    };
}

classes! {
    CONFIG = "AppServer\\ConfigException" [];
    CONNECT = "AppServer\\ConnectException" [];
    REFUSED = "AppServer\\RefusedException" [];
    LOST = "AppServer\\ConnectionLost" [MAY_HAVE_RUN];
    TIMEOUT = "AppServer\\TimeoutException" [];
    CANCELLED = "AppServer\\CancelledException" [];
    UNKNOWN_APP = "AppServer\\UnknownAppException" [NEAR];
    UNKNOWN_FUNCTION = "AppServer\\UnknownFunctionException" [NEAR];
    NOT_CALLABLE = "AppServer\\NotCallableException" [];
    ENCODE = "AppServer\\EncodeException" [PATH];
    DECODE = "AppServer\\DecodeException" [PATH];
    FATAL = "AppServer\\RemoteFatal" [KIND, REMOTE_FILE, REMOTE_LINE];
    DIED = "AppServer\\ExecutorDied" [SIGNAL, EXIT_STATUS];
    REMOTE = "AppServer\\RemoteException" [REMOTE_CLASS, REMOTE_MESSAGE, REMOTE_TRACE];
    AGGREGATE = "AppServer\\AggregateException" [EXCEPTIONS];
    RELEASE_GONE = "AppServer\\ReleaseGone" [];
    UNAVAILABLE = "AppServer\\UnavailableException" [];
    PROTOCOL = "AppServer\\ProtocolException" [];
    NO_JOB_STORE = "AppServer\\NoJobStoreException" [];
    QUEUE_FULL = "AppServer\\QueueFullException" [QUEUE];
    DUPLICATE_JOB = "AppServer\\DuplicateJobException" [ID];
    UNKNOWN_JOB = "AppServer\\UnknownJobException" [];
    JOB_NOT_DONE = "AppServer\\JobNotDoneException" [];
    JOB_FAILED = "AppServer\\JobFailedException" [ID];
}

macro_rules! getter {
    ($ident:ident, $method:literal, $property:literal, $returns:expr, $mask:expr, $default:expr) => {
        const $ident: Getter = {
            extern "C" fn handler(frame: &mut ExecuteData, result: &mut Zval) {
                read(frame, $property, result);
            }
            Getter {
                method: $method,
                property: $property,
                returns: $returns,
                mask: $mask,
                default: $default,
                handler,
            }
        };
    };
}

getter!(WORKER, "getWorker", "worker", DataType::String, ty::STRING | ty::NULL, null);
getter!(FUNCTION, "getFunction", "function", DataType::String, ty::STRING | ty::NULL, null);
getter!(MAY_HAVE_RUN, "mayHaveRun", "mayHaveRun", DataType::Bool, ty::BOOL, yes);
getter!(NEAR, "getNear", "near", DataType::Array, ty::ARRAY, empty_array);
getter!(ID, "getId", "id", DataType::String, ty::STRING, empty_string);
getter!(QUEUE, "getQueue", "queue", DataType::String, ty::STRING, empty_string);
getter!(PATH, "getPath", "path", DataType::String, ty::STRING, empty_string);
getter!(KIND, "getKind", "kind", DataType::String, ty::STRING, empty_string);
getter!(REMOTE_FILE, "getRemoteFile", "remoteFile", DataType::String, ty::STRING, empty_string);
getter!(REMOTE_LINE, "getRemoteLine", "remoteLine", DataType::Long, ty::INT, zero);
getter!(SIGNAL, "getSignal", "signal", DataType::Long, ty::INT | ty::NULL, null);
getter!(EXIT_STATUS, "getExitStatus", "exitStatus", DataType::Long, ty::INT | ty::NULL, null);
getter!(REMOTE_CLASS, "getRemoteClass", "remoteClass", DataType::String, ty::STRING, empty_string);
getter!(
    REMOTE_MESSAGE,
    "getRemoteMessage",
    "remoteMessage",
    DataType::String,
    ty::STRING,
    empty_string
);
getter!(
    REMOTE_TRACE,
    "getRemoteTraceAsString",
    "remoteTrace",
    DataType::String,
    ty::STRING,
    empty_string
);
getter!(EXCEPTIONS, "getExceptions", "exceptions", DataType::Array, ty::ARRAY, empty_array);

/// Registers the base and every class of the table.
pub(super) fn register() -> Result<()> {
    let builder = ClassBuilder::new("AppServer\\Exception")
        .extends((runtime_exception, "\\RuntimeException"))
        .flags(ClassFlags::Abstract);
    let flags = MethodFlags::Public | MethodFlags::Final;
    let builder = with_getters(builder, &[WORKER, FUNCTION], flags);
    BASE.register(builder)?;
    declare(&BASE, &[WORKER, FUNCTION]);
    for spec in SPECS {
        let builder = ClassBuilder::new(spec.name)
            .extends((|| BASE.entry(), "\\AppServer\\Exception"))
            .flags(ClassFlags::Final);
        spec.class.register(with_getters(builder, spec.getters, MethodFlags::Public))?;
        declare(spec.class, spec.getters);
    }
    Ok(())
}

fn with_getters(builder: ClassBuilder, getters: &[Getter], flags: MethodFlags) -> ClassBuilder {
    getters.iter().fold(builder, |builder, getter| {
        let nullable = getter.mask & ty::NULL != 0;
        let function = FunctionBuilder::new(getter.method, getter.handler);
        builder.method(function.returns(getter.returns, false, nullable), flags)
    })
}

fn declare(class: &Class, getters: &[Getter]) {
    for getter in getters {
        let access = PropertyFlags::Protected;
        class.property(getter.property, access, getter.mask, Some((getter.default)()));
    }
}

fn read(frame: &mut ExecuteData, property: &str, result: &mut Zval) {
    guard(|| {
        if args::none(frame).is_none() {
            return End::Done;
        }
        if let Some(this) = args::this(frame) {
            *result = properties::get(this, this.get_class_entry(), property);
        }
        End::Done
    });
}

fn null() -> Zval {
    Zval::null()
}

fn yes() -> Zval {
    let mut value = Zval::new();
    value.set_bool(true);
    value
}

fn zero() -> Zval {
    let mut value = Zval::new();
    value.set_long(0);
    value
}

/// Interned, as a default of an internal class has to be.
fn empty_string() -> Zval {
    let mut value = Zval::new();
    value.set_zend_string(ZendStr::new_interned("", true));
    value
}
