/*
 * Words of priority-inheritance futexes. A word is known by its place: in an address space, in shared memory, in a file.
 * Its gate exists as long as somebody is at it, or waits to be.
 */
#include <core/process.h>
#include <core/thread.h>
#include <memory/pi_word.h>

/* Of a word, as long as somebody is at it. */
struct pi_gate {
	TAILQ_ENTRY(pi_gate) link;
	struct pi_key key;
	uint32_t users;
	struct ke_gate gate;
};

static struct rtl_lock gates_lock = RTL_LOCK_INITIALIZER; /* guards the list and the counts; a leaf */
static TAILQ_HEAD(, pi_gate) gates = TAILQ_HEAD_INITIALIZER(gates);

bool lx_pi_same_key(const struct pi_key *a, const struct pi_key *b)
{
	return a->object == b->object && a->device == b->device && a->inode == b->inode && a->offset == b->offset;
}

/* What is mapped at an address, with a reference to its section. */
static bool look_at(struct mm_address_space *space, struct lx_uptr uaddr, struct mm_vad *vad)
{
	bool found;

	mm_lock_space(space);
	found = mm_query(space, uaddr.address, vad);
	if (found && vad->section)
		ob_reference(vad->section);
	mm_unlock_space(space);
	return found;
}

static void name_shared(const struct mm_vad *vad, struct lx_uptr uaddr, struct pi_key *key)
{
	cleanup_object struct io_file *file = mm_section_file(vad->section);
	FILE_LX_STATX_INFORMATION attributes = {.Mask = FILE_LX_STATX_KNOWN};

	key->object = vad->section;
	key->offset = vad->offset + (uaddr.address - vad->start);
	if (!file || !NT_SUCCESS(io_query_file(file, FileLxStatxWantedInformation, &attributes, sizeof(attributes))))
		return;
	key->object = NULL;
	key->device = (uint64_t)attributes.DevMajor << 32 | attributes.DevMinor;
	key->inode = attributes.Inode;
}

int64_t lx_pi_make_key(struct lx_thread *thread, struct lx_uptr uaddr, uint32_t op, struct pi_key *key)
{
	struct mm_address_space *space = thread->process->ps->space;
	bool private = op & LX_FUTEX_PRIVATE_FLAG;
	struct mm_vad vad;

	if (uaddr.address & 3)
		return -LX_EINVAL;
	*key = (struct pi_key){.object = space, .offset = uaddr.address};
	if (!look_at(space, uaddr, &vad))
		return private ? 0 : -LX_EFAULT;
	if (!vad.section)
		return 0;
	if (!private && vad.flags & MM_SHARED)
		name_shared(&vad, uaddr, key);
	ob_dereference(vad.section);
	return 0;
}

static struct pi_gate *find_gate(const struct pi_key *key)
{
	struct pi_gate *gate;

	TAILQ_FOREACH(gate, &gates, link)
		if (lx_pi_same_key(&gate->key, key))
			return gate;
	return NULL;
}

static struct pi_gate *use_gate(const struct pi_key *key)
{
	struct pi_gate *gate;

	rtl_lock(&gates_lock);
	gate = find_gate(key);
	if (!gate && (gate = calloc(1, sizeof(*gate)))) {
		gate->key = *key;
		TAILQ_INSERT_TAIL(&gates, gate, link);
	}
	if (gate)
		gate->users++;
	rtl_unlock(&gates_lock);
	return gate;
}

static void drop_gate(struct pi_gate *gate)
{
	rtl_lock(&gates_lock);
	if (--gate->users == 0) {
		TAILQ_REMOVE(&gates, gate, link);
		free(gate);
	}
	rtl_unlock(&gates_lock);
}

int64_t lx_pi_enter(const struct pi_key *key, struct pi_gate **gate)
{
	*gate = use_gate(key);
	if (!*gate)
		return -LX_ENOMEM;
	if (ke_enter_gate(&(*gate)->gate, true))
		return 0;
	drop_gate(*gate);
	return -LX_ERESTARTNOINTR;
}

void lx_pi_leave(struct pi_gate *gate)
{
	ke_leave_gate(&gate->gate);
	drop_gate(gate);
}

static bool key_precedes(const struct pi_key *a, const struct pi_key *b)
{
	if (a->object != b->object)
		return (uintptr_t)a->object < (uintptr_t)b->object;
	if (a->device != b->device)
		return a->device < b->device;
	return a->inode != b->inode ? a->inode < b->inode : a->offset < b->offset;
}

/* In an order of the words' own, so that nobody waits in a circle. */
int64_t lx_pi_enter_both(const struct pi_key *a, const struct pi_key *b, struct pi_gate *both[2])
{
	bool ordered = key_precedes(a, b);
	int64_t result = lx_pi_enter(ordered ? a : b, &both[0]);

	both[1] = NULL;
	if (result || lx_pi_same_key(a, b))
		return result;
	result = lx_pi_enter(ordered ? b : a, &both[1]);
	if (result)
		lx_pi_leave(both[0]);
	return result;
}

void lx_pi_leave_both(struct pi_gate *both[2])
{
	if (both[1])
		lx_pi_leave(both[1]);
	lx_pi_leave(both[0]);
}
