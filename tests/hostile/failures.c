/*
 * Failures on demand, only in builds with LXRUN_FAILURES=ON: the linker puts
 * these functions before those of the C library. LXRUN_FAIL_ALLOCATION=n makes
 * the n-th allocation fail with ENOMEM, LXRUN_FAIL_CALL=n the n-th host call of
 * those below with EMFILE or EIO; the numbers are read once, at the first use.
 * The loops over n are in tests/hostile/failures.py.
 *
 * lxrun ends as its first program does, also by SIGSEGV, and a dynamic linker
 * for whose first mmap there is no memory ends so on any kernel. So that this
 * is not taken for a crash of lxrun, nor a crash for this, crashes are told.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static void tell_crash(int signal)
{
	static const char text[] = "lxrun itself has crashed\n";

	/* The signal comes again, to the default, when the handler returns. */
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	(void)signal;
}

/* lxrun sets the default before it ends by its program's signal. What a sanitizer handles, it tells itself. */
__attribute__((constructor)) static void tell_crashes(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction action = {.sa_handler = tell_crash, .sa_flags = (int)SA_RESETHAND}, old;

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
}

struct countdown {
	const char *variable;
	_Atomic long left; /* -1: not asked yet; 0: nothing fails (any more) */
};

static struct countdown allocations = {"LXRUN_FAIL_ALLOCATION", -1};
static struct countdown calls = {"LXRUN_FAIL_CALL", -1};

static bool is_due(struct countdown *countdown)
{
	long left = atomic_load(&countdown->left);

	if (left < 0) {
		const char *value = getenv(countdown->variable);
		long unasked = -1;

		atomic_compare_exchange_strong(&countdown->left, &unasked, value ? strtol(value, NULL, 10) : 0);
		left = atomic_load(&countdown->left);
	}
	while (left > 0 && !atomic_compare_exchange_weak(&countdown->left, &left, left - 1))
		continue;
	return left == 1;
}

/* Define NAME to fail when its turn comes, and else to be what it was. */
#define FAILING(countdown, type, name, parameters, arguments, code, failed)                                            \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		if (!is_due(&(countdown)))                                                                             \
			return __real_##name arguments;                                                                \
		errno = (code);                                                                                        \
		return failed;                                                                                         \
	}

FAILING(allocations, void *, malloc, (size_t size), (size), ENOMEM, NULL)
FAILING(allocations, void *, calloc, (size_t count, size_t size), (count, size), ENOMEM, NULL)
FAILING(allocations, void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
FAILING(allocations, char *, strdup, (const char *text), (text), ENOMEM, NULL)
FAILING(allocations, char *, strndup, (const char *text, size_t size), (text, size), ENOMEM, NULL)
FAILING(allocations, void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size), ENOMEM, NULL)
FAILING(allocations, void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), ENOMEM, NULL)
FAILING(calls, int, socketpair, (int domain, int type, int protocol, int *ends), (domain, type, protocol, ends), EMFILE,
	-1)
FAILING(calls, int, pipe2, (int *ends, int flags), (ends, flags), EMFILE, -1)
FAILING(calls, int, memfd_create, (const char *name, unsigned flags), (name, flags), EMFILE, -1)
FAILING(calls, int, fstat, (int fd, struct stat *status), (fd, status), EIO, -1)
FAILING(calls, ssize_t, pread, (int fd, void *data, size_t size, off_t offset), (fd, data, size, offset), EIO, -1)
FAILING(calls, ssize_t, getdents64, (int fd, void *data, size_t size), (fd, data, size), EIO, -1)
FAILING(calls, int, statx, (int fd, const char *path, int flags, unsigned mask, struct statx *status),
	(fd, path, flags, mask, status), EIO, -1)
FAILING(calls, int, eventfd, (unsigned value, int flags), (value, flags), EMFILE, -1)
FAILING(calls, int, timerfd_create, (int clock, int flags), (clock, flags), EMFILE, -1)
FAILING(calls, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), EIO, -1)

/* Define NAME, whose last argument is not always there; it is handed on, and not looked at, as the C library does it.
 */
#define FAILING_OPTIONAL(condition, name, parameters, arguments, last, code)                                           \
	int __real_##name parameters;                                                                                  \
	int __wrap_##name parameters;                                                                                  \
	int __wrap_##name parameters                                                                                   \
	{                                                                                                              \
		va_list optional;                                                                                      \
		unsigned long argument;                                                                                \
                                                                                                                       \
		va_start(optional, last);                                                                              \
		argument = va_arg(optional, unsigned long);                                                            \
		va_end(optional);                                                                                      \
		if (!(condition) || !is_due(&calls))                                                                   \
			return __real_##name arguments;                                                                \
		errno = (code);                                                                                        \
		return -1;                                                                                             \
	}

FAILING_OPTIONAL(true, open, (const char *path, int flags, ...), (path, flags, argument), flags, EMFILE)
FAILING_OPTIONAL(true, openat, (int fd, const char *path, int flags, ...), (fd, path, flags, argument), flags, EMFILE)
FAILING_OPTIONAL(command == F_DUPFD || command == F_DUPFD_CLOEXEC, fcntl, (int fd, int command, ...),
		 (fd, command, argument), command, EMFILE)

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
			  void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
			  void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
	return is_due(&calls) ? EAGAIN : __real_pthread_create(thread, attributes, routine, argument);
}
