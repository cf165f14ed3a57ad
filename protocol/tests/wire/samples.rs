//! Strategies for every message, with strings that need escaping, empty parts and extreme numbers.

pub(crate) use crate::job_samples::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use protocol::*;

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[A-Za-z_\\\\]{0,12}", 1 => ".{0,8}"]
}

pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..24)
}

pub(crate) fn few<S: Strategy>(element: S) -> impl Strategy<Value = Vec<S::Value>> {
    vec(element, 0..4)
}

pub(crate) fn app_name() -> impl Strategy<Value = AppName> {
    "([a-z][a-z0-9_-]{0,63})?".prop_map(|name| AppName::new(&name).expect("a valid name"))
}

fn release() -> impl Strategy<Value = ReleaseId> {
    any::<u64>().prop_map(ReleaseId)
}

fn isolation() -> impl Strategy<Value = Isolation> {
    prop_oneof![Just(Isolation::Stateless), Just(Isolation::Resident)]
}

// --- handshake ---

pub(crate) fn hello() -> impl Strategy<Value = Hello> {
    let calls = (app_name(), text(), release());
    let purpose = prop_oneof![
        calls.prop_map(|(app, pool, release)| Purpose::Calls { app, pool, release }),
        Just(Purpose::Control),
        app_name().prop_map(|app| Purpose::Jobs { app }),
    ];
    let client = (any::<u32>(), text(), text());
    let client = client.prop_map(|(pid, sapi, version)| ClientInfo { pid, sapi, version });
    (purpose, client, any::<u64>(), option::of(text())).prop_map(
        |(purpose, client, catalog_hash, token)| Hello { purpose, client, catalog_hash, token },
    )
}

fn membership() -> impl Strategy<Value = Membership> {
    let member = (text(), any::<u16>()).prop_map(|(address, weight)| Member { address, weight });
    (any::<u32>(), few(member)).prop_map(|(epoch, members)| Membership { epoch, members })
}

fn limits() -> impl Strategy<Value = Limits> {
    (any::<u32>(), any::<u32>())
        .prop_map(|(frame_bytes_max, value_depth_max)| Limits { frame_bytes_max, value_depth_max })
}

fn routing() -> impl Strategy<Value = Routing> {
    let canary = (release(), any::<u64>(), any::<u16>());
    let canary =
        canary.prop_map(|(release, number, basis_points)| Canary { release, number, basis_points });
    (any::<u64>(), release(), any::<u64>(), any::<u16>(), option::of(canary), text()).prop_map(
        |(generation, current, number, settings, canary, notice)| Routing {
            generation,
            current,
            number,
            settings,
            canary,
            notice,
        },
    )
}

pub(crate) fn welcome() -> impl Strategy<Value = Welcome> {
    let identity = (text(), any::<u64>(), app_name(), text(), release());
    let known = (any::<u64>(), option::of(catalog()), membership(), limits(), routing());
    let board = (text(), any::<u64>()).prop_map(|(path, generation)| BoardAt { path, generation });
    let hints = (any::<u16>(), any::<u32>(), option::of(board), option::of(any::<u16>()));
    (identity, known, hints).prop_map(|(identity, known, hints)| {
        let (version, connection, app, pool, release) = identity;
        let (catalog_hash, catalog, membership, limits, routing) = known;
        let (executors_max, busy_poll_us, board, ledger) = hints;
        Welcome {
            version,
            connection,
            app,
            pool,
            release,
            routing,
            catalog_hash,
            catalog,
            membership,
            limits,
            executors_max,
            busy_poll_us,
            board,
            ledger,
        }
    })
}

pub(crate) fn refused() -> impl Strategy<Value = Refused> {
    let code = prop_oneof![
        Just(RefusedCode::UnknownApp),
        Just(RefusedCode::UnknownPool),
        Just(RefusedCode::ReleaseGone),
        Just(RefusedCode::Denied),
        Just(RefusedCode::TooManyConnections),
        Just(RefusedCode::Protocol),
        Just(RefusedCode::NotReady),
        Just(RefusedCode::ShuttingDown),
        Just(RefusedCode::NoJobStore),
    ];
    (code, text(), few(text())).prop_map(|(code, message, near)| Refused { code, message, near })
}

// --- catalog ---

fn attribute() -> impl Strategy<Value = Attribute> {
    let arguments = few((option::of(text()), text()));
    (text(), arguments).prop_map(|(name, arguments)| Attribute { name, arguments })
}

