/* The SAPI "appserver": start and stop of PHP, and what the engine calls back.
 *
 * Every callback tolerates SG(server_context) == NULL, which it always is: preloading runs inside
 * php_module_startup, and there is no HTTP request behind a call. */
#include "shim.h"
#include <php_variables.h>
#include <zend_signal.h>
#include <ext/standard/dl.h>

#define SAPI_NAME "appserver"
/* OPcache up to PHP 8.4 stays off, silently, for SAPIs it does not know. Of those it knows this is
 * the one that no other extension takes as a sign to behave differently. */
#define SAPI_NAME_OPCACHE_ACCEPTS "fuzzer"

static const struct appserver_hooks *hooks;
static const struct appserver_extension *extension;
extern sapi_module_struct appserver_sapi;

static size_t sapi_write(const char *bytes, size_t length)
{
	hooks->write(bytes, length);
	return length;
}

static void sapi_log(const char *message, int syslog_level)
{
	hooks->log(message, syslog_level);
}

static void sapi_flush_nothing(void *server_context)
{
}

static int sapi_swallow_headers(sapi_headers_struct *headers)
{
	return SAPI_HEADER_SENT_SUCCESSFULLY;
}

static char *sapi_no_cookies(void)
{
	return NULL;
}

static void sapi_server_variables(zval *variables)
{
	php_import_environment_variables(variables);
}

/* Defaults, not settings: what php.ini says wins. */
static void sapi_ini_defaults(HashTable *configuration)
{
	static const char *const defaults[][2] = {
		{"display_errors", "0"},
		{"log_errors", "1"},
		{"html_errors", "0"},
		{"implicit_flush", "0"},
		{"output_buffering", "0"},
	};
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
		zval value;
		ZVAL_NEW_STR(&value, zend_string_init(defaults[i][1], strlen(defaults[i][1]), 1));
		zend_hash_str_update(configuration, defaults[i][0], strlen(defaults[i][0]), &value);
	}
}

static const struct appserver_preparation *preparation;
static zend_result (*next_post_startup)(void);

/* Runs when all modules are started, and before OPcache takes its memory and preloads. */
static zend_result modules_started(void)
{
	/* Our own name again, once OPcache has looked at it: its optimizer writes the result of
	 * php_sapi_name() into the code. */
	sapi_module.name = SAPI_NAME;
	if (!preparation->prepare(preparation->context)) {
		return FAILURE;
	}
	return next_post_startup ? next_post_startup() : SUCCESS;
}

bool appserver_set_at_start(const char *name, size_t length, const char *value, size_t value_length)
{
	zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives), name, length);
	if (!entry || !entry->on_modify) {
		return false;
	}
	/* Not zend_alter_ini_entry(): that is for a request, whose end undoes it. Interned, because OPcache
	 * replaces the values by its own copies, and goes on to use the bytes of those that were there. */
	zend_string *text = zend_new_interned_string(zend_string_init(value, value_length, true));
	if (entry->on_modify(entry, text, entry->mh_arg1, entry->mh_arg2, entry->mh_arg3,
		ZEND_INI_STAGE_STARTUP) != SUCCESS) {
		return false;
	}
	entry->value = text;
	return true;
}

/* Runs while the engine starts its modules: after php.ini's modules were registered, before any of
 * them is started and before OPcache looks at the SAPI's name. */
static PHP_MINIT_FUNCTION(appserver_start)
{
#if PHP_VERSION_ID < 80500
	sapi_module.name = SAPI_NAME_OPCACHE_ACCEPTS;
#endif
	/* OPcache's own callback, set later, calls this one first. */
	next_post_startup = zend_post_startup_cb;
	zend_post_startup_cb = modules_started;
	/* Now, because OPcache's JIT remembers what it finds when it starts. */
	appserver_surroundings_notice();
	appserver_interrupt_notice();
	if (extension && !zend_hash_str_exists(&module_registry, extension->name, strlen(extension->name))) {
		return php_load_extension(extension->path, MODULE_PERSISTENT, 0);
	}
	return SUCCESS;
}

static zend_module_entry start_module = {
	STANDARD_MODULE_HEADER,
	"appserver_sapi",
	NULL,
	PHP_MINIT(appserver_start),
	NULL,
	NULL,
	NULL,
	NULL,
	PHP_VERSION,
	STANDARD_MODULE_PROPERTIES,
};

static int sapi_start_up(sapi_module_struct *module)
{
	return php_module_startup(module, &start_module);
}

sapi_module_struct appserver_sapi = {
	.name = SAPI_NAME,
	.pretty_name = "PHP application server",
	.startup = sapi_start_up,
	.shutdown = php_module_shutdown_wrapper,
	.ub_write = sapi_write,
	.flush = sapi_flush_nothing,
	.sapi_error = php_error,
	.send_headers = sapi_swallow_headers,
	.read_cookies = sapi_no_cookies,
	.register_server_variables = sapi_server_variables,
	.log_message = sapi_log,
	.ini_defaults = sapi_ini_defaults,
	.php_ini_ignore_cwd = 1,
	.phpinfo_as_text = 1,
};

bool appserver_start(const struct appserver_hooks *with_hooks, const char *ini_entries,
	const struct appserver_extension *with_extension, const struct appserver_preparation *with_preparation)
{
	hooks = with_hooks;
	extension = with_extension;
	preparation = with_preparation;
	zend_signal_startup();
	sapi_startup(&appserver_sapi);
	/* sapi_startup() clears what was set before it; php_module_startup() copies the struct again. */
	appserver_sapi.ini_entries = (char *) ini_entries;
	bool started = appserver_sapi.startup(&appserver_sapi) == SUCCESS;
#ifdef ZEND_SIGNALS
	/* Looking at seven signal handlers at the start of every request costs as many system calls. What
	 * PHP code asks for is reset without it; only a library that changes a handler behind the
	 * engine's back keeps it until the process ends. */
	SIGG(reset) = 0;
#endif
	return started;
}

void appserver_stop(void)
{
	php_module_shutdown();
	sapi_shutdown();
}
