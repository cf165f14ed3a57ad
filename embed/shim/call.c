/* Calls into PHP code.
 *
 * A call stands on a frame of ours. Without one the engine turns an uncaught exception or exit()
 * into a longjmp; with one they stay in EG(exception). */
#include "shim.h"
#include <zend_exceptions.h>

/* Whether an unwinding that looks like exit() was begun by a fatal error: some builds of the engine
 * leave a memory limit's error that way, to run at a safe point what others do by longjmp. */
static bool fatal_error_unwound(void)
{
	return PG(last_error_message) && EG(exit_status) == 255 && (PG(last_error_type) & E_FATAL_ERRORS);
}

enum appserver_outcome appserver_take_exception(zval *result)
{
	zend_object *exception = EG(exception);
	if (!exception) {
		return APPSERVER_RETURNED;
	}
	zval_ptr_dtor(result);
	ZVAL_NULL(result);
	bool exited = zend_is_unwind_exit(exception) || zend_is_graceful_exit(exception);
	if (!exited) {
		GC_ADDREF(exception);
		ZVAL_OBJ(result, exception);
	}
	zend_clear_exception();
	if (exited && fatal_error_unwound()) {
		CG(unclean_shutdown) = 1;
		return APPSERVER_BAILED_OUT;
	}
	return exited ? APPSERVER_EXITED : APPSERVER_THREW;
}

enum appserver_outcome appserver_call(zend_function *function, zend_class_entry *scope,
	zend_object *object, uint32_t argument_count, zval *arguments, HashTable *named, zval *result)
{
	zend_fcall_info call = {
		.size = sizeof call,
		.retval = result,
		.param_count = argument_count,
		.params = arguments,
		.named_params = named,
	};
	zend_fcall_info_cache target = {
		.function_handler = function, .called_scope = scope, .object = object,
	};
	zend_execute_data *const caller = EG(current_execute_data);
	zend_execute_data frame = {0};
	volatile enum appserver_outcome outcome = APPSERVER_BAILED_OUT;

	ZVAL_UNDEF(&call.function_name);
	ZVAL_NULL(result);
	frame.prev_execute_data = caller;
	zend_try {
		EG(current_execute_data) = &frame;
		if (zend_call_function(&call, &target) == SUCCESS || EG(exception)) {
			outcome = appserver_take_exception(result);
		} else {
			/* The engine would not run it: an earlier failure left it unfit. Nothing was returned. */
			CG(unclean_shutdown) = 1;
		}
	} zend_end_try();
	EG(current_execute_data) = caller;
	return outcome;
}

void appserver_run_top_level(zend_op_array *compiled, zval *result)
{
	/* As zend_execute(), which would take the variables of the nearest PHP code among the callers:
	 * there is none below our frame. */
	const uint32_t kind = ZEND_CALL_TOP_CODE | ZEND_CALL_HAS_SYMBOL_TABLE;
	zend_execute_data *top = zend_vm_stack_push_call_frame(kind, (zend_function *) compiled, 0, NULL);
	top->symbol_table = &EG(symbol_table);
	zend_init_code_execute_data(top, compiled, result);
	zend_execute_ex(top);
	zend_vm_stack_free_call_frame(top);
	zend_destroy_static_vars(compiled);
	destroy_op_array(compiled);
	efree_size(compiled, sizeof *compiled);
}

enum appserver_outcome appserver_eval(const char *code, size_t length, zval *result)
{
	zend_execute_data *const caller = EG(current_execute_data);
	zend_execute_data frame = {0};
	volatile enum appserver_outcome outcome = APPSERVER_BAILED_OUT;

	ZVAL_NULL(result);
	frame.prev_execute_data = caller;
	zend_try {
		EG(current_execute_data) = &frame;
		zend_string *source = zend_string_init(code, length, 0);
		zend_op_array *compiled = zend_compile_string(source, "eval()'d code", ZEND_COMPILE_POSITION_AFTER_OPEN_TAG);
		zend_string_release(source);
		if (compiled) {
			appserver_run_top_level(compiled, result);
		}
		outcome = appserver_take_exception(result);
	} zend_end_try();
	EG(current_execute_data) = caller;
	return outcome;
}

void appserver_last_error(struct appserver_error *error)
{
	zend_string *message = PG(last_error_message);
	zend_string *file = PG(last_error_file);
	error->type = message ? PG(last_error_type) : 0;
	error->exit_status = EG(exit_status);
	error->line = PG(last_error_lineno) > 0 ? (uint32_t) PG(last_error_lineno) : 0;
	error->message = message ? ZSTR_VAL(message) : "";
	error->message_length = message ? ZSTR_LEN(message) : 0;
	error->file = file ? ZSTR_VAL(file) : "";
	error->file_length = file ? ZSTR_LEN(file) : 0;
}
