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

/* sapi.c: the process's one start and stop of PHP. */
bool appserver_start(const struct appserver_hooks *hooks, const char *ini_entries,
	const struct appserver_extension *extension);
void appserver_stop(void);

/* request.c: request contexts. */
bool appserver_request_startup(void);
void appserver_request_shutdown(void);
/* Runs `body` inside zend_try; false when it bailed out. */
bool appserver_guard(void (*body)(void *), void *context);

/* call.c: how a call ended. */
enum appserver_outcome {
	APPSERVER_RETURNED,
	APPSERVER_THREW,
	APPSERVER_EXITED,
	APPSERVER_BAILED_OUT,
};
/* Calls `function`; `result` holds the value, or the exception when it threw. */
enum appserver_outcome appserver_call(zend_function *function, zend_class_entry *scope,
	uint32_t argument_count, zval *arguments, HashTable *named, zval *result);
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

#endif
