/* Request contexts: one php_request_startup ... php_request_shutdown for each call. */
#include "shim.h"
#include <ext/session/php_session.h>

bool appserver_request_startup(void)
{
	SG(server_context) = NULL;
	/* The engine never resets these. */
	SG(sapi_headers).http_response_code = 200;
	EG(exit_status) = 0;
	CG(unclean_shutdown) = 0;
	if (php_request_startup() != SUCCESS) {
		return false;
	}
	/* Warnings of what follows are not of the start. */
	PG(during_request_startup) = 0;
	/* header() collects and is forgotten, as in the CLI. */
	SG(request_info).no_headers = 1;
	return true;
}

bool appserver_request_shutdown(void)
{
	CG(unclean_shutdown) = 0;
	/* A bailout inside a session save handler leaves this set, and the session's file locked. */
	PS(in_save_handler) = 0;
	/* There is no request body to read the rest of. */
	SG(post_read) = 1;
	php_request_shutdown(NULL);
	return appserver_surroundings_put_back() && !CG(unclean_shutdown);
}

bool appserver_guard(void (*body)(void *), void *context)
{
	/* The frame keeps an exception of PHP code that `body` runs in EG(exception), see call.c. */
	zend_execute_data *const caller = EG(current_execute_data);
	zend_execute_data frame = {0};
	volatile bool finished = false;

	frame.prev_execute_data = caller;
	zend_try {
		EG(current_execute_data) = &frame;
		body(context);
		finished = true;
	} zend_end_try();
	EG(current_execute_data) = caller;
	return finished;
}
