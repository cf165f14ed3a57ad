/* From names to functions. */
#include "shim.h"

zend_function *appserver_find_function(const char *name, size_t length)
{
	zend_function *function = zend_hash_str_find_ptr(EG(function_table), name, length);
	/* A function that no call has entered yet has no run-time cache; zend_call_function makes one. */
	return function && function->type == ZEND_USER_FUNCTION ? function : NULL;
}

zend_class_entry *appserver_find_class(const char *name, size_t length)
{
	zend_string *wanted = zend_string_init(name, length, 0);
	zend_class_entry *found = zend_lookup_class(wanted);
	zend_string_release(wanted);
	return found;
}

bool appserver_every_class_linked(void)
{
	zend_class_entry *class;
	ZEND_HASH_REVERSE_FOREACH_PTR(CG(class_table), class) {
		if (class->type == ZEND_INTERNAL_CLASS) {
			/* The engine's own come first in the table. */
			break;
		}
		if (!(class->ce_flags & ZEND_ACC_LINKED)) {
			return false;
		}
	} ZEND_HASH_FOREACH_END();
	return true;
}

static zend_function *find_method(zend_class_entry *scope, const char *name, size_t length, uint32_t wanted)
{
	const uint32_t looked_at = ZEND_ACC_PUBLIC | ZEND_ACC_STATIC | ZEND_ACC_ABSTRACT;
	zend_function *method = zend_hash_str_find_ptr(&scope->function_table, name, length);
	bool callable = method && method->type == ZEND_USER_FUNCTION
		&& (method->common.fn_flags & looked_at) == wanted;
	return callable ? method : NULL;
}

zend_function *appserver_find_static_method(zend_class_entry *scope, const char *name, size_t length)
{
	return find_method(scope, name, length, ZEND_ACC_PUBLIC | ZEND_ACC_STATIC);
}

zend_function *appserver_find_method(zend_object *object, zend_class_entry *scope, const char *name, size_t length)
{
	if (!instanceof_function(object->ce, scope)) {
		return NULL;
	}
	return find_method(object->ce, name, length, ZEND_ACC_PUBLIC);
}
