/* Waits on handles, delays, and giving the processor away. */
#include <executive/ex/ex.h>

#include <nt/ntservices.h>

/* A handle's object, referenced, and what a wait on it waits for. */
static NTSTATUS reference_waitable(HANDLE handle, ACCESS_MASK access, void **object, struct dispatcher_header **header)
{
	NTSTATUS status = ob_reference_by_handle(handle, access, NULL, object);

	if (!NT_SUCCESS(status))
		return status;
	*header = ob_dispatcher(*object);
	return *header ? STATUS_SUCCESS : STATUS_HANDLE_NOT_WAITABLE;
}

NTSTATUS NtWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
	cleanup_object void *object = NULL;
	struct dispatcher_header *header;
	NTSTATUS status = reference_waitable(Handle, SYNCHRONIZE, &object, &header);

	return NT_SUCCESS(status) ? ke_wait_for_object(header, Alertable, Timeout) : status;
}

static bool has_duplicates(void *const *objects, ULONG count)
{
	for (ULONG i = 0; i < count; i++)
		for (ULONG j = 0; j < i; j++)
			if (objects[i] == objects[j])
				return true;
	return false;
}

NTSTATUS NtWaitForMultipleObjects(ULONG Count, const HANDLE *Handles, WAIT_TYPE WaitType, BOOLEAN Alertable,
				  PLARGE_INTEGER Timeout)
{
	struct dispatcher_header *headers[MAXIMUM_WAIT_OBJECTS];
	void *objects[MAXIMUM_WAIT_OBJECTS];
	NTSTATUS status = STATUS_SUCCESS;
	ULONG referenced = 0;

	if (!Count || Count > MAXIMUM_WAIT_OBJECTS)
		return STATUS_INVALID_PARAMETER_1;
	if (WaitType != WaitAll && WaitType != WaitAny)
		return STATUS_INVALID_PARAMETER_3;
	while (referenced < Count && NT_SUCCESS(status)) {
		objects[referenced] = NULL;
		status =
		    reference_waitable(Handles[referenced], SYNCHRONIZE, &objects[referenced], &headers[referenced]);
		referenced++;
	}
	if (NT_SUCCESS(status) && WaitType == WaitAll && has_duplicates(objects, Count))
		status = STATUS_INVALID_PARAMETER_MIX;
	if (NT_SUCCESS(status))
		status = ke_wait_for_objects(Count, headers, WaitType, Alertable, Timeout);
	while (referenced--)
		if (objects[referenced])
			ob_dereference(objects[referenced]);
	return status;
}

/* The right that signalling the object needs. */
static NTSTATUS signal_access(HANDLE handle, void **object)
{
	ACCESS_MASK granted, needed = 0;
	NTSTATUS status = ob_reference_by_handle(handle, 0, NULL, object);

	if (NT_SUCCESS(status))
		status = ob_handle_access(handle, &granted);
	if (!NT_SUCCESS(status))
		return status;
	if (ob_type_of(*object) == &ex_event_type)
		needed = EVENT_MODIFY_STATE;
	else if (ob_type_of(*object) == &ex_semaphore_type)
		needed = SEMAPHORE_MODIFY_STATE;
	else if (ob_type_of(*object) != &ex_mutant_type)
		return STATUS_OBJECT_TYPE_MISMATCH;
	return needed & ~granted ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
}

NTSTATUS NtSignalAndWaitForSingleObject(HANDLE SignalHandle, HANDLE WaitHandle, BOOLEAN Alertable,
					PLARGE_INTEGER Timeout)
{
	cleanup_object void *signal = NULL;
	cleanup_object void *object = NULL;
	struct dispatcher_header *header;
	NTSTATUS status = signal_access(SignalHandle, &signal);

	if (NT_SUCCESS(status))
		status = reference_waitable(WaitHandle, SYNCHRONIZE, &object, &header);
	return NT_SUCCESS(status) ? ke_signal_and_wait(ob_dispatcher(signal), header, Alertable, Timeout) : status;
}

NTSTATUS NtDelayExecution(BOOLEAN Alertable, PLARGE_INTEGER DelayInterval)
{
	if (!DelayInterval)
		return STATUS_INVALID_PARAMETER_2;
	/* No time at all: what a yield does. */
	if (!DelayInterval->QuadPart)
		hal_yield();
	return ke_delay(Alertable, DelayInterval);
}

NTSTATUS NtYieldExecution(void)
{
	/* The host does not say whether another thread ran; it was asked to let one. */
	hal_yield();
	return STATUS_SUCCESS;
}
