/*
 * Terminal file objects. Everything that the host description holds stays there
 * (status flags, attributes, window size), so that the shell that started lxrun
 * and the guest see one terminal, and so do both sides of a pseudo-terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <termios.h>

#include <drivers/condrv/condrv.h>
#include <drivers/condrv/terminal.h>

static struct io_device *condrv_device;
static const struct condrv_job_control *job_control;

static struct condrv_file *condrv_file(const struct io_file *file)
{
	return file->context;
}

static int descriptor_of(const struct io_file *file)
{
	return condrv_file(file)->descriptor;
}

static NTSTATUS host_status(int64_t result)
{
	return result < 0 ? FSRTL_ERRNO((int)-result) : STATUS_SUCCESS;
}

static NTSTATUS errno_status(int result)
{
	return result < 0 ? FSRTL_ERRNO(errno) : STATUS_SUCCESS;
}

void condrv_set_job_control(const struct condrv_job_control *control)
{
	job_control = control;
}

NTSTATUS condrv_check(const struct condrv_file *terminal, bool write)
{
	return job_control ? job_control->check(terminal->number, write) : STATUS_SUCCESS;
}

NTSTATUS condrv_adopt(int descriptor, struct io_file **file)
{
	int flags = fcntl(descriptor, F_GETFL);
	ACCESS_MASK access = FILE_READ_ATTRIBUTES | SYNCHRONIZE;
	NTSTATUS status;

	if (flags < 0 || !isatty(descriptor))
		return STATUS_INVALID_DEVICE_REQUEST;
	if ((flags & O_ACCMODE) != O_WRONLY)
		access |= FILE_READ_DATA;
	if ((flags & O_ACCMODE) != O_RDONLY)
		access |= FILE_WRITE_DATA | FILE_APPEND_DATA;
	condrv_remember_console(descriptor);
	status = io_create_file_object(condrv_device, access, FILE_SYNCHRONOUS_IO_ALERT, file);
	if (status != STATUS_SUCCESS)
		return status;
	status = condrv_take(*file, descriptor);
	if (status != STATUS_SUCCESS)
		ob_dereference(*file);
	return status;
}

static const struct io_driver_operations condrv_operations;

NTSTATUS condrv_take(struct io_file *file, int descriptor)
{
	struct condrv_file *terminal = calloc(1, sizeof *terminal);

	if (!terminal)
		return STATUS_NO_MEMORY;
	terminal->descriptor = descriptor;
	terminal->number = condrv_identify(descriptor, &terminal->master);
	file->context = terminal;
	file->operations = &condrv_operations;
	return STATUS_SUCCESS;
}

/* As condrv_take(), but the descriptor is closed if that fails. */
static NTSTATUS take_opened(struct io_file *file, int descriptor)
{
	NTSTATUS status;

	if (descriptor < 0)
		return fsrtl_refused_descriptor(errno);
	fsrtl_note_descriptor(descriptor);
	status = condrv_take(file, descriptor);
	if (status != STATUS_SUCCESS)
		close(descriptor);
	return status;
}

NTSTATUS condrv_open_controlling(struct io_file *file, ULONG lx_flags)
{
	ULONGLONG number = job_control ? job_control->controlling() : condrv_console();
	int access = O_RDONLY;

	if (!number)
		return FSRTL_ERRNO(ENXIO);
	if (file->access & (FILE_WRITE_DATA | FILE_APPEND_DATA))
		access = file->access & FILE_READ_DATA ? O_RDWR : O_WRONLY;
	return take_opened(file, condrv_open_number(number, access | O_CLOEXEC | O_NOCTTY | (int)(lx_flags & O_NONBLOCK)));
}

void condrv_show_as(struct io_file *file, const struct condrv_guise *guise)
{
	condrv_file(file)->guise = *guise;
}