fn param() -> impl Strategy<Value = Param> {
    let shape = (any::<bool>(), any::<bool>(), any::<bool>());
    let sources = (option::of(text()), option::of(text()), option::of(text()));
    (text(), sources, shape, few(attribute())).prop_map(
        |(name, (ty, default, value), (optional, by_ref, variadic), attributes)| Param {
            name,
            ty,
            optional,
            default,
            by_ref,
            variadic,
            value,
            attributes,
        },
    )
}

fn imports() -> impl Strategy<Value = Vec<(String, String)>> {
    few((text(), text()))
}

fn class() -> impl Strategy<Value = Class> {
    let constant = (text(), text(), any::<bool>(), option::of(text()));
    let constant =
        constant.prop_map(|(name, value, is_final, doc)| Constant { name, value, is_final, doc });
    let shape = (any::<bool>(), any::<bool>(), option::of(text()), option::of(text()));
    let source = (few(attribute()), option::of(text()), imports(), text(), any::<u32>());
    (text(), shape, few(constant), source).prop_map(|(name, shape, constants, source)| {
        let (is_final, is_abstract, instances, constructor) = shape;
        let (attributes, doc, imports, file, line) = source;
        Class {
            name,
            is_final,
            is_abstract,
            instances,
            constructor,
            constants,
            attributes,
            doc,
            imports,
            file,
            line,
        }
    })
}

fn function() -> impl Strategy<Value = Function> {
    let signature = (text(), text(), few(param()), option::of(text()));
    let policy = (option::of(any::<u32>()), option::of(text()), any::<bool>(), isolation());
    let source = (few(attribute()), option::of(text()), text(), any::<u32>());
    let proxy = (any::<bool>(), any::<bool>(), few(text()), imports());
    let property = (text(), option::of(text()), any::<bool>());
    let property = property.prop_map(|(name, ty, optional)| Property { name, ty, optional });
    let jobs = (job_options(), any::<bool>(), few(schedule()), few(property));
    let parts = (signature, policy, source, proxy, jobs, option::of(cache_policy()));
    parts.prop_map(|(signature, policy, source, proxy, jobs, cache)| {
        let (name, pool, params, returns) = signature;
        let (timeout_ms, affinity, idempotent, isolation) = policy;
        let (attributes, doc, file, line) = source;
        let (returns_by_ref, generator, classes, imports) = proxy;
        let (job, job_class, schedules, properties) = jobs;
        Function {
            name,
            pool,
            params,
            returns,
            timeout_ms,
            affinity,
            idempotent,
            isolation,
            attributes,
            doc,
            file,
            line,
            returns_by_ref,
            generator,
            classes,
            imports,
            job,
            job_class,
            schedules,
            properties,
            cache,
        }
    })
}

fn cache_options() -> impl Strategy<Value = CacheOptions> {
    let times = (option::of(any::<u64>()), option::of(any::<u64>()));
    (times, option::of(few(text())), option::of(few(text()))).prop_map(
        |((ttl_ms, negative_ms), tags, vary)| CacheOptions { ttl_ms, negative_ms, tags, vary },
    )
}

fn cache_policy() -> impl Strategy<Value = CachePolicy> {
    let times = (any::<u64>(), any::<u64>());
    (times, few(text()), option::of(few(any::<u16>()))).prop_map(
        |((ttl_ms, negative_ms), tags, vary)| CachePolicy { ttl_ms, negative_ms, tags, vary },
    )
}

pub(crate) fn catalog() -> impl Strategy<Value = Catalog> {
    (app_name(), release(), few(function()), few(class()))
        .prop_map(|(app, release, functions, classes)| Catalog { app, release, functions, classes })
}

// --- failures ---

fn exit_cause() -> impl Strategy<Value = ExitCause> {
    prop_oneof![any::<i32>().prop_map(ExitCause::Signal), any::<i32>().prop_map(ExitCause::Status)]
}

fn thrown() -> impl Strategy<Value = Thrown> {
    let place = (option::of(text()), option::of(any::<u32>()));
    let callee = (option::of(text()), option::of("(->|::)"), text());
    let frame = (place, callee).prop_map(|((file, line), (class, arrow, function))| TraceFrame {
        file,
        line,
        class,
        arrow,
        function,
    });
    (text(), bytes(), any::<i64>(), text(), any::<u32>(), few(frame), bytes()).prop_map(
        |(class, message, code, file, line, trace, properties)| Thrown {
            class,
            message,
            code,
            file,
            line,
            trace,
            properties,
        },
    )
}

