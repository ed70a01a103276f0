/*
 * Dispatcher objects: what is signalled, what a satisfied wait does to the
 * object, and which waits end when an object's state goes up.
 *
 * Who signals an object holds its lock alone. A wait for any of several objects
 * is queued at each; whoever can satisfy it claims it first, and then takes the
 * object, so that no object is taken for a wait that another has ended. A wait
 * for all is satisfied with the locks of all held. Its thread takes them in the
 * order of their addresses; who signals one of them may only try the others: if
 * one is busy, the thread is woken to look for itself. Waiters are served in the
 * order in which they came.
 */
#include "ke_internal.h"

void ke_initialize(void)
{
}

void ke_note_unpark(struct ke_wakes *wakes, struct hal_parker *parker)
{
	struct hal_wake wake = hal_unpark_begin(parker);

	if (!hal_wake_is_due(wake))
		return;
	if (wakes->count == KE_WAKES_MAXIMUM)
		ke_send_wakes(wakes);
	wakes->wakes[wakes->count++] = wake;
}

/* Of a thread that holds locks, its caller's caller's perhaps. */
static _Thread_local struct ke_wakes put_off;

static void send_now(struct ke_wakes *wakes)
{
	for (unsigned i = 0; i < wakes->count; i++)
		hal_unpark_end(wakes->wakes[i]);
	wakes->count = 0;
}

static void send_put_off(void)
{
	send_now(&put_off);
}

void ke_send_wakes(struct ke_wakes *wakes)
{
	if (!rtl_holds_locks()) {
		send_now(wakes);
		return;
	}
	for (unsigned i = 0; i < wakes->count; i++) {
		if (put_off.count == KE_WAKES_MAXIMUM)
			send_now(&put_off);
		put_off.wakes[put_off.count++] = wakes->wakes[i];
		rtl_put_off(send_put_off);
	}
	wakes->count = 0;
}

void ke_initialize_header(struct dispatcher_header *header, enum dispatcher_type type)
{
	*header = (struct dispatcher_header){.type = type};
	TAILQ_INIT(&header->waiters);
}

static bool is_signalled(struct dispatcher_header *object, struct ke_thread *thread)
{
	if (object->signal_state > 0)
		return true;
	return object->type == KE_MUTANT && container_of(object, struct kmutant, header)->owner == thread;
}

/* Returns whether it was an abandoned mutant. */
static bool acquire_mutant(struct kmutant *mutant, struct ke_thread *thread)
{
	bool abandoned = mutant->abandoned;

	if (--mutant->header.signal_state == 0) {
		mutant->owner = thread;
		mutant->abandoned = false;
		rtl_lock(&thread->lock);
		READY_LIST(&thread->owned_mutants);
		TAILQ_INSERT_TAIL(&thread->owned_mutants, mutant, owned_link);
		rtl_unlock(&thread->lock);
		return abandoned;
	}
	return false;
}

/* What the end of a wait does to the object. Returns whether it was an abandoned mutant. */
static bool take_object(struct dispatcher_header *object, struct ke_thread *thread)
{
	switch (object->type) {
	case KE_EVENT_SYNCHRONIZATION:
	case KE_TIMER_SYNCHRONIZATION:
		object->signal_state = 0;
		return false;
	case KE_SEMAPHORE:
		object->signal_state--;
		return false;
	case KE_MUTANT:
		return acquire_mutant(container_of(object, struct kmutant, header), thread);
	case KE_EVENT_NOTIFICATION:
	case KE_TIMER_NOTIFICATION:
	case KE_PROCESS:
	case KE_THREAD:
	case KE_QUEUE:
		return false;
	}
	return false;
}

bool ke_claim_wait(struct ke_wait *wait)
{
	enum ke_wait_state expected = KE_WAITING;

	return atomic_compare_exchange_strong(&wait->state, &expected, KE_CLAIMED);
}

void ke_finish_wait(struct ke_wait *wait, NTSTATUS status, struct ke_wakes *wakes)
{
	wait->status = status;
	atomic_store(&wait->state, KE_DONE);
	if (wait->thread != ke_current_thread())
		ke_note_unpark(wakes, &wait->thread->parker);
}

static void queue_block(struct ke_wait_block *block)
{
	READY_LIST(&block->object->waiters);
	TAILQ_INSERT_TAIL(&block->object->waiters, block, link);
	block->linked = true;
	block->wait->queued++;
}

static void unlink_block(struct ke_wait_block *block)
{
	TAILQ_REMOVE(&block->object->waiters, block, link);
	block->linked = false;
}

/* The claimed wait ends by this object alone. */
static void finish_by(struct ke_wait_block *block, struct ke_wakes *wakes)
{
	NTSTATUS base = take_object(block->object, block->wait->thread) ? STATUS_ABANDONED_WAIT_0 : STATUS_WAIT_0;

	ke_finish_wait(block->wait, base + (NTSTATUS)block->index, wakes);
}

