/*
 * Lists of file objects that want a signal: see async.h.
 *
 * Telling takes notes of a few entries at a time under the list's lock, and calls the routine without it, since signals
 * are sent under locks that come before it. What joins or leaves between two rounds may be told twice or not at all, as
 * it might be if it were a moment later.
 */
#include <executive/io/async.h>

#define NOTICES 16
#define STATUS_FLAG_ASYNC 020000u

static void (*async_routine)(const struct io_async_notice *notice);

void io_async_set_routine(void (*routine)(const struct io_async_notice *notice))
{
	async_routine = routine;
}

void io_async_list_init(struct io_async_list *list)
{
	rtl_lock_initialize(&list->lock);
	LIST_INIT(&list->entries);
	atomic_store(&list->count, 0);
}

/* Made by the first who needs it. NULL: out of memory. */
static struct io_async *async_of(struct io_file *file)
{
	struct io_async *async = atomic_load(&file->async), *made;

	if (async)
		return async;
	made = calloc(1, sizeof *made);
	if (!made)
		return NULL;
	rtl_lock_initialize(&made->lock);
	if (atomic_compare_exchange_strong(&file->async, &async, made))
		return made;
	rtl_lock_destroy(&made->lock);
	free(made);
	return async;
}

NTSTATUS io_async_join(struct io_async_list *list, unsigned which, struct io_file *file, int32_t descriptor, int host)
{
	struct io_async *async = async_of(file);
	struct io_async_entry *entry;

	if (!async)
		return STATUS_NO_MEMORY;
	entry = &async->entries[which];
	rtl_lock(&list->lock);
	if (!entry->list) {
		entry->list = list;
		entry->file = file;
		entry->host = host;
		LIST_INSERT_HEAD(&list->entries, entry, link);
		atomic_fetch_add(&list->count, 1);
	}
	entry->descriptor = descriptor;
	atomic_fetch_or(&file->lx_flags, STATUS_FLAG_ASYNC);
	rtl_unlock(&list->lock);
	return STATUS_SUCCESS;
}

static void leave(struct io_async_entry *entry)
{
	struct io_async_list *list = __atomic_load_n(&entry->list, __ATOMIC_ACQUIRE);

	if (!list)
		return;
	rtl_lock(&list->lock);
	if (entry->list) {
		LIST_REMOVE(entry, link);
		__atomic_store_n(&entry->list, NULL, __ATOMIC_RELEASE);
		atomic_fetch_sub(&list->count, 1);
		atomic_fetch_and(&entry->file->lx_flags, ~STATUS_FLAG_ASYNC);
	}
	rtl_unlock(&list->lock);
}

void io_async_leave(struct io_file *file)
{
	struct io_async *async = atomic_load(&file->async);

	for (size_t i = 0; async && i < ARRAY_COUNT(async->entries); i++)
		leave(&async->entries[i]);
}

void io_async_forget(struct io_file *file)
{
	struct io_async *async = atomic_load(&file->async);

	if (!async)
		return;
	io_async_leave(file);
	rtl_lock_destroy(&async->lock);
	free(async);
	atomic_store(&file->async, NULL);
}

/* Notes of at most NOTICES entries behind the first `*passed`; how many. */
static size_t take_notices(struct io_async_list *list, enum io_async_reason reason, int host, size_t *passed,
			   struct io_async_notice notices[NOTICES])
{
	struct io_async_entry *entry;
	size_t at = 0, count = 0;

	rtl_lock(&list->lock);
	LIST_FOREACH (entry, &list->entries, link) {
		if (at++ < *passed)
			continue;
		if (count == NOTICES)
			break;
		*passed = at;
		if (host >= 0 && entry->host != host)
			continue;
		notices[count++] = (struct io_async_notice){io_async_owner(entry->file), entry->descriptor, reason};
	}
	rtl_unlock(&list->lock);
	return count;
}

void io_async_tell_some(struct io_async_list *list, enum io_async_reason reason, int host)
{
	struct io_async_notice notices[NOTICES];
	size_t passed = 0, count;

	do {
		count = take_notices(list, reason, host, &passed, notices);
		for (size_t i = 0; i < count && async_routine; i++)
			if (notices[i].owner.id)
				async_routine(&notices[i]);
	} while (count == NOTICES);
}

struct io_owner io_async_owner(struct io_file *file)
{
	struct io_async *async = atomic_load(&file->async);
	struct io_owner owner = {0};

	if (!async)
		return owner;
	rtl_lock(&async->lock);
	owner = async->owner;
	rtl_unlock(&async->lock);
	return owner;
}

NTSTATUS io_async_set_owner(struct io_file *file, const struct io_owner *owner, bool once)
{
	struct io_async *async = async_of(file);
	int32_t signal;

	if (!async)
		return STATUS_NO_MEMORY;
	rtl_lock(&async->lock);
	signal = async->owner.signal;
	if (!once || !async->owner.id)
		async->owner = *owner;
	async->owner.signal = signal;
	rtl_unlock(&async->lock);
	return STATUS_SUCCESS;
}

NTSTATUS io_async_set_signal(struct io_file *file, int32_t signal)
{
	struct io_async *async = async_of(file);

	if (!async)
		return STATUS_NO_MEMORY;
	rtl_lock(&async->lock);
	async->owner.signal = signal;
	rtl_unlock(&async->lock);
	return STATUS_SUCCESS;
}
