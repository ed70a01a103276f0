/*
 * Wake lists: waits of drivers for conditions of their own, and blocking host
 * calls that such a condition may end.
 *
 * The order is what keeps a wake from being lost: a waiter queues itself, then
 * looks at its condition; a waker changes the condition, then looks at the list.
 * The count is read and written with full barriers, so that a waker who sees an
 * empty list knows that the waiter will see the new condition.
 */
#include "ke_internal.h"

#include <errno.h>

void ke_wake_list_init(struct ke_wake_list *list)
{
	rtl_lock_initialize(&list->lock);
	TAILQ_INIT(&list->entries);
	atomic_store(&list->count, 0);
}

void ke_list_enqueue(struct ke_wake_list *list, struct ke_wake_entry *entry)
{
	entry->thread = ke_current_thread();
	entry->list = list;
	atomic_store(&entry->woken, false);
	rtl_lock(&list->lock);
	READY_LIST(&list->entries);
	TAILQ_INSERT_TAIL(&list->entries, entry, link);
	atomic_fetch_add(&list->count, 1);
	rtl_unlock(&list->lock);
}

void ke_list_dequeue(struct ke_wake_entry *entry)
{
	struct ke_wake_list *list = entry->list;

	rtl_lock(&list->lock);
	TAILQ_REMOVE(&list->entries, entry, link);
	atomic_fetch_sub(&list->count, 1);
	rtl_unlock(&list->lock);
}

void ke_wake_all(struct ke_wake_list *list)
{
	struct ke_wake_entry *entry;
	struct ke_wakes wakes = {0};

	if (!atomic_fetch_add(&list->count, 0))
		return;
	rtl_lock(&list->lock);
	READY_LIST(&list->entries);
	TAILQ_FOREACH (entry, &list->entries, link)
		if (!atomic_exchange(&entry->woken, true))
			ke_note_unpark(&wakes, &entry->thread->parker);
	rtl_unlock(&list->lock);
	ke_send_wakes(&wakes);
}

bool ke_wake_one(struct ke_wake_list *list)
{
	struct ke_wake_entry *entry;
	struct ke_wakes wakes = {0};
	bool woken = false;

	if (!atomic_fetch_add(&list->count, 0))
		return false;
	rtl_lock(&list->lock);
	READY_LIST(&list->entries);
	TAILQ_FOREACH (entry, &list->entries, link) {
		if (atomic_exchange(&entry->woken, true))
			continue;
		ke_note_unpark(&wakes, &entry->thread->parker);
		woken = true;
		break;
	}
	rtl_unlock(&list->lock);
	ke_send_wakes(&wakes);
	return woken;
}

/* Forget the wakes; true if there was one. */
static bool take_wakes(struct ke_wake_entry *const *entries, size_t count)
{
	bool woken = false;

	for (size_t i = 0; i < count; i++)
		woken |= atomic_exchange(&entries[i]->woken, false);
	return woken;
}

NTSTATUS ke_list_sleep(struct ke_wake_entry *const *entries, size_t count, bool alertable, uint64_t deadline_ns)
{
	struct ke_thread *thread = ke_current_thread();
	bool timed_out = false;

	assert(thread);
	for (;;) {
		ke_deliver_kernel_apcs();
		if (take_wakes(entries, count))
			return STATUS_SUCCESS;

		NTSTATUS alert = alertable ? ke_test_alert(thread) : STATUS_SUCCESS;

		if (alert != STATUS_SUCCESS)
			return alert;
		if (timed_out)
			return STATUS_TIMEOUT;
		timed_out = !hal_park(&thread->parker, deadline_ns);
	}
}

int64_t ke_host_call(NTSTATUS *status, struct ke_wake_entry *const *entries, size_t count, long number,
		     const uint64_t arguments[6])
{
	struct ke_thread *thread = ke_current_thread();

	assert(thread);
	for (;;) {
		ke_deliver_kernel_apcs();
		*status = STATUS_SUCCESS;
		if (take_wakes(entries, count))
			return -EINTR;
		*status = ke_test_alert(thread);
		if (*status != STATUS_SUCCESS)
			return -EINTR;

		int64_t result = hal_alertable_call_array(&thread->parker, number, arguments);

		if (result != -EINTR)
			return result;
	}
}
