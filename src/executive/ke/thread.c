/*
 * Threads as the dispatcher sees them, their alerts and their APC queues.
 *
 * A thread that is alerted or given an APC is always unparked: if it sleeps, it
 * looks for the reason and goes back to sleep if its wait is not concerned; if
 * it is awake, its next sleep ends at once and does the same. So no state needs
 * to say where exactly it sleeps.
 */
#include "ke_internal.h"

static __thread struct ke_thread *current_thread;

struct ke_thread *ke_current_thread(void)
{
	return current_thread;
}

void ke_initialize_thread(struct ke_thread *thread)
{
	rtl_lock(&thread->header.lock);
	thread->header.type = KE_THREAD;
	READY_LIST(&thread->header.waiters);
	rtl_unlock(&thread->header.lock);
	rtl_lock(&thread->lock);
	READY_LIST(&thread->kernel_apcs);
	READY_LIST(&thread->user_apcs);
	READY_LIST(&thread->owned_mutants);
	rtl_unlock(&thread->lock);
}

void ke_thread_attach(struct ke_thread *thread)
{
	ke_initialize_thread(thread);
	hal_parker_adopt(&thread->parker);
	current_thread = thread;
}

/*
 * The first mutant of the thread, locked, and no longer its own; NULL: it has none. A mutant's lock comes before its
 * owner's, so it is only tried; and while it is in the list, its memory can't go.
 */
static struct kmutant *take_mutant(struct ke_thread *thread)
{
	for (;; hal_yield()) {
		rtl_lock(&thread->lock);

		struct kmutant *mutant = TAILQ_FIRST(&thread->owned_mutants);
		bool taken = mutant && rtl_trylock(&mutant->header.lock);

		if (taken)
			TAILQ_REMOVE(&thread->owned_mutants, mutant, owned_link);
		rtl_unlock(&thread->lock);
		if (taken || !mutant)
			return mutant;
	}
}

static void abandon_mutants(struct ke_thread *thread)
{
	struct kmutant *mutant;

	while ((mutant = take_mutant(thread))) {
		struct ke_wakes wakes = {0};

		mutant->owner = NULL;
		mutant->abandoned = true;
		mutant->header.signal_state = 1;
		ke_test_waiters_locked(&mutant->header, &wakes);
		ke_unlock_and_wake(&mutant->header, &wakes);
	}
}

static struct ke_apc *take_apc_locked(struct ke_apc_queue *queue)
{
	READY_LIST(queue);

	struct ke_apc *apc = TAILQ_FIRST(queue);

	if (apc) {
		TAILQ_REMOVE(queue, apc, link);
		apc->inserted = false;
	}
	return apc;
}

static struct ke_apc *take_apc(struct ke_thread *thread, struct ke_apc_queue *queue)
{
	rtl_lock(&thread->lock);
	struct ke_apc *apc = take_apc_locked(queue);
	rtl_unlock(&thread->lock);
	return apc;
}

static void run_down(struct ke_thread *thread, struct ke_apc_queue *queue)
{
	struct ke_apc *apc;

	while ((apc = take_apc(thread, queue)))
		if (apc->rundown)
			apc->rundown(apc);
}

void ke_thread_detach(struct ke_thread *thread)
{
	rtl_lock(&thread->lock);
	thread->ended = true;
	rtl_unlock(&thread->lock);
	abandon_mutants(thread);
	run_down(thread, &thread->kernel_apcs);
	run_down(thread, &thread->user_apcs);
	if (current_thread == thread)
		current_thread = NULL;
	/* Last: who waits for it may let go of its memory. */
	ke_signal_header(&thread->header);
}

void ke_queue_apc(struct ke_thread *thread, struct ke_apc *apc, bool user)
{
	struct ke_apc_queue *queue = user ? &thread->user_apcs : &thread->kernel_apcs;

	struct ke_wakes wakes = {0};

	rtl_lock(&thread->lock);
	bool ended = thread->ended;

	if (!ended && !apc->inserted) {
		READY_LIST(queue);
		TAILQ_INSERT_TAIL(queue, apc, link);
		apc->inserted = true;
		atomic_store(user ? &thread->user_apc_pending : &thread->kernel_apc_pending, true);
		ke_note_unpark(&wakes, &thread->parker);
	}
	rtl_unlock(&thread->lock);
	ke_send_wakes(&wakes);
	if (ended && apc->rundown)
		apc->rundown(apc);
}

