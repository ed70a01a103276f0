/*
 * Pinned handles: what a handle means for the rest of one call.
 *
 * A call names its object by a handle several times: to be checked, for one or
 * more services, for the trace. Between two of them another thread may close the
 * handle or give it a new meaning. A caller that has taken the object already
 * pins the handle to it: services that the calling thread makes by that handle
 * reach this object, and no lookup in the table is needed, until the call's end.
 *
 * A pin of a table that several threads use holds the object as a handle does, so
 * that a file is not cleaned up under a call that still works on it. A pin of a
 * table that only the calling thread changes is a note and nothing more.
 *
 * Pins are the calling thread's own; there is no lock. A value that is pinned is
 * not given to a new handle by the thread that pinned it (handle_table.c): else it
 * would mean two things.
 */
#include "ob_internal.h"

#define FEW 8

struct pin {
	struct ob_handle_table *table; /* compared, never followed */
	HANDLE handle;
	struct ob_header *header;
	ACCESS_MASK access;
	bool holds;
};

struct pins {
	uint32_t count, capacity;
	uint32_t next; /* where a search starts: a poll asks for its handles in the order in which it pinned them */
	struct pin *pins;
	struct pin few[FEW];
};

static __thread struct pins own;

void ob_hold(void *object)
{
	struct ob_header *header = ob_header_of(object);

	atomic_fetch_add_explicit(&header->references, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&header->handles, 1, memory_order_relaxed);
}

void ob_let_go(void *object)
{
	struct ob_header *header = ob_header_of(object);

	if (atomic_fetch_sub(&header->handles, 1) == 1)
		ob_last_handle_went(header);
	ob_dereference(object);
}

static bool make_room(void)
{
	uint32_t capacity = MAX_OF(own.capacity * 2, (uint32_t)FEW * 4);
	bool first = !own.capacity;
	struct pin *grown;

	if (own.count < (first ? FEW : own.capacity))
		return true;
	grown = reallocarray(first ? NULL : own.pins, capacity, sizeof(*grown));
	if (!grown)
		return false;
	if (first)
		memcpy(grown, own.few, sizeof(own.few));
	own.pins = grown;
	own.capacity = capacity;
	return true;
}

static struct pin *pin_at(uint32_t index)
{
	return own.capacity ? &own.pins[index] : &own.few[index];
}

NTSTATUS ob_pin(struct ob_handle_table *table, HANDLE handle, void *object, ACCESS_MASK access, bool holds)
{
	if (unlikely(!make_room()))
		return STATUS_NO_MEMORY;
	*pin_at(own.count++) = (struct pin){table, handle, ob_header_of(object), access, holds};
	return STATUS_SUCCESS;
}

static struct pin *find_pin(struct ob_handle_table *table, HANDLE handle)
{
	for (uint32_t i = 0; i < own.count; i++) {
		uint32_t index = own.next + i < own.count ? own.next + i : own.next + i - own.count;
		struct pin *pin = pin_at(index);

		if (pin->handle == handle && pin->table == table) {
			own.next = index + 1 < own.count ? index + 1 : 0;
			return pin;
		}
	}
	return NULL;
}

bool ob_reference_pinned(struct ob_handle_table *table, HANDLE handle, struct ob_header **header,
			 struct ob_handle_information *information)
{
	struct pin *pin = own.count ? find_pin(table, handle) : NULL;

	if (!pin)
		return false;
	ob_reference(ob_body_of(pin->header));
	*header = pin->header;
	*information = (struct ob_handle_information){pin->access, 0};
	return true;
}

bool ob_is_pinned(struct ob_handle_table *table, HANDLE handle)
{
	return own.count && find_pin(table, handle);
}

void ob_unpin_all(void)
{
	struct pins mine;

	if (likely(!own.count))
		return;
	/* Letting go may clean up, which may call services of its own. */
	mine = own;
	own.count = own.capacity = own.next = 0;
	for (uint32_t i = 0; i < mine.count; i++) {
		const struct pin *pin = mine.capacity ? &mine.pins[i] : &mine.few[i];

		if (pin->holds)
			ob_let_go(ob_body_of(pin->header));
	}
	if (mine.capacity)
		free(mine.pins);
}
