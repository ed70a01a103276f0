/*
 * Kernel: dispatcher objects, waits, APCs, timers.
 *
 * Every waitable object begins with, or contains, a dispatcher_header. A wait
 * returns STATUS_WAIT_0 + n, STATUS_TIMEOUT, STATUS_ALERTED, STATUS_USER_APC or
 * STATUS_ABANDONED_WAIT_0 + n, as KeWaitForMultipleObjects does. Nothing in the
 * executive or the drivers sleeps except through ke_wait_* and ke_host_call.
 *
 * Each object has a lock of its own, each thread one for its APC queues, each
 * wake list one; timers share one. Nothing of other components is taken under
 * them, and who is to be woken is woken when they are let go.
 */
#ifndef KE_KE_H
#define KE_KE_H

#include <hal/hal.h>
#include <bsd/sys/tree.h>
#include <nt/ntke.h>
#include <rtl/lock.h>
#include <sys/queue.h>

struct ke_thread;
struct ke_wait_block;
TAILQ_HEAD(ke_wait_list, ke_wait_block);

enum dispatcher_type {
	KE_EVENT_NOTIFICATION,
	KE_EVENT_SYNCHRONIZATION,
	KE_MUTANT,
	KE_SEMAPHORE,
	KE_TIMER_NOTIFICATION,
	KE_TIMER_SYNCHRONIZATION,
	KE_PROCESS,
	KE_THREAD,
	KE_QUEUE
};

struct dispatcher_header {
	struct rtl_lock lock; /* guards the rest, and what the type adds; several are taken in the order of addresses */
	enum dispatcher_type type;
	LONG signal_state;
	struct ke_wait_list waiters;
};

struct kevent {
	struct dispatcher_header header;
};

struct kmutant {
	struct dispatcher_header header;
	struct ke_thread *owner;
	bool abandoned;
	TAILQ_ENTRY(kmutant) owned_link; /* guarded by the owner's lock */
};

struct ksemaphore {
	struct dispatcher_header header;
	LONG limit;
};

struct ke_apc {
	TAILQ_ENTRY(ke_apc) link;
	bool inserted;
	/* Run by the target thread: a kernel APC as soon as it waits or leaves kernel mode, a user APC from
	 * deliver_apcs. */
	void (*routine)(struct ke_apc *apc);
	void (*rundown)(struct ke_apc *apc); /* instead, if the thread ends first; may be NULL */
};
TAILQ_HEAD(ke_apc_queue, ke_apc);

struct ktimer {
	struct dispatcher_header header; /* the lock of timers guards the rest */
	uint64_t due_ns;    /* CLOCK_MONOTONIC, or CLOCK_REALTIME if absolute */
	uint64_t period_ns; /* 0: one shot */
	bool absolute, inserted;
	/* Called by the timer thread at each expiry without locks held; may be NULL. */
	void (*routine)(struct ktimer *timer, void *context);
	void *context;
	/* How often it has expired since it was set, periods that passed unnoticed included. Stable in `routine`. */
	uint64_t expirations;
	RB_ENTRY(ktimer) link;
	struct ke_wait *wait; /* a wait's own timer: its expiry ends the wait */
};

/*
 * Where a thread is that may have to be given up: a service, or a copy of guest memory, can hang in the host for ever. Who
 * ends the thread's process may then do what is left to be done (ke_give_up), and the thread, if it ever comes back, finds
 * its call failed and waits until that is done.
 */
enum ke_whereabouts { KE_HERE, KE_AWAY, KE_GIVEN_UP, KE_BURIED };

/* A thread as the dispatcher sees it; embedded in ps_thread. */
struct ke_thread {
	struct dispatcher_header header; /* signalled at its end */
	struct hal_parker parker;
	struct rtl_lock lock; /* guards APC queues, mutants, alert_by_id, ended; taken under those of objects */
	struct ke_apc_queue kernel_apcs, user_apcs;
	_Atomic bool user_apc_pending; /* something for deliver_apcs: checked without the lock */
	_Atomic bool alerted;	       /* NtAlertThread */
	bool alert_by_id;	       /* NtAlertThreadByThreadId */
	NTSTATUS wait_status;
	_Atomic bool terminating; /* every alertable wait ends with STATUS_USER_APC */
	TAILQ_HEAD(, kmutant) owned_mutants;
	_Atomic bool kernel_apc_pending;
	_Atomic bool uninterruptible; /* it sleeps in a wait that no signal ends */
	bool ended; /* detached: APCs are run down at once */
	_Atomic(enum ke_whereabouts) whereabouts;
	uint32_t away_depth; /* its own */
	struct rtl_lock turns_lock; /* guards its turns; a leaf but for those of wake lists */
	LIST_HEAD(, ke_turn) turns;
};

