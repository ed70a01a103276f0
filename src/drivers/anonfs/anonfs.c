/*
 * Host descriptors without a name, made on behalf of a guest. They are lxrun's
 * (close-on-exec, above the standard ones); what the guest sees of close-on-exec is
 * in its own descriptor table.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

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
