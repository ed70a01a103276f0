/*
 * Dispatcher objects: what is signalled, what a satisfied wait does to the
 * object, and which waits end when an object's state goes up.
 *
 * A wait that ends is taken out of the lists of all its objects by the thread
 * that ends it, under the dispatcher lock; the waiting thread only wakes up and
 * reads the result. Waiters are served in the order in which they came.
 */
#include "ke_internal.h"

pthread_mutex_t ke_dispatcher_lock = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

void ke_initialize(void)
{
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
		READY_LIST(&thread->owned_mutants);
		TAILQ_INSERT_TAIL(&thread->owned_mutants, mutant, owned_link);
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

static bool try_all(struct ke_wait *wait, NTSTATUS *status)
{
	bool abandoned = false;

	for (ULONG i = 0; i < wait->count; i++)
		if (!is_signalled(wait->blocks[i].object, wait->thread))
			return false;
	for (ULONG i = 0; i < wait->count; i++)
		abandoned |= take_object(wait->blocks[i].object, wait->thread);
	*status = abandoned ? STATUS_ABANDONED_WAIT_0 : STATUS_WAIT_0;
	return true;
}

bool ke_try_wait_locked(struct ke_wait *wait, NTSTATUS *status)
{
	if (wait->type == WaitAll)
		return try_all(wait, status);
	for (ULONG i = 0; i < wait->count; i++) {
		struct dispatcher_header *object = wait->blocks[i].object;

		if (!is_signalled(object, wait->thread))
			continue;
		*status = (take_object(object, wait->thread) ? STATUS_ABANDONED_WAIT_0 : STATUS_WAIT_0) + (NTSTATUS)i;
		return true;
	}
	return false;
}

void ke_finish_wait_locked(struct ke_wait *wait, NTSTATUS status)
{
	for (ULONG i = 0; i < wait->count; i++)
		TAILQ_REMOVE(&wait->blocks[i].object->waiters, &wait->blocks[i], link);
	wait->done = true;
	wait->status = status;
	/* Under the lock: the thread must not end, and its parker go, before this is over. */
	if (wait->thread != ke_current_thread())
		hal_unpark(&wait->thread->parker);
}

/* End the first wait in the object's list that can end. */
static bool serve_one_waiter(struct dispatcher_header *object)
{
	struct ke_wait_block *block;

	TAILQ_FOREACH (block, &object->waiters, link) {
		struct ke_wait *wait = block->wait;
		NTSTATUS status;

		if (wait->type == WaitAny) {
			if (!is_signalled(object, wait->thread))
				return false;
			status = (take_object(object, wait->thread) ? STATUS_ABANDONED_WAIT_0 : STATUS_WAIT_0) +
				 (NTSTATUS)block->index;
		} else if (!try_all(wait, &status)) {
			continue;
		}
		ke_finish_wait_locked(wait, status);
		return true;
	}
	return false;
}

void ke_test_waiters_locked(struct dispatcher_header *object)
{
	READY_LIST(&object->waiters);
	while (object->signal_state > 0 && serve_one_waiter(object))
		;
}

void ke_signal_header(struct dispatcher_header *header)
{
	ke_lock();
	header->signal_state = 1;
	ke_test_waiters_locked(header);
	ke_unlock();
}

LONG ke_read_state(struct dispatcher_header *header)
{
	ke_lock();
	LONG state = header->signal_state;
	ke_unlock();
	return state;
}

void ke_queue_add(struct dispatcher_header *queue)
{
	ke_lock();
	queue->signal_state++;
	ke_test_waiters_locked(queue);
	ke_unlock();
}

void ke_queue_remove(struct dispatcher_header *queue)
{
	ke_lock();
	queue->signal_state--;
	ke_unlock();
}
