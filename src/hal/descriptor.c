/* Host descriptors: giving them back, singly and in ranges. */
#include <hal/hal.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LISTING_SIZE 4096
#define UNLISTED_MAX 65536 /* how far is closed where nothing tells what is open */

struct listing_entry { /* as getdents64(2) has it */
	uint64_t inode, offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

void hal_close(int descriptor)
{
	close(descriptor);
}

/* The part of /proc/self/fd in `data`: closes what lies in the range. */
static bool close_listed(const char *data, long size, unsigned first, unsigned last, int listing)
{
	bool closed = false;

	for (const struct listing_entry *entry = (const void *)data; (const char *)entry < data + size;
	     entry = (const void *)((const char *)entry + entry->size)) {
		unsigned number = (unsigned)strtoul(entry->name, NULL, 10);

		if (entry->name[0] == '.' || number < first || number > last || number == (unsigned)listing)
			continue;
		close((int)number);
		closed = true;
	}
	return closed;
}

/* False: there is no listing. What is closed meanwhile shifts it, so it is read until there is nothing left to close. */
static bool close_by_listing(unsigned first, unsigned last)
{
	_Alignas(struct listing_entry) char data[LISTING_SIZE];
	int listing = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool again = listing >= 0;

	while (again) {
		long size;

		again = false;
		lseek(listing, 0, SEEK_SET);
		while ((size = syscall(SYS_getdents64, listing, data, sizeof(data))) > 0)
			again |= close_listed(data, size, first, last, listing);
	}
	if (listing >= 0)
		close(listing);
	return listing >= 0;
}

void hal_close_range(unsigned first, unsigned last)
{
	struct rlimit limit = {UNLISTED_MAX, UNLISTED_MAX};

	if (first > last || (!hal_force_fallbacks() && syscall(SYS_close_range, first, last, 0) == 0) || close_by_listing(first, last))
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	for (unsigned number = first; number <= last && number < limit.rlim_cur && number < UNLISTED_MAX; number++)
		close((int)number);
}
