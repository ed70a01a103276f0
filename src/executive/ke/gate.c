/*
 * Gates: locks that are held over what sleeps, such as a host call on a slow
 * file or a trip into a guest. Each belongs to what its users share anyway (a
 * file, a futex word); and who waits for one can be killed.
 */
#include "ke_internal.h"

bool ke_try_gate(struct ke_gate *gate)
{
	return !atomic_exchange(&gate->taken, true);
}

/* Until the holder leaves. False: the thread is to end. */
static bool sleep_at(struct ke_wake_entry *entry, bool killable)
{
	struct ke_thread *thread = entry->thread;

	while (!atomic_exchange(&entry->woken, false)) {
		if (killable && atomic_load(&thread->terminating))
			return false;
		if (atomic_load(&thread->kernel_apc_pending))
			ke_deliver_kernel_apcs();
		else
			hal_park(&thread->parker, UINT64_MAX);
	}
	return true;
}

bool ke_enter_gate(struct ke_gate *gate, bool killable)
{
	struct ke_wake_entry entry;
	bool entered = ke_try_gate(gate), goes_on = true;

	if (entered)
		return true;
	ke_list_enqueue(&gate->waiters, &entry);
	while (goes_on && !(entered = ke_try_gate(gate)))
		goes_on = sleep_at(&entry, killable);
	ke_list_dequeue(&entry);
	/* A wake that it got, and does not use, is for the next. */
	if (!entered && !atomic_load(&gate->taken))
		ke_wake_one(&gate->waiters);
	return entered;
}

void ke_leave_gate(struct ke_gate *gate)
{
	atomic_store(&gate->taken, false);
	ke_wake_one(&gate->waiters);
}

static void note_holder(struct ke_turn *turn)
{
	struct ke_thread *thread = ke_current_thread();

	atomic_store_explicit(&turn->holder, thread, memory_order_relaxed);
	if (unlikely(!thread))
		return;
	rtl_lock(&thread->turns_lock);
	LIST_INSERT_HEAD(&thread->turns, turn, link);
	rtl_unlock(&thread->turns_lock);
}

/* Of the thread whose lock is held. */
static void leave_turn(struct ke_turn *turn)
{
	LIST_REMOVE(turn, link);
	atomic_store_explicit(&turn->holder, NULL, memory_order_relaxed);
	ke_leave_gate(&turn->gate);
}

bool ke_try_turn(struct ke_turn *turn)
{
	if (!ke_try_gate(&turn->gate))
		return false;
	note_holder(turn);
	return true;
}

bool ke_begin_turn(struct ke_turn *turn)
{
	if (!ke_enter_gate(&turn->gate, true))
		return false;
	note_holder(turn);
	return true;
}

bool ke_has_turn(const struct ke_turn *turn)
{
	return atomic_load_explicit(&turn->holder, memory_order_relaxed) == ke_current_thread();
}

void ke_end_turn(struct ke_turn *turn)
{
	struct ke_thread *thread = ke_current_thread();

	if (unlikely(!thread)) {
		ke_leave_gate(&turn->gate);
		return;
	}
	/* Who gives the thread up may be about to take the turn from it, and is done with that once the lock is free. */
	rtl_lock(&thread->turns_lock);
	if (likely(ke_has_turn(turn)))
		leave_turn(turn);
	rtl_unlock(&thread->turns_lock);
}

void ke_release_turns(struct ke_thread *thread)
{
	struct ke_turn *turn;

	rtl_lock(&thread->turns_lock);
	while ((turn = LIST_FIRST(&thread->turns)))
		leave_turn(turn);
	rtl_unlock(&thread->turns_lock);
}
