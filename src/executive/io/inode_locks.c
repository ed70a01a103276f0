/*
 * Advisory locks on whatever has none of its own: pipes, terminals, devices, files
 * of /proc. In Linux they belong to the inode and no driver is asked; so here, by
 * the device and inode number that a file shows. The list of an inode is made with
 * the first lock and goes with the last file object that took one.
 *
 * Lock: `lists_lock` guards the table, its counts and io_file.locks; nothing is
 * taken under it.
 */
#include <executive/io/internal.h>
#include <executive/io/locks.h>

#define BUCKETS 64

struct io_inode_locks {
	LIST_ENTRY(io_inode_locks) link;
	ULONGLONG device, inode;
	uint32_t files; /* file objects that took a lock */
	struct io_lock_list list;
};

static struct rtl_lock lists_lock = RTL_LOCK_INITIALIZER;
static LIST_HEAD(, io_inode_locks) lists[BUCKETS];

static struct io_inode_locks *find_list(ULONGLONG device, ULONGLONG inode)
{
	struct io_inode_locks *locks;

	LIST_FOREACH (locks, &lists[inode % BUCKETS], link)
		if (locks->device == device && locks->inode == inode)
			return locks;
	return NULL;
}

static struct io_inode_locks *make_list(ULONGLONG device, ULONGLONG inode)
{
	struct io_inode_locks *locks = calloc(1, sizeof(*locks));

	if (!locks)
		return NULL;
	locks->device = device;
	locks->inode = inode;
	io_lock_list_init(&locks->list);
	LIST_INSERT_HEAD(&lists[inode % BUCKETS], locks, link);
	return locks;
}

/* The list of the file's inode, which the file object keeps from now on; NULL: no memory. */
static struct io_inode_locks *list_of(struct io_file *file, const FILE_LX_STATX_INFORMATION *attributes)
{
	ULONGLONG device = (ULONGLONG)attributes->DevMajor << 32 | attributes->DevMinor;
	struct io_inode_locks *locks;

	rtl_lock(&lists_lock);
	locks = file->locks;
	if (!locks) {
		locks = find_list(device, attributes->Inode);
		if (!locks)
			locks = make_list(device, attributes->Inode);
		file->locks = locks;
		if (locks)
			locks->files++;
	}
	rtl_unlock(&lists_lock);
	return locks;
}

NTSTATUS io_lock_inode(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
		       ULONG output_size, ULONG_PTR *information)
{
	FILE_LX_STATX_INFORMATION attributes = {.Mask = FILE_LX_STATX_KNOWN};
	FSCTL_LX_RECORD_LOCK_BUFFER record;
	struct io_inode_locks *locks;
	NTSTATUS status;

	if (input_size < (code == FSCTL_LX_FLOCK ? sizeof(ULONG) : sizeof(record)))
		return STATUS_INFO_LENGTH_MISMATCH;
	status = io_query_file(file, FileLxStatxWantedInformation, &attributes, sizeof(attributes));
	if (status != STATUS_SUCCESS)
		return STATUS_INVALID_DEVICE_REQUEST;
	locks = list_of(file, &attributes);
	if (!locks)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (code == FSCTL_LX_FLOCK)
		return io_lock_whole(&locks->list, file, *(const ULONG *)input);
	memcpy(&record, input, sizeof(record));
	status = io_lock_record(&locks->list, file, (LONGLONG)attributes.Size, &record);
	if (status == STATUS_SUCCESS && output_size >= sizeof(record)) {
		memcpy(output, &record, sizeof(record));
		*information = sizeof(record);
	}
	return status;
}

void io_forget_inode_locks(struct io_file *file)
{
	struct io_inode_locks *locks = file->locks;

	if (likely(!locks))
		return;
	io_lock_release_file(&locks->list, file);
	rtl_lock(&lists_lock);
	if (--locks->files)
		locks = NULL;
	else
		LIST_REMOVE(locks, link);
	rtl_unlock(&lists_lock);
	if (locks) {
		io_lock_list_destroy(&locks->list);
		free(locks);
	}
}
