/*
 * Mutants: recursive locks with an owner. The state is 1 when free, and one less
 * for each time that the owner holds it. An owner that ends abandons it: the
 * next owner is told.
 */
#include "ke_internal.h"

#include <limits.h>

void ke_initialize_mutant(struct kmutant *mutant, bool owned)
{
	*mutant = (struct kmutant){.header.signal_state = 1};
	mutant->header.type = KE_MUTANT;
	TAILQ_INIT(&mutant->header.waiters);
	if (owned) {
		struct ke_thread *thread = ke_current_thread();

		mutant->header.signal_state = 0;
		mutant->owner = thread;
		rtl_lock(&thread->lock);
		READY_LIST(&thread->owned_mutants);
		TAILQ_INSERT_TAIL(&thread->owned_mutants, mutant, owned_link);
		rtl_unlock(&thread->lock);
	}
}

static void disown(struct kmutant *mutant)
{
	struct ke_thread *owner = mutant->owner;

	rtl_lock(&owner->lock);
	TAILQ_REMOVE(&owner->owned_mutants, mutant, owned_link);
	rtl_unlock(&owner->lock);
	mutant->owner = NULL;
}

NTSTATUS ke_release_mutant_locked(struct kmutant *mutant, LONG *previous, struct ke_wakes *wakes)
{
	if (mutant->owner != ke_current_thread())
		return STATUS_MUTANT_NOT_OWNED;
	if (previous)
		*previous = mutant->header.signal_state;
	if (++mutant->header.signal_state == 1) {
		disown(mutant);
		ke_test_waiters_locked(&mutant->header, wakes);
	}
	return STATUS_SUCCESS;
}

NTSTATUS ke_release_mutant(struct kmutant *mutant, LONG *previous)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&mutant->header.lock);
	NTSTATUS status = ke_release_mutant_locked(mutant, previous, &wakes);
	ke_unlock_and_wake(&mutant->header, &wakes);
	return status;
}

void ke_delete_mutant(struct kmutant *mutant)
{
	rtl_lock(&mutant->header.lock);
	if (mutant->owner)
		disown(mutant);
	rtl_unlock(&mutant->header.lock);
}

struct ke_mutant_state ke_query_mutant(struct kmutant *mutant)
{
	rtl_lock(&mutant->header.lock);
	struct ke_mutant_state state = {
	    .count = mutant->header.signal_state,
	    .owned_by_caller = mutant->owner && mutant->owner == ke_current_thread(),
	    .abandoned = mutant->abandoned,
	};
	rtl_unlock(&mutant->header.lock);
	return state;
}
