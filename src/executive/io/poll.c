/*
 * Poll tables: see poll.h. Entries are allocated one by one because a queued
 * one must not move.
 */
#include <executive/io/poll.h>

void io_poll_initialize(struct io_poll_table *table)
{
	*table = (struct io_poll_table){0};
}

/* Make room for one more element of `size` bytes; false: out of memory. */
static bool reserve(void *array, size_t count, size_t *capacity, size_t size)
{
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *grown;

	if (count < *capacity)
		return true;
	grown = reallocarray(*(void **)array, wanted, size);
	if (!grown)
		return false;
	*(void **)array = grown;
	*capacity = wanted;
	return true;
}

void io_poll_add_list(struct io_poll_table *table, struct ke_wake_list *list)
{
	struct ke_wake_entry *entry;

	if (!reserve(&table->entries, table->entry_count, &table->entry_capacity, sizeof(*table->entries))) {
		table->out_of_memory = true;
		return;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		table->out_of_memory = true;
		return;
	}
	ke_list_enqueue(list, entry);
	table->entries[table->entry_count++] = entry;
}

void io_poll_add_host(struct io_poll_table *table, int descriptor, ULONG events)
{
	if (!reserve(&table->hosts, table->host_count, &table->host_capacity, sizeof(*table->hosts))) {
		table->out_of_memory = true;
		return;
	}
	table->hosts[table->host_count++] = (struct io_poll_host){descriptor, events, table->current};
}

void io_poll_reset(struct io_poll_table *table)
{
	for (size_t i = 0; i < table->entry_count; i++) {
		ke_list_dequeue(table->entries[i]);
		free(table->entries[i]);
	}
	table->entry_count = 0;
	table->host_count = 0;
	table->out_of_memory = false;
}

void io_poll_destroy(struct io_poll_table *table)
{
	io_poll_reset(table);
	free(table->entries);
	free(table->hosts);
}
