/* What the files of this folder share. Functions named *_locked are called with the dispatcher lock held. */
#ifndef KE_INTERNAL_H
#define KE_INTERNAL_H

#include <executive/ke/ke.h>

#include <assert.h>
#include <nt/ntstatus.h>
#include <pthread.h>
#include <rtl/rtl.h>

/* Guards headers, wait lists, wake lists, timers and APC queues. Nothing is taken under it. */
extern pthread_mutex_t ke_dispatcher_lock;

static inline void ke_lock(void)
{
	pthread_mutex_lock(&ke_dispatcher_lock);
}
static inline void ke_unlock(void)
{
	pthread_mutex_unlock(&ke_dispatcher_lock);
}

/* Objects are made of zeroed memory, so a list head may not have been set up yet. */
#define READY_LIST(head)                                                                                               \
	do {                                                                                                           \
		if (!(head)->tqh_last)                                                                                 \
			TAILQ_INIT(head);                                                                              \
	} while (0)

/* One wait under way: on the stack of the thread that waits. */
struct ke_wait {
	struct ke_thread *thread;
	WAIT_TYPE type;
	bool done;
	NTSTATUS status; /* once done */
	ULONG count;
	struct ke_wait_block *blocks;
};

/* Its place in the wait list of one object. */
struct ke_wait_block {
	TAILQ_ENTRY(ke_wait_block) link;
	struct ke_wait *wait;
	struct dispatcher_header *object;
	ULONG index;
};

/* The object's state went up: end the waits that it satisfies. */
void ke_test_waiters_locked(struct dispatcher_header *object);
/* Take `wait` out of all lists and wake its thread. */
void ke_finish_wait_locked(struct ke_wait *wait, NTSTATUS status);
/* If the wait can be satisfied now, do so: true, and its status. */
bool ke_try_wait_locked(struct ke_wait *wait, NTSTATUS *status);
LONG ke_set_event_locked(struct dispatcher_header *header);
NTSTATUS ke_release_mutant_locked(struct kmutant *mutant, LONG *previous);
NTSTATUS ke_release_semaphore_locked(struct ksemaphore *semaphore, LONG adjustment, LONG *previous);
void ke_insert_timer_locked(struct ktimer *timer);
void ke_remove_timer_locked(struct ktimer *timer);
/* Nanoseconds since 1970 of an absolute NT time, saturated. */
uint64_t ke_realtime_of(LARGE_INTEGER time);

#endif
