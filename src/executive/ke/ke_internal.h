/*
 * What the files of this folder share. Functions named *_locked are called with the lock of the object that they name
 * held.
 *
 * Order of locks: timer_lock (timer.c), then objects by ascending address, then a thread's. Wakes are host calls, so
 * they are noted under the locks and sent when none is held any more, be it the caller's (rtl/lock.h). Two are sent under
 * locks all the same: more of them than there is room to note, and a task's kick (pico), whose lock keeps the host's id
 * from being given to somebody else.
 */
#ifndef KE_INTERNAL_H
#define KE_INTERNAL_H

#include <executive/ke/ke.h>

#include <assert.h>
#include <nt/ntstatus.h>
#include <rtl/rtl.h>

/* Objects are made of zeroed memory, so a list head may not have been set up yet. */
#define READY_LIST(head)                                                                                               \
	do {                                                                                                           \
		if (!(head)->tqh_last)                                                                                 \
			TAILQ_INIT(head);                                                                              \
	} while (0)

/* Wakes that are due once the locks are let go. What they refer to may be gone by then. */
enum { KE_WAKES_MAXIMUM = 32 };
struct ke_wakes {
	unsigned count;
	struct hal_wake wakes[KE_WAKES_MAXIMUM];
};
void ke_note_unpark(struct ke_wakes *wakes, struct hal_parker *parker);
void ke_send_wakes(struct ke_wakes *wakes);

/*
 * One wait under way: on the stack of the thread that waits. It ends once: by whoever moves it from WAITING to CLAIMED,
 * be it who signals an object, the timer thread, or the waiting thread itself on an alert. A claimant holds a lock that
 * the waiting thread takes before its wait's memory goes: of an object at which the wait is queued, or of the timers.
 */
enum ke_wait_state { KE_WAITING, KE_CLAIMED, KE_DONE };
struct ke_wait {
	struct ke_thread *thread;
	WAIT_TYPE type;
	bool polls; /* does not sleep, so it queues nowhere */
	_Atomic enum ke_wait_state state;
	NTSTATUS status; /* once done */
	ULONG count;
	ULONG queued; /* so many blocks have been queued */
	struct ke_wait_block *blocks;
	/* WaitAll: each object once, in the order in which they are locked. */
	struct dispatcher_header **ordered;
	ULONG ordered_count;
};

/* Its place in the wait list of one object; guarded by that object's lock. */
struct ke_wait_block {
	TAILQ_ENTRY(ke_wait_block) link;
	struct ke_wait *wait;
	struct dispatcher_header *object;
	ULONG index;
	bool linked;
};

static inline void ke_unlock_and_wake(struct dispatcher_header *object, struct ke_wakes *wakes)
{
	rtl_unlock(&object->lock);
	ke_send_wakes(wakes);
}

/* True: the caller alone ends the wait, by ke_finish_wait(). */
bool ke_claim_wait(struct ke_wait *wait);
void ke_finish_wait(struct ke_wait *wait, NTSTATUS status, struct ke_wakes *wakes);
/* The object's state went up: end the waits that it satisfies. */
void ke_test_waiters_locked(struct dispatcher_header *object, struct ke_wakes *wakes);
/* Take the object for the wait, or queue at it. True: the wait has ended. */
bool ke_visit_locked(struct ke_wait *wait, struct ke_wait_block *block);
/* A WaitAll's visit of all its objects at once. */
void ke_visit_all(struct ke_wait *wait);
/* Take the wait, which has ended or is claimed, out of the lists; its memory may go then. */
void ke_end_wait(struct ke_wait *wait);
LONG ke_set_event_locked(struct dispatcher_header *header, struct ke_wakes *wakes);
NTSTATUS ke_release_mutant_locked(struct kmutant *mutant, LONG *previous, struct ke_wakes *wakes);
NTSTATUS ke_release_semaphore_locked(struct ksemaphore *semaphore, LONG adjustment, LONG *previous,
				     struct ke_wakes *wakes);
/* The timer of a wait: its expiry ends the wait. */
void ke_insert_wait_timer(struct ktimer *timer);
/* Nanoseconds since 1970 of an absolute NT time, saturated. */
uint64_t ke_realtime_of(LARGE_INTEGER time);

#endif
