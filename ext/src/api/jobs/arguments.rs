//! What is to be run, as callers say it: a function's name and its arguments, or an object.

use super::job::JOB_NAME;
use super::records::ENCODED_NAME;
use crate::client::Options;
use crate::php::args;
use crate::php::cursor::{Cursor, Step};
use crate::php::typed::{self, Typed};
use crate::php::{End, table, ty};
use ext_php_rs::args::Arg;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::builders::FunctionBuilder;
use ext_php_rs::flags::DataType;
use ext_php_rs::types::{ZendHashTable, Zval};
use ext_php_rs::zend::ExecuteData;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// Beside the class `Job`: a function's name.
pub(super) const JOB_MASK: u32 = ty::STRING;

/// `string|AppServer\Job`
const JOB: Typed = Typed::required("job", JOB_MASK).or(&JOB_NAME);
const ARGUMENTS: Typed =
    Typed { default: Some(typed::Default::EmptyArray), ..Typed::required("arguments", ty::ARRAY) };
pub(super) static LEADING: [Typed; 2] = [JOB, ARGUMENTS];

/// `(string|AppServer\Job $job, mixed ...$args)`
pub(crate) fn with_queue_args(builder: FunctionBuilder<'static>) -> FunctionBuilder<'static> {
    builder.arg(JOB.arg()).arg(Arg::new("args", DataType::Mixed).is_variadic())
}

/// `(string|AppServer\Job $job, array $arguments = [])`
pub(super) fn with_leading(builder: FunctionBuilder<'static>) -> FunctionBuilder<'static> {
    builder.arg(JOB.arg()).not_required().arg(ARGUMENTS.arg())
}

/// What is to be run.
pub(super) struct JobArgs<'frame> {
    /// A function's name, or the object.
    pub(super) job: &'frame Zval,
    pub(super) positional: &'frame [Zval],
    pub(super) named: Option<&'frame ZendHashTable>,
}

impl<'frame> JobArgs<'frame> {
    /// All arguments in one, which was made before.
    pub(super) fn encoded(&self) -> Option<&'frame Zval> {
        match self.positional {
            [only] if self.named.is_none() && ENCODED_NAME.holds(only.dereference()) => {
                Some(only.dereference())
            }
            _ => None,
        }
    }
}

/// Reads `(string|AppServer\Job $job, mixed ...$args)`. `None` = an exception is pending.
pub(super) fn job_args(frame: &ExecuteData) -> Option<JobArgs<'_>> {
    let all = args::all(frame, 1, u32::MAX)?;
    let named = args::named(frame);
    let (job, rest) = all.split_first()?;
    check(job, rest, named)?;
    let is_object = job.dereference().is_object();
    let positional = if is_object { &all[..1] } else { rest };
    Some(JobArgs { job: job.dereference(), positional, named })
}

fn check(job: &Zval, rest: &[Zval], named: Option<&ZendHashTable>) -> Option<()> {
    let job = job.dereference();
    if !job.is_string() && !JOB_NAME.holds(job) {
        args::type_error(1, c"AppServer\\Job|string", job);
        return None;
    }
    if job.is_object() && (!rest.is_empty() || named.is_some()) {
        args::value_error(
            1,
            c"must be a function's name where arguments follow: an object has its own",
        );
        return None;
    }
    Some(())
}

/// Reads `(string|AppServer\Job $job, array $arguments = [])`: the first as a slice of one. `None` = an
/// exception is pending.
pub(super) fn leading(frame: &ExecuteData, max: u32) -> Option<(&[Zval], Option<&Zval>)> {
    let all = args::all(frame, 1, max)?;
    let arguments = all.get(1).map(Zval::dereference);
    if let Some(wrong) = arguments.filter(|arguments| !arguments.is_array()) {
        args::type_error(2, c"array", wrong);
        return None;
    }
    Some((&all[..1], arguments))
}

/// Elements with string keys are passed by name, others by position.
pub(super) fn spread_and(
    options: &Rc<Options>,
    job: &[Zval],
    arguments: Option<&Zval>,
    result: &mut Zval,
    work: fn(&Rc<Options>, &JobArgs<'_>, &mut Zval) -> End,
) -> End {
    // Not dropped by a bailout: what they hold is of PHP's request heap, which PHP reclaims.
    let mut positional = ManuallyDrop::new(Vec::new());
    let mut named = ManuallyDrop::new(None);
    let spread = spread(arguments, &mut positional, &mut named);
    let end = match (spread, job.first().map(Zval::dereference)) {
        (Some(()), Some(first)) if check(first, &positional, named.as_deref()).is_some() => {
            let is_object = first.is_object();
            let positional = if is_object { job } else { positional.as_slice() };
            work(options, &JobArgs { job: first, positional, named: named.as_deref() }, result)
        }
        _ => End::Done,
    };
    if end == End::Done {
        drop((ManuallyDrop::into_inner(positional), ManuallyDrop::into_inner(named)));
    }
    end
}

/// `None` = an exception is pending.
fn spread(
    arguments: Option<&Zval>,
    positional: &mut Vec<Zval>,
    named: &mut Option<ZBox<ZendHashTable>>,
) -> Option<()> {
    let mut cursor = arguments.and_then(Cursor::new);
    while let Some(Step::Item { key, value }) = cursor.as_mut().map(Cursor::next) {
        if key.is_string() {
            table::set(named.get_or_insert_with(ZendHashTable::new), &key, value);
        } else if named.is_some() {
            args::value_error(2, c"must not have positional arguments after named ones");
            return None;
        } else {
            positional.push(value);
        }
    }
    Some(())
}
