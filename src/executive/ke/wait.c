/*
 * Waits, as KeWaitForMultipleObjects: objects first, then alerts, then time. A
 * timeout that is an absolute time of day follows steps of that clock: it is a
 * timer whose expiry ends the wait.
 */
#include "ke_internal.h"

uint64_t ke_realtime_of(LARGE_INTEGER time)
{
	if (time.QuadPart <= NT_UNIX_EPOCH)
		return 0;

	uint64_t units = (uint64_t)(time.QuadPart - NT_UNIX_EPOCH);

	return units > UINT64_MAX / 100 ? UINT64_MAX : units * 100;
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t ke_deadline(const LARGE_INTEGER *timeout)
{
	if (!timeout)
		return UINT64_MAX;
	if (!timeout->QuadPart)
		return 0;

	uint64_t now = hal_time(HAL_CLOCK_MONOTONIC);

	if (timeout->QuadPart < 0) {
		uint64_t units = -(uint64_t)timeout->QuadPart;

		return units > UINT64_MAX / 100 ? UINT64_MAX : add_saturated(now, units * 100);
	}

	uint64_t due = ke_realtime_of(*timeout), today = hal_time(HAL_CLOCK_REALTIME);

	if (due == UINT64_MAX)
		return UINT64_MAX;
	return due <= today ? 0 : add_saturated(now, due - today);
}

/* The waiting thread itself ends its wait, unless another has. */
static void give_up(struct ke_wait *wait, NTSTATUS status)
{
	struct ke_wakes none = {0};

	if (ke_claim_wait(wait))
		ke_finish_wait(wait, status, &none);
}

static void finish_by_alert(struct ke_wait *wait)
{
	struct ke_wakes none = {0};

	ke_finish_wait(wait, ke_test_alert(wait->thread), &none);
}

/* Until the wait is done or claimed by another thread, which ke_end_wait() waits for. */
static void sleep_until_done(struct ke_wait *wait, bool alertable, uint64_t deadline)
{
	struct ke_thread *thread = wait->thread;
	bool timed_out = !deadline;

	while (atomic_load(&wait->state) == KE_WAITING) {
		if (alertable && ke_alert_pending(thread)) {
			if (ke_claim_wait(wait))
				finish_by_alert(wait);
		} else if (timed_out) {
			give_up(wait, STATUS_TIMEOUT);
		} else if (atomic_load(&thread->kernel_apc_pending)) {
			/* It may sleep, too, and use up the wake that ends this wait. */
			ke_deliver_kernel_apcs();
		} else {
			timed_out = !hal_park(&thread->parker, deadline);
			if (wait->type == WaitAll)
				ke_visit_all(wait);
		}
	}
}

/* The wait has been to its objects. */
static NTSTATUS finish(struct ke_wait *wait, bool alertable, const LARGE_INTEGER *timeout)
{
	bool absolute = !wait->polls && timeout && timeout->QuadPart > 0;
	uint64_t deadline = absolute ? UINT64_MAX : wait->polls ? 0 : ke_deadline(timeout);
	struct ktimer timer = {.wait = wait, .absolute = true, .due_ns = absolute ? ke_realtime_of(*timeout) : 0};

	if (absolute)
		ke_insert_wait_timer(&timer);
	atomic_store_explicit(&wait->thread->uninterruptible, !alertable, memory_order_relaxed);
	sleep_until_done(wait, alertable, deadline);
	atomic_store_explicit(&wait->thread->uninterruptible, false, memory_order_relaxed);
	if (absolute)
		ke_cancel_timer(&timer);
	ke_end_wait(wait);
	assert(atomic_load(&wait->state) == KE_DONE);
	wait->thread->wait_status = wait->status;
	return wait->status;
}

static void visit_any(struct ke_wait *wait)
{
	for (ULONG i = 0; i < wait->count; i++) {
		struct dispatcher_header *object = wait->blocks[i].object;

		rtl_lock(&object->lock);
		bool ended = ke_visit_locked(wait, &wait->blocks[i]);
		rtl_unlock(&object->lock);
		if (ended)
			return;
	}
}

static int compare_addresses(const void *a, const void *b)
{
	uintptr_t first = (uintptr_t)*(struct dispatcher_header *const *)a;
	uintptr_t second = (uintptr_t)*(struct dispatcher_header *const *)b;

	return first < second ? -1 : first > second;
}

/* WaitAll: each object once, in the order of addresses. */
static void order_objects(struct ke_wait *wait, struct dispatcher_header **ordered)
{
	for (ULONG i = 0; i < wait->count; i++)
		ordered[i] = wait->blocks[i].object;
	qsort(ordered, wait->count, sizeof(*ordered), compare_addresses);
	for (ULONG i = 0; i < wait->count; i++)
		if (!i || ordered[i] != ordered[i - 1])
			ordered[wait->ordered_count++] = ordered[i];
	wait->ordered = ordered;
}

static void prepare(struct ke_wait *wait, ULONG count, struct dispatcher_header *const *objects, WAIT_TYPE type,
		    struct ke_wait_block *blocks)
{
	/* All of one object is any of it. */
	*wait = (struct ke_wait){
	    .thread = ke_current_thread(), .type = count > 1 ? type : WaitAny, .count = count, .blocks = blocks};
	assert(wait->thread);
	for (ULONG i = 0; i < count; i++)
		blocks[i] = (struct ke_wait_block){.wait = wait, .object = objects[i], .index = i};
}

/* An absolute timeout needs the thread that expires timers. */
static NTSTATUS prepare_timeout(struct ke_wait *wait, const LARGE_INTEGER *timeout)
{
	wait->polls = timeout && (!timeout->QuadPart || (timeout->QuadPart > 0 && !ke_deadline(timeout)));
	return timeout && timeout->QuadPart > 0 && !wait->polls ? ke_start_timers() : STATUS_SUCCESS;
}

NTSTATUS ke_wait_for_objects(ULONG count, struct dispatcher_header *const *objects, WAIT_TYPE type, bool alertable,
			     const LARGE_INTEGER *timeout)
{
	struct ke_wait_block blocks[MAXIMUM_WAIT_OBJECTS];
	struct dispatcher_header *ordered[MAXIMUM_WAIT_OBJECTS];
	struct ke_wait wait;

	if (count > MAXIMUM_WAIT_OBJECTS)
		return STATUS_INVALID_PARAMETER;
	prepare(&wait, count, objects, type, blocks);

	NTSTATUS status = prepare_timeout(&wait, timeout);

	if (!NT_SUCCESS(status))
		return status;
	if (wait.type == WaitAll) {
		order_objects(&wait, ordered);
		ke_visit_all(&wait);
	} else {
		visit_any(&wait);
	}
	return finish(&wait, alertable, timeout);
}

NTSTATUS ke_wait_for_object(struct dispatcher_header *object, bool alertable, const LARGE_INTEGER *timeout)
{
	struct ke_wait_block block;
	struct ke_wait wait;

	prepare(&wait, 1, &object, WaitAny, &block);

	NTSTATUS status = prepare_timeout(&wait, timeout);

	if (!NT_SUCCESS(status))
		return status;
	visit_any(&wait);
	return finish(&wait, alertable, timeout);
}

static NTSTATUS signal_locked(struct dispatcher_header *object, struct ke_wakes *wakes)
{
	switch (object->type) {
	case KE_EVENT_NOTIFICATION:
	case KE_EVENT_SYNCHRONIZATION:
		ke_set_event_locked(object, wakes);
		return STATUS_SUCCESS;
	case KE_MUTANT:
		return ke_release_mutant_locked(container_of(object, struct kmutant, header), NULL, wakes);
	case KE_SEMAPHORE:
		return ke_release_semaphore_locked(container_of(object, struct ksemaphore, header), 1, NULL, wakes);
	case KE_TIMER_NOTIFICATION:
	case KE_TIMER_SYNCHRONIZATION:
	case KE_PROCESS:
	case KE_THREAD:
	case KE_QUEUE:
		break;
	}
	return STATUS_OBJECT_TYPE_MISMATCH;
}

/* With both locks held: nobody sees the one signalled and the thread not yet waiting for the other. */
static NTSTATUS signal_and_visit(struct ke_wait *wait, struct dispatcher_header *signal)
{
	struct dispatcher_header *object = wait->blocks[0].object;
	struct dispatcher_header *first = MIN_OF(signal, object), *second = MAX_OF(signal, object);
	struct ke_wakes wakes = {0};

	rtl_lock(&first->lock);
	if (second != first)
		rtl_lock(&second->lock);

	NTSTATUS status = signal_locked(signal, &wakes);

	if (NT_SUCCESS(status))
		ke_visit_locked(wait, &wait->blocks[0]);
	if (second != first)
		rtl_unlock(&second->lock);
	ke_unlock_and_wake(first, &wakes);
	return status;
}

NTSTATUS ke_signal_and_wait(struct dispatcher_header *signal, struct dispatcher_header *object, bool alertable,
			    const LARGE_INTEGER *timeout)
{
	struct ke_wait_block block;
	struct ke_wait wait;

	prepare(&wait, 1, &object, WaitAny, &block);

	NTSTATUS status = prepare_timeout(&wait, timeout);

	if (NT_SUCCESS(status))
		status = signal_and_visit(&wait, signal);
	return NT_SUCCESS(status) ? finish(&wait, alertable, timeout) : status;
}

NTSTATUS ke_delay(bool alertable, const LARGE_INTEGER *interval)
{
	struct ke_wait wait;

	/* WaitAny of nothing is never satisfied. */
	prepare(&wait, 0, NULL, WaitAny, NULL);

	NTSTATUS status = prepare_timeout(&wait, interval);

	if (NT_SUCCESS(status))
		status = finish(&wait, alertable, interval);
	return status == STATUS_TIMEOUT ? STATUS_SUCCESS : status;
}
