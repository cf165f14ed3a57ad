/*
 * The C side of the codec: what needs the engine's macros, and all that can run PHP code or longjmp
 * for another reason.
 *
 * Every guarded function catches a bailout itself and reports it as an outcome, so that no longjmp
 * ever crosses a Rust frame. On VALUES_BAILOUT the engine's state is that of a request that died:
 * the caller unwinds without touching PHP values and raises the bailout again.
 *
 * While the codec allocates, memory_limit is lifted unless there is ample headroom (an out-of-memory
 * error inside an allocation is a longjmp too); while user code runs, it is in force.
 */
#ifndef VALUES_H
#define VALUES_H

#include "php.h"
#include "zend_exceptions.h"
#include "zend_interfaces.h"
#include "zend_smart_str.h"

#if PHP_VERSION_ID < 80200
# error "PHP 8.2 or newer is needed: packed arrays changed their layout there"
#endif

/* The Rust side writes these headers itself. */
_Static_assert(GC_STRING == 0x16, "header of a string");
_Static_assert(GC_REFERENCE == 0x1a, "header of a reference");
_Static_assert(IS_OBJ_DESTRUCTOR_CALLED == 0x100, "destructor flag");
_Static_assert(_ZSTR_HEADER_SIZE == 24, "offset of a string's bytes");
_Static_assert(sizeof(zval) == 16 && sizeof(Bucket) == 32, "array elements");
_Static_assert(HASH_FLAG_PACKED == 4 && HASH_FLAG_UNINITIALIZED == 8, "array flags");
_Static_assert(HASH_FLAG_STATIC_KEYS == 16 && HASH_FLAG_HAS_EMPTY_IND == 32, "array flags");

enum outcome {
	VALUES_OK = 0,
	/* EG(exception) is set. */
	VALUES_THROWN = 1,
	VALUES_BAILOUT = 2,
	/* What was asked for does not exist. */
	VALUES_MISSING = 3,
};

void values_lift_memory_limit(void);
bool values_has_headroom(void);
void values_restore_memory_limit(void);

zend_string *values_permanent_string(const char *bytes, size_t length);

struct ground {
	zend_execute_data frame;
	zend_execute_data *caller;
	bool was_lifted;
};

void values_lay_ground(struct ground *ground);
int values_leave_ground(struct ground *ground, int outcome);

/* Around what may run PHP code. The function's result is the outcome. */
#define GUARDED_BEGIN \
	struct ground ground; \
	volatile int outcome = VALUES_OK; \
	values_lay_ground(&ground); \
	zend_try {
#define GUARDED_END \
	} zend_catch { \
		outcome = VALUES_BAILOUT; \
	} zend_end_try(); \
	return values_leave_ground(&ground, outcome);

#endif
