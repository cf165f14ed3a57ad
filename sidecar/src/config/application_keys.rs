//! The table of `app.toml`.

use super::key::{Key, key};

/// Every key of `app.toml`.
pub(crate) const KEYS: &[Key] = &[
    key("name", "", "Name by which callers address the application; else the folder's name."),
    key(
        "entry",
        "[]",
        "Files that define the functions; else every *.php at the top of the folder.",
    ),
    key("bootstrap", "", "File required before the entry files, e.g. \"vendor/autoload.php\"."),
    key(
        "export",
        "[]",
        "Patterns of callable functions, e.g. \"Shop\\\\*\"; else all of the entry files.",
    ),
    key(
        "isolation",
        "\"stateless\"",
        "\"stateless\": each call starts afresh; \"resident\": globals and statics survive.",
    ),
    key(
        "timeout_ms",
        "0",
        "Longest a call may take, in milliseconds, where no #[Timeout] says; 0 = as the caller allows. In the pool of jobs jobs.timeout_ms holds instead.",
    ),
    key(
        "start_timeout_ms",
        "60000",
        "Time the application has to start, bootstrap and preloading included, and an executor to run the files that each request requires, in milliseconds.",
    ),
    key("executors.min", "", "Executors kept ready in each pool; else one per CPU."),
    key("executors.max", "", "Most executors of each pool; else four per CPU, at least 8."),
    key(
        "executors.max_calls",
        "0",
        "Calls after which an executor is replaced, give or take a tenth; 0 = never.",
    ),
    key(
        "executors.memory_bytes_max",
        "0",
        "Resident memory, in bytes, above which an executor is replaced once idle; 0 = never.",
    ),
    key(
        "executors.idle_timeout_ms",
        "60000",
        "How long executors beyond executors.min may be without work, in milliseconds.",
    ),
    key(
        "executors.grace_ms",
        "500",
        "Time an interrupted call has to end by itself before its executor is killed, in milliseconds.",
    ),
    key(
        "pools.*.isolation",
        "",
        "Of a pool that #[Pool] names; else the application's. \"default\" is stateless and \"resident\" resident.",
    ),
    key(
        "pools.*.timeout_ms",
        "",
        "In this pool instead of the application's timeout_ms; so with the following.",
    ),
    key("pools.*.executors.min", "", "Executors kept ready."),
    key("pools.*.executors.max", "", "Most executors."),
    key("pools.*.executors.max_calls", "", "Calls after which an executor is replaced; 0 = never."),
    key(
        "pools.*.executors.memory_bytes_max",
        "",
        "Memory above which an executor is replaced; 0 = never.",
    ),
    key("pools.*.executors.idle_timeout_ms", "", "How long surplus executors may be without work."),
    key("pools.*.executors.grace_ms", "", "Time an interrupted call has to end by itself."),
    key(
        "limits.data_bytes_max",
        "",
        "Most private memory of each process, in bytes; PHP's memory_limit counts its own alone.",
    ),
    key("limits.file_bytes_max", "", "Largest file that may be written, in bytes."),
    key("limits.core_bytes_max", "", "Largest core dump, in bytes; 0 = none."),
    key(
        "limits.processes_max",
        "",
        "Most processes of the application's user together; needs a user of its own.",
    ),
    key("limits.cpu_s_max", "", "CPU time, in seconds, after which the kernel ends a process."),
    key("datasource.*.dsn", "", "A database, as PDO names it; AppServer\\resource() connects."),
    key("datasource.*.user", "", "User to connect as."),
    key("datasource.*.persistent", "false", "Whether an executor keeps the connection."),
    key(
        "datasource.*.needs",
        "[]",
        "What the administrator must give: \"password\", \"user\"; else the release does not start.",
    ),
    key("resource.*.needs", "[]", "Keys that the administrator must give."),
    key("resource.*.*", "", "Values that AppServer\\resource() gives as an array."),
    key(
        "queues.*.concurrency",
        "",
        "Most jobs of this queue that run at a time on a worker; 0 = none. Else as many as the pool has executors.",
    ),
    key(
        "queues.*.rate",
        "",
        "Most jobs of this queue that begin in a time on a worker, e.g. \"100/60s\", \"5000/h\" or \"10/min\".",
    ),
    key(
        "functions.*.cache.ttl",
        "",
        "How long callers may keep a result of this function, in seconds; before #[Cacheable], as the following.",
    ),
    key(
        "functions.*.cache.negative",
        "",
        "How long a result that is null, in seconds; 0 = not at all. Else as long as others.",
    ),
    key(
        "functions.*.cache.tags",
        "[]",
        "By which results can be invalidated: {name} stands for the argument for that parameter.",
    ),
    key(
        "functions.*.cache.vary",
        "",
        "Parameters whose arguments tell one result from another, with all that stand in tags; else all of them.",
    ),
    key(
        "schedule[].function",
        "",
        "A function that needs no arguments, to be queued again and again; as #[AppServer\\Schedule] does.",
    ),
    key(
        "schedule[].cron",
        "",
        "When: minute, hour, day, month, weekday; or six fields with seconds before them; or \"@hourly\" and the like.",
    ),
    key("schedule[].timezone", "\"UTC\"", "As in \"Europe/Berlin\"."),
    key(
        "schedule[].missed",
        "\"once\"",
        "What becomes of times that passed while no worker ran: \"once\" (one job for all), \"skip\" or \"all\".",
    ),
    key("provision[].sql", "", "File of SQL statements to run once for a release."),
    key("provision[].into", "", "The SQLite database for it: a datasource, or a path."),
    key("provision[].run", "[]", "Program and arguments to run once for a release."),
    key(
        "provision[].undo",
        "[]",
        "Program and arguments that take the step back, if a later one fails.",
    ),
    key("provision[].timeout_ms", "60000", "How long the step may take, in milliseconds."),
    key("ini.*", "", "PHP settings of this application, e.g. memory_limit = \"256M\"."),
    key("env.*", "", "Environment variables of this application."),
    key(
        "settings.*",
        "",
        "What AppServer\\config() gives, until it is set without a deploy; tables make dotted keys.",
    ),
    key(
        "values.classes",
        "[]",
        "Patterns of further classes that arguments may instantiate, beyond the application's own.",
    ),
];
