/*
 * Advisory locks on host files, where native programs meet them.
 *
 * flock and locks of the open file description are taken on the guest's own
 * description. A POSIX record lock belongs to a process, of which the host knows
 * only lxrun: so each owner gets a description of its own per inode, and its
 * locks are taken there as locks of the description. A mirror of the ranges
 * says who holds what (F_GETLK's pid, deadlocks), and when the last range is
 * gone the description is closed.
 *
 * Who takes or gives up a record lock holds the inode's lock_gate, under which
 * the host is asked, however long that takes, and owners come and go. The
 * mirror, of all inodes, is guarded by records_lock, under which no host call is
 * made: looking for a deadlock goes from inode to inode. During a wait, which
 * holds neither, `waits` keeps the owner's description open.
 */
#include <drivers/hostfs/internal.h>
#include <sys/file.h>

struct lock_range {
	TAILQ_ENTRY(lock_range) link; /* by start */
	LONGLONG start, end;	      /* inclusive */
	short type;
};

struct hostfs_lock_owner {
	TAILQ_ENTRY(hostfs_lock_owner) link;
	void *owner;
	int fd;
	LONG pid;
	unsigned waits;
	TAILQ_HEAD(, lock_range) ranges;
};

/*
 * A wait in the host, which keeps waiting when one holder makes room for another: whether the new one closes a circle is
 * looked at here, when locks change, and the wait is called off.
 */
struct lock_wait {
	TAILQ_ENTRY(lock_wait) link;
	void *owner;
	struct hostfs_inode *inode;
	LONGLONG start, end;
	short type;
	const void *blocker; /* the owner that stood in the way when it was looked at last; NULL: nobody did */
	bool in_circle;
	struct ke_wake_list called_off;
};
static struct rtl_lock records_lock = RTL_LOCK_INITIALIZER; /* guards owners, ranges and waits; only wakes are made under it */
static TAILQ_HEAD(, lock_wait) lock_waits = TAILQ_HEAD_INITIALIZER(lock_waits);

/* A request with its range made absolute. */
struct lock_request {
	struct io_file *file;
	void *owner;
	LONG pid;
	LONGLONG start, end;
	short type;
};

NTSTATUS hostfs_flock(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
		      ULONG_PTR *information)
{
	ULONG operation = *(const ULONG *)input;
	const uint64_t arguments[6] = {(uint64_t)hostfs_file(file)->fd, operation};
	NTSTATUS status = STATUS_SUCCESS;
	long result;

	hostfs_file(file)->is_seen = true;
	if ((operation & LOCK_NB) || !ke_current_thread())
		return hostfs_status(syscall(SYS_flock, hostfs_file(file)->fd, operation));
	/* An alert that is pending already must not keep a lock that is free from being taken. */
	if (syscall(SYS_flock, hostfs_file(file)->fd, operation | LOCK_NB) == 0)
		return STATUS_SUCCESS;
	if (errno != EWOULDBLOCK)
		return nt_status_from_errno(errno);
	result = ke_host_call(&status, NULL, 0, SYS_flock, arguments);
	if (result == -EINTR && status != STATUS_SUCCESS)
		return status;
	return result < 0 ? nt_status_from_errno((int)-result) : STATUS_SUCCESS;
}

/* fcntl with a struct flock on `fd`; a wait is alertable, and over when `entry` is woken. 0 or -errno. */
static long host_lock(int fd, int command, struct flock *lock, struct ke_wake_entry *entry, NTSTATUS *status)
{
	const uint64_t arguments[6] = {(uint64_t)fd, (uint64_t)command, (uintptr_t)lock};

	*status = STATUS_SUCCESS;
	if (command == F_OFD_SETLKW && ke_current_thread()) {
		if (fcntl(fd, F_OFD_SETLK, lock) == 0)
			return 0;
		return errno == EAGAIN || errno == EACCES ? ke_host_call(status, &entry, entry != NULL, SYS_fcntl, arguments)
							  : -errno;
	}
	return fcntl(fd, command, lock) < 0 ? -errno : 0;
}

static NTSTATUS lock_status(long result, NTSTATUS status)
{
	if (result == -EINTR && status != STATUS_SUCCESS)
		return status;
	return result < 0 ? nt_status_from_errno((int)-result) : STATUS_SUCCESS;
}

