/*
 * The lock of every layer: short, for memory. Whoever holds one neither sleeps
 * nor makes a host call that may sleep, touches no guest's memory and enters no
 * guest: what depends on a guest or on a file server can take for ever, and
 * everybody else would wait with it.
 *
 * Builds for debugging count what a thread holds, with the places where it was
 * taken; rtl_assert_lock_free() stands where a thread may sleep, and ends the
 * program if it holds something.
 *
 * Waking somebody is a host call too, and who is woken often wants the very lock next. So a wake that comes up under a
 * lock waits until the thread holds none (rtl_put_off): no caller needs to carry it past its unlocking.
 *
 * A lock of zeroes is a valid free lock.
 */
#ifndef RTL_LOCK_H
#define RTL_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rtl_lock {
	pthread_mutex_t mutex;
	bool is_long, is_recursive;
};
#define RTL_LOCK_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, false, false}
/* The exception: held over what may sleep. Its declaration says why nobody suffers who does not depend on it anyway. */
#define RTL_LONG_LOCK_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, true, false}
#define RTL_RECURSIVE_LOCK_INITIALIZER {PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, false, true}

/* What the calling thread holds, long ones aside, and what it has put off until it holds nothing. */
extern _Thread_local struct rtl_holding {
	unsigned count;
	void (*put_off)(void);
} rtl_holding;

static inline bool rtl_holds_locks(void)
{
	return rtl_holding.count;
}

/* `routine` runs when the last lock is let go; once, however often it is asked for. There is one such routine: ke's. */
static inline void rtl_put_off(void (*routine)(void))
{
	rtl_holding.put_off = routine;
}

static inline void rtl_do_put_off(void)
{
	void (*routine)(void) = rtl_holding.put_off;

	rtl_holding.put_off = NULL;
	if (routine)
		routine();
}

/* How often a thread had to wait for a lock, all locks together. */
extern _Atomic uint64_t rtl_lock_contentions;

static inline void rtl_lock_initialize(struct rtl_lock *lock)
{
	*lock = (struct rtl_lock)RTL_LOCK_INITIALIZER;
}
/* A long one that its holder may take again. */
void rtl_lock_initialize_long(struct rtl_lock *lock);
static inline void rtl_lock_destroy(struct rtl_lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

#ifdef LXRUN_CHECK_LOCKS
void rtl_note_lock(const struct rtl_lock *lock, const char *file, int line);
void rtl_forget_lock(const struct rtl_lock *lock);
void rtl_check_not_held(const struct rtl_lock *lock, const char *file, int line);
void rtl_check_lock_free(const char *file, int line);
#define rtl_assert_lock_free() rtl_check_lock_free(__FILE__, __LINE__)
#else
static inline void rtl_note_lock(const struct rtl_lock *lock, const char *file, int line)
{
}
static inline void rtl_forget_lock(const struct rtl_lock *lock)
{
}
static inline void rtl_check_not_held(const struct rtl_lock *lock, const char *file, int line)
{
}
#define rtl_assert_lock_free() ((void)0)
#endif

static inline void rtl_lock_at(struct rtl_lock *lock, const char *file, int line)
{
	rtl_check_not_held(lock, file, line);
	if (pthread_mutex_trylock(&lock->mutex) != 0) {
		atomic_fetch_add_explicit(&rtl_lock_contentions, 1, memory_order_relaxed);
		pthread_mutex_lock(&lock->mutex);
	}
	rtl_holding.count += !lock->is_long;
	rtl_note_lock(lock, file, line);
}
static inline bool rtl_trylock_at(struct rtl_lock *lock, const char *file, int line)
{
	if (pthread_mutex_trylock(&lock->mutex) != 0)
		return false;
	rtl_holding.count += !lock->is_long;
	rtl_note_lock(lock, file, line);
	return true;
}
#define rtl_lock(lock) rtl_lock_at(lock, __FILE__, __LINE__)
#define rtl_trylock(lock) rtl_trylock_at(lock, __FILE__, __LINE__)

static inline void rtl_unlock(struct rtl_lock *lock)
{
	/* Its memory may go with it. */
	const bool is_long = lock->is_long;

	rtl_forget_lock(lock);
	pthread_mutex_unlock(&lock->mutex);
	if (!is_long && --rtl_holding.count == 0 && __builtin_expect(rtl_holding.put_off != NULL, 0))
		rtl_do_put_off();
}

/* For supervisor threads that serve nobody in particular; the lock is let go meanwhile. */
static inline void rtl_condition_wait(pthread_cond_t *condition, struct rtl_lock *lock)
{
	rtl_forget_lock(lock);
	rtl_assert_lock_free();
	rtl_do_put_off();
	rtl_holding.count--;
	pthread_cond_wait(condition, &lock->mutex);
	rtl_holding.count++;
	rtl_note_lock(lock, __FILE__, __LINE__);
}
/* 0, or ETIMEDOUT. */
static inline int rtl_condition_timedwait(pthread_cond_t *condition, struct rtl_lock *lock, const struct timespec *end)
{
	rtl_forget_lock(lock);
	rtl_assert_lock_free();
	rtl_do_put_off();
	rtl_holding.count--;

	int error = pthread_cond_timedwait(condition, &lock->mutex, end);

	rtl_holding.count++;
	rtl_note_lock(lock, __FILE__, __LINE__);
	return error;
}

#endif
