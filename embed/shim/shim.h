/* What the Rust side of this crate sees of the engine. src/ffi.rs declares the same things.
 *
 * Contract: one process, one thread. Nothing here is called between fork() and the first call in
 * the child except through these functions. No function returns by longjmp: every entry into the
 * engine stands inside zend_try. */
#ifndef APPSERVER_SHIM_H
#define APPSERVER_SHIM_H

#include <php.h>
#include <SAPI.h>
#include <php_main.h>

/* Called back from within the engine; must neither bail out nor enter the engine. */
struct appserver_hooks {
	void (*write)(const char *bytes, size_t length);
	void (*log)(const char *message, int syslog_level);
};

/* A module to load unless php.ini loads one of that name already. */
struct appserver_extension {
	const char *name;
	const char *path;
};

/* What is to be done when PHP's modules are started and nothing is preloaded yet. False: PHP does not
 * start. It may fork, and return in both processes; it enters the engine by nothing but
 * appserver_set_at_start(). */
struct appserver_preparation {
	bool (*prepare)(void *context);
	void *context;
};

/* sapi.c: the process's one start and stop of PHP. */
bool appserver_start(const struct appserver_hooks *hooks, const char *ini_entries,
	const struct appserver_extension *extension, const struct appserver_preparation *preparation);
/* Sets what php.ini could; false when there is no such entry, or it does not take the value. */
bool appserver_set_at_start(const char *name, size_t length, const char *value, size_t value_length);
void appserver_stop(void);

/* request.c: request contexts. */
bool appserver_request_startup(void);
/* False when something in it bailed out, or the process is of no use for another request. */
bool appserver_request_shutdown(void);
/* Runs `body` inside zend_try; false when it bailed out. */
bool appserver_guard(void (*body)(void *), void *context);

/* surroundings.c: what PHP code changes of the process. To be called while modules are started. */
void appserver_surroundings_notice(void);
/* At the end of a request; false when something was changed for good: this process is of no use for
 * another. */
bool appserver_surroundings_put_back(void);
/* Between the calls of a resident request: folder, alarm and umask. The rest is its own. */
void appserver_call_surroundings_put_back(void);

/* call.c: how a call ended. */
enum appserver_outcome {
	APPSERVER_RETURNED,
	APPSERVER_THREW,
	APPSERVER_EXITED,
	APPSERVER_BAILED_OUT,
};
/* Calls `function`, of `object` where that is not NULL; `result` holds the value, or the exception
 * when it threw. */
enum appserver_outcome appserver_call(zend_function *function, zend_class_entry *scope,
	zend_object *object, uint32_t argument_count, zval *arguments, HashTable *named, zval *result);
/* How PHP code that has just run ended; moves an exception out of the engine into `result`. */
enum appserver_outcome appserver_take_exception(zval *result);
/* Runs what was compiled of a file or a string, among the global variables, and frees it. */
void appserver_run_top_level(zend_op_array *compiled, zval *result);
/* Evaluates `code` as by PHP's eval(): a value only with `return`. */
enum appserver_outcome appserver_eval(const char *code, size_t length, zval *result);

/* The engine's last error: message and file are borrowed until the next one. */
struct appserver_error {
	int type;
	int exit_status;
	uint32_t line;
	const char *message;
	size_t message_length;
	const char *file;
	size_t file_length;
};
void appserver_last_error(struct appserver_error *error);

/* lookup.c: what a call names. Names are in lower case. NULL when there is none; looking for a
 * class may run autoloaders, so that belongs inside appserver_guard(). */
zend_function *appserver_find_function(const char *name, size_t length);
zend_class_entry *appserver_find_class(const char *name, size_t length);
/* Whether all classes that were declared have what they extend, implement and use. */
bool appserver_every_class_linked(void);
zend_function *appserver_find_static_method(zend_class_entry *scope, const char *name, size_t length);
/* The object's public method, if the object is of the class `scope` or one that extends it. */
zend_function *appserver_find_method(zend_object *object, zend_class_entry *scope, const char *name, size_t length);

/* source.c: files of the application. */
enum appserver_outcome appserver_require_once(const char *path, size_t length, zval *result);
/* The first statement of a file's top level that runs code instead of declaring: its opcode's name
 * and line; NULL when there is none. Leaves the file's declarations behind. */
struct appserver_statement {
	const char *opcode;
	uint32_t line;
};
enum appserver_outcome appserver_first_statement(const char *path, size_t length,
	struct appserver_statement *found);

/* exception.c: inside an exception, whatever class it is of. The zvals are borrowed. */
zval *appserver_exception_property(zend_object *exception, const char *name, size_t length);
/* Whether it is of the class of this name, in lower case. Nothing is loaded for it. */
bool appserver_exception_is(zend_object *exception, const char *class_name, size_t length);
/* A public property that its class declares; NULL when there is none. It may be undefined. */
zval *appserver_exception_public(zend_object *exception, const char *name, size_t length);
/* Declared properties beyond those of Exception and Error, under mangled names, as a new array;
 * undefined when there are none. */
void appserver_exception_extras(zend_object *exception, zval *array);

/* json.c: PHP's own conversion; false when it failed, then `error` is the reason. */
bool appserver_json_decode(const char *json, size_t length, zend_long depth, zval *value, const char **error);
/* `path` is where in the value the reason lies, to be released, or NULL. */
bool appserver_json_encode(zval *value, zend_long depth, zend_string **json, zend_string **path, const char **error);

/* interrupt.c: ending PHP code that runs. */
enum appserver_interrupt {
	APPSERVER_NOT_INTERRUPTED,
	APPSERVER_TIMED_OUT,
	APPSERVER_CANCELLED,
};
/* To be called while modules are started. */
void appserver_interrupt_notice(void);
/* For the error message of the call that begins. */
void appserver_time_limit(uint32_t milliseconds);
/* Async-signal-safe: a fatal error at the next point where the engine looks. */
void appserver_interrupt(enum appserver_interrupt why);
void appserver_interrupt_clear(void);

/* state.c: the engine's state around a call. */
/* Lets the codec allocate what it has bounded itself; false when, back under the limit, more is in
 * use than it allows. */
bool appserver_memory_limit(bool lifted);
/* The request begins now, whenever its context was opened. */
void appserver_request_time_now(void);
/* Ends output buffers that a function left open. */
void appserver_output_end(void);
/* Makes a resident request's next call start with nothing pending from the last one. */
/* False when something in it bailed out: the request is not fit for another call. */
bool appserver_reset_between_calls(void);
bool appserver_opcache_enabled(void);
const char *appserver_php_version(void);

#endif