fn fatal() -> impl Strategy<Value = Failure> {
    let kind = prop_oneof![Just(FatalKind::Exit), Just(FatalKind::Memory), Just(FatalKind::Error)];
    (kind, bytes(), text(), any::<u32>()).prop_map(|(kind, message, file, line)| Failure::Fatal {
        kind,
        message,
        file,
        line,
    })
}

fn wish() -> impl Strategy<Value = Wish> {
    let retry = (option::of(any::<u64>()), any::<bool>());
    prop_oneof![
        Just(Wish::GiveUp),
        retry.prop_map(|(after_ms, counts)| Wish::Retry { after_ms, counts }),
    ]
}

pub(crate) fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        few(thrown()).prop_map(Failure::Thrown),
        fatal(),
        (exit_cause(), text(), text()).prop_map(|(cause, function, hint)| Failure::Died {
            cause,
            function,
            hint
        }),
        (any::<u32>(), any::<bool>())
            .prop_map(|(limit_ms, killed)| Failure::TimedOut { limit_ms, killed }),
        Just(Failure::Cancelled),
        (text(), few(text()))
            .prop_map(|(function, near)| Failure::UnknownFunction { function, near }),
        (text(), text()).prop_map(|(function, reason)| Failure::NotCallable { function, reason }),
        text().prop_map(|pool| Failure::WrongPool { pool }),
        release().prop_map(|current| Failure::WrongRelease { current }),
        (text(), text()).prop_map(|(path, reason)| Failure::BadArguments { path, reason }),
        (text(), text()).prop_map(|(path, reason)| Failure::BadResult { path, reason }),
        release().prop_map(|release| Failure::ReleaseGone { release }),
        (text(), any::<bool>()).prop_map(|(reason, ran)| Failure::Unavailable { reason, ran }),
        text().prop_map(|reason| Failure::Protocol { reason }),
        Just(Failure::Moved),
        (few(thrown()), wish()).prop_map(|(chain, wish)| Failure::JobThrown { chain, wish }),
    ]
}

// --- control ---

pub(crate) fn control_request() -> impl Strategy<Value = ControlRequest> {
    prop_oneof![
        Just(ControlRequest::Status),
        app_name().prop_map(|app| ControlRequest::Catalog { app }),
        (any::<u64>(), any::<u64>()).prop_map(|(connection, request_id)| {
            ControlRequest::Cancel { connection, request_id }
        }),
        Just(ControlRequest::Membership),
        app_name().prop_map(|app| ControlRequest::Routing { app }),
        (app_name(), option::of(text()), few(text()))
            .prop_map(|(app, function, tags)| ControlRequest::Invalidate { app, function, tags }),
    ]
}

fn lacking() -> impl Strategy<Value = Lacking> {
    prop_oneof![Just(Lacking::Nothing), Just(Lacking::App), Just(Lacking::Function)]
}

pub(crate) fn control_reply() -> impl Strategy<Value = ControlReply> {
    prop_oneof![
        status_report().prop_map(|report| ControlReply::Status(Box::new(report))),
        catalog().prop_map(ControlReply::Catalog),
        any::<bool>().prop_map(|found| ControlReply::Cancelled { found }),
        membership().prop_map(ControlReply::Membership),
        routing().prop_map(ControlReply::Routing),
        (text(), few(text())).prop_map(|(message, near)| ControlReply::Refused { message, near }),
        (lacking(), few(text()), any::<u32>()).prop_map(|(lacking, near, epoch)| {
            ControlReply::Invalidated { lacking, near, epoch }
        }),
    ]
}

fn status_report() -> impl Strategy<Value = StatusReport> {
    let connections = (any::<[u32; 3]>(), any::<[u64; 3]>());
    let connections =
        connections.prop_map(|([open, max, unread], [accepted, refused, unread_bytes])| {
            ConnectionStats { open, max, accepted, refused, unread, unread_bytes }
        });
    let process = (text(), any::<u32>(), any::<u64>(), any::<u64>());
    (process, few(text()), membership(), connections, few(app_status()), jobs_status()).prop_map(
        |((version, pid, uptime_ms, rss_bytes), listeners, membership, connections, apps, jobs)| {
            StatusReport {
                version,
                pid,
                uptime_ms,
                rss_bytes,
                listeners,
                membership,
                connections,
                apps,
                jobs,
            }
        },
    )
}