void ke_initialize(void);
/* A zeroed header. A header of zeroes is a valid KE_EVENT_NOTIFICATION that is not signalled. */
void ke_initialize_header(struct dispatcher_header *header, enum dispatcher_type type);
/* A zeroed thread; it may be waited for, alerted and given APCs before it attaches. Zeroed memory will do, too. */
void ke_initialize_thread(struct ke_thread *thread);
/* The calling supervisor thread becomes `thread` (thread-local) and may wait. */
void ke_thread_attach(struct ke_thread *thread);
/* Its end: mutants are abandoned, APCs run down, the header signalled. */
void ke_thread_detach(struct ke_thread *thread);
struct ke_thread *ke_current_thread(void);

/* The calling thread enters, and leaves, what can hang. They nest. ke_come_back: false: it was given up meanwhile. */
void ke_go_away(void);
bool ke_come_back(void);
/* True: the thread is away, and stays so until ke_bury() is called. Any other thread. */
bool ke_give_up(struct ke_thread *thread);
void ke_bury(struct ke_thread *thread);

void ke_initialize_event(struct kevent *event, EVENT_TYPE type, bool state);
/* Return the previous state. */
LONG ke_set_event(struct kevent *event);
LONG ke_reset_event(struct kevent *event);
/* Set and reset. A wait for all of several objects, one of which is just then being used, misses it. */
void ke_pulse_event(struct kevent *event);
void ke_initialize_mutant(struct kmutant *mutant, bool owned);
NTSTATUS ke_release_mutant(struct kmutant *mutant, LONG *previous);
/* Before its memory goes: no thread owns it any more. */
void ke_delete_mutant(struct kmutant *mutant);
struct ke_mutant_state {
	LONG count;
	bool owned_by_caller, abandoned;
};
struct ke_mutant_state ke_query_mutant(struct kmutant *mutant);
void ke_initialize_semaphore(struct ksemaphore *semaphore, LONG count, LONG limit);
NTSTATUS ke_release_semaphore(struct ksemaphore *semaphore, LONG adjustment, LONG *previous);
void ke_initialize_timer(struct ktimer *timer, TIMER_TYPE type);
/* due: NT form (negative: relative, 100 ns). Returns whether it was set before. */
bool ke_set_timer(struct ktimer *timer, LARGE_INTEGER due, uint64_t period_ns);
/* The same in nanoseconds of CLOCK_MONOTONIC (or CLOCK_REALTIME if absolute). */
bool ke_set_timer_ns(struct ktimer *timer, uint64_t due_ns, bool absolute, uint64_t period_ns);
bool ke_cancel_timer(struct ktimer *timer);
/*
 * Returns when the timer's routine is not running (at once in the routine itself). A timer with a routine must be
 * cancelled and then flushed before its memory goes; without any lock that the routine takes.
 */
void ke_flush_timer(struct ktimer *timer);
/* Make sure that the thread that expires timers runs; setting a timer does it, too, but can't report the failure. */
NTSTATUS ke_start_timers(void);
/* Nanoseconds until the next expiry, 0 if not set; with the state and the period if not NULL. */
uint64_t ke_query_timer(struct ktimer *timer, uint64_t *period_ns, bool *signalled);
/* Signal any other header (process, thread, file): state 1, wake all. */
void ke_signal_header(struct dispatcher_header *header);
LONG ke_read_state(struct dispatcher_header *header);

/* timeout: NT form, NULL: none. */
NTSTATUS ke_wait_for_object(struct dispatcher_header *object, bool alertable, const LARGE_INTEGER *timeout);
NTSTATUS ke_wait_for_objects(ULONG count, struct dispatcher_header *const *objects, WAIT_TYPE type, bool alertable,
			     const LARGE_INTEGER *timeout);
/* Signal an event (set), mutant or semaphore (release) and wait, with no moment in between. */
NTSTATUS ke_signal_and_wait(struct dispatcher_header *signal, struct dispatcher_header *object, bool alertable,
			    const LARGE_INTEGER *timeout);
NTSTATUS ke_delay(bool alertable, const LARGE_INTEGER *interval);
/* NT timeout -> deadline on CLOCK_MONOTONIC; NULL -> UINT64_MAX, 0 -> 0. An absolute one no longer follows clock steps;
 * ke_wait_* notice them. */
uint64_t ke_deadline(const LARGE_INTEGER *timeout);

/*
 * A wait list that is not an object: pipes, poll. A waiter queues itself, checks
 * its condition, then sleeps; ke_wake_list ends the sleep of all (or `count`).
 *
 *	ke_list_enqueue(&entry, &list); if (!ready) status = ke_list_sleep(...); ke_list_dequeue(&entry);
 */
