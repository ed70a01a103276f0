/*
 * The ring itself: pages, slots, capacity, waiting. Semantics of pipe(7) and of
 * fs/pipe.c in the kernel: see pipe.h for the invariants and the lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <drivers/npfs/pipe.h>

static _Atomic uint64_t next_inode = 1;

/* Pipes show the host's own pipe file system as theirs. */
static struct fsrtl_file_system pipe_file_system;

static void ask_host(void)
{
	npfs_read_limits();
	pipe_file_system = fsrtl_file_system_of_pipes(14);
}

NTSTATUS npfs_create_pipe(struct npfs_pipe **created)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct npfs_pipe *pipe = calloc(1, sizeof *pipe);
	NTSTATUS status;

	if (!pipe)
		return STATUS_NO_MEMORY;
	pthread_once(&once, ask_host);
	status = npfs_charge_new(pipe);
	if (status == STATUS_SUCCESS) {
		pipe->slots = calloc(pipe->slot_count, sizeof *pipe->slots);
		status = pipe->slots ? STATUS_SUCCESS : STATUS_NO_MEMORY;
	}
	if (status != STATUS_SUCCESS) {
		npfs_discharge(pipe);
		free(pipe);
		return status;
	}
	rtl_lock_initialize(&pipe->lock);
	ke_wake_list_init(&pipe->read_waiters);
	ke_wake_list_init(&pipe->write_waiters);
	ke_wake_list_init(&pipe->pollers);
	io_async_list_init(&pipe->async_readers);
	io_async_list_init(&pipe->async_writers);
	fsrtl_init_attributes(&pipe->attributes, FSRTL_S_IFIFO | 0600, atomic_fetch_add(&next_inode, 1));
	fsrtl_place_in(&pipe->attributes, &pipe_file_system);
	*created = pipe;
	return STATUS_SUCCESS;
}

void npfs_free_pipe(struct npfs_pipe *pipe)
{
	for (uint32_t i = pipe->tail; i != pipe->head; i++)
		free(npfs_slot(pipe, i)->page);
	free(pipe->spare[0]);
	free(pipe->spare[1]);
	free(pipe->slots);
	npfs_discharge(pipe);
	rtl_lock_destroy(&pipe->lock);
	free(pipe);
}

UCHAR *npfs_take_page(struct npfs_pipe *pipe)
{
	for (size_t i = 0; i < ARRAY_COUNT(pipe->spare); i++)
		if (pipe->spare[i])
			return steal_pointer(&pipe->spare[i]);
	return malloc(NPFS_PAGE);
}

void npfs_put_page(struct npfs_pipe *pipe, UCHAR *page)
{
	for (size_t i = 0; i < ARRAY_COUNT(pipe->spare); i++)
		if (!pipe->spare[i]) {
			pipe->spare[i] = page;
			return;
		}
	free(page);
}

bool npfs_begin_taking(struct npfs_pipe *pipe)
{
	bool entered;

	if (likely(ke_try_turn(&pipe->taking)))
		return true;
	rtl_unlock(&pipe->lock);
	entered = ke_begin_turn(&pipe->taking);
	rtl_lock(&pipe->lock);
	return entered;
}

void npfs_push(struct npfs_pipe *pipe, UCHAR *page, uint32_t length, uint32_t flags)
{
	*npfs_slot(pipe, pipe->head++) = (struct npfs_slot){.page = page, .length = length, .flags = flags};
}

void npfs_consume(struct npfs_pipe *pipe, uint32_t count)
{
	struct npfs_slot *slot = npfs_slot(pipe, pipe->tail);

	slot->offset += count;
	slot->length -= count;
	if (slot->length)
		return;
	npfs_put_page(pipe, slot->page);
	slot->page = NULL;
	pipe->tail++;
}

ULONG npfs_readable_bytes(struct npfs_pipe *pipe)
{
	ULONG bytes = 0;

	for (uint32_t i = pipe->tail; i != pipe->head; i++)
		bytes += npfs_slot(pipe, i)->length;
	return bytes;
}

NTSTATUS npfs_resize(struct npfs_pipe *pipe, ULONG wanted, ULONG *capacity)
{
	uint32_t count = 1, used = pipe->head - pipe->tail, needed = used + pipe->reserved;
	struct npfs_slot *slots;
	NTSTATUS status;

	if (wanted > 1u << 31)
		return FSRTL_ERRNO(EINVAL);
	while ((uint64_t)count * NPFS_PAGE < wanted)
		count *= 2;
	status = npfs_charge_resize(pipe, count);
	if (status != STATUS_SUCCESS)
		return status;
	slots = needed > count ? NULL : calloc(count, sizeof *slots);
	if (!slots) {
		npfs_discharge_resize(pipe, count);
		return needed > count ? FSRTL_ERRNO(EBUSY) : STATUS_NO_MEMORY;
	}
	for (uint32_t i = 0; i < used; i++)
		slots[i] = *npfs_slot(pipe, pipe->tail + i);
	free(pipe->slots);
	pipe->slots = slots;
	pipe->tail = 0;
	pipe->head = used;
	if (count > pipe->slot_count)
		npfs_wake_everybody(pipe);
	pipe->slot_count = count;
	*capacity = count * NPFS_PAGE;
	return STATUS_SUCCESS;
}

static void wake_pollers(struct npfs_pipe *pipe)
{
	if (atomic_load(&pipe->poller_seen))
		ke_wake_all(&pipe->pollers);
}

void npfs_wake_readers(struct npfs_pipe *pipe)
{
	ke_wake_one(&pipe->read_waiters);
	wake_pollers(pipe);
}

void npfs_wake_writers(struct npfs_pipe *pipe)
{
	ke_wake_one(&pipe->write_waiters);
	wake_pollers(pipe);
}

void npfs_wake_everybody(struct npfs_pipe *pipe)
{
	ke_wake_all(&pipe->read_waiters);
	ke_wake_all(&pipe->write_waiters);
	wake_pollers(pipe);
}

bool npfs_ready_to_read(const struct npfs_pipe *pipe)
{
	return !npfs_empty(pipe) || pipe->writers == 0;
}

bool npfs_ready_to_write(const struct npfs_pipe *pipe)
{
	return npfs_free_slots(pipe) || pipe->readers == 0;
}

NTSTATUS npfs_wait(struct npfs_pipe *pipe, struct ke_wake_list *list, bool (*ready)(const struct npfs_pipe *pipe))
{
	struct ke_wake_entry entry = {0};
	struct ke_wake_entry *entries[] = {&entry};
	NTSTATUS status = STATUS_SUCCESS;

	ke_list_enqueue(list, &entry);
	while (!ready(pipe) && status == STATUS_SUCCESS) {
		rtl_unlock(&pipe->lock);
		status = ke_list_sleep(entries, 1, true, UINT64_MAX);
		rtl_lock(&pipe->lock);
		/* A wake that this waiter can't use again belongs to another one: the entry is queued anew. */
		if (status == STATUS_SUCCESS && !ready(pipe)) {
			ke_list_dequeue(&entry);
			entry = (struct ke_wake_entry){0};
			ke_list_enqueue(list, &entry);
		}
	}
	ke_list_dequeue(&entry);
	if (status != STATUS_SUCCESS && ready(pipe)) {
		/* Interrupted and ready at once: the wake may have been meant for this waiter, so it goes on to the next. */
		ke_wake_one(list);
	}
	return status;
}
