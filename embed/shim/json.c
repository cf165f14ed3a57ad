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

bool appserver_json_encode(zval *value, zend_long depth, zend_string **json, const char **error)
{
	const int options = PHP_JSON_UNESCAPED_SLASHES | PHP_JSON_UNESCAPED_UNICODE | PHP_JSON_PRESERVE_ZERO_FRACTION;
	smart_str text = {0};
	JSON_G(error_code) = PHP_JSON_ERROR_NONE;
	if (php_json_encode_ex(&text, value, options, depth) == SUCCESS && !EG(exception)) {
		*json = smart_str_extract(&text);
		return true;
	}
	smart_str_free(&text);
	*error = message(JSON_G(error_code));
	return false;
}
