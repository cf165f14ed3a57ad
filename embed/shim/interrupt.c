/* Ends running PHP code from a signal handler, at the next point where the engine looks.
 *
 * The engine's own way, EG(timed_out), says "Maximum execution time of 0 seconds exceeded": it knows
 * neither our limits nor cancelling. */
#include "shim.h"

static volatile sig_atomic_t reason = APPSERVER_NOT_INTERRUPTED;
static uint32_t limit_ms;
static void (*next_function)(zend_execute_data *execute_data);

static void interrupt_function(zend_execute_data *execute_data)
{
	const int why = reason;
	reason = APPSERVER_NOT_INTERRUPTED;
	switch (why) {
		case APPSERVER_TIMED_OUT:
			zend_error_noreturn(E_ERROR, "The call's time limit of %u.%03u s was exceeded",
				limit_ms / 1000, limit_ms % 1000);
		case APPSERVER_CANCELLED:
			zend_error_noreturn(E_ERROR, "The call was cancelled by its caller");
	}
	if (next_function) {
		next_function(execute_data);
	}
}

void appserver_interrupt_notice(void)
{
	next_function = zend_interrupt_function;
	zend_interrupt_function = interrupt_function;
}

void appserver_time_limit(uint32_t milliseconds)
{
	limit_ms = milliseconds;
}

void appserver_interrupt(enum appserver_interrupt why)
{
	reason = why;
	zend_atomic_bool_store_ex(&EG(vm_interrupt), true);
}

void appserver_interrupt_clear(void)
{
	reason = APPSERVER_NOT_INTERRUPTED;
	zend_atomic_bool_store_ex(&EG(vm_interrupt), false);
}
