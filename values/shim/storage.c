/* Strings and arrays. Nothing here runs PHP code. */
#include "values.h"

/* A string that outlives the request. To the engine it is an interned one: it never frees it. */
zend_string *values_permanent_string(const char *bytes, size_t length)
{
	zend_string *string = zend_string_init(bytes, length, 1);
	zend_string_hash_val(string);
	GC_ADD_FLAGS(string, IS_STR_INTERNED | IS_STR_PERMANENT);
	return string;
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

/* A new array of the same keys as `table`, every value null. `table` is a mixed one of string keys without
 * holes. Its next index is not passed on: it says what happened to `table`, not what its keys are. */
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
	copy->nNextFreeElement = ZEND_LONG_MIN;
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