/* open(2)'s access mode and O_NONBLOCK for a create request. */
static int host_flags(const struct io_create *create)
{
	int flags = O_CLOEXEC | O_NOCTTY | (int)(create->lx.Flags & O_NONBLOCK);

	if (!(create->access & FILE_WRITE_DATA))
		return flags | O_RDONLY;
	return flags | (create->access & FILE_READ_DATA ? O_RDWR : O_WRONLY);
}

/*
 * Without a root: the console itself. Relative to an open terminal: that terminal
 * once more (no name), or the other side of a pseudo-terminal's master ("/Peer",
 * which no path that is relative to a descriptor can be).
 */
static NTSTATUS condrv_create(struct io_device *device, struct io_create *create, struct io_file *file)
{
	char path[40];
	int root, descriptor;

	file->access = create->access;
	create->information = FILE_OPENED;
	if (!create->root)
		return create->name.Length ? STATUS_OBJECT_NAME_NOT_FOUND : condrv_open_controlling(file, create->lx.Flags);
	root = descriptor_of(create->root);
	if (fsrtl_name_is(&create->name, "/Peer")) {
		descriptor = ioctl(root, TIOCGPTPEER, host_flags(create));
	} else if (create->name.Length || create->lx.Flags & FSRTL_O_DIRECTORY || create->options & FILE_DIRECTORY_FILE) {
		return STATUS_NOT_A_DIRECTORY;
	} else {
		snprintf(path, sizeof path, "/proc/self/fd/%d", root);
		descriptor = open(path, host_flags(create));
	}
	return take_opened(file, descriptor);
}

/* The host hangs the other side up when a master is closed; its session is the LX subsystem's to tell. */
static void condrv_close(struct io_file *file)
{
	struct condrv_file *terminal = condrv_file(file);

	/* A create that failed has none. */
	if (!terminal)
		return;
	close(terminal->descriptor);
	if (terminal->master && job_control)
		job_control->hangup(terminal->number);
	free(terminal);
}

/* One alertable host call on the descriptor, on a bounce buffer. */
static int64_t transfer(int descriptor, long number, void *data, size_t size, NTSTATUS *status)
{
	uint64_t arguments[6] = {(uint64_t)descriptor, (uint64_t)(uintptr_t)data, size};
	int64_t result;

	*status = STATUS_SUCCESS;
	do
		result = ke_host_call(status, NULL, 0, number, arguments);
	while (result == -EINTR && *status == STATUS_SUCCESS);
	if (result < 0 && *status == STATUS_SUCCESS)
		*status = host_status(result);
	return result;
}

#define CONSOLE_TRANSFER 65536u

