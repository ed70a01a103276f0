/*
 * One allocation of the calling thread fails, the n-th from where a test says so. For programs that tests/CMakeLists.txt
 * links with malloc and calloc wrapped: those named test_*_failures, and test_lx_files.
 */
#ifndef TESTS_FAILING_H
#define TESTS_FAILING_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static __thread unsigned failure_due; /* 1: the next allocation fails; 0: none does */
static __thread bool failure_came;

static inline bool fails_now(void)
{
	if (!failure_due || --failure_due)
		return false;
	failure_came = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

/* The nth allocation from now, from 1, fails. */
static inline void fail_allocation(unsigned nth)
{
	failure_due = nth;
	failure_came = false;
}

/* From now on none fails: did the one? */
static inline bool allocation_failed(void)
{
	failure_due = 0;
	return failure_came;
}

#endif
