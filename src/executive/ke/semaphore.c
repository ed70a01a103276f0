/* Semaphores. */
#include "ke_internal.h"

void ke_initialize_semaphore(struct ksemaphore *semaphore, LONG count, LONG limit)
{
	ke_initialize_header(&semaphore->header, KE_SEMAPHORE);
	semaphore->header.signal_state = count;
	semaphore->limit = limit;
}

NTSTATUS ke_release_semaphore_locked(struct ksemaphore *semaphore, LONG adjustment, LONG *previous,
				     struct ke_wakes *wakes)
{
	LONG count = semaphore->header.signal_state;

	if (adjustment <= 0 || count > semaphore->limit - adjustment)
		return STATUS_SEMAPHORE_LIMIT_EXCEEDED;
	if (previous)
		*previous = count;
	semaphore->header.signal_state = count + adjustment;
	ke_test_waiters_locked(&semaphore->header, wakes);
	return STATUS_SUCCESS;
}

NTSTATUS ke_release_semaphore(struct ksemaphore *semaphore, LONG adjustment, LONG *previous)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&semaphore->header.lock);
	NTSTATUS status = ke_release_semaphore_locked(semaphore, adjustment, previous, &wakes);
	ke_unlock_and_wake(&semaphore->header, &wakes);
	return status;
}
