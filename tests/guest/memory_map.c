/* mmap, munmap: which requests are refused and how, where mappings go, what files show through them. */
#include "observe.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif

static sigjmp_buf jump;
static volatile int caught, caught_code;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	caught = signal;
	caught_code = info->si_code;
	siglongjmp(jump, 1);
}

/* What reading, or writing, a byte does: 0, or the signal and its code. */
static void touch(const char *what, volatile char *at, int writing)
{
	caught = caught_code = 0;
	if (!sigsetjmp(jump, 1)) {
		if (writing)
			*at = 1;
		else
			(void)*at;
	}
	printf("%s: signal %d code %d\n", what, caught, caught_code);
}

static void *map(size_t pages, int protection)
{
	return mmap(NULL, pages * 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#define TRY(...) OBSERVE_SUCCESS(mmap(__VA_ARGS__))

static void refusals(void)
{
	int reader, writer, both, directory, path, pipes[2];

	section("refusals");
	make_file("file", "content");
	reader = open("file", O_RDONLY);
	writer = open("file", O_WRONLY);
	both = open("file", O_RDWR);
	directory = open(".", O_RDONLY);
	path = open("file", O_PATH);
	if (pipe(pipes))
		exit(99);
	TRY(0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TRY(0, 4096, 3, MAP_PRIVATE, -1, 0);
	TRY(0, 0, 3, MAP_PRIVATE, -1, 0);
	TRY(0, 4096, 3, MAP_PRIVATE, path, 0);
	TRY(0, 4096, 3, MAP_PRIVATE, writer, 0);
	TRY(0, 4096, 3, MAP_SHARED, writer, 0);
	TRY(0, 4096, 3, MAP_SHARED, reader, 0);
	TRY(0, 4096, 1, MAP_SHARED, reader, 0);
	TRY(0, 4096, 3, MAP_SHARED, both, 0);
	TRY(0, 4096, 1, MAP_PRIVATE, directory, 0);
	TRY(0, 4096, 1, MAP_PRIVATE, pipes[0], 0);
	TRY(0, 4096, 1, MAP_PRIVATE, pipes[1], 0);
	TRY(0, 4096, 1, MAP_PRIVATE, reader, 1);
	TRY(0, 4096, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1);
	TRY(0, 4096, 1, MAP_ANONYMOUS, -1, 0);
	TRY(0, 4096, 1, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1, 0);
	TRY(0, 4096, 1, MAP_SHARED_VALIDATE | MAP_SYNC, reader, 0);
	TRY(0, 4096, 1, MAP_SHARED_VALIDATE, reader, 0);
	TRY(0, 4096, 1, MAP_SHARED | MAP_GROWSDOWN, reader, 0);
	TRY(0, 4096, 1, MAP_SHARED | MAP_GROWSDOWN | MAP_ANONYMOUS, -1, 0);
	TRY(0, 4096, 1, MAP_PRIVATE | MAP_HUGETLB | MAP_ANONYMOUS | 22 << 26, -1, 0);
	TRY(0, 4096, 1, MAP_PRIVATE | MAP_HUGETLB, reader, 0);
	TRY((void *)0x10000001, 4096, 1, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	TRY((void *)0x7ffffffff000, 4096, 1, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	TRY(0, 1ul << 47, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TRY(0, -1ul, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TRY(0, 4096, 1, MAP_PRIVATE, reader, 0x7ffffffffffff000);
	TRY(0, 4096, 1, 5 | MAP_ANONYMOUS, -1, 0);
	TRY(0, 4096, 1, MAP_DROPPABLE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	TRY(0, 4096, 1, MAP_DROPPABLE, reader, 0);
	TRY(0, 4096, 0xf8, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void unmapping(void)
{
	char *area = map(5, PROT_READ | PROT_WRITE);

	section("unmapping");
	OBSERVE(munmap(area + 1, 4096));
	OBSERVE(munmap(area, 0));
	OBSERVE(munmap((void *)-4096, 4096));
	OBSERVE(munmap(0, -1ul));
	OBSERVE(munmap((void *)0x7ffffffff000, 4096));
	OBSERVE(munmap(area + 4096, 100));
	OBSERVE(munmap(area + 4096, 2 * 4096));
	touch("before the hole", area, 1);
	touch("in the hole", area + 4096, 0);
	touch("behind the hole", area + 3 * 4096, 1);
	OBSERVE(munmap(area, 5 * 4096));
	touch("all gone", area + 4 * 4096, 0);
}

static void places(void)
{
	char *area = map(8, PROT_READ), *at;

	section("places");
	printf("no-replace on something: %s\n",
	       mmap(area, 4096, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	munmap(area + 4096, 2 * 4096);
	printf("no-replace in a hole: %d\n",
	       mmap(area + 4096, 4096, 1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == area + 4096);
	printf("hint in a hole: %d\n", mmap(area + 2 * 4096 + 5, 4096, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == area + 2 * 4096);
	printf("hint on something: %d\n", mmap(area, 4096, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == area);
	at = map(1, PROT_READ | PROT_WRITE);
	*at = 5;
	printf("fixed replaces: %d\n", mmap(at, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at && *at == 0);
	at = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	printf("below 2 GiB: %d\n", at != MAP_FAILED && (uintptr_t)at < 1ul << 31);
	at = map(1024, 3);
	printf("whole huge pages: %lu\n", (uintptr_t)at % (2 << 20));
	/* One mapping after the other goes down. */
	area = map(1, 3);
	at = map(1, 1);
	printf("downwards: %d\n", at < area);
}

static void files(void)
{
	char text[16] = {0};
	int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *shared, *private, *beyond;

	section("files");
	if (write(fd, "0123456789", 10) != 10 || ftruncate(fd, 5000))
		exit(99);
	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	beyond = mmap(NULL, 4 * 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
	shared[1] = 'S';
	private[2] = 'P';
	printf("%.10s\n", shared);
	printf("%.10s\n", private);
	OBSERVE(pread(fd, text, 10, 0));
	puts(text);
	OBSERVE(pwrite(fd, "W", 1, 3));
	printf("%c %c\n", shared[3], private[3]);
	touch("last page's rest", shared + 4999, 1);
	touch("behind the last page", beyond + 4096, 0);
	OBSERVE(ftruncate(fd, 100));
	touch("cut off", shared + 4096, 0);
	close(fd);
	shared[4] = 'C';
	fd = open("mapped", O_RDONLY);
	OBSERVE(pread(fd, text, 10, 0));
	puts(text);
	shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	OBSERVE(mprotect(shared, 4096, PROT_READ | PROT_WRITE));
	touch("write to a read-only mapping", shared, 1);
	private = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	OBSERVE(mprotect(private, 4096, PROT_READ | PROT_WRITE));
	touch("write to a private mapping", private, 1);
	unlink("mapped");
	printf("%c after unlink\n", shared[0]);
}

static void empty_file(void)
{
	int fd = open("empty", O_RDWR | O_CREAT, 0600);
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	section("empty file");
	touch("nothing there", at, 0);
	OBSERVE(ftruncate(fd, 1));
	touch("something there", at, 1);
}

static void many(void)
{
	static char *areas[600];
	int fd = open("file", O_RDONLY), sum = 0;

	section("many mappings");
	for (int i = 0; i < 600; i++)
		areas[i] = mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	for (int i = 0; i < 600; i++)
		sum += areas[i][0] == 'c';
	printf("%d of 600\n", sum);
	for (int i = 0; i < 600; i += 2)
		munmap(areas[i], 4096);
	sum = 0;
	for (int i = 1; i < 600; i += 2)
		sum += areas[i][1] == 'o';
	printf("%d of 300\n", sum);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	refusals();
	unmapping();
	places();
	files();
	empty_file();
	many();
	return 0;
}
