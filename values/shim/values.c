/*
 * The only places where the codec can run PHP code, or anything else that may longjmp.
 *
 * Every guarded function catches a bailout itself and reports it as an outcome, so that no longjmp
 * ever crosses a Rust frame. On VALUES_BAILOUT the engine's state is that of a request that died:
 * the caller unwinds without touching PHP values and raises the bailout again.
 *
 * While the codec allocates, memory_limit is lifted unless there is ample headroom (an out-of-memory
 * error inside an allocation is a longjmp too); while user code runs, it is in force.
 */
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

/* A string that outlives the request. To the engine it is an interned one: it never frees it. */
zend_string *values_permanent_string(const char *bytes, size_t length)
{
	zend_string *string = zend_string_init(bytes, length, 1);
	zend_string_hash_val(string);
	GC_ADD_FLAGS(string, IS_STR_INTERNED | IS_STR_PERMANENT);
	return string;
}

struct ground {
	zend_execute_data frame;
	zend_execute_data *caller;
	bool was_lifted;
};

/* Without any frame an uncaught exception would become a fatal error at once, and a warning asks the
 * frame for the name of its function. So where no function runs, we say that serialize() does. */
static void lay_ground(struct ground *ground)
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

static int leave_ground(struct ground *ground, int outcome)
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

#define GUARDED_BEGIN \
	struct ground ground; \
	volatile int outcome = VALUES_OK; \
	lay_ground(&ground); \
	zend_try {
#define GUARDED_END \
	} zend_catch { \
		outcome = VALUES_BAILOUT; \
	} zend_end_try(); \
	return leave_ground(&ground, outcome);

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

bool values_has_method(const zend_class_entry *ce, const char *name, size_t length)
{
	return zend_hash_str_exists(&ce->function_table, name, length);
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
			/* Reported by leave_ground. */
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

/* Gives up one reference to a value; destructors may run. */
int values_drop(zval *value)
{
	GUARDED_BEGIN
		zval_ptr_dtor(value);
		ZVAL_NULL(value);
	GUARDED_END
}

/* Like PHP's own numeric-string rule for array keys. */
bool values_numeric_key(const char *bytes, size_t length, zend_ulong *index)
{
	return ZEND_HANDLE_NUMERIC_STR(bytes, length, *index);
}

const char *values_resource_type(zval *resource)
{
	const char *type = zend_rsrc_list_get_rsrc_type(Z_RES_P(resource));
	return type ? type : "closed";
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

void *values_alloc(size_t bytes)
{
	return emalloc(bytes);
}

/* A new packed array with room for `count` elements. */
HashTable *values_new_packed(uint32_t count)
{
	if (count > HT_MIN_SIZE) {
		HashTable *table = zend_new_array(count);
		zend_hash_real_init_packed(table);
		return table;
	}
	/* As zend_new_array() and zend_hash_real_init_packed() do it, with sizes known here. */
	HashTable *table = emalloc(sizeof(HashTable));
	void *data = emalloc(HT_PACKED_SIZE_EX(HT_MIN_SIZE, HT_MIN_MASK));
	GC_SET_REFCOUNT(table, 1);
	GC_TYPE_INFO(table) = GC_ARRAY;
	HT_FLAGS(table) = HASH_FLAG_PACKED | HASH_FLAG_STATIC_KEYS;
	table->nTableSize = HT_MIN_SIZE;
	table->nTableMask = HT_MIN_MASK;
	HT_SET_DATA_ADDR(table, data);
	HT_HASH_RESET_PACKED(table);
	table->nNumUsed = 0;
	table->nNumOfElements = 0;
	table->nInternalPointer = 0;
	table->nNextFreeElement = ZEND_LONG_MIN;
	table->pDestructor = ZVAL_PTR_DTOR;
	return table;
}

/* A table for `count` columns that outlives the request, and that no count of references frees. */
HashTable *values_new_permanent(uint32_t count)
{
	HashTable *table = pemalloc(sizeof(HashTable), 1);
	zend_hash_init(table, count, NULL, NULL, 1);
	zend_hash_real_init_mixed(table);
	GC_ADD_FLAGS(table, GC_IMMUTABLE);
	return table;
}

void values_hash_init_mixed(HashTable *table)
{
	zend_hash_real_init_mixed(table);
}

zval *values_hash_index_add(HashTable *table, zend_ulong index)
{
	zval null;
	ZVAL_NULL(&null);
	return zend_hash_index_add(table, index, &null);
}

/* `key` keeps its own reference; NULL: the key is there already. */
zval *values_hash_add(HashTable *table, zend_string *key)
{
	zval null;
	ZVAL_NULL(&null);
	return zend_hash_add(table, key, &null);
}

/* Adds a null under `key` to a mixed table that has room for it, taking over the caller's reference.
 * False: the key is there already, or there is no room, and the reference stays the caller's. */
bool values_hash_add_column(HashTable *table, zend_string *key)
{
	zend_ulong hash = ZSTR_H(key);
	if (!hash) {
		hash = ZSTR_H(key) = zend_inline_hash_func(ZSTR_VAL(key), ZSTR_LEN(key));
	}
	uint32_t position = table->nNumUsed;
	if (position >= table->nTableSize) {
		return false;
	}
	uint32_t *head = &HT_HASH(table, (int32_t) (hash | table->nTableMask));
	for (uint32_t other = *head; other != HT_INVALID_IDX;) {
		Bucket *bucket = HT_HASH_TO_BUCKET(table, other);
		if (bucket->h == hash && zend_string_equals(bucket->key, key)) {
			return false;
		}
		other = Z_NEXT(bucket->val);
	}
	if (!ZSTR_IS_INTERNED(key)) {
		HT_FLAGS(table) &= ~HASH_FLAG_STATIC_KEYS;
	}
	Bucket *bucket = table->arData + position;
	bucket->h = hash;
	bucket->key = key;
	ZVAL_NULL(&bucket->val);
	Z_NEXT(bucket->val) = *head;
	*head = HT_IDX_TO_HASH(position);
	table->nNumUsed = position + 1;
	table->nNumOfElements++;
	return true;
}

void values_string_free(zend_string *string)
{
	zend_string_release(string);
}

/* A new array of the same keys as `table`, every value null. `table` is a mixed one without holes. */
HashTable *values_hash_like(const HashTable *table)
{
	HashTable *copy = emalloc(sizeof(HashTable));
	uint32_t used = table->nNumUsed;
	char *data = emalloc(HT_SIZE(table));
	memcpy(data, HT_GET_DATA_ADDR(table), HT_HASH_SIZE(table->nTableMask) + sizeof(Bucket) * used);
	memcpy(copy, table, sizeof(HashTable));
	GC_SET_REFCOUNT(copy, 1);
	GC_TYPE_INFO(copy) = GC_ARRAY;
	copy->nInternalPointer = 0;
	copy->pDestructor = ZVAL_PTR_DTOR;
	HT_FLAGS(copy) &= HASH_FLAG_STATIC_KEYS;
	HT_SET_DATA_ADDR(copy, data);
	bool counted = !(HT_FLAGS(copy) & HASH_FLAG_STATIC_KEYS);
	for (Bucket *bucket = copy->arData, *end = bucket + used; bucket < end; bucket++) {
		Z_TYPE_INFO(bucket->val) = IS_NULL;
		if (counted && !ZSTR_IS_INTERNED(bucket->key)) {
			GC_ADDREF(bucket->key);
		}
	}
	return copy;
}
