/* What locks count; see lock.h. */
#include "lock.h"

#include <stdio.h>
#include <stdlib.h>

_Atomic uint64_t rtl_lock_contentions;
_Thread_local struct rtl_holding rtl_holding;

void rtl_lock_initialize_long(struct rtl_lock *lock)
{
	*lock = (struct rtl_lock){PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, true, true};
}

#ifdef LXRUN_CHECK_LOCKS
/* A thread that waits for all of as many objects as NT allows holds the locks of 64, and a few. */
enum { HELD_MAXIMUM = 80 };

static _Thread_local struct {
	const struct rtl_lock *lock;
	const char *file;
	int line;
} held[HELD_MAXIMUM];
static _Thread_local unsigned held_count;

static void fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "lxrun: %s:%d: %s\n", file, line, what);
	for (unsigned i = 0; i < held_count; i++)
		fprintf(stderr, "lxrun: %s:%d: held since\n", held[i].file, held[i].line);
	abort();
}

void rtl_note_lock(const struct rtl_lock *lock, const char *file, int line)
{
	if (lock->is_long)
		return;
	if (held_count == HELD_MAXIMUM)
		fail("too many locks are held", file, line);
	held[held_count].lock = lock;
	held[held_count].file = file;
	held[held_count++].line = line;
}

/* Mostly the last that was taken. */
void rtl_forget_lock(const struct rtl_lock *lock)
{
	unsigned i = held_count;

	if (lock->is_long)
		return;
	while (i && held[i - 1].lock != lock)
		i--;
	if (!i)
		fail("a lock that this thread does not hold is let go", __FILE__, __LINE__);
	for (; i < held_count; i++)
		held[i - 1] = held[i];
	held_count--;
}

void rtl_check_not_held(const struct rtl_lock *lock, const char *file, int line)
{
	for (unsigned i = 0; i < held_count; i++)
		if (held[i].lock == lock && !lock->is_recursive)
			fail("a lock is taken by the thread that holds it", file, line);
}

void rtl_check_lock_free(const char *file, int line)
{
	if (held_count)
		fail("a lock is held where the thread may sleep", file, line);
}
#endif