fn jobs_status() -> impl Strategy<Value = JobsStatus> {
    let totals = any::<[u64; 6]>().prop_map(|[made, done, failed, crashed, dead, cancelled]| {
        JobTotals { made, done, failed, crashed, dead, cancelled }
    });
    let ledger = (any::<[u64; 4]>(), few(any::<u64>())).prop_map(
        |([live_bytes, file_bytes, log_bytes, commits_us], commits)| LedgerStatus {
            live_bytes,
            file_bytes,
            log_bytes,
            commits_us,
            commits,
        },
    );
    let queue = (app_name(), text(), any::<[bool; 2]>(), any::<[u64; 2]>());
    let queue = queue.prop_map(|(app, queue, [paused, draining], [waiting, running])| {
        QueueStatus { app, queue, paused, draining, waiting, running }
    });
    (option::of(text()), totals, any::<u64>(), ledger, few(queue), any::<u64>()).prop_map(
        |(refused, totals, bytes, ledger, queues, awaiting)| JobsStatus {
            refused,
            totals,
            bytes,
            ledger,
            queues,
            awaiting,
        },
    )
}

fn app_status() -> impl Strategy<Value = AppStatus> {
    let identity = (app_name(), release(), text(), text(), any::<u32>());
    let stats = (text(), any::<u64>(), any::<u64>(), any::<u64>(), few(any::<u64>()));
    let stats = stats.prop_map(|(function, calls, errors, total_us, histogram)| FunctionStats {
        function,
        calls,
        errors,
        total_us,
        histogram,
    });
    (identity, few(pool_status()), few(stats), few(text())).prop_map(
        |((app, release, state, root, prototype_pid), pools, functions, warnings)| AppStatus {
            app,
            release,
            state,
            root,
            prototype_pid,
            pools,
            functions,
            warnings,
        },
    )
}

fn pool_status() -> impl Strategy<Value = PoolStatus> {
    let process = (any::<u32>(), text(), any::<u64>(), any::<u64>());
    let executor = (process, option::of(text()), any::<u64>());
    let executor = executor.prop_map(|((pid, state, calls, rss_bytes), function, running_us)| {
        ExecutorStatus { pid, state, calls, rss_bytes, function, running_us }
    });
    let size = (any::<u16>(), any::<u16>(), any::<u32>());
    let ends = (any::<u64>(), any::<u64>(), any::<[u64; 3]>());
    (text(), isolation(), size, ends, few(executor)).prop_map(
        |(
            pool,
            isolation,
            (executors_min, executors_max, connections),
            (died, recycled, [count, last_us, max_us]),
            executors,
        )| {
            PoolStatus {
                pool,
                isolation,
                executors_min,
                executors_max,
                connections,
                died,
                recycled,
                replacements: Replacements { count, last_us, max_us },
                executors,
            }
        },
    )
}

// --- between our own processes ---

pub(crate) fn boot() -> impl Strategy<Value = Boot> {
    let identity = (app_name(), release(), text(), few(text()), option::of(text()));
    let code = (few(text()), few(text()), isolation());
    let settings = (few((text(), text())), few((text(), text())), text(), any::<u32>());
    let pool = (text(), isolation(), any::<u64>(), any::<u32>());
    let pool = pool.prop_map(|(name, isolation, max_calls, timeout_ms)| PoolBoot {
        name,
        isolation,
        max_calls,
        timeout_ms,
    });
    let cache = few((text(), cache_options()));
    let limits = (any::<[u32; 6]>(), few(pool), cache);
    let given = (text(), text(), option::of(few(text())));
    let all = (identity, code, settings, limits, given);
    all.prop_map(|(identity, code, settings, limits, given)| {
        let (app, release, root, entry, bootstrap) = identity;
        let (export, classes, isolation) = code;
        let (ini, env, temp_dir, umask) = settings;
        let (numbers, pools, cache) = limits;
        let (settings_dir, resources, open_basedir) = given;
        let [frame_bytes_max, value_depth_max, frame_timeout_ms, ..] = numbers;
        let [.., busy_poll_us, fd_base, connections_max] = numbers;
        Boot {
            app,
            release,
            root,
            entry,
            bootstrap,
            export,
            classes,
            isolation,
            ini,
            env,
            temp_dir,
            umask,
            open_basedir,
            settings_dir,
            resources: Confidential(resources),
            pools,
            cache,
            frame_bytes_max,
            value_depth_max,
            frame_timeout_ms,
            busy_poll_us,
            fd_base,
            connections_max,
        }
    })
}

