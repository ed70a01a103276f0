/*
 * Files from which signals are read: signalfd(2). What a signal is, and which of them the calling thread may take, is the
 * subsystem's that made the file; the driver knows numbered bits, records of a fixed size, and how readers wait. A file
 * holds a set of signals, which can be changed. The readers and pollers of a process are on its list, whichever file they
 * use.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>

#include <drivers/fsrtl/fsrtl.h>
#include <drivers/sigfs/sigfs.h>
#include <executive/ke/ke.h>

#define ANONYMOUS_MODE 0600u
#define ANONYMOUS_MAGIC 0x09041934
#define ANONYMOUS_INODE 1u
#define ANONYMOUS_MINOR 15u

struct signal_file {
	const struct sigfs_source *source;
	_Atomic uint64_t signals;
};

static bool take_signal(struct signal_file *file, struct sigfs_record *record)
{
	return file->source->take(atomic_load(&file->signals), record);
}

/* The first signal, for which a blocking read waits. */
static NTSTATUS wait_signal(struct io_file *file, struct sigfs_record *record)
{
	struct ke_wake_entry entry = {0}, *entries[] = {&entry};
	struct signal_file *signals = io_file_extension(file);
	NTSTATUS status = STATUS_SUCCESS;

	for (;;) {
		bool taken;

		ke_list_enqueue(signals->source->waiters(), &entry);
		taken = take_signal(signals, record);
		if (!taken && (atomic_load(&file->lx_flags) & O_NONBLOCK))
			status = nt_status_from_errno(EAGAIN);
		else if (!taken && NT_SUCCESS(status) && status != STATUS_USER_APC && status != STATUS_ALERTED)
			status = ke_list_sleep(entries, 1, true, UINT64_MAX);
		else if (taken)
			status = STATUS_SUCCESS;
		ke_list_dequeue(&entry);
		if (taken || status != STATUS_SUCCESS)
			return status;
	}
}

static NTSTATUS signalfd_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position, ULONG flags,
			      ULONG_PTR *information)
{
	struct sigfs_record record;
	size_t room = io_buffer_size(buffer) / sizeof record, done = 0;
	NTSTATUS status;

	if (position)
		return nt_status_from_errno(ESPIPE);
	if (!room)
		return nt_status_from_errno(EINVAL);
	status = wait_signal(file, &record);
	while (status == STATUS_SUCCESS) {
		if (io_buffer_put(buffer, done * sizeof record, &record, sizeof record) != sizeof record)
			return done ? STATUS_SUCCESS : nt_status_from_errno(EFAULT);
		*information = ++done * sizeof record;
		if (done == room || !take_signal(io_file_extension(file), &record))
			break;
	}
	return status;
}

static ULONG signalfd_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	struct signal_file *signals = io_file_extension(file);
	struct ke_wake_list *waiters = signals->source->waiters();

	if (!waiters)
		return 0;
	if (table)
		io_poll_add_list(table, waiters);
	return signals->source->pending() & atomic_load(&signals->signals) ? events & (POLLIN | POLLRDNORM) : 0;
}

static struct fsrtl_file_system file_system;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_file_system(void)
{
	file_system = fsrtl_file_system_of_anonymous(ANONYMOUS_MINOR);
}

static NTSTATUS signalfd_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					   ULONG_PTR *information)
{
	static const char name[] = "anon_inode:[signalfd]";
	FILE_LX_STATX_INFORMATION attributes;

	if (class == FileNameInformation)
		return fsrtl_return_name(name, sizeof(name) - 1, data, size, information);
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_query_status_flags(file, data, size, information);
	pthread_once(&once, find_file_system);
	fsrtl_init_attributes(&attributes, ANONYMOUS_MODE, ANONYMOUS_INODE);
	fsrtl_place_in(&attributes, &file_system);
	return fsrtl_query_attributes(&attributes, class, data, size, information);
}

static NTSTATUS signalfd_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
					 struct io_file *target)
{
	if (class == FileLxStatusFlagsInformation)
		return fsrtl_set_buffered_flags(file, data, size);
	if ((int)class == FileLxModeInformation || (int)class == FileLxOwnerInformation || (int)class == FileLxTimesInformation)
		return nt_status_from_errno(EOPNOTSUPP);
	return nt_status_from_errno(class == FilePositionInformation ? ESPIPE : EINVAL);
}

