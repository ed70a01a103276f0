/*
 * PROCMAP_QUERY, the ioctl(2) of /proc/<pid>/maps: which area is found, what is said of it, and the order of the checks.
 */
#include "observe.h"

#include <sys/ioctl.h>

struct query {
	uint64_t size, flags, address, start, end, area_flags, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name, build_id;
};
#define QUERY _IOWR('f', 17, struct query)
#define READABLE 1u
#define WRITABLE 2u
#define EXECUTABLE 4u
#define SHARED 8u
#define NEXT 0x10u
#define OF_FILE 0x20u

#define AREA ((char *)0x500000000000)
#define PAGE 0x1000

static char name[4096];
static unsigned char build_id[64];

static void ask(int fd, const char *what, struct query query)
{
	memset(name, 0, sizeof name);
	if (ioctl(fd, QUERY, &query) < 0) {
		printf("%s: %s\n", what, strerrorname_np(errno));
		return;
	}
	printf("%s: at %#lx, %lu bytes, flags %lx, page %lu, offset %lx, inode %d, device %d, name %u %s, build id %u\n", what,
	       query.start >= (uint64_t)AREA && query.start < (uint64_t)AREA + 64 * PAGE ? query.start - (uint64_t)AREA : 0, query.end - query.start, query.area_flags,
	       query.page_size, query.offset, query.inode != 0, query.major || query.minor, query.name_size,
	       query.name_size ? name : "-", query.build_id_size);
}

static struct query about(const void *address, uint64_t flags)
{
	return (struct query){.size = sizeof(struct query), .address = (uint64_t)address, .flags = flags};
}

static struct query named(const void *address, uint64_t flags)
{
	struct query query = about(address, flags);

	query.name = (uint64_t)name;
	query.name_size = sizeof name;
	return query;
}

static void areas(int fd)
{
	int file = open("/bin/sh", O_RDONLY);
	struct query query;

	mmap(AREA, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mprotect(AREA + PAGE, PAGE, PROT_NONE);
	munmap(AREA + 3 * PAGE, PAGE);
	mmap(AREA + 16 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(AREA + 32 * PAGE, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, PAGE);
	mmap(AREA + 48 * PAGE, 3 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
	ask(fd, "plain", about(AREA, 0));
	ask(fd, "in the middle", named(AREA + 100, 0));
	ask(fd, "no access", about(AREA + PAGE, 0));
	ask(fd, "hole", about(AREA + 3 * PAGE, 0));
	ask(fd, "behind the hole", about(AREA + 3 * PAGE, NEXT));
	ask(fd, "shared", named(AREA + 16 * PAGE, 0));
	ask(fd, "file", named(AREA + 32 * PAGE, 0));
	ask(fd, "shared file", named(AREA + 48 * PAGE, OF_FILE));
	for (uint64_t flags = 0; flags < 0x40; flags++)
		if (!(flags & EXECUTABLE) || !(flags & NEXT))
			ask(fd, "by flags", named(AREA, flags));
	ask(fd, "heap", named(sbrk(0) - 8, 0));
	ask(fd, "top", about((void *)-1l, NEXT));
	ask(fd, "vsyscall", about((void *)0xffffffffff600000, 0));
	query = named(AREA + 32 * PAGE, 0);
	query.build_id = (uint64_t)build_id;
	query.build_id_size = sizeof build_id;
	ask(fd, "build id", query);
	query.build_id_size = 8;
	ask(fd, "short build id", query);
	query = named(AREA + 32 * PAGE, 0);
	query.name_size = 5;
	ask(fd, "short name", query);
}

static void checks(int fd)
{
	static const uint64_t sizes[] = {0, 23, 24, 40, 104, 112, 4097};
	struct {
		struct query query;
		char more[5000];
	} large = {0};
	struct query query = about(AREA, 0);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		large.query = about(AREA, 0);
		large.query.size = sizes[i];
		OBSERVE(ioctl(fd, QUERY, &large));
		printf("end is %s\n", large.query.end ? "there" : "not there");
	}
	large.query = about(AREA, 0);
	large.query.size = sizeof(struct query) + 8;
	large.more[0] = 1;
	OBSERVE(ioctl(fd, QUERY, &large));
	query.flags = 0x40;
	OBSERVE(ioctl(fd, QUERY, &query));
	query.flags = 0;
	query.name_size = 5;
	OBSERVE(ioctl(fd, QUERY, &query));
	query.name_size = 0;
	query.build_id = 8;
	OBSERVE(ioctl(fd, QUERY, &query));
	query = named(AREA + 32 * PAGE, 0);
	query.name = 8;
	OBSERVE(ioctl(fd, QUERY, &query));
	OBSERVE(ioctl(fd, QUERY, (void *)8));
	OBSERVE(ioctl(fd, _IOWR('f', 17, int), &query));
	OBSERVE(ioctl(fd, FIONREAD, (void *)8));
}

int main(void)
{
	static const char *const others[] = {"/proc/self/smaps", "/proc/self/status", "/proc/self", "/proc/version", "/", "/dev/null"};
	int fd = open("/proc/self/maps", O_RDONLY);

	areas(fd);
	checks(fd);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ask(open(others[i], O_RDONLY), others[i], about(0, NEXT));
	return 0;
}
