/*
 * Batches of host calls in the guest's address space: how the tree's changes become true. A batch runs in the calling
 * thread's own task, or, while exec builds a space, in its parked one. Every address in a call is a guest address that
 * mm_is_guest_range() let through. Under the space's lock.
 */
#include <executive/mm/space.h>
#include <executive/ps/ps.h>

#include <errno.h>

void mm_batch_begin(struct mm_batch *batch, struct mm_address_space *space)
{
	batch->space = space;
	batch->count = 0;
	batch->descriptor_count = 0;
}

void mm_batch_end(struct mm_batch *batch)
{
	for (size_t i = 0; i < batch->descriptor_count; i++)
		if (batch->owned[i])
			hal_close(batch->descriptors[i]);
	batch->descriptor_count = 0;
}

size_t mm_batch_add(struct mm_batch *batch, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	batch->calls[batch->count] = (struct pico_host_call){.number = number, .arguments = {a, b, c, d, e, f}, .result = -ENOSYS};
	return batch->count++;
}

NTSTATUS mm_batch_grant(struct mm_batch *batch, struct mm_section *section, int *number)
{
	size_t i;
	NTSTATUS status;

	for (i = 0; i < batch->descriptor_count; i++) {
		if (batch->sections[i] == section) {
			*number = (int)i;
			return STATUS_SUCCESS;
		}
	}
	status = mm_section_descriptor(section, &batch->descriptors[i], &batch->owned[i]);
	if (!NT_SUCCESS(status))
		return status;
	batch->sections[i] = section;
	batch->descriptor_count++;
	*number = (int)i;
	return STATUS_SUCCESS;
}

NTSTATUS mm_batch_run(struct mm_batch *batch)
{
	struct mm_address_space *space = batch->space;
	const struct pico_platform *platform = space->platform;
	struct ps_thread *thread = ps_current_thread();
	struct pico_thread *current = thread ? thread->pico : NULL;
	int error;

	if (space->target)
		error = platform->host_calls_in(current, space->target, batch->calls, batch->count, batch->descriptors,
						batch->descriptor_count);
	else if (current && platform->process_of(current) == space->process)
		error = platform->host_calls(current, batch->calls, batch->count, batch->descriptors, batch->descriptor_count);
	else
		return STATUS_NOT_SUPPORTED; /* another process' space: nobody's half could run it */
	return nt_status_from_errno(-error);
}

NTSTATUS mm_batch_status(const struct mm_batch *batch, size_t index)
{
	int64_t result = batch->calls[index].result;

	/* What is no errno is a result: the host's, or what a hostile guest wrote over it. */
	return result < 0 && result > -4096 ? nt_status_from_errno((int)-result) : STATUS_SUCCESS;
}

NTSTATUS mm_host_call(struct mm_address_space *space, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	cleanup_batch struct mm_batch batch;
	NTSTATUS status;

	mm_batch_begin(&batch, space);
	mm_batch_add(&batch, number, a, b, c, d, e, 0);
	status = mm_batch_run(&batch);
	return NT_SUCCESS(status) ? mm_batch_status(&batch, 0) : status;
}

NTSTATUS mm_host_call_around(struct mm_address_space *space, uint64_t number, uint64_t start, uint64_t end, uint64_t argument)
{
	const struct pico_platform *platform = space->platform;
	NTSTATUS status = STATUS_SUCCESS, upper = STATUS_SUCCESS;

	if (!mm_touches_platform(space, start, end))
		return mm_host_call(space, number, start, end - start, argument, 0, 0);
	if (start < platform->own_start)
		status = mm_host_call(space, number, start, platform->own_start - start, argument, 0, 0);
	/* A hole is found out at the end; anything else ends the call where it is met. */
	if (end > platform->own_end && (NT_SUCCESS(status) || status == nt_status_from_errno(ENOMEM)))
		upper = mm_host_call(space, number, platform->own_end, end - platform->own_end, argument, 0, 0);
	return NT_SUCCESS(status) ? upper : status;
}
