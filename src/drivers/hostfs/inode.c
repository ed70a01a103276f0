/*
 * Inodes that lxrun must know of: files that are being executed (ETXTBSY, which
 * the host can't tell, since it executes lxrun's own stub), files open for
 * writing, and files with record locks.
 *
 * An inode is named by device and number; whoever holds a reference also holds a
 * descriptor of the file, so that the number can't be used anew meanwhile. They
 * are found in buckets, each with a lock of its own, so that opening one file
 * for writing has nothing to do with opening another. No host call is made under
 * those locks. What takes long at one inode, a record lock on a slow file, is
 * done at its gate.
 *
 * The same buckets hold the file objects that stand for others of their inode, once
 * none of those is open any more (hostfs_substitute()).
 */
#include <drivers/hostfs/internal.h>
#include <limits.h>
#include <sys/sysmacros.h>

enum { BUCKETS = 256 };
static struct bucket {
	struct rtl_lock lock; /* guards the lists, and counts in its inodes; a leaf */
	TAILQ_HEAD(, hostfs_inode) inodes;
	LIST_HEAD(, hostfs_shared) shared;
} buckets[BUCKETS];
static _Atomic unsigned denied_inodes; /* with denials > 0 */

static struct bucket *bucket_of(dev_t device, ino_t number)
{
	return &buckets[((uint64_t)number ^ (uint64_t)device * 0x9e3779b97f4a7c15ull) * 0x9e3779b97f4a7c15ull >> 56];
}

/* Its bucket, locked. */
static struct bucket *lock_bucket(dev_t device, ino_t number)
{
	struct bucket *bucket = bucket_of(device, number);

	rtl_lock(&bucket->lock);
	if (!bucket->inodes.tqh_last)
		TAILQ_INIT(&bucket->inodes);
	return bucket;
}

static struct hostfs_inode *find_inode(struct bucket *bucket, dev_t device, ino_t number)
{
	struct hostfs_inode *inode;

	TAILQ_FOREACH (inode, &bucket->inodes, link)
		if (inode->number == number && inode->device == device)
			return inode;
	return NULL;
}

/* With a reference, made if need be; NULL: no memory. */
static struct hostfs_inode *take_inode(struct bucket *bucket, dev_t device, ino_t number)
{
	struct hostfs_inode *inode = find_inode(bucket, device, number);

	if (!inode) {
		inode = calloc(1, sizeof(*inode));
		if (!inode)
			return NULL;
		inode->device = device;
		inode->number = number;
		TAILQ_INIT(&inode->lock_owners);
		TAILQ_INSERT_TAIL(&bucket->inodes, inode, link);
	}
	inode->references++;
	return inode;
}

static void drop_inode(struct bucket *bucket, struct hostfs_inode *inode)
{
	if (--inode->references)
		return;
	TAILQ_REMOVE(&bucket->inodes, inode, link);
	free(inode);
}

struct hostfs_inode *hostfs_get_inode(dev_t device, ino_t number)
{
	struct bucket *bucket = lock_bucket(device, number);
	struct hostfs_inode *inode = take_inode(bucket, device, number);

	rtl_unlock(&bucket->lock);
	return inode;
}

void hostfs_put_inode(struct hostfs_inode *inode)
{
	struct bucket *bucket = lock_bucket(inode->device, inode->number);

	drop_inode(bucket, inode);
	rtl_unlock(&bucket->lock);
}

bool hostfs_any_denied(void)
{
	return denied_inodes != 0;
}

bool hostfs_is_denied(const struct stat *status)
{
	struct bucket *bucket = lock_bucket(status->st_dev, status->st_ino);
	struct hostfs_inode *inode = find_inode(bucket, status->st_dev, status->st_ino);
	bool denied = inode && inode->denials;

	rtl_unlock(&bucket->lock);
	return denied;
}

NTSTATUS hostfs_register_writer(struct hostfs_file *file, const struct stat *status)
{
	NTSTATUS result = STATUS_SUCCESS;
	struct hostfs_inode *inode;
	struct bucket *bucket;

	if (!S_ISREG(status->st_mode))
		return STATUS_SUCCESS;
	bucket = lock_bucket(status->st_dev, status->st_ino);
	inode = take_inode(bucket, status->st_dev, status->st_ino);
	if (!inode) {
		result = STATUS_NO_MEMORY;
	} else if (inode->denials) {
		drop_inode(bucket, inode);
		result = STATUS_SHARING_VIOLATION;
	} else {
		inode->writers++;
		file->writer_inode = inode;
	}
	rtl_unlock(&bucket->lock);
	return result;
}

void hostfs_release_inode(struct hostfs_file *file)
{
	struct hostfs_inode *inode = file->writer_inode;

	if (inode) {
		struct bucket *bucket = lock_bucket(inode->device, inode->number);

		inode->writers--;
		drop_inode(bucket, inode);
		rtl_unlock(&bucket->lock);
		file->writer_inode = NULL;
	}
}

