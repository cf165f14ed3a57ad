//! How a job says by an exception what is to become of it: `AppServer\Unrecoverable`, which any exception
//! may implement, and `AppServer\RetryAfter`. The executor knows both by their names.

use super::terms;
use crate::php::typed::{self, Default, Named, Typed};
use crate::php::{Class, End, args, exception, guard, runtime_exception, ty};
use ext_php_rs::builders::{ClassBuilder, FunctionBuilder};
use ext_php_rs::error::Result;
use ext_php_rs::flags::{ClassFlags, MethodFlags};
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use ext_php_rs::zend::ce::throwable;

static UNRECOVERABLE: Class = Class::unregistered();
static UNRECOVERABLE_EXCEPTION: Class = Class::unregistered();
static RETRY_AFTER: Class = Class::unregistered();

static THROWABLE_NAME: Named = Named { name: "Throwable", entry: throwable };

static CONSTRUCT: [Typed; 4] = [
    Typed::nullable("seconds", ty::FLOAT),
    Typed::required("counts", ty::BOOL).default(Default::False),
    Typed::required("message", ty::STRING).default(Default::Text("")),
    Typed::nullable("previous", 0).or(&THROWABLE_NAME),
];

/// Registers the interface and both classes.
pub(super) fn register() -> Result<()> {
    let interface = ClassBuilder::new("AppServer\\Unrecoverable").flags(ClassFlags::Interface);
    UNRECOVERABLE.register(interface.implements((throwable, "\\Throwable")))?;

    let builder = ClassBuilder::new("AppServer\\UnrecoverableException")
        .extends((runtime_exception, "\\RuntimeException"))
        .implements((|| UNRECOVERABLE.entry(), "\\AppServer\\Unrecoverable"));
    UNRECOVERABLE_EXCEPTION.register(builder)?;

    let constructor = FunctionBuilder::constructor(construct).not_required();
    let constructor = CONSTRUCT.iter().fold(constructor, |f, param| f.arg(param.arg()));
    let builder = ClassBuilder::new("AppServer\\RetryAfter")
        .extends((runtime_exception, "\\RuntimeException"))
        .method(constructor, MethodFlags::Public | MethodFlags::IsConstructor);
    RETRY_AFTER.register(builder)?;
    for param in &CONSTRUCT[..2] {
        param.declare(&RETRY_AFTER);
    }
    Ok(())
}

extern "C" fn construct(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        let Some(mut this) = args::this_object(frame) else {
            return End::Done;
        };
        let Some(given) = typed::read(frame, 0, &CONSTRUCT) else {
            return End::Done;
        };
        if terms::seconds(&given, "seconds").is_none() {
            return End::Done;
        }
        for name in ["message", "previous"] {
            if let Some(value) = given.get(name) {
                exception::set(&mut this, name, value.shallow_clone());
            }
        }
        if let Some(object) = this.object_mut() {
            for name in ["seconds", "counts"] {
                given.assign_one(name, object, &RETRY_AFTER);
            }
        }
        End::Done
    });
}
