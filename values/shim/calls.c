/* Calls into user code and into handlers of classes. */
#include "values.h"

/* *result is set to the array that __serialize() returned, and owned by the caller. */
int values_call_serialize(zend_object *object, zval *result)
{
	ZVAL_NULL(result);
	GUARDED_BEGIN
		zend_call_known_instance_method_with_0_params(object->ce->__serialize, object, result);
		if (!EG(exception) && Z_TYPE_P(result) != IS_ARRAY) {
			zend_type_error("%s::__serialize() must return an array", ZSTR_VAL(object->ce->name));
		}
	GUARDED_END
}

int values_call_unserialize(zend_object *object, zval *state)
{
	GUARDED_BEGIN
		zend_call_known_instance_method_with_1_params(object->ce->__unserialize, object, NULL, state);
	GUARDED_END
}

int values_call_wakeup(zend_object *object)
{
	zval result;
	ZVAL_UNDEF(&result);
	GUARDED_BEGIN
		zend_function *wakeup =
			zend_hash_str_find_ptr(&object->ce->function_table, ZEND_STRL("__wakeup"));
		if (wakeup) {
			zend_call_known_instance_method_with_0_params(wakeup, object, &result);
			zval_ptr_dtor(&result);
		}
	GUARDED_END
}

/* Adds the property that __sleep() named to `into`, under its mangled name. */
static void add_slept(zend_object *object, HashTable *properties, zend_string *name, HashTable *into)
{
	zend_class_entry *ce = object->ce;
	zend_string *mangled = zend_string_copy(name);
	zval *value = zend_hash_find(properties, mangled);
	if (!value) {
		zend_string_release(mangled);
		mangled = zend_mangle_property_name(
			ZSTR_VAL(ce->name), ZSTR_LEN(ce->name), ZSTR_VAL(name), ZSTR_LEN(name), 0);
		value = zend_hash_find(properties, mangled);
	}
	if (!value) {
		zend_string_release(mangled);
		mangled = zend_mangle_property_name("*", 1, ZSTR_VAL(name), ZSTR_LEN(name), 0);
		value = zend_hash_find(properties, mangled);
	}
	if (value && Z_TYPE_P(value) == IS_INDIRECT) {
		value = Z_INDIRECT_P(value);
		if (Z_TYPE_P(value) == IS_UNDEF) {
			zend_property_info *info = zend_get_typed_property_info_for_slot(object, value);
			if (info) {
				zend_throw_error(NULL,
					"Typed property %s::$%s must not be accessed before initialization (in __sleep)",
					ZSTR_VAL(info->ce->name), ZSTR_VAL(name));
				zend_string_release(mangled);
				return;
			}
			value = NULL;
		}
	}
	if (!value) {
		php_error_docref(NULL, E_WARNING,
			"\"%s\" returned as member variable from __sleep() but does not exist", ZSTR_VAL(name));
	} else if (zend_hash_add(into, mangled, value)) {
		Z_TRY_ADDREF_P(value);
	} else {
		php_error_docref(NULL, E_WARNING,
			"\"%s\" is returned from __sleep() multiple times", ZSTR_VAL(name));
	}
	zend_string_release(mangled);
}

/* *result becomes an array of the properties that __sleep() names, keys mangled. VALUES_MISSING:
 * __sleep() returned something else than an array. */
int values_call_sleep(zend_object *object, zval *result)
{
	zval names;
	ZVAL_UNDEF(&names);
	ZVAL_NULL(result);
	GUARDED_BEGIN
		zend_function *sleep =
			zend_hash_str_find_ptr(&object->ce->function_table, ZEND_STRL("__sleep"));
		zend_call_known_instance_method_with_0_params(sleep, object, &names);
		if (EG(exception)) {
			/* Reported by values_leave_ground. */
		} else if (Z_TYPE(names) != IS_ARRAY) {
			outcome = VALUES_MISSING;
		} else {
			zval self, *name;
			HashTable *properties;
			ZVAL_OBJ(&self, object);
			properties = zend_get_properties_for(&self, ZEND_PROP_PURPOSE_SERIALIZE);
			array_init_size(result, zend_hash_num_elements(Z_ARRVAL(names)));
			ZEND_HASH_FOREACH_VAL(Z_ARRVAL(names), name) {
				ZVAL_DEREF(name);
				if (Z_TYPE_P(name) != IS_STRING) {
					php_error_docref(NULL, E_WARNING,
						"%s::__sleep() should return an array only containing the names of "
						"instance-variables to serialize",
						ZSTR_VAL(object->ce->name));
				} else {
					add_slept(object, properties, Z_STR_P(name), Z_ARRVAL_P(result));
				}
				if (EG(exception)) {
					break;
				}
			} ZEND_HASH_FOREACH_END();
			zend_release_properties(properties);
		}
		zval_ptr_dtor(&names);
	GUARDED_END
}

/* Properties of an object whose handlers are not the standard ones; *properties is released with
 * values_release_properties(). VALUES_MISSING: it shows none. */
int values_properties(zend_object *object, HashTable **properties)
{
	*properties = NULL;
	GUARDED_BEGIN
		zval self;
		ZVAL_OBJ(&self, object);
		*properties = zend_get_properties_for(&self, ZEND_PROP_PURPOSE_SERIALIZE);
		if (!*properties) {
			outcome = VALUES_MISSING;
		}
	GUARDED_END
}

int values_release_properties(HashTable *properties)
{
	GUARDED_BEGIN
		zend_release_properties(properties);
	GUARDED_END
}

/* The string form of a class that implements Serializable only. VALUES_MISSING: it gave none. */
int values_opaque_encode(zend_object *object, zval *result)
{
	ZVAL_NULL(result);
	GUARDED_BEGIN
		unsigned char *bytes = NULL;
		size_t length = 0;
		zval self;
		ZVAL_OBJ(&self, object);
		if (object->ce->serialize(&self, &bytes, &length, NULL) == SUCCESS) {
			ZVAL_STRINGL(result, (char *) bytes, length);
			efree(bytes);
		} else {
			outcome = VALUES_MISSING;
		}
	GUARDED_END
}

/* *result becomes a new object of `ce` made from its string form. */
int values_opaque_decode(zend_class_entry *ce, const char *bytes, size_t length, zval *result)
{
	ZVAL_NULL(result);
	GUARDED_BEGIN
		if (ce->unserialize(result, ce, (const unsigned char *) bytes, length, NULL) != SUCCESS) {
			outcome = VALUES_MISSING;
		}
	GUARDED_END
}

/* Gives up one reference to a value; destructors may run. */
int values_drop(zval *value)
{
	GUARDED_BEGIN
		zval_ptr_dtor(value);
		ZVAL_NULL(value);
	GUARDED_END
}