struct ke_wake_entry {
	TAILQ_ENTRY(ke_wake_entry) link;
	struct ke_thread *thread;
	struct ke_wake_list *list;
	_Atomic bool woken;
};
struct ke_wake_list {
	struct rtl_lock lock; /* guards entries; a leaf */
	TAILQ_HEAD(, ke_wake_entry) entries;
	_Atomic uint32_t count; /* of entries: waking an empty list takes no lock */
};
void ke_wake_list_init(struct ke_wake_list *list);
void ke_list_enqueue(struct ke_wake_list *list, struct ke_wake_entry *entry);
void ke_list_dequeue(struct ke_wake_entry *entry);
void ke_wake_all(struct ke_wake_list *list);
/* Wake the entry that was queued first and is not woken yet; false if there is none. A woken waiter that gives up
 * passes it on. */
bool ke_wake_one(struct ke_wake_list *list);
/* Sleep until any of the current thread's entries is woken (which is then forgotten: check the condition after):
 * STATUS_SUCCESS, STATUS_TIMEOUT, or (alertable) STATUS_USER_APC / STATUS_ALERTED. */
NTSTATUS ke_list_sleep(struct ke_wake_entry *const *entries, size_t count, bool alertable, uint64_t deadline_ns);

/*
 * A lock that is held over what sleeps (gate.c). Zeroes are a free one. Wait for it: false, the thread is to end, has not
 * got it and is `killable`. No rtl_lock may be held.
 */
struct ke_gate {
	_Atomic bool taken;
	struct ke_wake_list waiters;
};
bool ke_enter_gate(struct ke_gate *gate, bool killable);
/* Without waiting, and so under a lock too. */
bool ke_try_gate(struct ke_gate *gate);
void ke_leave_gate(struct ke_gate *gate);

/*
 * A gate that is held over copies of guest memory, and whose holder may hang there for good: it is taken from one that is
 * given up (ke_release_turns). Who comes back from a copy and finds that it has the turn no longer leaves alone what that
 * guards. Zeroes are a free one.
 */
struct ke_turn {
	struct ke_gate gate;
	_Atomic(struct ke_thread *) holder;
	LIST_ENTRY(ke_turn) link;
};
/* False: the thread is to end. */
bool ke_begin_turn(struct ke_turn *turn);
bool ke_try_turn(struct ke_turn *turn);
bool ke_has_turn(const struct ke_turn *turn);
void ke_end_turn(struct ke_turn *turn);
/* All of a thread that was given up and is not buried yet. */
void ke_release_turns(struct ke_thread *thread);

/*
 * A blocking host call as an alertable wait: the raw result or -errno, or
 * -EINTR with *status set to STATUS_USER_APC or STATUS_ALERTED. Wakes that were not for an
 * alert restart the call (re-computing no timeout: pass absolute ones), unless `entries` is woken: then -EINTR with
 * STATUS_SUCCESS.
 */
int64_t ke_host_call(NTSTATUS *status, struct ke_wake_entry *const *entries, size_t count, long number,
		     const uint64_t arguments[6]);

/* If the thread has ended, the APC is run down by the caller. Whoever queues a user APC for a thread in user mode kicks
 * it. */
void ke_queue_apc(struct ke_thread *thread, struct ke_apc *apc, bool user);
/* True: it had not run yet, and will not. */
bool ke_remove_apc(struct ke_thread *thread, struct ke_apc *apc);
/* Run all queued user APCs of the current thread. user_apc_pending is cleared before the first runs, so that whoever
 * looks for signals must look after this. */
void ke_deliver_user_apcs(void);
/* Run the current thread's kernel APCs: where it leaves kernel mode. Waits do it by themselves. */
void ke_deliver_kernel_apcs(void);
/* End the thread's alertable wait with STATUS_ALERTED, or its next one. */
void ke_alert_thread(struct ke_thread *thread);
/* Set user_apc_pending and end an alertable wait with STATUS_USER_APC: how signals interrupt. */
void ke_signal_apc(struct ke_thread *thread);
/* Is there a reason for an alertable wait to end now? */
bool ke_alert_pending(struct ke_thread *thread);
/* Why it would end: STATUS_ALERTED (and the alert is taken) or STATUS_USER_APC; STATUS_SUCCESS: it would not. */
NTSTATUS ke_test_alert(struct ke_thread *thread);

/* The pair under NtWaitForAlertByThreadId: one sticky alert per thread. The wait is alertable: STATUS_ALERTED,
 * STATUS_TIMEOUT, STATUS_USER_APC. */
void ke_alert_thread_by_id(struct ke_thread *thread);
NTSTATUS ke_wait_for_alert_by_id(const LARGE_INTEGER *timeout);

/* The header of a queue (KE_QUEUE): signalled while it counts something. A wait takes nothing; who takes an entry says
 * so. */
void ke_queue_add(struct dispatcher_header *queue);
void ke_queue_remove(struct dispatcher_header *queue);

#endif
