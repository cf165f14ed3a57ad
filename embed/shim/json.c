/* JSON by PHP's own json extension, which every PHP since 8.0 has. */
#include "shim.h"
#include <zend_smart_str.h>
#include <zend_exceptions.h>
#include <ext/json/php_json.h>

static const char *message(php_json_error_code code)
{
	switch (code) {
		case PHP_JSON_ERROR_DEPTH: return "it is nested too deeply";
		case PHP_JSON_ERROR_STATE_MISMATCH: return "invalid or malformed JSON";
		case PHP_JSON_ERROR_CTRL_CHAR: return "unexpected control character in JSON";
		case PHP_JSON_ERROR_SYNTAX: return "JSON syntax error";
		case PHP_JSON_ERROR_UTF8: return "a string is not UTF-8";
		case PHP_JSON_ERROR_RECURSION: return "it contains itself";
		case PHP_JSON_ERROR_INF_OR_NAN: return "INF and NAN have no JSON form";
		case PHP_JSON_ERROR_UNSUPPORTED_TYPE: return "its type has no JSON form";
		case PHP_JSON_ERROR_NON_BACKED_ENUM: return "an enum without backing values has no JSON form";
		default: return "it has no JSON form";
	}
}

bool appserver_json_decode(const char *json, size_t length, zend_long depth, zval *value, const char **error)
{
	JSON_G(error_code) = PHP_JSON_ERROR_NONE;
	ZVAL_NULL(value);
	/* Without PHP_JSON_THROW_ON_ERROR the reason is left in the module's globals. */
	/* A copy, because the scanner reads the zero byte that ends a PHP string. */
	zend_string *text = zend_string_init(json, length, 0);
	zend_result decoded = php_json_decode_ex(value, ZSTR_VAL(text), length, PHP_JSON_OBJECT_AS_ARRAY, depth);
	zend_string_release(text);
	if (decoded == SUCCESS) {
		return true;
	}
	*error = message(JSON_G(error_code));
	return false;
}

/* The encoder has a form for some values that cannot be sent, `{}` for a Closure: they are looked for
 * before it runs, and the place is told. What a JsonSerializable makes of itself is its own. */
struct search {
	zend_long depth_left;
	const char *reason;
	/* Built on the way back: what can be sent costs none. */
	zend_string *path;
};

static bool sendable(zval *value, struct search *search);

static void within(struct search *search, bool object, zend_string *name, zend_ulong index)
{
	zend_string *inner = search->path;
	const char *rest = inner ? ZSTR_VAL(inner) : "";
	if (!name) {
		search->path = zend_strpprintf(0, "[" ZEND_LONG_FMT "]%s", (zend_long) index, rest);
	} else {
		search->path = zend_strpprintf(0, object ? "->%s%s" : "['%s']%s", ZSTR_VAL(name), rest);
	}
	if (inner) {
		zend_string_release(inner);
	}
}

static bool members_sendable(HashTable *members, bool object, struct search *search)
{
	zend_ulong index;
	zend_string *name;
	zval *member;
	ZEND_HASH_FOREACH_KEY_VAL_IND(members, index, name, member) {
		if (object && name && ZSTR_VAL(name)[0] == '\0') {
			continue;
		}
		if (!sendable(member, search)) {
			within(search, object, name, index);
			return false;
		}
	} ZEND_HASH_FOREACH_END();
	return true;
}

static bool array_sendable(zval *value, struct search *search)
{
	HashTable *members = Z_ARRVAL_P(value);
	if (GC_IS_RECURSIVE(members)) {
		return true;
	}
	GC_TRY_PROTECT_RECURSION(members);
	bool sent = members_sendable(members, false, search);
	GC_TRY_UNPROTECT_RECURSION(members);
	return sent;
}

static bool object_sendable(zval *value, struct search *search)
{
	zend_class_entry *class = Z_OBJCE_P(value);
	if (Z_IS_RECURSIVE_P(value) || (class->ce_flags & ZEND_ACC_ENUM)
			|| instanceof_function(class, php_json_serializable_ce)) {
		return true;
	}
	HashTable *members = zend_get_properties_for(value, ZEND_PROP_PURPOSE_JSON);
	const uint32_t nothing_inside = ZEND_ACC_NOT_SERIALIZABLE | ZEND_ACC_ANON_CLASS;
	bool sent = (class->ce_flags & nothing_inside) != ZEND_ACC_NOT_SERIALIZABLE
		|| (members && zend_hash_num_elements(members) > 0);
	if (!sent) {
		search->reason = "an object of this class cannot be sent";
	} else if (members) {
		Z_PROTECT_RECURSION_P(value);
		sent = members_sendable(members, true, search);
		Z_UNPROTECT_RECURSION_P(value);
	}
	zend_release_properties(members);
	return sent;
}

static bool sendable(zval *value, struct search *search)
{
	ZVAL_DEREF(value);
	/* What is too deep, or contains itself, is left to the encoder. */
	if (search->depth_left == 0) {
		return true;
	}
	bool sent = true;
	search->depth_left--;
	switch (Z_TYPE_P(value)) {
		case IS_DOUBLE:
			sent = zend_finite(Z_DVAL_P(value));
			search->reason = sent ? NULL : message(PHP_JSON_ERROR_INF_OR_NAN);
			break;
		case IS_RESOURCE:
			sent = false;
			search->reason = "a resource cannot be sent";
			break;
		case IS_ARRAY:
			sent = array_sendable(value, search);
			break;
		case IS_OBJECT:
			sent = object_sendable(value, search);
			break;
	}
	search->depth_left++;
	return sent;
}

bool appserver_json_encode(zval *value, zend_long depth, zend_string **json, zend_string **path, const char **error)
{
	struct search search = {.depth_left = depth};
	*path = NULL;
	if (!sendable(value, &search)) {
		*path = search.path;
		*error = search.reason;
		return false;
	}
	const int options = PHP_JSON_UNESCAPED_SLASHES | PHP_JSON_UNESCAPED_UNICODE | PHP_JSON_PRESERVE_ZERO_FRACTION;
	smart_str text = {0};
	JSON_G(error_code) = PHP_JSON_ERROR_NONE;
	zend_result encoded = php_json_encode_ex(&text, value, options, depth);
	/* Some errors are left in the globals alone, with something else in the value's place. */
	if (encoded == SUCCESS && JSON_G(error_code) == PHP_JSON_ERROR_NONE && !EG(exception)) {
		*json = smart_str_extract(&text);
		return true;
	}
	smart_str_free(&text);
	*error = message(JSON_G(error_code));
	return false;
}