pub(crate) fn to_prototype() -> impl Strategy<Value = ToPrototype> {
    prop_oneof![
        any::<[u16; 3]>().prop_map(|[pool, index, cells]| ToPrototype::Fork { pool, index, cells }),
        Just(ToPrototype::Stop),
    ]
}

pub(crate) fn from_prototype() -> impl Strategy<Value = FromPrototype> {
    let report = (text(), any::<u32>(), any::<bool>(), few(text()));
    let report = report.prop_map(|(php_version, preloaded_files, opcache, warnings)| Report {
        php_version,
        preloaded_files,
        opcache,
        warnings,
    });
    let cell = || (any::<u16>(), any::<u16>());
    prop_oneof![
        report.prop_map(FromPrototype::Ready),
        text().prop_map(|message| FromPrototype::Failed { message }),
        (cell(), any::<u32>()).prop_map(|((pool, index), pid)| FromPrototype::Forked {
            pool,
            index,
            pid
        }),
        (cell(), text()).prop_map(|((pool, index), message)| FromPrototype::ForkFailed {
            pool,
            index,
            message
        }),
        (cell(), any::<u32>()).prop_map(|((pool, index), pid)| FromPrototype::Stopped {
            pool,
            index,
            pid
        }),
        (cell(), any::<u32>(), exit_cause()).prop_map(|((pool, index), pid, cause)| {
            FromPrototype::Exited(ExecutorExit { pool, index, pid, cause })
        }),
    ]
}

pub(crate) fn to_executor() -> impl Strategy<Value = ToExecutor> {
    let names = || (any::<u32>(), any::<u32>());
    prop_oneof![
        names().prop_map(|(slot, generation)| ToExecutor::Connection { slot, generation }),
        names().prop_map(|(slot, generation)| ToExecutor::Gone { slot, generation }),
        names().prop_map(|(slot, generation)| ToExecutor::Taken { slot, generation }),
        names().prop_map(|(slot, generation)| ToExecutor::Full { slot, generation }),
    ]
}

pub(crate) fn from_executor() -> impl Strategy<Value = FromExecutor> {
    let names = || (any::<u32>(), any::<u32>());
    let reason = prop_oneof![Just(ClosedReason::HungUp), text().prop_map(ClosedReason::Fault)];
    let level = prop_oneof![
        Just(LogLevel::Output),
        Just(LogLevel::Notice),
        Just(LogLevel::Warning),
        Just(LogLevel::Error),
    ];
    prop_oneof![
        names().prop_map(|(slot, generation)| FromExecutor::Need { slot, generation }),
        names().prop_map(|(slot, generation)| FromExecutor::Unread { slot, generation }),
        (names(), reason).prop_map(|((slot, generation), reason)| FromExecutor::Closed {
            slot,
            generation,
            reason
        }),
        (any::<u64>(), text(), level, text()).prop_map(|(request_id, function, level, text)| {
            FromExecutor::Log { request_id, function, level, text }
        }),
        text().prop_map(|reason| FromExecutor::Leaving { reason }),
        (names(), any::<u32>()).prop_map(|((slot, generation), retirement)| {
            FromExecutor::Released { slot, generation, retirement }
        }),
    ]
}

// --- frames ---

pub(crate) fn header() -> impl Strategy<Value = Header> {
    let kind = prop_oneof![
        Just(Kind::Hello),
        Just(Kind::Welcome),
        Just(Kind::Refused),
        Just(Kind::Call),
        Just(Kind::Return),
        Just(Kind::Failure),
        Just(Kind::ControlRequest),
        Just(Kind::ControlReply),
        Just(Kind::Progress),
        Just(Kind::JobRequest),
        Just(Kind::JobReply),
    ];
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u16>());
    let trace = (any::<[u8; 16]>(), any::<[u8; 8]>());
    (kind, 0u8..16, any::<u64>(), any::<u64>(), numbers, trace).prop_map(
        |(kind, flags, request_id, release_id, (length, budget_ms, epoch, settings), trace)| {
            Header {
                length,
                kind,
                flags,
                request_id,
                release_id,
                settings,
                budget_ms,
                epoch,
                trace: TraceContext { trace_id: trace.0, span_id: trace.1 },
            }
        },
    )
}
