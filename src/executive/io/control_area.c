/*
 * Control areas: what sections over an open file and programs that run from it hold in its place, one for each file object.
 *
 * While the file object has handles, the area is that file object. Afterwards nothing of it can be seen any more but which
 * file it is; so when the last handle has gone its driver may name another file object that shows the same, and the area
 * holds that one instead. A hundred processes with one library then cost one descriptor of the host's, and not a hundred.
 *
 * The file object finds its area without holding it, and only as long as the area holds the file object.
 */
#include <executive/io/internal.h>

struct io_control_area {
	_Atomic uint32_t references;
	struct rtl_lock lock; /* guards file; a leaf */
	struct io_file *file;
};

/* Its area, with a reference, or NULL. Under the file's lock. */
static struct io_control_area *reference_area(struct io_file *file)
{
	struct io_control_area *area = file->control_area;
	uint32_t references = area ? atomic_load(&area->references) : 0;

	/* One without references is about to leave the file, which takes this lock. */
	while (references && !atomic_compare_exchange_weak(&area->references, &references, references + 1))
		;
	return references ? area : NULL;
}

static struct io_control_area *make_area(struct io_file *file)
{
	struct io_control_area *area = calloc(1, sizeof(*area));

	if (!area)
		return NULL;
	atomic_init(&area->references, 1);
	rtl_lock_initialize(&area->lock);
	ob_reference(file);
	area->file = file;
	return area;
}

/* The file finds the area no longer, if it was this one. */
static void leave_file(struct io_control_area *area, struct io_file *file)
{
	rtl_lock(&file->lock);
	if (file->control_area == area)
		file->control_area = NULL;
	rtl_unlock(&file->lock);
}

struct io_control_area *io_control_area_of(struct io_file *file)
{
	struct io_control_area *area, *made;

	rtl_lock(&file->lock);
	area = reference_area(file);
	rtl_unlock(&file->lock);
	if (area)
		return area;
	made = make_area(file);
	if (!made)
		return NULL;
	rtl_lock(&file->lock);
	area = reference_area(file);
	if (!area)
		file->control_area = area = made;
	rtl_unlock(&file->lock);
	if (area != made)
		io_control_area_dereference(made);
	return area;
}

struct io_control_area *io_control_area_reference(struct io_control_area *area)
{
	atomic_fetch_add(&area->references, 1);
	return area;
}

void io_control_area_dereference(struct io_control_area *area)
{
	if (atomic_fetch_sub(&area->references, 1) != 1)
		return;
	leave_file(area, area->file);
	ob_dereference(area->file);
	rtl_lock_destroy(&area->lock);
	free(area);
}

struct io_file *io_control_area_file(struct io_control_area *area)
{
	struct io_file *file;

	rtl_lock(&area->lock);
	file = area->file;
	ob_reference(file);
	rtl_unlock(&area->lock);
	return file;
}

void io_substitute_file(struct io_file *file)
{
	struct io_control_area *area;
	struct io_file *other;

	if (likely(!atomic_load_explicit(&file->control_area, memory_order_relaxed)))
		return;
	rtl_lock(&file->lock);
	area = reference_area(file);
	rtl_unlock(&file->lock);
	if (!area)
		return;
	other = IO_OPERATION(file, substitute)(file);
	if (other) {
		leave_file(area, file);
		rtl_lock(&area->lock);
		file = area->file;
		area->file = other;
		rtl_unlock(&area->lock);
		ob_dereference(file);
	}
	io_control_area_dereference(area);
}
