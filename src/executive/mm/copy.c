/*
 * Guest memory as the rest of the supervisor reaches it. What the platform can't copy is the guest's fault: a page that it
 * protected or unmapped. No lock: a copy sees the memory as another processor would.
 */
#include <executive/mm/space.h>

size_t mm_copy_from(struct mm_address_space *space, void *data, uint64_t address, size_t size)
{
	int64_t copied = size ? space->platform->read_memory(space->process, address, data, size) : 0;

	return copied < 0 ? 0 : (size_t)copied;
}

size_t mm_copy_to(struct mm_address_space *space, uint64_t address, const void *data, size_t size)
{
	int64_t copied = size ? space->platform->write_memory(space->process, address, data, size) : 0;

	return copied < 0 ? 0 : (size_t)copied;
}
