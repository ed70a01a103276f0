/*
 * Advisory locks: see locks.h. Ranges are inclusive; a lock to the end of the file
 * ends at INT64_MAX. A waiter sleeps on the file's list and tries again when
 * anything was released; POSIX owners that would wait in a circle get EDEADLK.
 */
#include <errno.h>

#include <executive/io/locks.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>

enum { TYPE_READ, TYPE_WRITE, TYPE_UNLOCK };
enum { GETLK = 5, SETLK = 6, SETLKW = 7, OFD_GETLK = 36, OFD_SETLK = 37, OFD_SETLKW = 38 };
enum { FLOCK_SHARED = 1, FLOCK_EXCLUSIVE = 2, FLOCK_NO_WAIT = 4, FLOCK_UNLOCK = 8 };

#define CIRCLE_LIMIT 32

struct io_lock {
	TAILQ_ENTRY(io_lock) link;
	const void *owner;
	bool description; /* the owner is a file object */
	SHORT type;
	LONG pid;
	LONGLONG start, end;
};

/* A POSIX owner that sleeps, and whom it waits for. */
struct blocked {
	TAILQ_ENTRY(blocked) link;
	const void *owner, *holder;
};
static struct rtl_lock blocked_lock = RTL_LOCK_INITIALIZER;
static TAILQ_HEAD(, blocked) blocked_owners = TAILQ_HEAD_INITIALIZER(blocked_owners);

void io_lock_list_init(struct io_lock_list *list)
{
	rtl_lock_initialize(&list->lock);
	TAILQ_INIT(&list->records);
	TAILQ_INIT(&list->whole);
	ke_wake_list_init(&list->waiters);
}

void io_lock_list_destroy(struct io_lock_list *list)
{
	struct io_lock *lock;

	while ((lock = TAILQ_FIRST(&list->records))) {
		TAILQ_REMOVE(&list->records, lock, link);
		free(lock);
	}
	while ((lock = TAILQ_FIRST(&list->whole))) {
		TAILQ_REMOVE(&list->whole, lock, link);
		free(lock);
	}
	rtl_lock_destroy(&list->lock);
}

/* --- ranges */

static NTSTATUS resolve_range(struct io_file *file, LONGLONG size, const FSCTL_LX_RECORD_LOCK_BUFFER *in,
			      struct io_lock *lock)
{
	LONGLONG base = 0, start;

	if (in->Whence == 1)
		base = file->position;
	else if (in->Whence == 2)
		base = size;
	else if (in->Whence != 0)
		return nt_status_from_errno(EINVAL);
	if (in->Start > 0 && base > INT64_MAX - in->Start)
		return nt_status_from_errno(EOVERFLOW);
	start = base + in->Start;
	if (start < 0)
		return nt_status_from_errno(EINVAL);
	lock->start = start;
	lock->end = INT64_MAX;
	if (in->Length > 0) {
		if (in->Length - 1 > INT64_MAX - start)
			return nt_status_from_errno(EOVERFLOW);
		lock->end = start + in->Length - 1;
	} else if (in->Length < 0) {
		if (start + in->Length < 0)
			return nt_status_from_errno(EINVAL);
		lock->end = start - 1;
		lock->start = start + in->Length;
	}
	return STATUS_SUCCESS;
}