bool ke_visit_locked(struct ke_wait *wait, struct ke_wait_block *block)
{
	struct ke_wakes none = {0};

	if (is_signalled(block->object, wait->thread)) {
		if (ke_claim_wait(wait))
			finish_by(block, &none);
		return true;
	}
	if (!wait->polls)
		queue_block(block);
	return false;
}

/* With the locks of all objects held. True: the wait has ended. */
static bool try_all(struct ke_wait *wait, struct ke_wakes *wakes)
{
	bool abandoned = false;

	for (ULONG i = 0; i < wait->count; i++)
		if (!is_signalled(wait->blocks[i].object, wait->thread))
			return false;
	if (!ke_claim_wait(wait))
		return true;
	for (ULONG i = 0; i < wait->count; i++)
		abandoned |= take_object(wait->blocks[i].object, wait->thread);
	ke_finish_wait(wait, abandoned ? STATUS_ABANDONED_WAIT_0 : STATUS_WAIT_0, wakes);
	return true;
}

void ke_visit_all(struct ke_wait *wait)
{
	struct ke_wakes none = {0};

	for (ULONG i = 0; i < wait->ordered_count; i++)
		rtl_lock(&wait->ordered[i]->lock);
	if (!try_all(wait, &none) && !wait->polls && !wait->queued)
		for (ULONG i = 0; i < wait->count; i++)
			queue_block(&wait->blocks[i]);
	for (ULONG i = 0; i < wait->ordered_count; i++)
		rtl_unlock(&wait->ordered[i]->lock);
}

/* How many of its objects from the first on could be locked without waiting, but for `held`, which the caller holds. */
static ULONG try_locks(struct ke_wait *wait, struct dispatcher_header *held)
{
	ULONG i = 0;

	while (i < wait->ordered_count && (wait->ordered[i] == held || rtl_trylock(&wait->ordered[i]->lock)))
		i++;
	return i;
}

/* A WaitAll, seen from one of its objects. True: it has ended by this. */
static bool serve_all(struct ke_wait *wait, struct dispatcher_header *held, struct ke_wakes *wakes)
{
	if (atomic_load(&wait->state) != KE_WAITING)
		return false;

	ULONG locked = try_locks(wait, held);
	bool ended = false;

	if (locked == wait->ordered_count)
		ended = try_all(wait, wakes);
	else
		ke_note_unpark(wakes, &wait->thread->parker);
	while (locked--)
		if (wait->ordered[locked] != held)
			rtl_unlock(&wait->ordered[locked]->lock);
	return ended;
}

/* End the first wait in the object's list that can end. */
static bool serve_one_waiter(struct dispatcher_header *object, struct ke_wakes *wakes)
{
	struct ke_wait_block *block, *next;

	for (block = TAILQ_FIRST(&object->waiters); block; block = next) {
		next = TAILQ_NEXT(block, link);
		if (block->wait->type == WaitAll) {
			if (serve_all(block->wait, object, wakes))
				return true;
			continue;
		}
		if (!is_signalled(object, block->wait->thread))
			return false;
		unlink_block(block);
		if (ke_claim_wait(block->wait)) {
			finish_by(block, wakes);
			return true;
		}
	}
	return false;
}

void ke_test_waiters_locked(struct dispatcher_header *object, struct ke_wakes *wakes)
{
	READY_LIST(&object->waiters);
	while (object->signal_state > 0 && serve_one_waiter(object, wakes))
		;
}

void ke_end_wait(struct ke_wait *wait)
{
	for (ULONG i = 0; i < wait->queued; i++) {
		struct ke_wait_block *block = &wait->blocks[i];

		rtl_lock(&block->object->lock);
		if (block->linked)
			unlink_block(block);
		rtl_unlock(&block->object->lock);
	}
}

void ke_signal_header(struct dispatcher_header *header)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&header->lock);
	header->signal_state = 1;
	ke_test_waiters_locked(header, &wakes);
	ke_unlock_and_wake(header, &wakes);
}

LONG ke_read_state(struct dispatcher_header *header)
{
	rtl_lock(&header->lock);
	LONG state = header->signal_state;
	rtl_unlock(&header->lock);
	return state;
}

void ke_queue_add(struct dispatcher_header *queue)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&queue->lock);
	queue->signal_state++;
	ke_test_waiters_locked(queue, &wakes);
	ke_unlock_and_wake(queue, &wakes);
}

void ke_queue_remove(struct dispatcher_header *queue)
{
	rtl_lock(&queue->lock);
	queue->signal_state--;
	rtl_unlock(&queue->lock);
}
