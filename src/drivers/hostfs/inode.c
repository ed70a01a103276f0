/*
 * Inodes that lxrun must know of: files that are being executed (ETXTBSY, which
 * the host can't tell, since it executes lxrun's own stub), files open for
 * writing, and files with record locks.
 *
 * An inode is named by device and number; whoever holds a reference also holds a
 * descriptor of the file, so that the number can't be used anew meanwhile. One
 * lock guards the tree and everything in its nodes; no host call that can sleep
 * is made under it.
 */
#include <drivers/hostfs/internal.h>

static struct rtl_lock inode_lock = RTL_LOCK_INITIALIZER;
static _Atomic unsigned denied_inodes; /* with denials > 0 */

static int compare_inodes(struct hostfs_inode *a, struct hostfs_inode *b)
{
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

RB_HEAD(inode_tree, hostfs_inode);
static struct inode_tree inodes = RB_INITIALIZER(&inodes);
RB_GENERATE_INTERNAL(inode_tree, hostfs_inode, link, compare_inodes, __attribute__((unused)) static)

void hostfs_lock_inodes(void)
{
	rtl_lock(&inode_lock);
}

void hostfs_unlock_inodes(void)
{
	rtl_unlock(&inode_lock);
}

struct hostfs_inode *hostfs_find_inode(dev_t device, ino_t number)
{
	struct hostfs_inode key = {.device = device, .number = number};

	return RB_FIND(inode_tree, &inodes, &key);
}

struct hostfs_inode *hostfs_get_inode(dev_t device, ino_t number)
{
	struct hostfs_inode *inode = hostfs_find_inode(device, number);

	if (!inode) {
		inode = calloc(1, sizeof(*inode));
		if (!inode)
			return NULL;
		inode->device = device;
		inode->number = number;
		TAILQ_INIT(&inode->lock_owners);
		RB_INSERT(inode_tree, &inodes, inode);
	}
	inode->references++;
	return inode;
}

void hostfs_put_inode(struct hostfs_inode *inode)
{
	if (--inode->references)
		return;
	RB_REMOVE(inode_tree, &inodes, inode);
	free(inode);
}

bool hostfs_any_denied(void)
{
	return denied_inodes != 0;
}

bool hostfs_is_denied(const struct stat *status)
{
	struct hostfs_inode *inode;
	bool denied;

	hostfs_lock_inodes();
	inode = hostfs_find_inode(status->st_dev, status->st_ino);
	denied = inode && inode->denials;
	hostfs_unlock_inodes();
	return denied;
}

NTSTATUS hostfs_register_writer(struct hostfs_file *file, const struct stat *status)
{
	NTSTATUS result = STATUS_SUCCESS;
	struct hostfs_inode *inode;

	if (!S_ISREG(status->st_mode))
		return STATUS_SUCCESS;
	hostfs_lock_inodes();
	inode = hostfs_get_inode(status->st_dev, status->st_ino);
	if (!inode) {
		result = STATUS_NO_MEMORY;
	} else if (inode->denials) {
		hostfs_put_inode(inode);
		result = STATUS_SHARING_VIOLATION;
	} else {
		inode->writers++;
		file->writer_inode = inode;
	}
	hostfs_unlock_inodes();
	return result;
}

/* Drop `count` denials of the file's inode. Under the inode lock; the descriptor is still open. */
static void drop_denials(struct hostfs_file *file, unsigned count)
{
	struct stat status;
	struct hostfs_inode *inode;

	if (!count || fstat(file->fd, &status) < 0)
		return;
	inode = hostfs_find_inode(status.st_dev, status.st_ino);
	if (!inode)
		return;
	file->denials -= count;
	inode->denials -= count;
	if (!inode->denials)
		denied_inodes--;
	while (count--)
		hostfs_put_inode(inode);
}

void hostfs_release_inode(struct hostfs_file *file)
{
	if (!file->writer_inode && !file->denials)
		return;
	hostfs_lock_inodes();
	if (file->writer_inode) {
		file->writer_inode->writers--;
		hostfs_put_inode(file->writer_inode);
		file->writer_inode = NULL;
	}
	drop_denials(file, file->denials);
	hostfs_unlock_inodes();
}

NTSTATUS hostfs_deny_write(struct io_file *file)
{
	struct hostfs_file *own = hostfs_file(file);
	NTSTATUS result = STATUS_SUCCESS;
	struct hostfs_inode *inode;
	struct stat status;

	if (hostfs_descriptor(file) < 0)
		return STATUS_SUCCESS;
	if (fstat(own->fd, &status) < 0)
		return nt_status_from_errno(errno);
	hostfs_lock_inodes();
	inode = hostfs_get_inode(status.st_dev, status.st_ino);
	if (!inode) {
		result = STATUS_NO_MEMORY;
	} else if (inode->writers) {
		hostfs_put_inode(inode);
		result = STATUS_SHARING_VIOLATION;
	} else {
		if (!inode->denials++)
			denied_inodes++;
		own->denials++;
	}
	hostfs_unlock_inodes();
	return result;
}

void hostfs_allow_write(struct io_file *file)
{
	if (hostfs_descriptor(file) < 0)
		return;
	hostfs_lock_inodes();
	drop_denials(hostfs_file(file), hostfs_file(file)->denials ? 1 : 0);
	hostfs_unlock_inodes();
}