/* What can't be opened once more without effects, or at all: its record locks are kept here alone. */
static bool opens_once(struct io_file *file)
{
	struct stat status;

	if (hostfs_kind(file) != HOSTFS_STREAM || hostfs_known_status(hostfs_file(file)->fd, &status) < 0)
		return false;
	return S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode) || !(status.st_mode & S_IFMT);
}

/* A lock of the open file description: the host's own. A holder that is a host process is not shown. */
static NTSTATUS description_lock(struct io_file *file, FSCTL_LX_RECORD_LOCK_BUFFER *lock)
{
	struct flock host = {
	    .l_type = lock->Type, .l_whence = lock->Whence, .l_start = lock->Start, .l_len = lock->Length};
	NTSTATUS status;
	long result;

	hostfs_file(file)->is_seen = true;
	result = host_lock(hostfs_file(file)->fd, (int)lock->Command, &host, NULL, &status);

	if (result == 0 && lock->Command == F_OFD_GETLK) {
		lock->Type = host.l_type;
		if (host.l_type != F_UNLCK) {
			lock->Whence = host.l_whence;
			lock->Start = host.l_start;
			lock->Length = host.l_len;
			lock->Pid = -1;
		}
	}
	return lock_status(result, status);
}

/* flock64_to_posix_lock() of Linux. */
static NTSTATUS absolute_range(struct io_file *file, const FSCTL_LX_RECORD_LOCK_BUFFER *lock, LONGLONG *start,
			       LONGLONG *end)
{
	LONGLONG base = 0;
	struct stat status;

	if (lock->Whence == SEEK_CUR)
		base = lseek(hostfs_file(file)->fd, 0, SEEK_CUR);
	else if (lock->Whence == SEEK_END && hostfs_known_status(hostfs_file(file)->fd, &status) == 0)
		base = status.st_size;
	else if (lock->Whence != SEEK_SET)
		return STATUS_INVALID_PARAMETER;
	if (base < 0)
		base = 0; /* no position: it is 0, as the kernel's f_pos */
	if (lock->Start > 0 && base > INT64_MAX - lock->Start)
		return nt_status_from_errno(EOVERFLOW);
	*start = base + lock->Start;
	if (*start < 0)
		return STATUS_INVALID_PARAMETER;
	if (lock->Length > 0) {
		if (lock->Length - 1 > INT64_MAX - *start)
			return nt_status_from_errno(EOVERFLOW);
		*end = *start + (lock->Length - 1);
	} else if (lock->Length < 0) {
		if (*start + lock->Length < 0)
			return STATUS_INVALID_PARAMETER;
		*end = *start - 1;
		*start += lock->Length;
	} else {
		*end = INT64_MAX;
	}
	return STATUS_SUCCESS;
}

static struct hostfs_lock_owner *find_owner(struct hostfs_inode *inode, void *owner)
{
	struct hostfs_lock_owner *found;

	TAILQ_FOREACH (found, &inode->lock_owners, link)
		if (found->owner == owner)
			return found;
	return NULL;
}

