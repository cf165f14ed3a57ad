/* Classes, what they declare, and objects of them. */
#include "values.h"

bool values_has_method(const zend_class_entry *ce, const char *name, size_t length)
{
	return zend_hash_str_exists(&ce->function_table, name, length);
}

int values_find_class(zend_string *name, bool load, zend_class_entry **found)
{
	*found = NULL;
	GUARDED_BEGIN
		*found = zend_lookup_class_ex(name, NULL, load ? 0 : ZEND_FETCH_CLASS_NO_AUTOLOAD);
		if (!*found) {
			outcome = VALUES_MISSING;
		}
	GUARDED_END
}

int values_new_object(zend_class_entry *ce, zval *result)
{
	ZVAL_NULL(result);
	GUARDED_BEGIN
		if (object_init_ex(result, ce) != SUCCESS) {
			outcome = VALUES_MISSING;
		}
	GUARDED_END
}

/* *result becomes the case, with a reference of its own. */
int values_enum_case(zend_class_entry *ce, zend_string *name, zval *result)
{
	ZVAL_NULL(result);
	GUARDED_BEGIN
		zend_class_constant *constant = zend_hash_find_ptr(CE_CONSTANTS_TABLE(ce), name);
		if (!constant || !(ZEND_CLASS_CONST_FLAGS(constant) & ZEND_CLASS_CONST_IS_CASE)) {
			outcome = VALUES_MISSING;
		} else if (Z_TYPE(constant->value) != IS_CONSTANT_AST
				|| zval_update_constant_ex(&constant->value, constant->ce) == SUCCESS) {
			ZVAL_COPY(result, &constant->value);
		}
	GUARDED_END
}

/* The declared property that `name` (mangled) means in `ce`: the one of exactly that name, else the
 * one of the same plain name, because visibility may have changed since the value was written.
 * VALUES_MISSING: none, so it would be a dynamic one. VALUES_THROWN: not a property name. */
int values_find_property(zend_class_entry *ce, zend_string *name, zend_property_info **found)
{
	const char *class_name, *plain;
	size_t plain_length;
	zend_property_info *info;
	*found = NULL;
	for (int slot = 0; slot < ce->default_properties_count; slot++) {
		info = ce->properties_info_table ? ce->properties_info_table[slot] : NULL;
		if (info && zend_string_equals(info->name, name)) {
			*found = info;
			return VALUES_OK;
		}
	}
	if (zend_unmangle_property_name_ex(name, &class_name, &plain, &plain_length) != SUCCESS) {
		return VALUES_THROWN;
	}
	info = zend_hash_str_find_ptr(&ce->properties_info, plain, plain_length);
	if (info && !(info->flags & ZEND_ACC_STATIC)) {
		*found = info;
		return VALUES_OK;
	}
	return VALUES_MISSING;
}

/* Checks and, where the type asks for it, converts `value` for a typed property. */
int values_check_property(zend_property_info *info, zval *value)
{
	GUARDED_BEGIN
		zend_verify_prop_assignable_by_ref(info, value, /* strict */ 1);
	GUARDED_END
}

/* A reference that sits in a typed property must know it. */
void values_bind_reference(zend_reference *reference, zend_property_info *info)
{
	ZEND_REF_ADD_TYPE_SOURCE(reference, info);
}

HashTable *values_dynamic_properties(zend_object *object)
{
	return object->handlers->get_properties(object);
}

bool values_standard_properties(const zend_object *object)
{
	return object->handlers->get_properties == zend_std_get_properties
		&& object->handlers->get_properties_for == NULL;
}

/* True for a plain object of `ce` that can be made without running any PHP code. */
bool values_is_plain(const zend_class_entry *ce)
{
	return ce->create_object == NULL && (ce->ce_flags & ZEND_ACC_CONSTANTS_UPDATED)
		&& !(ce->ce_flags & (ZEND_ACC_INTERFACE | ZEND_ACC_TRAIT | ZEND_ACC_EXPLICIT_ABSTRACT_CLASS
			| ZEND_ACC_IMPLICIT_ABSTRACT_CLASS | ZEND_ACC_ENUM));
}

zend_object *values_new_plain(zend_class_entry *ce)
{
	zend_object *object = zend_objects_new(ce);
	object_properties_init(object, ce);
	return object;
}
