//! `AppServer\pin()` and `AppServer\unpin()`: one release for the calls of a script, or a part of it.

use super::settings;
use super::throw::{self, text};
use crate::client::{self, CallError};
use crate::php::args::{self, Param};
use crate::php::{End, guard};
use ext_php_rs::args::Arg;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::Zval;
use ext_php_rs::zend::ExecuteData;
use protocol::AppName;
use std::ptr;

/// What PHP is told about them.
pub(super) fn builders() -> [FunctionBuilder<'static>; 2] {
    [
        FunctionBuilder::new("AppServer\\pin", pin)
            .not_required()
            .arg(Arg::new("app", DataType::String).allow_null().default("null"))
            .returns(DataType::String, false, false),
        FunctionBuilder::new("AppServer\\unpin", unpin).returns(DataType::Void, false, false),
    ]
}

extern "C" fn pin(frame: &mut ExecuteData, result: &mut Zval) {
    guard(|| {
        let mut app = ptr::null();
        if args::parse(frame, c"|S!", &mut [Param::Text(&mut app)]).is_none() {
            return End::Done;
        }
        let Ok(app) = args::utf8(frame, 1, app) else {
            return End::Done;
        };
        match pinned(app) {
            Ok(release) => *result = text(release),
            Err(error) => throw::raise(error),
        }
        End::Done
    });
}

/// The release, as text.
fn pinned(app: Option<&str>) -> Result<String, CallError> {
    let app = app.map(AppName::new).transpose();
    let app = app.map_err(|error| CallError::config(error.to_string()))?;
    client::pin(&settings::checked()?, app).map(|release| release.to_string())
}

extern "C" fn unpin(frame: &mut ExecuteData, _: &mut Zval) {
    guard(|| {
        if args::none(frame).is_some() {
            client::unpin();
        }
        End::Done
    });
}
