/*
 * The tree of virtual address descriptors: one red-black tree a space, ordered by address, without overlaps.
 *
 * Each node knows what its subtree spans and the largest hole between its areas, so that a free range is found without a
 * walk. Nodes for a change are set aside before the guest is touched: once the host has made a change, the tree follows
 * without a way to fail. All of it runs under the space's lock, and changes under the tree lock, too.
 */
#include <executive/mm/space.h>

static void vad_augment(struct mm_vad *vad);
#undef RB_AUGMENT
#define RB_AUGMENT(vad) vad_augment(vad)

static int vad_compare(const struct mm_vad *a, const struct mm_vad *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Recompute a node's summary from its children's. */
static void vad_augment(struct mm_vad *vad)
{
	const struct mm_vad *left = RB_LEFT(vad, tree), *right = RB_RIGHT(vad, tree);
	uint64_t hole = 0;

	vad->subtree_start = left ? left->subtree_start : vad->start;
	vad->subtree_end = right ? right->subtree_end : vad->end;
	if (left) {
		hole = MAX_OF(hole, left->subtree_hole);
		hole = MAX_OF(hole, vad->start - left->subtree_end);
	}
	if (right) {
		hole = MAX_OF(hole, right->subtree_hole);
		hole = MAX_OF(hole, right->subtree_start - vad->end);
	}
	vad->subtree_hole = hole;
}

RB_GENERATE_INTERNAL(mm_vad_tree, mm_vad, tree, vad_compare, static __attribute__((unused)))

static void vad_propagate(struct mm_vad *vad)
{
	for (; vad; vad = RB_PARENT(vad, tree))
		vad_augment(vad);
}

/* The lowest node whose summary a removal makes stale: where the tree loses its node physically. */
static struct mm_vad *vad_lowest_affected(struct mm_vad *vad)
{
	struct mm_vad *successor;

	if (!RB_LEFT(vad, tree) || !RB_RIGHT(vad, tree))
		return RB_PARENT(vad, tree);
	successor = mm_vad_tree_RB_NEXT(vad);
	return RB_PARENT(successor, tree) == vad ? successor : RB_PARENT(successor, tree);
}

static void vad_link(struct mm_address_space *space, struct mm_vad *vad)
{
	vad->subtree_start = vad->start;
	vad->subtree_end = vad->end;
	vad->subtree_hole = 0;
	RB_INSERT(mm_vad_tree, &space->tree, vad);
	vad_propagate(vad);
}

static void vad_unlink(struct mm_address_space *space, struct mm_vad *vad)
{
	struct mm_vad *affected = vad_lowest_affected(vad);

	RB_REMOVE(mm_vad_tree, &space->tree, vad);
	vad_propagate(affected);
}

NTSTATUS mm_vad_reserve(struct mm_address_space *space, uint32_t count)
{
	while (space->spare_count < count) {
		struct mm_vad *vad = calloc(1, sizeof(*vad));

		if (!vad)
			return STATUS_NO_MEMORY;
		RB_RIGHT(vad, tree) = space->spare;
		space->spare = vad;
		space->spare_count++;
	}
	return STATUS_SUCCESS;
}

static struct mm_vad *vad_take_spare(struct mm_address_space *space)
{
	struct mm_vad *vad = space->spare;

	space->spare = RB_RIGHT(vad, tree);
	space->spare_count--;
	return vad;
}

static void vad_free(struct mm_address_space *space, struct mm_vad *vad)
{
	if (vad->section)
		ob_dereference(vad->section);
	mm_name_dereference(vad->name);
	*vad = (struct mm_vad){0};
	if (space->spare_count >= 4) {
		free(vad);
		return;
	}
	RB_RIGHT(vad, tree) = space->spare;
	space->spare = vad;
	space->spare_count++;
}

void mm_enter_tree(struct mm_address_space *space)
{
	rtl_lock(&space->tree_lock);
	space->tree_depth++;
}

/* An area's end may be that of its file's last use, and a file's end may take long: not under the tree lock. */
void mm_leave_tree(struct mm_address_space **held)
{
	struct mm_address_space *space = *held;
	struct mm_vad *gone = NULL, *next;

	if (!--space->tree_depth)
		gone = steal_pointer(&space->gone);
	rtl_unlock(&space->tree_lock);
	for (; gone; gone = next) {
		next = RB_RIGHT(gone, tree);
		vad_free(space, gone);
	}
}

static void vad_retire(struct mm_address_space *space, struct mm_vad *vad)
{
	RB_RIGHT(vad, tree) = space->gone;
	space->gone = vad;
}

bool mm_vad_is_data(uint32_t protection, uint32_t flags)
{
	return (protection & MM_PROT_WRITE) && !(flags & (MM_SHARED | MM_GROWSDOWN));
}

/* Linux' vm_stat_account. `sign` is 1 or -1. */
static void vad_account(struct mm_address_space *space, const struct mm_vad *vad, int64_t sign)
{
	uint64_t start = vad->flags & MM_STACK ? MIN_OF(MAX_OF(vad->start, space->stack_account), vad->end) : vad->start;
	uint64_t size = (uint64_t)sign * (vad->end - start);
	struct mm_statistics *usage = &space->usage;

	if (mm_is_growing(vad))
		space->growing_count += (uint32_t)sign;

	usage->virtual_size += size;
	usage->peak_virtual_size = MAX_OF(usage->peak_virtual_size, usage->virtual_size);
	if (vad->flags & MM_LOCKED)
		usage->locked += size;
	if ((vad->protection & MM_PROT_EXEC) && !(vad->protection & MM_PROT_WRITE) && !(vad->flags & MM_GROWSDOWN))
		usage->text += size;
	else if (vad->flags & MM_GROWSDOWN)
		usage->stack += size;
	else if (mm_vad_is_data(vad->protection, vad->flags))
		usage->data += size;
}

struct mm_vad *mm_vad_find(struct mm_address_space *space, uint64_t address)
{
	struct mm_vad *vad = RB_ROOT(&space->tree), *best = NULL;

	while (vad) {
		if (vad->end > address) {
			best = vad;
			vad = RB_LEFT(vad, tree);
		} else {
			vad = RB_RIGHT(vad, tree);
		}
	}
	return best;
}

struct mm_vad *mm_vad_next(struct mm_vad *vad)
{
	return mm_vad_tree_RB_NEXT(vad);
}

struct mm_vad *mm_vad_previous(struct mm_vad *vad)
{
	return mm_vad_tree_RB_PREV(vad);
}

struct mm_vad *mm_vad_first(struct mm_address_space *space)
{
	return RB_MIN(mm_vad_tree, &space->tree);
}

struct mm_vad *mm_vad_intersecting(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	struct mm_vad *vad = mm_vad_find(space, start);

	return vad && vad->start < end ? vad : NULL;
}

/* The area ends at `address`, and a new one goes on from there. */
static void vad_split(struct mm_address_space *space, struct mm_vad *vad, uint64_t address)
{
	struct mm_vad *upper = vad_take_spare(space);

	*upper = *vad;
	upper->start = address;
	if (upper->section)
		ob_reference(upper->section);
	upper->offset += address - vad->start;
	mm_name_reference(upper->name);
	if (mm_is_growing(upper))
		space->growing_count++;
	vad->end = address;
	vad_propagate(vad);
	vad_link(space, upper);
}

void mm_vad_carve(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	MM_HOLD_TREE(space);
	struct mm_vad *vad = mm_vad_find(space, start);

	if (vad && vad->start < start)
		vad_split(space, vad, start);
	vad = mm_vad_find(space, end);
	if (vad && vad->start < end)
		vad_split(space, vad, end);
}

void mm_vad_remove(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	MM_HOLD_TREE(space);
	struct mm_vad *vad;

	mm_vad_carve(space, start, end);
	while ((vad = mm_vad_intersecting(space, start, end))) {
		vad_account(space, vad, -1);
		vad_unlink(space, vad);
		vad_retire(space, vad);
	}
}

struct mm_vad *mm_vad_insert(struct mm_address_space *space, const struct mm_vad *template)
{
	MM_HOLD_TREE(space);
	struct mm_vad *vad = vad_take_spare(space);

	*vad = *template;
	if (vad->section)
		ob_reference(vad->section);
	mm_name_reference(vad->name);
	vad_link(space, vad);
	vad_account(space, vad, 1);
	return vad;
}

void mm_vad_update(struct mm_address_space *space, struct mm_vad *vad, uint32_t protection, uint32_t flags)
{
	MM_HOLD_TREE(space);
	vad_account(space, vad, -1);
	vad->protection = protection;
	vad->flags = flags;
	vad_account(space, vad, 1);
}

void mm_vad_extend_down(struct mm_address_space *space, struct mm_vad *vad, uint64_t start)
{
	MM_HOLD_TREE(space);
	vad_account(space, vad, -1);
	vad->offset -= vad->start - start;
	vad->start = start;
	vad_propagate(vad);
	vad_account(space, vad, 1);
}

uint32_t mm_vad_accounted(const struct mm_section *section, uint32_t protection, uint32_t flags)
{
	bool counts = section && protection & MM_PROT_WRITE && !(flags & (MM_SHARED | MM_NORESERVE));

	return flags | (counts ? MM_ACCOUNTED : 0);
}

static bool vad_same_name(const struct mm_vad *a, const struct mm_vad *b)
{
	return a->name == b->name || (a->name && b->name && !strcmp(a->name, b->name));
}

/* Two sections count as one object when they map the same open file, as two mmap(2) calls on one descriptor do. */
static bool vad_same_object(const struct mm_vad *a, const struct mm_vad *b)
{
	if (a->section != b->section)
		return a->section && b->section && a->section->area && a->section->area == b->section->area;
	return true;
}

static bool vad_can_merge(const struct mm_vad *low, const struct mm_vad *high)
{
	return low->end == high->start && low->protection == high->protection && low->flags == high->flags &&
	       low->maximum_protection == high->maximum_protection && !(low->flags & MM_SPECIAL) &&
	       vad_same_object(low, high) && (!low->section || low->offset + (low->end - low->start) == high->offset) &&
	       vad_same_name(low, high);
}

void mm_vad_merge(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	MM_HOLD_TREE(space);
	struct mm_vad *vad = mm_vad_find(space, start ? start - 1 : 0);
	struct mm_vad *next;

	for (; vad && vad->start <= end; vad = next) {
		next = mm_vad_next(vad);
		if (!next || !vad_can_merge(vad, next))
			continue;
		vad_unlink(space, next);
		if (mm_is_growing(next))
			space->growing_count--;
		vad->end = next->end;
		vad_propagate(vad);
		vad_retire(space, next);
		next = vad;
	}
}

uint64_t mm_vad_mapped_size(struct mm_address_space *space, uint64_t start, uint64_t end)
{
	struct mm_vad *vad = mm_vad_find(space, start);
	uint64_t size = 0;

	for (; vad && vad->start < end; vad = mm_vad_next(vad))
		size += MIN_OF(vad->end, end) - MAX_OF(vad->start, start);
	return size;
}

void mm_vad_destroy_all(struct mm_address_space *space)
{
	struct mm_vad *vad;

	while ((vad = RB_ROOT(&space->tree))) {
		RB_REMOVE(mm_vad_tree, &space->tree, vad);
		vad_free(space, vad);
	}
	while ((vad = space->spare)) {
		space->spare = RB_RIGHT(vad, tree);
		free(vad);
	}
	space->spare_count = 0;
}
