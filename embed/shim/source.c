/* Files of the application: run once in a request, or looked through without running them. */
#include "shim.h"
#include <zend_exceptions.h>

static zend_op_array *compile(zend_string *path)
{
	zend_file_handle file;
	zend_stream_init_filename_ex(&file, path);
	zend_op_array *compiled = zend_compile_file(&file, ZEND_REQUIRE);
	if (compiled && file.handle.stream.handle) {
		/* So that require_once of the same file elsewhere does nothing. */
		zend_hash_add_empty_element(&EG(included_files), file.opened_path ? file.opened_path : path);
	}
	zend_destroy_file_handle(&file);
	return compiled;
}

enum appserver_outcome appserver_require_once(const char *name, size_t length, zval *result)
{
	zend_execute_data *const caller = EG(current_execute_data);
	zend_execute_data frame = {0};
	volatile enum appserver_outcome outcome = APPSERVER_BAILED_OUT;

	ZVAL_NULL(result);
	frame.prev_execute_data = caller;
	zend_try {
		EG(current_execute_data) = &frame;
		zend_string *path = zend_string_init(name, length, 0);
		if (!zend_hash_exists(&EG(included_files), path)) {
			zend_op_array *compiled = compile(path);
			if (compiled) {
				zend_hash_add_empty_element(&EG(included_files), path);
				appserver_run_top_level(compiled, result);
			}
		}
		zend_string_release(path);
		outcome = appserver_take_exception(result);
	} zend_end_try();
	EG(current_execute_data) = caller;
	return outcome;
}

static bool declares_only(const zend_op_array *file, const zend_op *op)
{
	switch (op->opcode) {
		case ZEND_NOP:
		case ZEND_EXT_NOP:
		case ZEND_EXT_STMT:
		case ZEND_TICKS:
		case ZEND_DECLARE_CLASS:
		case ZEND_DECLARE_CLASS_DELAYED:
			return true;
		case ZEND_RETURN: {
			/* The compiler ends every file with `return 1`. */
			if (op->op1_type != IS_CONST) {
				return false;
			}
			const zval *value = RT_CONSTANT(op, op->op1);
			return Z_TYPE_P(value) == IS_LONG && Z_LVAL_P(value) == 1;
		}
		default:
			return false;
	}
}

enum appserver_outcome appserver_first_statement(const char *name, size_t length,
	struct appserver_statement *found)
{
	zend_execute_data *const caller = EG(current_execute_data);
	zend_execute_data frame = {0};
	volatile enum appserver_outcome outcome = APPSERVER_BAILED_OUT;
	zval exception;

	found->opcode = NULL;
	found->line = 0;
	ZVAL_NULL(&exception);
	zend_try {
		EG(current_execute_data) = &frame;
		zend_string *path = zend_string_init(name, length, 0);
		zend_op_array *compiled = compile(path);
		if (compiled) {
			for (const zend_op *op = compiled->opcodes; op < compiled->opcodes + compiled->last; op++) {
				if (!declares_only(compiled, op)) {
					found->opcode = zend_get_opcode_name(op->opcode);
					found->line = op->lineno;
					break;
				}
			}
			destroy_op_array(compiled);
			efree_size(compiled, sizeof *compiled);
		}
		zend_string_release(path);
		if (EG(exception)) {
			/* A parse error, say: as the fatal error it would be at run time. */
			zend_exception_error(EG(exception), E_ERROR);
		}
		outcome = APPSERVER_RETURNED;
	} zend_end_try();
	EG(current_execute_data) = caller;
	return outcome;
}
