/* The engine's state around a call. */
#include "shim.h"
#include <php_output.h>
#include <php_version.h>
#include <ext/session/php_session.h>


bool appserver_memory_limit(bool lifted)
{
	return zend_set_memory_limit(lifted ? (size_t) ZEND_LONG_MAX : (size_t) PG(memory_limit)) == SUCCESS;
}

/* A copy that PHP code took of the array keeps the time it has. */
static void server_time_now(zval *server)
{
	SEPARATE_ARRAY(server);
	zval *seconds = zend_hash_str_find(Z_ARRVAL_P(server), ZEND_STRL("REQUEST_TIME"));
	zval *precise = zend_hash_str_find(Z_ARRVAL_P(server), ZEND_STRL("REQUEST_TIME_FLOAT"));
	if (seconds && Z_TYPE_P(seconds) == IS_LONG && precise && Z_TYPE_P(precise) == IS_DOUBLE) {
		double now = sapi_get_request_time();
		ZVAL_LONG(seconds, (zend_long) now);
		ZVAL_DOUBLE(precise, now);
	}
}

void appserver_request_time_now(void)
{
	/* sapi_get_request_time() asks the clock when it is first needed. */
	SG(global_request_time) = 0;
	zval *server = &PG(http_globals)[TRACK_VARS_SERVER];
	if (Z_TYPE_P(server) != IS_ARRAY) {
		return;
	}
	zval *variable = zend_hash_str_find_ind(&EG(symbol_table), ZEND_STRL("_SERVER"));
	if (variable) {
		ZVAL_DEREF(variable);
	}
	if (!variable || Z_TYPE_P(variable) != IS_ARRAY) {
		server_time_now(server);
	} else if (Z_ARR_P(variable) != Z_ARR_P(server)) {
		/* PHP code has written into $_SERVER. */
		server_time_now(server);
		server_time_now(variable);
	} else {
		/* The array's two owners stay owners of one array; only a third one makes it be copied. */
		Z_DELREF_P(server);
		server_time_now(server);
		ZVAL_COPY(variable, server);
	}
}

void appserver_output_end(void)
{
	php_output_end_all();
}

bool appserver_opcache_enabled(void)
{
	zval *module = zend_hash_str_find(&module_registry, ZEND_STRL("zend opcache"));
	return module && zend_ini_long("opcache.enable", sizeof "opcache.enable" - 1, 0) != 0;
}

const char *appserver_php_version(void)
{
	return PHP_VERSION;
}

/* Saves and forgets an open session; a save handler that was set stays. */
static void session_close(void)
{
	PS(in_save_handler) = 0;
	if (PS(session_status) == php_session_active) {
		php_session_flush(1);
	}
	PS(session_status) = php_session_none;
	if (PS(id)) {
		zend_string_release(PS(id));
		PS(id) = NULL;
	}
	zend_string *name = zend_string_init(ZEND_STRL("_SESSION"), 0);
	zend_delete_global_variable(name);
	zend_string_release(name);
	zval variables;
	ZVAL_COPY_VALUE(&variables, &PS(http_session_vars));
	ZVAL_UNDEF(&PS(http_session_vars));
	zval_ptr_dtor(&variables);
}

/* set_time_limit() is an ini setting too. */
static void time_limit_put_back(void)
{
	zend_string *name = zend_string_init(ZEND_STRL("max_execution_time"), 0);
	zend_restore_ini_entry(name, ZEND_INI_STAGE_RUNTIME);
	zend_string_release(name);
}

bool appserver_reset_between_calls(void)
{
	php_call_shutdown_functions();
	php_free_shutdown_functions();
	php_output_end_all();
	if (PG(last_error_message)) {
		zend_string_release(PG(last_error_message));
		PG(last_error_message) = NULL;
	}
	if (PG(last_error_file)) {
		zend_string_release(PG(last_error_file));
		PG(last_error_file) = NULL;
	}
	PG(last_error_type) = 0;
	PG(last_error_lineno) = 0;
	PG(in_error_log) = 0;
	PG(in_user_include) = 0;
	PG(connection_status) = PHP_CONNECTION_NORMAL;
	session_close();
	time_limit_put_back();
	appserver_call_surroundings_put_back();
	EG(exit_status) = 0;
	EG(error_reporting) = (int) zend_ini_long("error_reporting", sizeof "error_reporting" - 1, 0);
	gc_protect(false);
	sapi_header_op(SAPI_HEADER_DELETE_ALL, NULL);
	SG(sapi_headers).http_response_code = 200;
	/* Bailouts of shutdown functions and of output callbacks end there, and only leave this mark. */
	return !CG(unclean_shutdown);
}
