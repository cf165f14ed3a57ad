/* What PHP code can change of the process, and the engine does not put back at the end of a request:
 * it comes from a world where a process ends with its script.
 *
 * Looking at all of it after each call would cost system calls. Instead the functions that change it
 * are noticed when they are called. */
#include "shim.h"
#include <ext/standard/basic_functions.h>
#include <signal.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum {
	FOLDER = 1,
	ALARM = 2,
	/* What happens when a signal comes. */
	SIGNALS = 4,
	/* Cannot be put back: root folder, user, priority, signals held back. */
	FOR_GOOD = 8,
};

static int changed;
/* The function that changed something for good. */
static const char *culprit;
static char folder[MAXPATHLEN];
/* As they were before pcntl_signal(), of signals that it was called for. */
static struct sigaction actions[NSIG];
static bool action_kept[NSIG];

/* Lists them all but pcntl_signal(): name, what it changes. */
#define NOTICED_FUNCTIONS(F) \
	F(chdir, FOLDER) \
	F(chroot, FOR_GOOD) \
	F(pcntl_alarm, ALARM) \
	F(pcntl_setpriority, FOR_GOOD) \
	F(pcntl_sigprocmask, FOR_GOOD) \
	F(pcntl_unshare, FOR_GOOD) \
	F(posix_initgroups, FOR_GOOD) \
	F(posix_setegid, FOR_GOOD) \
	F(posix_seteuid, FOR_GOOD) \
	F(posix_setgid, FOR_GOOD) \
	F(posix_setpgid, FOR_GOOD) \
	F(posix_setrlimit, FOR_GOOD) \
	F(posix_setsid, FOR_GOOD) \
	F(posix_setuid, FOR_GOOD) \
	F(proc_nice, FOR_GOOD)

#define WRAPPER(name, what) \
	static zif_handler engine_##name; \
	static ZEND_NAMED_FUNCTION(noticed_##name) \
	{ \
		changed |= (what); \
		culprit = (what) & FOR_GOOD ? #name : culprit; \
		engine_##name(INTERNAL_FUNCTION_PARAM_PASSTHRU); \
	}
NOTICED_FUNCTIONS(WRAPPER)

static zif_handler engine_pcntl_signal;
static ZEND_NAMED_FUNCTION(noticed_pcntl_signal)
{
	if (ZEND_NUM_ARGS() > 0) {
		const zend_long signal = zval_get_long(ZEND_CALL_ARG(execute_data, 1));
		if (signal > 0 && signal < NSIG && !action_kept[signal]) {
			action_kept[signal] = sigaction((int) signal, NULL, &actions[signal]) == 0;
			changed |= SIGNALS;
		}
	}
	engine_pcntl_signal(INTERNAL_FUNCTION_PARAM_PASSTHRU);
}

static void signals_put_back(void)
{
	for (int signal = 1; signal < NSIG; signal++) {
		if (action_kept[signal]) {
			sigaction(signal, &actions[signal], NULL);
			action_kept[signal] = false;
		}
	}
}

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
	notice("pcntl_signal", noticed_pcntl_signal, &engine_pcntl_signal);
	if (!getcwd(folder, sizeof folder)) {
		folder[0] = '\0';
	}
}

static void put_back(int what)
{
	if (what & FOLDER && chdir(folder) != 0) {
		changed |= FOR_GOOD;
		culprit = "chdir";
	}
	if (what & ALARM) {
		alarm(0);
	}
	if (what & SIGNALS) {
		signals_put_back();
	}
}

bool appserver_surroundings_put_back(void)
{
	if (!changed) {
		return true;
	}
	put_back(changed);
	const bool for_good = changed & FOR_GOOD;
	changed = 0;
	if (for_good) {
		char message[128];
		snprintf(message, sizeof message, "%s() changed the process for good: it is replaced", culprit);
		sapi_module.log_message(message, LOG_NOTICE);
	}
	return !for_good;
}

void appserver_call_surroundings_put_back(void)
{
	if (changed) {
		put_back(changed & (FOLDER | ALARM));
		changed &= ~(FOLDER | ALARM);
	}
	if (BG(umask) != -1) {
		umask(BG(umask));
		BG(umask) = -1;
	}
}
