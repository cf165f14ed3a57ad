/* What PHP code can change of the process, and the engine does not put back at the end of a request:
 * it comes from a world where a process ends with its script.
 *
 * Looking at all of it after each call would cost system calls. Instead the functions that change it
 * are noticed when they are called. */
#include "shim.h"
#include <zend_exceptions.h>
#include <ext/standard/basic_functions.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FOLDER = 1,
	ALARM = 2,
	/* Cannot be put back: root folder, user, priority, signals held back. */
	FOR_GOOD = 4,
};

static int changed;
static char folder[MAXPATHLEN];

/* Lists them all: name, what it changes. */
#define NOTICED_FUNCTIONS(F) \
	F(chdir, FOLDER) \
	F(chroot, FOR_GOOD) \
	F(pcntl_alarm, ALARM) \
	F(pcntl_setpriority, FOR_GOOD) \
	F(pcntl_sigprocmask, FOR_GOOD) \
	F(pcntl_unshare, FOR_GOOD) \
	F(posix_setegid, FOR_GOOD) \
	F(posix_seteuid, FOR_GOOD) \
	F(posix_setgid, FOR_GOOD) \
	F(posix_setrlimit, FOR_GOOD) \
	F(posix_setsid, FOR_GOOD) \
	F(posix_setuid, FOR_GOOD) \
	F(proc_nice, FOR_GOOD)

#define WRAPPER(name, what) \
	static zif_handler engine_##name; \
	static ZEND_NAMED_FUNCTION(noticed_##name) \
	{ \
		changed |= (what); \
		engine_##name(INTERNAL_FUNCTION_PARAM_PASSTHRU); \
	}
NOTICED_FUNCTIONS(WRAPPER)

static void notice(const char *name, zif_handler wrapper, zif_handler *engine)
{
	zend_function *function = zend_hash_str_find_ptr(CG(function_table), name, strlen(name));
	if (function && function->type == ZEND_INTERNAL_FUNCTION) {
		*engine = function->internal_function.handler;
		function->internal_function.handler = wrapper;
	}
}

void appserver_surroundings_notice(void)
{
#define NOTICE(name, what) notice(#name, noticed_##name, &engine_##name);
	NOTICED_FUNCTIONS(NOTICE)
	if (!getcwd(folder, sizeof folder)) {
		folder[0] = '\0';
	}
}

bool appserver_surroundings_put_back(void)
{
	const int what = changed;
	if (!what) {
		return true;
	}
	changed = 0;
	if (what & ALARM) {
		alarm(0);
	}
	if (what & FOR_GOOD) {
		return false;
	}
	return !(what & FOLDER) || chdir(folder) == 0;
}

void appserver_umask_put_back(void)
{
	if (BG(umask) != -1) {
		umask(BG(umask));
		BG(umask) = -1;
	}
}