/* Seeking succeeds and does nothing. */
static NTSTATUS signalfd_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				 ULONG output_size, ULONG_PTR *information)
{
	const FILE_LX_STATX_INFORMATION shown = {.Mode = ANONYMOUS_MODE};
	const LONGLONG position = 0;

	if (fsrtl_is_xattr(code)) {
		*information = 0;
		return fsrtl_refuse_xattr(&shown, false, code, input, input_size);
	}
	if (code == FSCTL_LX_ACCESS && input_size >= sizeof(ULONG))
		return fsrtl_permitted(&shown, *(const ULONG *)input & 7) ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
	return code == FSCTL_LX_SEEK ? fsrtl_return(&position, sizeof(position), output, output_size, information) :
				       STATUS_INVALID_DEVICE_REQUEST;
}

static NTSTATUS signalfd_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				      ULONG_PTR *information)
{
	const FILE_FS_DEVICE_INFORMATION device = {.DeviceType = FILE_DEVICE_UNKNOWN};
	FILE_FS_LX_STATFS_INFORMATION statfs = {
		.Type = ANONYMOUS_MAGIC, .BlockSize = 4096, .FragmentSize = 4096, .NameLength = 255, .Flags = 0x20};

	if (class == FileFsDeviceInformation)
		return fsrtl_return(&device, sizeof device, data, size, information);
	if (class != FileFsLxStatfsInformation)
		return STATUS_INVALID_INFO_CLASS;
	pthread_once(&once, find_file_system);
	statfs.FsId[0] = (LONG)file_system.minor;
	return fsrtl_return(&statfs, sizeof statfs, data, size, information);
}

static NTSTATUS signalfd_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			       ULONG flags, ULONG_PTR *information)
{
	return nt_status_from_errno(position ? ESPIPE : EINVAL);
}

static ULONG signalfd_splice_ends(struct io_file *file)
{
	return 0;
}

/* By its name in /proc it can be looked at; nothing is behind it that could be opened. */
static NTSTATUS signalfd_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	const FILE_LX_STATX_INFORMATION shown = {.Mode = ANONYMOUS_MODE};

	if (!create->root || create->name.Length || create->lx.Flags & FSRTL_O_DIRECTORY || create->options & FILE_DIRECTORY_FILE)
		return STATUS_NOT_A_DIRECTORY;
	if (!(create->lx.Flags & FSRTL_O_PATH))
		return fsrtl_permitted(&shown, fsrtl_wanted(create->access)) ? nt_status_from_errno(ENXIO) : STATUS_ACCESS_DENIED;
	file->access = create->access;
	fsrtl_keep_flags(file, create);
	create->information = FILE_OPENED;
	return STATUS_SUCCESS;
}

static const struct io_driver_operations signalfd_operations = {
	.create = signalfd_create,
	.splice_ends = signalfd_splice_ends,
	.read = signalfd_read,
	.write = signalfd_write,
	.query_information = signalfd_query_information,
	.set_information = signalfd_set_information,
	.query_volume = signalfd_query_volume,
	.fs_control = signalfd_control,
	.poll = signalfd_poll,
};

static struct io_driver signalfd_driver = {
	.name = "LxSignal",
	.operations = &signalfd_operations,
	.file_extension_size = sizeof(struct signal_file),
};
static struct io_device *signalfd_device;
static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void)
{
	if (NT_SUCCESS(io_register_driver(&signalfd_driver)))
		io_create_device(&signalfd_driver, NULL, NULL, &signalfd_device);
}

NTSTATUS sigfs_create(const struct sigfs_source *source, uint64_t signals, ULONG flags, struct io_file **file)
{
	struct signal_file *extension;
	NTSTATUS status;

	pthread_once(&started, start);
	if (!signalfd_device)
		return STATUS_NO_MEMORY;
	status = io_create_file_object(signalfd_device, FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE, 0, file);
	if (!NT_SUCCESS(status))
		return status;
	extension = io_file_extension(*file);
	extension->source = source;
	atomic_store(&extension->signals, signals);
	atomic_store(&(*file)->lx_flags, O_RDWR | flags);
	return STATUS_SUCCESS;
}

NTSTATUS sigfs_change(struct io_file *file, uint64_t signals)
{
	struct signal_file *extension;

	if (!signalfd_device || file->device != signalfd_device)
		return nt_status_from_errno(EINVAL);
	extension = io_file_extension(file);
	atomic_store(&extension->signals, signals);
	ke_wake_all(extension->source->waiters());
	return STATUS_SUCCESS;
}
