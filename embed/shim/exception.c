/* What is inside an exception. */
#include "shim.h"
#include <zend_exceptions.h>

zval *appserver_exception_property(zend_object *exception, const char *name, size_t length)
{
	/* Private ones belong to Exception or Error, so they are read from there. */
	zend_class_entry *base = zend_get_exception_base(exception);
	zend_property_info *info = zend_hash_str_find_ptr(&base->properties_info, name, length);
	if (!info) {
		return NULL;
	}
	zval *value = OBJ_PROP(exception, info->offset);
	ZVAL_DEREF(value);
	return value;
}

bool appserver_exception_is(zend_object *exception, const char *class_name, size_t length)
{
	zend_class_entry *class = zend_hash_str_find_ptr(EG(class_table), class_name, length);
	return class && instanceof_function(exception->ce, class);
}

zval *appserver_exception_public(zend_object *exception, const char *name, size_t length)
{
	zend_property_info *info = zend_hash_str_find_ptr(&exception->ce->properties_info, name, length);
	if (!info || !(info->flags & ZEND_ACC_PUBLIC) || (info->flags & ZEND_ACC_STATIC)) {
		return NULL;
	}
	zval *value = OBJ_PROP(exception, info->offset);
	ZVAL_DEREF(value);
	return value;
}

void appserver_exception_extras(zend_object *exception, zval *array)
{
	zend_class_entry *base = zend_get_exception_base(exception);
	zend_property_info *info;

	ZVAL_UNDEF(array);
	ZEND_HASH_FOREACH_PTR(&exception->ce->properties_info, info) {
		if ((info->flags & ZEND_ACC_STATIC) || zend_hash_exists(&base->properties_info, info->name)) {
			continue;
		}
		zval *value = OBJ_PROP(exception, info->offset);
		const char *class_name, *property;
		size_t property_length;
		zend_unmangle_property_name_ex(info->name, &class_name, &property, &property_length);
		if (Z_TYPE_P(value) == IS_UNDEF || zend_hash_str_exists(&base->properties_info, property, property_length)) {
			continue;
		}
		if (Z_TYPE_P(array) == IS_UNDEF) {
			array_init(array);
		}
		Z_TRY_ADDREF_P(value);
		zend_hash_update(Z_ARRVAL_P(array), info->name, value);
	} ZEND_HASH_FOREACH_END();
}
