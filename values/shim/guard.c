/* What a guarded call stands on: a frame, and memory_limit in force. */
#include "values.h"

/* Bytes below memory_limit that make it safe to allocate guard.rs' QUOTA_BYTES: four chunks of the engine's
 * allocator, for at most one is needed and its bins may waste another. */
#define HEADROOM_BYTES ((size_t) 8 << 20)

static bool lifted;

void values_lift_memory_limit(void)
{
	if (!lifted) {
		zend_set_memory_limit((size_t) Z_L(-1) >> 1);
		lifted = true;
	}
}

bool values_has_headroom(void)
{
	return lifted || zend_memory_usage(1) + HEADROOM_BYTES < (size_t) PG(memory_limit);
}

void values_restore_memory_limit(void)
{
	if (!lifted) {
		return;
	}
	lifted = false;
	/* Refused when more is in use than the limit allows: then the limit becomes what is in use, and
	 * the script's next allocation of note fails as it would have without us. */
	if (zend_set_memory_limit((size_t) PG(memory_limit)) == FAILURE) {
		zend_set_memory_limit(zend_memory_usage(1));
	}
}

/* Without any frame an uncaught exception would become a fatal error at once, and a warning asks the
 * frame for the name of its function. So where no function runs, we say that serialize() does. */
void values_lay_ground(struct ground *ground)
{
	static zend_internal_function serialize = {.type = ZEND_INTERNAL_FUNCTION};
	zend_execute_data *caller = EG(current_execute_data);
	ground->caller = caller;
	if (!caller || !caller->func
			|| (caller->func->type == ZEND_INTERNAL_FUNCTION && !caller->func->common.function_name)) {
		if (!serialize.function_name) {
			serialize.function_name = values_permanent_string(ZEND_STRL("serialize"));
		}
		memset(&ground->frame, 0, sizeof(ground->frame));
		ground->frame.func = (zend_function *) &serialize;
		ground->frame.prev_execute_data = caller;
		EG(current_execute_data) = &ground->frame;
	}
	ground->was_lifted = lifted;
	values_restore_memory_limit();
}

int values_leave_ground(struct ground *ground, int outcome)
{
	EG(current_execute_data) = ground->caller;
	/* User code may have used up what headroom there was. */
	if (ground->was_lifted || !values_has_headroom()) {
		values_lift_memory_limit();
	}
	if (outcome != VALUES_BAILOUT && EG(exception)) {
		return VALUES_THROWN;
	}
	return outcome;
}