NTSTATUS hostfs_deny_write(struct io_file *file, struct hostfs_inode **denied)
{
	NTSTATUS result = STATUS_SUCCESS;
	struct hostfs_inode *inode;
	struct bucket *bucket;
	struct stat status;

	*denied = NULL;
	if (hostfs_descriptor(file) < 0)
		return STATUS_SUCCESS;
	if (hostfs_known_status(hostfs_file(file)->fd, &status) < 0)
		return nt_status_from_errno(errno);
	bucket = lock_bucket(status.st_dev, status.st_ino);
	inode = take_inode(bucket, status.st_dev, status.st_ino);
	if (!inode) {
		result = STATUS_NO_MEMORY;
	} else if (inode->writers) {
		drop_inode(bucket, inode);
		result = STATUS_SHARING_VIOLATION;
	} else {
		if (!inode->denials++)
			denied_inodes++;
		*denied = inode;
	}
	rtl_unlock(&bucket->lock);
	return result;
}

void hostfs_allow_write(struct hostfs_inode *denied)
{
	struct bucket *bucket;

	if (!denied)
		return;
	bucket = lock_bucket(denied->device, denied->number);
	if (!--denied->denials)
		denied_inodes--;
	drop_inode(bucket, denied);
	rtl_unlock(&bucket->lock);
}

/* --- file objects that stand for others: what is mapped or executed, and open no longer */

/* Another file object stands for one if all that can still be seen of it is the same. */
struct hostfs_shared {
	LIST_ENTRY(hostfs_shared) link;
	struct io_file *file; /* not held */
	dev_t device;
	ino_t number;
	uint64_t mount;
	char path[]; /* when it began to; the host is asked for what it is now */
};

#define DELETED " (deleted)"

/* False: nobody can say whether two of these are one. */
static bool read_path(struct io_file *file, char path[PATH_MAX])
{
	char link[HOSTFS_PROC_PATH_SIZE];
	ssize_t length;

	hostfs_proc_path(hostfs_file(file)->fd, link);
	length = readlink(link, path, PATH_MAX);
	if (length <= 0 || length == PATH_MAX)
		return false;
	path[length] = 0;
	/* A name that is gone says no longer which of several links it was. */
	return length < (ssize_t)strlen(DELETED) || strcmp(path + length - strlen(DELETED), DELETED) != 0;
}

/* A regular file of which nobody sees that this description stays open, as a candidate. */
static struct hostfs_shared *describe(struct io_file *file)
{
	struct hostfs_file *own = hostfs_file(file);
	struct hostfs_shared *shared;
	char path[PATH_MAX];
	struct statx status;

	if (own->is_seen || own->path_only || own->gate != HOSTFS_GATE_OPEN || own->delete_on_close || own->delete_pending)
		return NULL;
	if (statx(own->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | STATX_MNT_ID, &status) < 0 ||
	    !(status.stx_mask & STATX_MNT_ID) || !S_ISREG(status.stx_mode) || !read_path(file, path))
		return NULL;
	shared = malloc(sizeof(*shared) + strlen(path) + 1);
	if (!shared)
		return NULL;
	*shared = (struct hostfs_shared){.file = file,
					 .device = makedev(status.stx_dev_major, status.stx_dev_minor),
					 .number = status.stx_ino,
					 .mount = status.stx_mnt_id};
	strcpy(shared->path, path);
	return shared;
}

/* One that is alike as far as can be told without asking the host, referenced. */
static struct io_file *find_alike(const struct hostfs_shared *wanted)
{
	struct bucket *bucket = lock_bucket(wanted->device, wanted->number);
	struct io_file *found = NULL;
	struct hostfs_shared *shared;

	LIST_FOREACH (shared, &bucket->shared, link)
		if (shared->number == wanted->number && shared->device == wanted->device && shared->mount == wanted->mount &&
		    shared->file->device == wanted->file->device && shared->file->access == wanted->file->access &&
		    !strcmp(shared->path, wanted->path) && ob_reference_safe(shared->file)) {
			found = shared->file;
			break;
		}
	rtl_unlock(&bucket->lock);
	return found;
}

/* From now on the file stands for others. Consumes the description. */
static void begin_to_share(struct hostfs_shared *shared)
{
	struct hostfs_file *own = hostfs_file(shared->file);
	struct bucket *bucket = lock_bucket(shared->device, shared->number);

	if (!own->shared) {
		own->shared = shared;
		LIST_INSERT_HEAD(&bucket->shared, shared, link);
		shared = NULL;
	}
	rtl_unlock(&bucket->lock);
	free(shared);
}

struct io_file *hostfs_substitute(struct io_file *file)
{
	struct hostfs_shared *wanted;
	struct io_file *found;
	char path[PATH_MAX];

	if (hostfs_file(file)->shared)
		return NULL;
	wanted = describe(file);
	if (!wanted)
		return NULL;
	found = find_alike(wanted);
	if (found && (!read_path(found, path) || strcmp(path, wanted->path) != 0)) {
		ob_dereference(found);
		found = NULL;
	} else if (found) {
		free(wanted);
		return found;
	}
	begin_to_share(wanted);
	return NULL;
}

void hostfs_forget_shared(struct io_file *file)
{
	struct hostfs_shared *shared = hostfs_file(file)->shared;
	struct bucket *bucket;

	if (likely(!shared))
		return;
	bucket = lock_bucket(shared->device, shared->number);
	LIST_REMOVE(shared, link);
	rtl_unlock(&bucket->lock);
	free(shared);
}