static bool overlaps(const struct io_lock *a, const struct io_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

static struct io_lock *find_conflict(struct io_lock_list *list, const struct io_lock *wanted)
{
	struct io_lock *lock;

	TAILQ_FOREACH (lock, &list->records, link)
		if (lock->owner != wanted->owner && overlaps(lock, wanted) &&
		    (lock->type == TYPE_WRITE || wanted->type == TYPE_WRITE))
			return lock;
	return NULL;
}

static void insert_sorted(struct io_lock_list *list, struct io_lock *lock)
{
	struct io_lock *other;

	TAILQ_FOREACH (other, &list->records, link)
		if (other->start > lock->start) {
			TAILQ_INSERT_BEFORE(other, lock, link);
			return;
		}
	TAILQ_INSERT_TAIL(&list->records, lock, link);
}

/* Take [start, end] out of what the owner holds. `spare` is used up if a lock is split in two. */
static void cut_out(struct io_lock_list *list, const struct io_lock *range, struct io_lock **spare)
{
	struct io_lock *lock, *next;

	for (lock = TAILQ_FIRST(&list->records); lock; lock = next) {
		next = TAILQ_NEXT(lock, link);
		if (lock->owner != range->owner || !overlaps(lock, range))
			continue;
		if (lock->start < range->start && lock->end > range->end) {
			struct io_lock *tail = steal_pointer(spare);

			*tail = *lock;
			tail->start = range->end + 1;
			lock->end = range->start - 1;
			insert_sorted(list, tail);
		} else if (lock->start < range->start) {
			lock->end = range->start - 1;
		} else if (lock->end > range->end) {
			TAILQ_REMOVE(&list->records, lock, link);
			lock->start = range->end + 1;
			insert_sorted(list, lock);
			next = TAILQ_FIRST(&list->records);
		} else {
			TAILQ_REMOVE(&list->records, lock, link);
			free(lock);
		}
	}
}

/* Neighbours of the same owner and type become one. */
static void join_neighbours(struct io_lock_list *list, struct io_lock *added)
{
	struct io_lock *lock, *next;

	for (lock = TAILQ_FIRST(&list->records); lock; lock = next) {
		next = TAILQ_NEXT(lock, link);
		if (lock == added || lock->owner != added->owner || lock->type != added->type)
			continue;
		if (lock->end != INT64_MAX && lock->end + 1 == added->start)
			added->start = lock->start;
		else if (added->end != INT64_MAX && added->end + 1 == lock->start)
			added->end = lock->end;
		else
			continue;
		TAILQ_REMOVE(&list->records, lock, link);
		free(lock);
	}
	TAILQ_REMOVE(&list->records, added, link);
	insert_sorted(list, added);
}

/* No conflict is left: the owner's locks change. ENOLCK leaves them as they were. */
static NTSTATUS apply(struct io_lock_list *list, const struct io_lock *wanted)
{
	cleanup_free struct io_lock *spare = malloc(sizeof *spare), *added = malloc(sizeof *added);

	if (!spare || !added)
		return nt_status_from_errno(ENOLCK);
	cut_out(list, wanted, &spare);
	if (wanted->type != TYPE_UNLOCK) {
		struct io_lock *lock = steal_pointer(&added);

		*lock = *wanted;
		insert_sorted(list, lock);
		join_neighbours(list, lock);
	}
	/* Less may be locked than before, or locked more weakly. */
	ke_wake_all(&list->waiters);
	return STATUS_SUCCESS;
}

/* --- waiting */

/* Whom the owner waits for; blocked_lock held. */
static const void *holder_before(const void *owner)
{
	const struct blocked *blocked;

	TAILQ_FOREACH (blocked, &blocked_owners, link)
		if (blocked->owner == owner)
			return blocked->holder;
	return NULL;
}

/*
 * Enter the graph, or say there whom it is waited for now; false: that closes a circle. Who waits for the same holder as
 * before stays as it is: the circle is the other one's, whose wait closes it.
 */
static bool block_on(struct blocked *blocked, const struct io_lock *wanted, const struct io_lock *conflict)
{
	const void *holder = conflict->description ? NULL : conflict->owner;
	bool circle = false;

	if (blocked->owner && holder && blocked->holder == holder)
		return true;
	rtl_lock(&blocked_lock);
	if (!blocked->owner)
		TAILQ_INSERT_TAIL(&blocked_owners, blocked, link);
	blocked->owner = wanted->owner;
	blocked->holder = holder;
	for (int i = 0; holder && i < CIRCLE_LIMIT && !circle; i++) {
		circle = holder == wanted->owner;
		holder = holder_before(holder);
	}
	rtl_unlock(&blocked_lock);
	return !circle;
}

static void end_block(struct blocked *blocked)
{
	if (!blocked->owner)
		return;
	rtl_lock(&blocked_lock);
	TAILQ_REMOVE(&blocked_owners, blocked, link);
	rtl_unlock(&blocked_lock);
}

/* Sleep until something was released. The list's lock is held, and released meanwhile. */
static NTSTATUS sleep_on(struct io_lock_list *list)
{
	struct ke_wake_entry entry = {0};
	struct ke_wake_entry *entries[] = {&entry};
	NTSTATUS status;

	ke_list_enqueue(&list->waiters, &entry);
	rtl_unlock(&list->lock);
	status = ke_list_sleep(entries, 1, true, UINT64_MAX);
	ke_list_dequeue(&entry);
	rtl_lock(&list->lock);
	return status;
}

static NTSTATUS set_record(struct io_lock_list *list, const struct io_lock *wanted, bool wait)
{
	struct blocked blocked = {.owner = NULL};
	NTSTATUS status = STATUS_SUCCESS;
	const struct io_lock *conflict;

	while (status == STATUS_SUCCESS && wanted->type != TYPE_UNLOCK && (conflict = find_conflict(list, wanted))) {
		if (!wait)
			status = nt_status_from_errno(EAGAIN);
		else if (!wanted->description && !block_on(&blocked, wanted, conflict))
			status = nt_status_from_errno(EDEADLK);
		else
			status = sleep_on(list);
	}
	end_block(&blocked);
	return status == STATUS_SUCCESS ? apply(list, wanted) : status;
}

static void report(const struct io_lock *conflict, FSCTL_LX_RECORD_LOCK_BUFFER *buffer)
{
	if (!conflict) {
		buffer->Type = TYPE_UNLOCK;
		return;
	}
	buffer->Type = conflict->type;
	buffer->Whence = 0;
	buffer->Start = conflict->start;
	buffer->Length = conflict->end == INT64_MAX ? 0 : conflict->end - conflict->start + 1;
	buffer->Pid = conflict->description ? -1 : conflict->pid;
}

NTSTATUS io_lock_record(struct io_lock_list *list, struct io_file *file, LONGLONG size,
			FSCTL_LX_RECORD_LOCK_BUFFER *buffer)
{
	bool description = buffer->Command >= OFD_GETLK;
	bool get = buffer->Command == GETLK || buffer->Command == OFD_GETLK;
	struct io_lock wanted = {.description = description,
				 .owner = description ? (const void *)file : buffer->Owner,
				 .type = buffer->Type,
				 .pid = buffer->Pid};
	NTSTATUS status;

	if (buffer->Type < TYPE_READ || buffer->Type > TYPE_UNLOCK || (get && buffer->Type == TYPE_UNLOCK && !description))
		return nt_status_from_errno(EINVAL);
	status = resolve_range(file, size, buffer, &wanted);
	if (status != STATUS_SUCCESS)
		return status;
	if (!get && ((buffer->Type == TYPE_READ && !(file->access & FILE_READ_DATA)) ||
		     (buffer->Type == TYPE_WRITE && !(file->access & FILE_WRITE_DATA))))
		return nt_status_from_errno(EBADF);
	rtl_lock(&list->lock);
	if (get)
		report(find_conflict(list, &wanted), buffer);
	else
		status = set_record(list, &wanted, buffer->Command == SETLKW || buffer->Command == OFD_SETLKW);
	rtl_unlock(&list->lock);
	return status;
}

/* --- flock */

static struct io_lock *whole_conflict(struct io_lock_list *list, const struct io_file *file, SHORT type)
{
	struct io_lock *lock;

	TAILQ_FOREACH (lock, &list->whole, link)
		if (lock->owner != file && (lock->type == TYPE_WRITE || type == TYPE_WRITE))
			return lock;
	return NULL;
}

static struct io_lock *whole_of(struct io_lock_list *list, const struct io_file *file)
{
	struct io_lock *lock;

	TAILQ_FOREACH (lock, &list->whole, link)
		if (lock->owner == file)
			return lock;
	return NULL;
}

static void drop_whole(struct io_lock_list *list, const struct io_file *file)
{
	struct io_lock *lock = whole_of(list, file);

	if (!lock)
		return;
	TAILQ_REMOVE(&list->whole, lock, link);
	free(lock);
	ke_wake_all(&list->waiters);
}

/* The list's lock is held. A change of mode gives the old lock up first: flock(2) is not atomic in that. */
static NTSTATUS take_whole(struct io_lock_list *list, struct io_file *file, SHORT type, bool wait)
{
	struct io_lock *lock = whole_of(list, file);
	NTSTATUS status;

	if (lock && lock->type == type)
		return STATUS_SUCCESS;
	drop_whole(list, file);
	while (whole_conflict(list, file, type)) {
		if (!wait)
			return nt_status_from_errno(EWOULDBLOCK);
		status = sleep_on(list);
		if (status != STATUS_SUCCESS)
			return status;
	}
	lock = malloc(sizeof *lock);
	if (!lock)
		return nt_status_from_errno(ENOLCK);
	*lock = (struct io_lock){.owner = file, .description = true, .type = type, .end = INT64_MAX};
	TAILQ_INSERT_TAIL(&list->whole, lock, link);
	return STATUS_SUCCESS;
}

NTSTATUS io_lock_whole(struct io_lock_list *list, struct io_file *file, ULONG operation)
{
	NTSTATUS status = STATUS_SUCCESS;

	rtl_lock(&list->lock);
	switch (operation & ~(ULONG)FLOCK_NO_WAIT) {
	case FLOCK_SHARED:
		status = take_whole(list, file, TYPE_READ, !(operation & FLOCK_NO_WAIT));
		break;
	case FLOCK_EXCLUSIVE:
		status = take_whole(list, file, TYPE_WRITE, !(operation & FLOCK_NO_WAIT));
		break;
	case FLOCK_UNLOCK:
		drop_whole(list, file);
		break;
	default:
		status = nt_status_from_errno(EINVAL);
	}
	rtl_unlock(&list->lock);
	return status;
}

void io_lock_release_file(struct io_lock_list *list, struct io_file *file)
{
	struct io_lock *lock, *next;
	bool released = false;

	rtl_lock(&list->lock);
	drop_whole(list, file);
	for (lock = TAILQ_FIRST(&list->records); lock; lock = next) {
		next = TAILQ_NEXT(lock, link);
		if (lock->owner != file)
			continue;
		TAILQ_REMOVE(&list->records, lock, link);
		free(lock);
		released = true;
	}
	if (released)
		ke_wake_all(&list->waiters);
	rtl_unlock(&list->lock);
}