static bool is_queued(struct ke_apc_queue *queue, struct ke_apc *apc)
{
	struct ke_apc *each;

	READY_LIST(queue);
	TAILQ_FOREACH (each, queue, link)
		if (each == apc)
			return true;
	return false;
}

bool ke_remove_apc(struct ke_thread *thread, struct ke_apc *apc)
{
	rtl_lock(&thread->lock);
	bool removed = apc->inserted;

	if (removed) {
		struct ke_apc_queue *queue =
		    is_queued(&thread->user_apcs, apc) ? &thread->user_apcs : &thread->kernel_apcs;

		TAILQ_REMOVE(queue, apc, link);
		apc->inserted = false;
	}
	rtl_unlock(&thread->lock);
	return removed;
}

void ke_deliver_kernel_apcs(void)
{
	struct ke_thread *thread = current_thread;
	struct ke_apc *apc;

	while (atomic_load(&thread->kernel_apc_pending)) {
		atomic_store(&thread->kernel_apc_pending, false);
		while ((apc = take_apc(thread, &thread->kernel_apcs)))
			apc->routine(apc);
	}
}

void ke_deliver_user_apcs(void)
{
	struct ke_thread *thread = current_thread;
	struct ke_apc *apc;

	ke_deliver_kernel_apcs();
	if (!atomic_load(&thread->user_apc_pending))
		return;
	atomic_store(&thread->user_apc_pending, false);
	while ((apc = take_apc(thread, &thread->user_apcs)))
		apc->routine(apc);
}

static void wake(struct ke_thread *thread)
{
	struct ke_wakes wakes = {0};

	ke_note_unpark(&wakes, &thread->parker);
	ke_send_wakes(&wakes);
}

void ke_alert_thread(struct ke_thread *thread)
{
	atomic_store(&thread->alerted, true);
	wake(thread);
}

void ke_signal_apc(struct ke_thread *thread)
{
	atomic_store(&thread->user_apc_pending, true);
	wake(thread);
}

/* Nothing pending is the usual answer: it costs three loads. */
NTSTATUS ke_test_alert(struct ke_thread *thread)
{
	if (atomic_load(&thread->alerted) && atomic_exchange(&thread->alerted, false))
		return STATUS_ALERTED;
	if (atomic_load(&thread->user_apc_pending) || atomic_load(&thread->terminating))
		return STATUS_USER_APC;
	return STATUS_SUCCESS;
}

bool ke_alert_pending(struct ke_thread *thread)
{
	return atomic_load(&thread->user_apc_pending) || atomic_load(&thread->terminating) ||
	       atomic_load(&thread->alerted);
}

void ke_alert_thread_by_id(struct ke_thread *thread)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&thread->lock);
	thread->alert_by_id = true;
	ke_note_unpark(&wakes, &thread->parker);
	rtl_unlock(&thread->lock);
	ke_send_wakes(&wakes);
}

NTSTATUS ke_wait_for_alert_by_id(const LARGE_INTEGER *timeout)
{
	struct ke_thread *thread = current_thread;
	uint64_t deadline = ke_deadline(timeout);
	bool timed_out = false;

	for (;;) {
		ke_deliver_kernel_apcs();
		rtl_lock(&thread->lock);
		NTSTATUS status = thread->alert_by_id ? STATUS_ALERTED : ke_test_alert(thread);

		thread->alert_by_id = thread->alert_by_id && status != STATUS_ALERTED;
		rtl_unlock(&thread->lock);
		if (status != STATUS_SUCCESS)
			return status;
		if (timed_out)
			return STATUS_TIMEOUT;
		timed_out = !hal_park(&thread->parker, deadline);
	}
}