/* A description for the owner's locks: for both kinds of lock if the file's permissions allow it. */
static int open_lock_description(struct io_file *file)
{
	char path[HOSTFS_PROC_PATH_SIZE];
	int flags = fcntl(hostfs_file(file)->fd, F_GETFL), fd;

	/* Opening a FIFO or a device once more is more than taking a lock. */
	if (hostfs_kind(file) != HOSTFS_REGULAR && hostfs_kind(file) != HOSTFS_DIRECTORY)
		return -ENOLCK;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fd = open(path, (flags & O_ACCMODE) | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -ENOLCK : hostfs_raise_descriptor(fd);
}

static struct hostfs_lock_owner *look_for_owner(struct hostfs_inode *inode, void *owner)
{
	struct hostfs_lock_owner *found;

	rtl_lock(&records_lock);
	found = find_owner(inode, owner);
	rtl_unlock(&records_lock);
	return found;
}

/* At the gate: the caller's entry at the inode, made if need be. NULL with *error. */
static struct hostfs_lock_owner *make_owner(struct hostfs_inode *inode, const struct lock_request *request, int *error)
{
	struct hostfs_lock_owner *owner = look_for_owner(inode, request->owner);

	if (owner)
		return owner;
	owner = calloc(1, sizeof(*owner));
	*error = -ENOLCK;
	if (!owner)
		return NULL;
	owner->fd = open_lock_description(request->file);
	if (owner->fd < 0) {
		free(owner);
		return NULL;
	}
	owner->owner = request->owner;
	owner->pid = request->pid;
	TAILQ_INIT(&owner->ranges);
	hostfs_get_inode(inode->device, inode->number);
	rtl_lock(&records_lock);
	TAILQ_INSERT_TAIL(&inode->lock_owners, owner, link);
	rtl_unlock(&records_lock);
	return owner;
}

/* At the gate: forget an owner that holds and awaits nothing. */
static void drop_idle_owner(struct hostfs_inode *inode, struct hostfs_lock_owner *owner)
{
	bool idle;

	rtl_lock(&records_lock);
	idle = !owner->waits && TAILQ_EMPTY(&owner->ranges);
	if (idle)
		TAILQ_REMOVE(&inode->lock_owners, owner, link);
	rtl_unlock(&records_lock);
	if (!idle)
		return;
	close(owner->fd);
	free(owner);
	hostfs_put_inode(inode);
}

static struct lock_range *new_range(LONGLONG start, LONGLONG end, short type)
{
	struct lock_range *range = malloc(sizeof(*range));

	if (range)
		*range = (struct lock_range){.start = start, .end = end, .type = type};
	return range;
}

static void insert_range(struct hostfs_lock_owner *owner, struct lock_range *range)
{
	struct lock_range *at;

	TAILQ_FOREACH (at, &owner->ranges, link) {
		if (at->start > range->start) {
			TAILQ_INSERT_BEFORE(at, range, link);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&owner->ranges, range, link);
}

/* Take [start, end] out of what the owner holds. `spare` is used if a range falls in two, else freed. */
static void cut_ranges(struct hostfs_lock_owner *owner, LONGLONG start, LONGLONG end, struct lock_range *spare)
{
	struct lock_range *range, *next;

	for (range = TAILQ_FIRST(&owner->ranges); range; range = next) {
		next = TAILQ_NEXT(range, link);
		if (range->end < start || range->start > end)
			continue;
		if (range->start < start && range->end > end) {
			*spare = (struct lock_range){.start = end + 1, .end = range->end, .type = range->type};
			range->end = start - 1;
			TAILQ_INSERT_AFTER(&owner->ranges, range, spare, link);
			return;
		}
		if (range->start < start) {
			range->end = start - 1;
		} else if (range->end > end) {
			range->start = end + 1;
		} else {
			TAILQ_REMOVE(&owner->ranges, range, link);
			free(range);
		}
	}
	free(spare);
}

/* Neighbours of one type are one lock, as F_GETLK shows them. */
static void merge_ranges(struct hostfs_lock_owner *owner)
{
	struct lock_range *range = TAILQ_FIRST(&owner->ranges), *next;

	while (range && (next = TAILQ_NEXT(range, link))) {
		if (range->end != INT64_MAX && range->end + 1 == next->start && range->type == next->type) {
			range->end = next->end;
			TAILQ_REMOVE(&owner->ranges, next, link);
			free(next);
		} else {
			range = next;
		}
	}
}

/* The host has done it: so does the mirror, with two elements that were got before. */
static void mirror(struct hostfs_lock_owner *owner, const struct lock_request *request, struct lock_range *spares[2])
{
	rtl_lock(&records_lock);
	cut_ranges(owner, request->start, request->end, spares[0]);
	if (request->type != F_UNLCK) {
		*spares[1] = (struct lock_range){.start = request->start, .end = request->end, .type = request->type};
		insert_range(owner, steal_pointer(&spares[1]));
		merge_ranges(owner);
	}
	rtl_unlock(&records_lock);
	free(spares[1]);
}

/* Another owner's range that stands in the way, first by owner and start. */
static struct lock_range *find_conflict(struct hostfs_inode *inode, const void *owner, LONGLONG start, LONGLONG end,
					short type, struct hostfs_lock_owner **holder)
{
	struct lock_range *range;

	TAILQ_FOREACH (*holder, &inode->lock_owners, link) {
		if ((*holder)->owner == owner)
			continue;
		TAILQ_FOREACH (range, &(*holder)->ranges, link)
			if (range->start <= end && range->end >= start && (type == F_WRLCK || range->type == F_WRLCK))
				return range;
	}
	return NULL;
}

static struct lock_wait *find_wait(const void *owner)
{
	struct lock_wait *wait;

	TAILQ_FOREACH (wait, &lock_waits, link)
		if (wait->owner == owner)
			return wait;
	return NULL;
}

/* Does who stands in the way wait, through others, for the one who wants to wait? Linux looks as far. */
static bool would_deadlock(const struct lock_wait *wanted)
{
	const struct lock_wait *wait = wanted;
	struct hostfs_lock_owner *holder;

	for (int i = 0; i < 10 && wait; i++) {
		if (!find_conflict(wait->inode, wait->owner, wait->start, wait->end, wait->type, &holder))
			return false;
		if (holder->owner == wanted->owner)
			return true;
		wait = find_wait(holder->owner);
	}
	return false;
}

/* Note who is in the way, and say whether waiting for it would never end. */
static bool closes_circle(struct lock_wait *wait)
{
	struct hostfs_lock_owner *holder;

	find_conflict(wait->inode, wait->owner, wait->start, wait->end, wait->type, &holder);
	wait->blocker = holder ? holder->owner : NULL;
	return would_deadlock(wait);
}

/* Called and returns at the gate, which the wait itself leaves. */
static long wait_for_lock(struct hostfs_inode *inode, struct hostfs_lock_owner *owner,
			  const struct lock_request *request, struct flock *host, NTSTATUS *status)
{
	struct lock_wait wait = {.owner = request->owner,
				 .inode = inode,
				 .start = request->start,
				 .end = request->end,
				 .type = request->type};
	struct ke_wake_entry entry = {0};
	bool deadlock;
	long result;

	ke_wake_list_init(&wait.called_off);
	ke_list_enqueue(&wait.called_off, &entry);
	rtl_lock(&records_lock);
	deadlock = closes_circle(&wait);
	if (!deadlock) {
		TAILQ_INSERT_TAIL(&lock_waits, &wait, link);
		owner->waits++;
	}
	rtl_unlock(&records_lock);
	if (!deadlock) {
		ke_leave_gate(&inode->lock_gate);
		result = host_lock(owner->fd, F_OFD_SETLKW, host, &entry, status);
		/* What came of it has to be entered, whatever becomes of the thread. */
		ke_enter_gate(&inode->lock_gate, false);
		rtl_lock(&records_lock);
		owner->waits--;
		TAILQ_REMOVE(&lock_waits, &wait, link);
		rtl_unlock(&records_lock);
	}
	ke_list_dequeue(&entry);
	return deadlock || (result == -EINTR && wait.in_circle) ? -EDEADLK : result;
}

/*
 * What `changed` holds is another range now: those whom it kept waiting look who does so now, as the kernel wakes them to.
 * records_lock is held.
 */
static void look_again(struct hostfs_inode *inode, const void *changed)
{
	struct lock_wait *wait;

	TAILQ_FOREACH (wait, &lock_waits, link) {
		const void *before = wait->blocker;

		if (wait->inode != inode || wait->in_circle || (before && before != changed))
			continue;
		wait->in_circle = closes_circle(wait) && wait->blocker != before;
		if (wait->in_circle)
			ke_wake_all(&wait->called_off);
	}
}

static NTSTATUS set_lock(struct hostfs_inode *inode, const struct lock_request *request, bool wait)
{
	struct flock host = {.l_type = request->type,
			     .l_whence = SEEK_SET,
			     .l_start = request->start,
			     .l_len = request->end == INT64_MAX ? 0 : request->end - request->start + 1};
	struct lock_range *spares[2] = {new_range(0, 0, 0), new_range(0, 0, 0)};
	struct hostfs_lock_owner *owner;
	NTSTATUS status = STATUS_SUCCESS;
	int error = -ENOLCK;
	long result;

	owner = spares[0] && spares[1] ? make_owner(inode, request, &error) : NULL;
	if (!owner) {
		free(spares[0]);
		free(spares[1]);
		return nt_status_from_errno(-error);
	}
	result = fcntl(owner->fd, F_OFD_SETLK, &host) < 0 ? -errno : 0;
	if (wait && (result == -EAGAIN || result == -EACCES))
		result = wait_for_lock(inode, owner, request, &host, &status);
	/* A description that could not be opened for this kind of lock. */
	if (result == -EBADF)
		result = -ENOLCK;
	if (result == 0) {
		mirror(owner, request, spares);
		rtl_lock(&records_lock);
		look_again(inode, request->owner);
		rtl_unlock(&records_lock);
	} else {
		free(spares[0]);
		free(spares[1]);
	}
	drop_idle_owner(inode, owner);
	return lock_status(result, status);
}

/* Who would keep the lock from being granted: a guest, another guest's description (pid -1), or a host process (pid 0).
 */
static NTSTATUS test_lock(struct hostfs_inode *inode, const struct lock_request *request,
			  FSCTL_LX_RECORD_LOCK_BUFFER *lock)
{
	struct flock host = {.l_type = request->type,
			     .l_whence = SEEK_SET,
			     .l_start = request->start,
			     .l_len = request->end == INT64_MAX ? 0 : request->end - request->start + 1};
	struct hostfs_lock_owner *own, *holder;
	struct lock_range *range;

	rtl_lock(&records_lock);
	own = find_owner(inode, request->owner);
	range = find_conflict(inode, request->owner, request->start, request->end, request->type, &holder);
	if (range) {
		lock->Type = range->type;
		lock->Whence = SEEK_SET;
		lock->Start = range->start;
		lock->Length = range->end == INT64_MAX ? 0 : range->end - range->start + 1;
		lock->Pid = holder->pid;
	}
	rtl_unlock(&records_lock);
	if (range)
		return STATUS_SUCCESS;
	/* Without locks of the owner's own, any description tells the same. */
	if (fcntl(own ? own->fd : hostfs_file(request->file)->fd, F_OFD_GETLK, &host) < 0)
		return nt_status_from_errno(errno);
	lock->Type = host.l_type;
	if (host.l_type != F_UNLCK) {
		lock->Whence = SEEK_SET;
		lock->Start = host.l_start;
		lock->Length = host.l_len;
		lock->Pid = host.l_pid > 0 ? 0 : host.l_pid;
	}
	return STATUS_SUCCESS;
}

static NTSTATUS lock_at_gate(struct hostfs_inode *inode, const struct lock_request *request,
			     FSCTL_LX_RECORD_LOCK_BUFFER *lock)
{
	NTSTATUS status;

	/* To give up its locks is among the last things that a process does. */
	if (!ke_enter_gate(&inode->lock_gate, lock->Type != F_UNLCK))
		return STATUS_USER_APC;
	status = lock->Command == F_GETLK ? test_lock(inode, request, lock)
					  : set_lock(inode, request, lock->Command == F_SETLKW);
	ke_leave_gate(&inode->lock_gate);
	return status;
}

static NTSTATUS run_posix_lock(const struct lock_request *request, FSCTL_LX_RECORD_LOCK_BUFFER *lock)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct hostfs_inode *inode;
	struct stat stat;

	if (hostfs_known_status(hostfs_file(request->file)->fd, &stat) < 0)
		return nt_status_from_errno(errno);
	inode = hostfs_get_inode(stat.st_dev, stat.st_ino);
	if (!inode)
		return nt_status_from_errno(ENOLCK);
	if (lock->Type != F_UNLCK || lock->Command == F_GETLK || look_for_owner(inode, request->owner))
		status = lock_at_gate(inode, request, lock);
	hostfs_put_inode(inode);
	return status;
}

static NTSTATUS posix_lock(struct io_file *file, FSCTL_LX_RECORD_LOCK_BUFFER *lock)
{
	struct lock_request request = {.file = file, .owner = lock->Owner, .pid = lock->Pid, .type = lock->Type};
	NTSTATUS status = absolute_range(file, lock, &request.start, &request.end);

	if (!NT_SUCCESS(status))
		return status;
	if (lock->Type != F_RDLCK && lock->Type != F_WRLCK && (lock->Type != F_UNLCK || lock->Command == F_GETLK))
		return STATUS_INVALID_PARAMETER;
	if (lock->Command != F_GETLK &&
	    ((lock->Type == F_RDLCK && !(file->access & FILE_READ_DATA)) ||
	     (lock->Type == F_WRLCK && !(file->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))))
		return STATUS_INVALID_HANDLE;
	return run_posix_lock(&request, lock);
}

NTSTATUS hostfs_record_lock(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			    ULONG_PTR *information)
{
	FSCTL_LX_RECORD_LOCK_BUFFER lock = *(const FSCTL_LX_RECORD_LOCK_BUFFER *)input;
	NTSTATUS status = STATUS_INVALID_PARAMETER;

	if (opens_once(file))
		return STATUS_INVALID_DEVICE_REQUEST;
	if (lock.Command == F_OFD_GETLK || lock.Command == F_OFD_SETLK || lock.Command == F_OFD_SETLKW)
		status = description_lock(file, &lock);
	else if (lock.Command == F_GETLK || lock.Command == F_SETLK || lock.Command == F_SETLKW)
		status = posix_lock(file, &lock);
	if (NT_SUCCESS(status)) {
		memcpy(output, &lock, sizeof(lock));
		*information = sizeof(lock);
	}
	return status;
}
