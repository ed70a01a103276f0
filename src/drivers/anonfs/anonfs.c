/*
 * Host descriptors without a name, made on behalf of a guest. They are lxrun's
 * (close-on-exec, above the standard ones); what the guest sees of close-on-exec is
 * in its own descriptor table.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include <drivers/anonfs/anonfs.h>
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/hostfs.h>

#define LOWEST_DESCRIPTOR 10

/* Takes the descriptor over. */
static NTSTATUS make_file(int descriptor, struct io_file **file)
{
	int high;

	if (descriptor < 0)
		return FSRTL_ERRNO(errno);
	if (descriptor < LOWEST_DESCRIPTOR) {
		high = fcntl(descriptor, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
		close(descriptor);
		if (high < 0)
			return FSRTL_ERRNO(ENFILE);
		descriptor = high;
	}
	return hostfs_wrap_descriptor(descriptor, file);
}

NTSTATUS anonfs_create_memory(const char *name, ULONG flags, struct io_file **file)
{
	return make_file(memfd_create(name, flags | MFD_CLOEXEC), file);
}

NTSTATUS anonfs_create_event(ULONG count, ULONG flags, struct io_file **file)
{
	return make_file(eventfd(count, (int)flags | EFD_CLOEXEC), file);
}

NTSTATUS anonfs_create_timer(LONG clock, ULONG flags, struct io_file **file)
{
	return make_file(timerfd_create(clock, (int)flags | TFD_CLOEXEC), file);
}

static void give_time(const struct itimerspec *time, LONGLONG value[4])
{
	value[0] = time->it_interval.tv_sec;
	value[1] = time->it_interval.tv_nsec;
	value[2] = time->it_value.tv_sec;
	value[3] = time->it_value.tv_nsec;
}

NTSTATUS anonfs_set_timer(struct io_file *file, ULONG flags, const LONGLONG value[4], LONGLONG old[4])
{
	const struct itimerspec time = {{value[0], value[1]}, {value[2], value[3]}};
	int descriptor = hostfs_descriptor(file);
	struct itimerspec before;

	if (descriptor < 0)
		return FSRTL_ERRNO(EINVAL);
	if (timerfd_settime(descriptor, (int)flags, &time, &before) != 0)
		return FSRTL_ERRNO(errno);
	give_time(&before, old);
	return STATUS_SUCCESS;
}

NTSTATUS anonfs_query_timer(struct io_file *file, LONGLONG value[4])
{
	int descriptor = hostfs_descriptor(file);
	struct itimerspec time;

	if (descriptor < 0)
		return FSRTL_ERRNO(EINVAL);
	if (timerfd_gettime(descriptor, &time) != 0)
		return FSRTL_ERRNO(errno);
	give_time(&time, value);
	return STATUS_SUCCESS;
}
