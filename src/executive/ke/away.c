/*
 * Threads that hang in the host. The thread says that it is away before what may hang and that it is back behind it; who
 * gives it up turns the one word from "away" to "given up" and later to "buried". So exactly one of the two goes on.
 */
#include "ke_internal.h"

#include <hal/hal.h>

/* Of whoever waits for its own burial; nobody else sleeps long there. */
static struct rtl_lock burial_lock = RTL_LOCK_INITIALIZER;
static pthread_cond_t buried = PTHREAD_COND_INITIALIZER;

void ke_go_away(void)
{
	struct ke_thread *thread = ke_current_thread();
	enum ke_whereabouts here = KE_HERE;

	if (thread && !thread->away_depth++)
		atomic_compare_exchange_strong_explicit(&thread->whereabouts, &here, KE_AWAY, memory_order_release,
							memory_order_relaxed);
}

static void wait_for_burial(struct ke_thread *thread)
{
	rtl_lock(&burial_lock);
	while (atomic_load(&thread->whereabouts) != KE_BURIED)
		rtl_condition_wait(&buried, &burial_lock);
	rtl_unlock(&burial_lock);
}

bool ke_come_back(void)
{
	struct ke_thread *thread = ke_current_thread();
	enum ke_whereabouts away = KE_AWAY;

	if (!thread)
		return true;
	if (--thread->away_depth)
		return atomic_load_explicit(&thread->whereabouts, memory_order_relaxed) == KE_AWAY;
	if (atomic_compare_exchange_strong(&thread->whereabouts, &away, KE_HERE))
		return true;
	wait_for_burial(thread);
	return false;
}

bool ke_give_up(struct ke_thread *thread)
{
	enum ke_whereabouts away = KE_AWAY;

	return atomic_compare_exchange_strong(&thread->whereabouts, &away, KE_GIVEN_UP);
}

void ke_bury(struct ke_thread *thread)
{
	rtl_lock(&burial_lock);
	atomic_store(&thread->whereabouts, KE_BURIED);
	pthread_cond_broadcast(&buried);
	rtl_unlock(&burial_lock);
}
