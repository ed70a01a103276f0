/*
 * Failures on demand, only in builds with LXRUN_FAILURES=ON: the linker puts
 * these functions before those of the C library. LXRUN_FAIL_ALLOCATION=n makes
 * the n-th allocation fail with ENOMEM, LXRUN_FAIL_CALL=n the n-th host call of
 * those below with EMFILE or EIO; the numbers are read once, at the first use.
 * The loops over n are in tests/hostile/failures.py.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

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
#define FAILING(countdown, type, name, parameters, arguments, code, failed) \
	type __real_##name parameters;                                      \
	type __wrap_##name parameters;                                      \
	type __wrap_##name parameters                                       \
	{                                                                   \
		if (!is_due(&(countdown)))                                  \
			return __real_##name arguments;                     \
		errno = (code);                                             \
		return failed;                                              \
	}

FAILING(allocations, void *, malloc, (size_t size), (size), ENOMEM, NULL)
FAILING(allocations, void *, calloc, (size_t count, size_t size), (count, size), ENOMEM, NULL)
FAILING(allocations, void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
FAILING(allocations, char *, strdup, (const char *text), (text), ENOMEM, NULL)
FAILING(calls, int, socketpair, (int domain, int type, int protocol, int *ends), (domain, type, protocol, ends), EMFILE, -1)
FAILING(calls, int, pipe2, (int *ends, int flags), (ends, flags), EMFILE, -1)
FAILING(calls, int, memfd_create, (const char *name, unsigned flags), (name, flags), EMFILE, -1)
FAILING(calls, int, fstat, (int fd, struct stat *status), (fd, status), EIO, -1)
FAILING(calls, ssize_t, pread, (int fd, void *data, size_t size, off_t offset), (fd, data, size, offset), EIO, -1)
FAILING(calls, ssize_t, getdents64, (int fd, void *data, size_t size), (fd, data, size), EIO, -1)

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
	return is_due(&calls) ? EAGAIN : __real_pthread_create(thread, attributes, routine, argument);
}
