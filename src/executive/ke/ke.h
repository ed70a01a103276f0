/*
 * Kernel: dispatcher objects, waits, APCs, timers.
 *
 * Every waitable object begins with, or contains, a dispatcher_header. A wait
 * returns STATUS_WAIT_0 + n, STATUS_TIMEOUT, STATUS_ALERTED, STATUS_USER_APC or
 * STATUS_ABANDONED_WAIT_0 + n, as KeWaitForMultipleObjects does. Nothing in the
 * executive or the drivers sleeps except through ke_wait_* and ke_host_call.
 *
 * One lock, the dispatcher lock, guards all headers, wait lists, timers and APC
 * queues; it is a leaf: nothing is taken under it.
 */
#ifndef KE_KE_H
#define KE_KE_H

#include <hal/hal.h>
#include <nt/ntke.h>
#include <sys/queue.h>

struct ke_thread;
struct ke_wait_block;
TAILQ_HEAD(ke_wait_list, ke_wait_block);

enum dispatcher_type { KE_EVENT_NOTIFICATION, KE_EVENT_SYNCHRONIZATION, KE_MUTANT, KE_SEMAPHORE, KE_TIMER_NOTIFICATION, KE_TIMER_SYNCHRONIZATION, KE_PROCESS, KE_THREAD, KE_QUEUE };

struct dispatcher_header {
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
	TAILQ_ENTRY(kmutant) owned_link;
};

struct ksemaphore {
	struct dispatcher_header header;
	LONG limit;
};

struct ke_apc {
	TAILQ_ENTRY(ke_apc) link;
	bool inserted;
	/* Run by the target thread: a kernel APC as soon as it waits or leaves kernel mode, a user APC from deliver_apcs. */
	void (*routine)(struct ke_apc *apc);
	void (*rundown)(struct ke_apc *apc); /* instead, if the thread ends first; may be NULL */
};
TAILQ_HEAD(ke_apc_queue, ke_apc);

struct ktimer {
	struct dispatcher_header header;
	uint64_t due_ns;    /* CLOCK_MONOTONIC, or CLOCK_REALTIME if absolute */
	uint64_t period_ns; /* 0: one shot */
	bool absolute, inserted;
	/* Called by the timer thread at each expiry without locks held; may be NULL. */
	void (*routine)(struct ktimer *timer, void *context);
	void *context;
	TAILQ_ENTRY(ktimer) link;
};

/* A thread as the dispatcher sees it; embedded in ps_thread. */
struct ke_thread {
	struct dispatcher_header header; /* signalled at its end */
	struct hal_parker parker;
	struct ke_apc_queue kernel_apcs, user_apcs;
	_Atomic bool user_apc_pending; /* something for deliver_apcs: checked without the lock */
	bool alerted;        /* NtAlertThread */
	bool alert_by_id;    /* NtAlertThreadByThreadId */
	bool waiting;
	bool wait_alertable;
	NTSTATUS wait_status;
	_Atomic bool terminating; /* every alertable wait ends with STATUS_USER_APC */
	TAILQ_HEAD(, kmutant) owned_mutants;
};

void ke_initialize(void);
/* The calling supervisor thread becomes `thread` (thread-local) and may wait. */
void ke_thread_attach(struct ke_thread *thread);
/* Its end: mutants are abandoned, APCs run down, the header signalled. */
void ke_thread_detach(struct ke_thread *thread);
struct ke_thread *ke_current_thread(void);

void ke_initialize_event(struct kevent *event, EVENT_TYPE type, bool state);
/* Return the previous state. */
LONG ke_set_event(struct kevent *event);
LONG ke_reset_event(struct kevent *event);
void ke_pulse_event(struct kevent *event);
void ke_initialize_mutant(struct kmutant *mutant, bool owned);
NTSTATUS ke_release_mutant(struct kmutant *mutant, LONG *previous);
void ke_initialize_semaphore(struct ksemaphore *semaphore, LONG count, LONG limit);
NTSTATUS ke_release_semaphore(struct ksemaphore *semaphore, LONG adjustment, LONG *previous);
void ke_initialize_timer(struct ktimer *timer, TIMER_TYPE type);
/* due: NT form (negative: relative, 100 ns). Returns whether it was set before. */
bool ke_set_timer(struct ktimer *timer, LARGE_INTEGER due, uint64_t period_ns);
/* The same in nanoseconds of CLOCK_MONOTONIC (or CLOCK_REALTIME if absolute). */
bool ke_set_timer_ns(struct ktimer *timer, uint64_t due_ns, bool absolute, uint64_t period_ns);
bool ke_cancel_timer(struct ktimer *timer);
/* Signal any other header (process, thread, file): state 1, wake all. */
void ke_signal_header(struct dispatcher_header *header);
LONG ke_read_state(struct dispatcher_header *header);

/* timeout: NT form, NULL: none. */
NTSTATUS ke_wait_for_object(struct dispatcher_header *object, bool alertable, const LARGE_INTEGER *timeout);
NTSTATUS ke_wait_for_objects(ULONG count, struct dispatcher_header *const *objects, WAIT_TYPE type, bool alertable,
			     const LARGE_INTEGER *timeout);
NTSTATUS ke_delay(bool alertable, const LARGE_INTEGER *interval);
/* NT timeout -> deadline on CLOCK_MONOTONIC; NULL -> UINT64_MAX. */
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
	TAILQ_HEAD(, ke_wake_entry) entries;
};
void ke_wake_list_init(struct ke_wake_list *list);
void ke_list_enqueue(struct ke_wake_list *list, struct ke_wake_entry *entry);
void ke_list_dequeue(struct ke_wake_entry *entry);
void ke_wake_all(struct ke_wake_list *list);
/* Wake the entry that was queued first and is not woken yet; false if there is none. A woken waiter that gives up passes it on. */
bool ke_wake_one(struct ke_wake_list *list);
/* Sleep until any of the current thread's entries is woken: STATUS_SUCCESS, STATUS_TIMEOUT, or (alertable) STATUS_USER_APC / STATUS_ALERTED. */
NTSTATUS ke_list_sleep(struct ke_wake_entry *const *entries, size_t count, bool alertable, uint64_t deadline_ns);

/*
 * A blocking host call as an alertable wait: the raw result or -errno, or
 * -EINTR with *status set to STATUS_USER_APC or STATUS_ALERTED. Wakes that were not for an
 * alert restart the call (re-computing no timeout: pass absolute ones), unless `entries` is woken: then -EINTR with STATUS_SUCCESS.
 */
int64_t ke_host_call(NTSTATUS *status, struct ke_wake_entry *const *entries, size_t count, long number, const uint64_t arguments[6]);

void ke_queue_apc(struct ke_thread *thread, struct ke_apc *apc, bool user);
bool ke_remove_apc(struct ke_thread *thread, struct ke_apc *apc);
/* Run all queued user APCs of the current thread. */
void ke_deliver_user_apcs(void);
/* End the thread's alertable wait with STATUS_ALERTED, or its next one. */
void ke_alert_thread(struct ke_thread *thread);
/* Set user_apc_pending and end an alertable wait with STATUS_USER_APC: how signals interrupt. */
void ke_signal_apc(struct ke_thread *thread);
/* Is there a reason for an alertable wait to end now? */
bool ke_alert_pending(struct ke_thread *thread);

#endif
