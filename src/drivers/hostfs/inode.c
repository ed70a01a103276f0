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
 */
#include <drivers/hostfs/internal.h>
#include <limits.h>

enum { BUCKETS = 256 };
static struct bucket {
	struct rtl_lock lock; /* guards the list, and counts in its inodes; a leaf */
	TAILQ_HEAD(, hostfs_inode) inodes;
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

/* Drop `count` of the file's denials, or as many as it has. */
static void drop_denials(struct hostfs_file *file, unsigned count)
{
	struct hostfs_inode *inode = file->denied_inode;
	struct bucket *bucket;

	/* The caller's own denial, if there is one, keeps the inode. */
	if (!file->denials)
		return;
	bucket = lock_bucket(inode->device, inode->number);
	count = MIN_OF(count, file->denials);
	file->denials -= count;
	inode->denials -= count;
	if (count && !inode->denials)
		denied_inodes--;
	while (count--)
		drop_inode(bucket, inode);
	rtl_unlock(&bucket->lock);
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
	drop_denials(file, UINT_MAX);
}

NTSTATUS hostfs_deny_write(struct io_file *file)
{
	struct hostfs_file *own = hostfs_file(file);
	NTSTATUS result = STATUS_SUCCESS;
	struct hostfs_inode *inode;
	struct bucket *bucket;
	struct stat status;

	if (hostfs_descriptor(file) < 0)
		return STATUS_SUCCESS;
	if (fstat(own->fd, &status) < 0)
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
		own->denials++;
		own->denied_inode = inode;
	}
	rtl_unlock(&bucket->lock);
	return result;
}

void hostfs_allow_write(struct io_file *file)
{
	if (hostfs_descriptor(file) >= 0)
		drop_denials(hostfs_file(file), 1);
}
