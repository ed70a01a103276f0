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

static void enqueue(struct ke_wait *wait)
{
	for (ULONG i = 0; i < wait->count; i++) {
		struct ke_wait_block *block = &wait->blocks[i];

		READY_LIST(&block->object->waiters);
		TAILQ_INSERT_TAIL(&block->object->waiters, block, link);
	}
}

/* Sleep until the wait is done. Called and left with the lock held. */
static void sleep_locked(struct ke_wait *wait, bool alertable, uint64_t deadline)
{
	struct ke_thread *thread = wait->thread;
	bool timed_out = false;

	while (!wait->done) {
		NTSTATUS alert = alertable ? ke_test_alert(thread) : STATUS_SUCCESS;

		if (alert != STATUS_SUCCESS) {
			ke_finish_wait_locked(wait, alert);
		} else if (timed_out) {
			ke_finish_wait_locked(wait, STATUS_TIMEOUT);
		} else {
			ke_unlock();
			ke_deliver_kernel_apcs();
			timed_out = !hal_park(&thread->parker, deadline);
			ke_lock();
		}
	}
}

/* Called with the lock held; leaves without it. */
static NTSTATUS wait_locked(struct ke_wait *wait, bool alertable, const LARGE_INTEGER *timeout)
{
	bool absolute = timeout && timeout->QuadPart > 0;
	uint64_t deadline = absolute ? UINT64_MAX : ke_deadline(timeout);
	struct ktimer timer = {.wait = wait, .absolute = true, .due_ns = absolute ? ke_realtime_of(*timeout) : 0};
	NTSTATUS status;

	if (ke_try_wait_locked(wait, &status) ||
	    (alertable && (status = ke_test_alert(wait->thread)) != STATUS_SUCCESS)) {
		ke_unlock();
		return status;
	}
	if (!deadline) {
		ke_unlock();
		return STATUS_TIMEOUT;
	}
	enqueue(wait);
	if (absolute)
		ke_insert_timer_locked(&timer);
	atomic_store_explicit(&wait->thread->uninterruptible, !alertable, memory_order_relaxed);
	sleep_locked(wait, alertable, deadline);
	atomic_store_explicit(&wait->thread->uninterruptible, false, memory_order_relaxed);
	ke_remove_timer_locked(&timer);
	wait->thread->wait_status = wait->status;
	ke_unlock();
	return wait->status;
}

static void prepare(struct ke_wait *wait, ULONG count, struct dispatcher_header *const *objects, WAIT_TYPE type,
		    struct ke_wait_block *blocks)
{
	*wait = (struct ke_wait){.thread = ke_current_thread(), .type = type, .count = count, .blocks = blocks};
	assert(wait->thread);
	for (ULONG i = 0; i < count; i++)
		blocks[i] = (struct ke_wait_block){.wait = wait, .object = objects[i], .index = i};
}

/* An absolute timeout needs the thread that expires timers. */
static NTSTATUS prepare_timeout(const LARGE_INTEGER *timeout)
{
	return timeout && timeout->QuadPart > 0 ? ke_start_timers() : STATUS_SUCCESS;
}

NTSTATUS ke_wait_for_objects(ULONG count, struct dispatcher_header *const *objects, WAIT_TYPE type, bool alertable,
			     const LARGE_INTEGER *timeout)
{
	struct ke_wait_block blocks[MAXIMUM_WAIT_OBJECTS];
	struct ke_wait wait;
	NTSTATUS status = prepare_timeout(timeout);

	if (count > MAXIMUM_WAIT_OBJECTS)
		return STATUS_INVALID_PARAMETER;
	if (!NT_SUCCESS(status))
		return status;
	prepare(&wait, count, objects, type, blocks);
	ke_lock();
	return wait_locked(&wait, alertable, timeout);
}

NTSTATUS ke_wait_for_object(struct dispatcher_header *object, bool alertable, const LARGE_INTEGER *timeout)
{
	struct ke_wait_block block;
	struct ke_wait wait;
	NTSTATUS status = prepare_timeout(timeout);

	if (!NT_SUCCESS(status))
		return status;
	prepare(&wait, 1, &object, WaitAny, &block);
	ke_lock();
	return wait_locked(&wait, alertable, timeout);
}

static NTSTATUS signal_locked(struct dispatcher_header *object)
{
	switch (object->type) {
	case KE_EVENT_NOTIFICATION:
	case KE_EVENT_SYNCHRONIZATION:
		ke_set_event_locked(object);
		return STATUS_SUCCESS;
	case KE_MUTANT:
		return ke_release_mutant_locked(container_of(object, struct kmutant, header), NULL);
	case KE_SEMAPHORE:
		return ke_release_semaphore_locked(container_of(object, struct ksemaphore, header), 1, NULL);
	case KE_TIMER_NOTIFICATION:
	case KE_TIMER_SYNCHRONIZATION:
	case KE_PROCESS:
	case KE_THREAD:
	case KE_QUEUE:
		break;
	}
	return STATUS_OBJECT_TYPE_MISMATCH;
}

NTSTATUS ke_signal_and_wait(struct dispatcher_header *signal, struct dispatcher_header *object, bool alertable,
			    const LARGE_INTEGER *timeout)
{
	struct ke_wait_block block;
	struct ke_wait wait;
	NTSTATUS status = prepare_timeout(timeout);

	if (!NT_SUCCESS(status))
		return status;
	prepare(&wait, 1, &object, WaitAny, &block);
	ke_lock();
	status = signal_locked(signal);
	if (!NT_SUCCESS(status)) {
		ke_unlock();
		return status;
	}
	return wait_locked(&wait, alertable, timeout);
}

NTSTATUS ke_delay(bool alertable, const LARGE_INTEGER *interval)
{
	struct ke_wait wait;
	NTSTATUS status = prepare_timeout(interval);

	if (!NT_SUCCESS(status))
		return status;
	/* WaitAny of nothing is never satisfied. */
	prepare(&wait, 0, NULL, WaitAny, NULL);
	ke_lock();
	status = wait_locked(&wait, alertable, interval);
	return status == STATUS_TIMEOUT ? STATUS_SUCCESS : status;
}
