/*
 * Guest memory as the rest of the supervisor reaches it. What the platform can't copy is the guest's fault: a page that it
 * protected or unmapped. No lock: a copy sees the memory as another processor would. A page may belong to a file whose server
 * hangs: the copier is away meanwhile.
 */
#include <executive/mm/space.h>

size_t mm_copy_from(struct mm_address_space *space, void *data, uint64_t address, size_t size)
{
	int64_t copied;

	if (!size)
		return 0;
	ke_go_away();
	copied = space->platform->read_memory(space->process, address, data, size);
	return ke_come_back() && copied > 0 ? (size_t)copied : 0;
}

size_t mm_copy_to(struct mm_address_space *space, uint64_t address, const void *data, size_t size)
{
	int64_t copied;

	if (!size)
		return 0;
	ke_go_away();
	copied = space->platform->write_memory(space->process, address, data, size);
	return ke_come_back() && copied > 0 ? (size_t)copied : 0;
}
