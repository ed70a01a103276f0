/* Threads for tests of the executive: each is attached to the dispatcher and runs one function. */
#ifndef TESTS_WORKERS_H
#define TESTS_WORKERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <executive/ke/ke.h>
#include <nt/ntstatus.h>
#include <pthread.h>
#include <rtl/rtl.h>
#include <sched.h>

struct worker {
	struct ke_thread ke;
	pthread_t thread;
	void (*run)(struct worker *worker);
	void *context;
	int64_t result;
};

static inline void *worker_main(void *argument)
{
	struct worker *worker = argument;

	ke_thread_attach(&worker->ke);
	worker->run(worker);
	ke_thread_detach(&worker->ke);
	return NULL;
}

static inline void worker_start(struct worker *worker, void (*run)(struct worker *), void *context)
{
	*worker = (struct worker){.run = run, .context = context};
	ke_initialize_thread(&worker->ke);
	assert_int_equal(pthread_create(&worker->thread, NULL, worker_main, worker), 0);
}

static inline int64_t worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
	return worker->result;
}

/* Until the worker sleeps. Only for workers that will not be woken meanwhile. */
static inline void worker_wait_asleep(struct worker *worker)
{
	while (!hal_is_parked(&worker->ke.parker))
		sched_yield();
}

/* The test's own thread. */
static inline int attach_main(void **state)
{
	static struct ke_thread main_thread;

	if (hal_initialize() != 0)
		return -1;
	ke_initialize();
	ke_thread_attach(&main_thread);
	return 0;
}

static inline LARGE_INTEGER relative_ms(LONGLONG milliseconds)
{
	return (LARGE_INTEGER){.QuadPart = -milliseconds * 10000};
}

#endif