static NTSTATUS condrv_read(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			    ULONG flags, ULONG_PTR *information)
{
	struct condrv_file *terminal = condrv_file(file);
	size_t size = MIN_OF(io_buffer_size(buffer), (size_t)CONSOLE_TRANSFER);
	void *data = io_bounce(size);
	NTSTATUS status = STATUS_SUCCESS;
	int64_t count;

	if (position && position->QuadPart >= 0)
		return FSRTL_ERRNO(ESPIPE);
	if (!data)
		return STATUS_NO_MEMORY;
	if (!terminal->master)
		status = condrv_check(terminal, false);
	if (status != STATUS_SUCCESS)
		return status;
	count = transfer(terminal->descriptor, SYS_read, data, size, &status);
	if (status != STATUS_SUCCESS)
		return status;
	*information = io_buffer_put(buffer, 0, data, (size_t)count);
	return *information < (size_t)count ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

/* With TOSTOP a background group may not write either. */
static NTSTATUS check_write(const struct condrv_file *terminal)
{
	struct termios attributes;

	if (terminal->master || tcgetattr(terminal->descriptor, &attributes) < 0 || !(attributes.c_lflag & TOSTOP))
		return STATUS_SUCCESS;
	return condrv_check(terminal, true);
}

/* What is written to a master is typed at the terminal. */
static void type(struct condrv_file *terminal, const UCHAR *data, size_t size)
{
	UCHAR signals[CONDRV_TYPED_SIGNALS];
	size_t count = condrv_find_signals(terminal, data, size, signals);

	if (count)
		condrv_settle(terminal);
	for (size_t i = 0; i < count; i++)
		job_control->typed(terminal->number, signals[i]);
}

static NTSTATUS write_part(struct condrv_file *terminal, const struct io_buffer *buffer, size_t done, int64_t *count)
{
	size_t size = MIN_OF(io_buffer_size(buffer) - done, (size_t)CONSOLE_TRANSFER);
	void *data = io_bounce(size);
	size_t copied;
	NTSTATUS status;

	if (!data)
		return STATUS_NO_MEMORY;
	copied = io_buffer_get(buffer, done, data, size);
	if (copied == 0 && size)
		return STATUS_ACCESS_VIOLATION;
	*count = transfer(terminal->descriptor, SYS_write, data, copied, &status);
	if (*count > 0 && terminal->master && job_control)
		type(terminal, data, (size_t)*count);
	return status;
}

static NTSTATUS condrv_write(struct io_file *file, const struct io_buffer *buffer, const LARGE_INTEGER *position,
			     ULONG flags, ULONG_PTR *information)
{
	struct condrv_file *terminal = condrv_file(file);
	size_t size = io_buffer_size(buffer), done = 0;
	int64_t count = 0;
	NTSTATUS status;

	if (position && position->QuadPart >= 0)
		return FSRTL_ERRNO(ESPIPE);
	status = check_write(terminal);
	while (status == STATUS_SUCCESS && done < size) {
		status = write_part(terminal, buffer, done, &count);
		if (status != STATUS_SUCCESS || count == 0)
			break;
		done += (size_t)count;
	}
	*information = done;
	return done ? STATUS_SUCCESS : status;
}

static NTSTATUS query_attributes(const struct condrv_file *terminal, ULONG wanted, FILE_LX_STATX_INFORMATION *attributes)
{
	if (!terminal->guise.name)
		return fsrtl_query_host_for(terminal->descriptor, "", AT_EMPTY_PATH, wanted, attributes);
	*attributes = terminal->guise.attributes;
	return STATUS_SUCCESS;
}

static NTSTATUS query_name(const struct condrv_file *terminal, void *data, ULONG size, ULONG_PTR *information)
{
	char link[40], name[4096];
	ssize_t length;

	if (terminal->guise.name)
		return fsrtl_return_name(terminal->guise.name, strlen(terminal->guise.name), data, size, information);
	snprintf(link, sizeof link, "/proc/self/fd/%d", terminal->descriptor);
	length = readlink(link, name, sizeof name);
	if (length < 0)
		return FSRTL_ERRNO(errno);
	return fsrtl_return_name(name, (size_t)length, data, size, information);
}

static NTSTATUS condrv_query_information(struct io_file *file, FILE_INFORMATION_CLASS class, void *data, ULONG size,
					 ULONG_PTR *information)
{
	int descriptor = descriptor_of(file), flags;
	FILE_LX_STATX_INFORMATION attributes;
	ULONG status_flags;
	NTSTATUS status;

	if (class == FileNameInformation)
		return query_name(condrv_file(file), data, size, information);
	if (class == FileLxStatusFlagsInformation) {
		flags = fcntl(descriptor, F_GETFL);
		if (flags < 0)
			return FSRTL_ERRNO(errno);
		/* All that the host shows: one opened by TIOCGPTPEER lacks O_LARGEFILE. */
		status_flags = ((ULONG)flags & (FSRTL_STATUS_FLAGS | FSRTL_O_LARGEFILE)) | fsrtl_access_mode(file);
		return fsrtl_return(&status_flags, sizeof status_flags, data, size, information);
	}
	status = query_attributes(condrv_file(file), fsrtl_statx_wanted(class, data, size), &attributes);
	return status == STATUS_SUCCESS ? fsrtl_query_attributes(&attributes, class, data, size, information) : status;
}

static NTSTATUS set_status_flags(struct io_file *file, const void *data, ULONG size)
{
	ULONG flags;

	if (size < sizeof flags)
		return STATUS_INFO_LENGTH_MISMATCH;
	memcpy(&flags, data, sizeof flags);
	return errno_status(fcntl(descriptor_of(file), F_SETFL,
				  (int)(flags & FSRTL_SETTABLE_FLAGS) | fsrtl_async_flag(file)));
}

static struct timespec host_time(const FILE_LX_TIME *time)
{
	if (time->Flags & FILE_LX_TIME_NOW)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (time->Flags & FILE_LX_TIME_OMIT)
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	return (struct timespec){.tv_sec = time->Seconds, .tv_nsec = time->Nanoseconds};
}

static NTSTATUS condrv_query_by_name(struct io_device *device, struct io_create *create, FILE_INFORMATION_CLASS class,
				     void *data, ULONG size, ULONG_PTR *information)
{
	if (!create->root)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	if (create->name.Length)
		return STATUS_NOT_A_DIRECTORY;
	return condrv_query_information(create->root, class, data, size, information);
}

static NTSTATUS condrv_set_information(struct io_file *file, FILE_INFORMATION_CLASS class, const void *data, ULONG size,
				       struct io_file *target)
{
	int descriptor = descriptor_of(file);

	if (class == FileLxStatusFlagsInformation)
		return set_status_flags(file, data, size);
	if (class == FileLxModeInformation && size >= sizeof(ULONG))
		return errno_status(fchmod(descriptor, *(const ULONG *)data & 07777));
	if (class == FileLxOwnerInformation && size >= sizeof(FILE_LX_OWNER_INFORMATION)) {
		const FILE_LX_OWNER_INFORMATION *owner = data;

		return errno_status(fchown(descriptor, owner->Uid, owner->Gid));
	}
	if (class == FileLxTimesInformation && size >= sizeof(FILE_LX_TIMES_INFORMATION)) {
		const FILE_LX_TIMES_INFORMATION *times = data;
		struct timespec host[2] = {host_time(&times->AccessTime), host_time(&times->ModifyTime)};

		return errno_status(futimens(descriptor, host));
	}
	if (class == FilePositionInformation)
		return FSRTL_ERRNO(ESPIPE);
	if (class == FileEndOfFileInformation)
		return FSRTL_ERRNO(EINVAL);
	return STATUS_INVALID_INFO_CLASS;
}

static NTSTATUS condrv_query_volume(struct io_file *file, FS_INFORMATION_CLASS class, void *data, ULONG size,
				    ULONG_PTR *information)
{
	FILE_FS_DEVICE_INFORMATION device = {
		.DeviceType = condrv_file(file)->number == condrv_console() ? FILE_DEVICE_CONSOLE : FILE_DEVICE_UNKNOWN,
	};
	FILE_FS_LX_STATFS_INFORMATION answer;
	struct statfs host;

	if (class == FileFsDeviceInformation)
		return fsrtl_return(&device, sizeof device, data, size, information);
	if (class != FileFsLxStatfsInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (fstatfs(descriptor_of(file), &host) < 0)
		return FSRTL_ERRNO(errno);
	answer = (FILE_FS_LX_STATFS_INFORMATION){
		.Type = host.f_type,
		.BlockSize = host.f_bsize,
		.Blocks = host.f_blocks,
		.BlocksFree = host.f_bfree,
		.BlocksAvailable = host.f_bavail,
		.Files = host.f_files,
		.FilesFree = host.f_ffree,
		.FsId = {host.f_fsid.__val[0], host.f_fsid.__val[1]},
		.NameLength = host.f_namelen,
		.FragmentSize = host.f_frsize,
		.Flags = host.f_flags,
	};
	return fsrtl_return(&answer, sizeof answer, data, size, information);
}

static NTSTATUS check_access(struct io_file *file, ULONG wanted)
{
	FILE_LX_STATX_INFORMATION attributes;
	NTSTATUS status = fsrtl_query_host(descriptor_of(file), "", AT_EMPTY_PATH, &attributes);

	if (!NT_SUCCESS(status))
		return status;
	return fsrtl_permitted(&attributes, wanted & 7) ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

static NTSTATUS condrv_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
				  ULONG output_size, ULONG_PTR *information)
{
	FSCTL_LX_TERMINAL_OUTPUT terminal;

	if (code == FSCTL_LX_SEEK)
		return FSRTL_ERRNO(ESPIPE);
	if (code == FSCTL_LX_ACCESS && input_size >= sizeof(ULONG))
		return check_access(file, *(const ULONG *)input);
	if (fsrtl_is_xattr(code)) {
		/* A terminal that was opened by the name of a device of /dev is a file of that file system. */
		const FILE_LX_STATX_INFORMATION shown = {.Mode = FSRTL_S_IFCHR | 0620};

		*information = 0;
		return fsrtl_refuse_xattr(&shown, condrv_file(file)->guise.name, code, input, input_size);
	}
	if (code == FSCTL_LX_ASYNC)
		return fsrtl_control_async(file, descriptor_of(file), input, input_size);
	if (code != FSCTL_LX_TERMINAL)
		return STATUS_INVALID_DEVICE_REQUEST;
	terminal = (FSCTL_LX_TERMINAL_OUTPUT){
		.Number = condrv_file(file)->number,
		.Master = condrv_file(file)->master,
		.Readable = !!(file->access & FILE_READ_DATA),
		.HungUp = condrv_is_hung_up(condrv_file(file)),
	};
	return fsrtl_return(&terminal, sizeof terminal, output, output_size, information);
}

static NTSTATUS condrv_device_control(struct io_file *file, ULONG code, const void *input, ULONG input_size,
				      void *output, ULONG output_size, ULONG_PTR *information)
{
	const struct condrv_file *terminal = condrv_file(file);
	NTSTATUS status;

	if (code != FSCTL_LX_IOCTL)
		return FSRTL_ERRNO(ENOTTY);
	status = condrv_ioctl(terminal, input, input_size, output, output_size, information);
	if (status == STATUS_SUCCESS && ((const FSCTL_LX_IOCTL_BUFFER *)input)->Request == TIOCVHANGUP &&
	    !terminal->master && job_control)
		job_control->hangup(terminal->number);
	return status;
}

static NTSTATUS condrv_flush(struct io_file *file, ULONG flags)
{
	return FSRTL_ERRNO(EINVAL);
}

static ULONG condrv_poll(struct io_file *file, ULONG events, struct io_poll_table *table)
{
	struct pollfd sample = {.fd = descriptor_of(file), .events = (short)events};

	if (table)
		io_poll_add_host(table, sample.fd, events);
	return poll(&sample, 1, 0) == 1 ? (ULONG)(USHORT)sample.revents : 0;
}

static void condrv_dump(struct io_file *file, FILE *out)
{
	const struct condrv_file *terminal = condrv_file(file);

	fprintf(out, "host descriptor %d%s", terminal->descriptor,
		terminal->master ? ", a master" : terminal->number == condrv_console() ? ", the console" : "");
}

static const struct io_driver_operations condrv_operations = {
	.create = condrv_create,
	.close = condrv_close,
	.read = condrv_read,
	.write = condrv_write,
	.query_information = condrv_query_information,
	.set_information = condrv_set_information,
	.query_by_name = condrv_query_by_name,
	.query_volume = condrv_query_volume,
	.fs_control = condrv_fs_control,
	.device_control = condrv_device_control,
	.flush = condrv_flush,
	.poll = condrv_poll,
	.dump = condrv_dump,
};

static struct io_driver condrv_driver = {.name = "ConDrv", .operations = &condrv_operations};

NTSTATUS condrv_initialize(void)
{
	NTSTATUS status = io_register_driver(&condrv_driver);

	if (!NT_SUCCESS(status))
		return status;
	condrv_find_console();
	return io_create_device(&condrv_driver, "\\Device\\ConDrv", NULL, &condrv_device);
}
