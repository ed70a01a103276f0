/*
 * process_vm_readv(2), process_vm_writev(2): between the caller's memory and another process', by NtReadVirtualMemory and
 * NtWriteVirtualMemory on a handle to it. A fault after some bytes is a short transfer.
 */
#include <core/process.h>
#include <core/thread.h>
#include <credentials/credentials.h>
#include <lx_syscalls.h>

#define MAXIMUM_SEGMENTS 1024u
#define MAXIMUM_TRANSFER 0x7ffff000u
#define CHUNK_SIZE (64u << 10)

struct cursor {
	struct io_segment *segments;
	uint64_t count, index, offset;
};

struct transfer {
	struct lx_call *call;
	struct cursor local, remote;
	bool writing;
	HANDLE process;
};

/* `bounded`: local addresses are checked as the kernel imports them; remote ones are looked at as they are reached. */
static int64_t import(struct lx_call *call, struct cursor *cursor, struct lx_uptr from, uint64_t count, bool bounded)
{
	uint64_t total = 0;

	cursor->segments = NULL;
	if (count > MAXIMUM_SEGMENTS)
		return -LX_EINVAL;
	if (!count)
		return 0;
	cursor->segments = calloc(count, sizeof(*cursor->segments));
	cursor->count = count;
	if (!cursor->segments)
		return -LX_ENOMEM;
	if (lx_copy_in_segments(call, cursor->segments, from, count))
		return -LX_EFAULT;
	for (uint64_t i = 0; i < count; i++)
		if ((int64_t)cursor->segments[i].size < 0)
			return -LX_EINVAL;
	for (uint64_t i = 0; bounded && i < count; i++) {
		struct io_segment *segment = &cursor->segments[i];

		if (segment->base > ps_platform()->highest_address || segment->size > ps_platform()->highest_address - segment->base)
			return -LX_EFAULT;
		segment->size = MIN_OF(segment->size, MAXIMUM_TRANSFER - total);
		total += segment->size;
	}
	return (int64_t)total;
}

/* The next bytes of a cursor that lie together; false at its end. */
static bool peek(struct cursor *cursor, uint64_t *address, uint64_t *size)
{
	while (cursor->index < cursor->count && cursor->offset == cursor->segments[cursor->index].size) {
		cursor->index++;
		cursor->offset = 0;
	}
	if (cursor->index == cursor->count)
		return false;
	*address = cursor->segments[cursor->index].base + cursor->offset;
	*size = cursor->segments[cursor->index].size - cursor->offset;
	return true;
}

static void advance(struct cursor *cursor, uint64_t size)
{
	cursor->offset += size;
}

/* One piece through the bounce buffer: how many bytes arrived. */
static uint64_t copy_piece(struct transfer *transfer, uint64_t local, uint64_t remote, uint64_t size)
{
	struct mm_address_space *own = transfer->call->thread->ps->process->space;
	void *buffer = io_bounce(CHUNK_SIZE);
	SIZE_T done = 0;

	if (!buffer)
		return 0;
	if (transfer->writing) {
		size = mm_copy_from(own, buffer, local, size);
		ZwWriteVirtualMemory(transfer->process, (PVOID)(uintptr_t)remote, buffer, size, &done);
		return done;
	}
	ZwReadVirtualMemory(transfer->process, (PVOID)(uintptr_t)remote, buffer, size, &done);
	return mm_copy_to(own, local, buffer, done);
}

static int64_t copy_all(struct transfer *transfer)
{
	uint64_t local, remote, local_size, remote_size, total = 0;

	while (peek(&transfer->local, &local, &local_size) && peek(&transfer->remote, &remote, &remote_size)) {
		uint64_t size = MIN_OF(MIN_OF(local_size, remote_size), (uint64_t)CHUNK_SIZE);
		uint64_t done = copy_piece(transfer, local, remote, size);

		total += done;
		if (done < size)
			return total ? (int64_t)total : -LX_EFAULT;
		advance(&transfer->local, done);
		advance(&transfer->remote, done);
	}
	return (int64_t)total;
}

static int64_t open_target(struct transfer *transfer, int32_t tid)
{
	struct lx_thread *caller = transfer->call->thread;
	struct lx_task target;
	OBJECT_ATTRIBUTES attributes;
	CLIENT_ID id = {0};
	int64_t result = 0;

	lx_lock_tree();
	if (!tid || !lx_find_task(caller, tid, &target))
		result = -LX_ESRCH;
	else if (!target.thread && target.process != lx_init_process)
		result = -LX_ESRCH; /* its memory is gone */
	else if (!lx_may_access(caller, &target))
		result = -LX_EPERM;
	else if (!target.thread)
		result = -LX_EFAULT; /* nothing is mapped there */
	else
		id.UniqueProcess = (HANDLE)(uintptr_t)target.process->pid;
	lx_unlock_tree();
	if (result)
		return result;
	InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
	return NT_SUCCESS(ZwOpenProcess(&transfer->process, PROCESS_VM_READ | PROCESS_VM_WRITE | PROCESS_VM_OPERATION, &attributes, &id)) ? 0 : -LX_ESRCH;
}

static int64_t process_vm(struct lx_call *call, int32_t pid, struct lx_uptr local, uint64_t local_count, struct lx_uptr remote,
			  uint64_t remote_count, uint64_t flags, bool writing)
{
	struct transfer transfer = {.call = call, .writing = writing};
	int64_t result, remote_result = 0;

	if (flags)
		return -LX_EINVAL;
	result = import(call, &transfer.local, local, (uint32_t)local_count, true);
	if (result > 0)
		remote_result = import(call, &transfer.remote, remote, remote_count, false);
	if (result > 0)
		result = remote_result < 0 ? remote_result : open_target(&transfer, pid);
	if (result == 0 && transfer.process)
		result = copy_all(&transfer);
	if (transfer.process)
		ZwClose(transfer.process);
	free(transfer.local.segments);
	free(transfer.remote.segments);
	return result;
}

int64_t lx_sys_process_vm_readv(struct lx_call *call, int32_t pid, struct lx_uptr local_iov, uint64_t liovcnt, struct lx_uptr remote_iov,
				uint64_t riovcnt, uint64_t flags)
{
	return process_vm(call, pid, local_iov, liovcnt, remote_iov, riovcnt, flags, false);
}

int64_t lx_sys_process_vm_writev(struct lx_call *call, int32_t pid, struct lx_uptr local_iov, uint64_t liovcnt, struct lx_uptr remote_iov,
				 uint64_t riovcnt, uint64_t flags)
{
	return process_vm(call, pid, local_iov, liovcnt, remote_iov, riovcnt, flags, true);
}
