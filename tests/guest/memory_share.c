/* Memory and processes: what fork copies, shares, wipes and leaves out; stacks; limits; other processes' memory; barriers. */
#include "observe.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ANONYMOUS (MAP_ANONYMOUS | MAP_PRIVATE)

static sigjmp_buf jump;

static void on_fault(int signal)
{
	siglongjmp(jump, signal);
}

static int touch(volatile char *at)
{
	int signal = sigsetjmp(jump, 1);

	if (!signal)
		*at = (char)(*at + 1);
	return signal;
}

static int finish(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return status;
}

static void across_fork(void)
{
	char *private = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_SHARED, -1, 0);
	pid_t child;

	section("fork");
	memset(private, 5, 4 * 4096);
	OBSERVE(madvise(private + 4096, 4096, MADV_DONTFORK));
	OBSERVE(madvise(private + 2 * 4096, 4096, MADV_WIPEONFORK));
	OBSERVE(mlock(private + 3 * 4096, 4096));
	fflush(stdout);
	child = fork();
	if (!child) {
		private[0] = 6;
		shared[0] = 7;
		printf("child: %d %d %d\n", private[0], private[2 * 4096], touch(private + 4096));
		OBSERVE_SUCCESS(mmap(private + 4096, 4096, PROT_READ, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
		fflush(stdout);
		_exit(0);
	}
	printf("child ended: %d\n", finish(child));
	printf("parent: %d %d %d, shared %d\n", private[0], private[4096], private[2 * 4096], shared[0]);
}

/* A buffer on the stack that nothing has touched yet: system calls must be able to fill it. */
static __attribute__((noinline)) long fill_untouched(int fd)
{
	volatile char deep[1 << 20];
	long got = pread(fd, (char *)deep, 4096, 0);

	return got + deep[0] * 0;
}

static __attribute__((noinline)) int recurse(int depth)
{
	volatile char page[4096];

	page[0] = (char)depth;
	return depth ? recurse(depth - 1) + page[0] * 0 : 0;
}

static void stacks(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
	pid_t child;
	int signal;
	char *area;

	section("stacks");
	printf("into the untouched: %ld\n", fill_untouched(fd));
	printf("4 MiB deep: %d\n", recurse(1024));
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	signal = sigsetjmp(jump, 1);
	if (!signal)
		recurse(1 << 20);
	printf("too deep: %d\n", signal);
	fflush(stdout);
	child = fork();
	if (!child) {
		struct rlimit none = {0, 0};

		/* So that the host's report of it stays out of the way. */
		setrlimit(RLIMIT_CORE, &none);
		sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		_exit(recurse(1 << 20));
	}
	signal = finish(child);
	printf("too deep without a handler: %d\n", WIFSIGNALED(signal) ? WTERMSIG(signal) : -1);
	area = mmap(NULL, 1024 * 4096, PROT_NONE, ANONYMOUS, -1, 0);
	munmap(area, 1024 * 4096);
	area = mmap(area + 1000 * 4096, 4096, PROT_READ | PROT_WRITE, ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	printf("growing area: %d\n", touch(area));
	/* Down page by page, as a stack does; then it is one area with what has grown. */
	for (int i = 1; i <= 20; i++)
		if (touch(area - i * 4096))
			printf("page %d did not grow\n", i);
	OBSERVE(mprotect(area - 20 * 4096, 21 * 4096, PROT_READ));
	printf("grown part: %d\n", touch(area - 10 * 4096));
	OBSERVE(mprotect(area - 21 * 4096, 2 * 4096, PROT_READ));
	OBSERVE(mprotect(area, 4096, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
	printf("grown part: %d\n", touch(area - 10 * 4096));
	OBSERVE(munmap(area - 20 * 4096, 21 * 4096));
}

static void limits(void)
{
	struct rlimit limit, old;
	char *area;

	section("limits");
	getrlimit(RLIMIT_AS, &old);
	limit = (struct rlimit){256 << 20, old.rlim_max};
	setrlimit(RLIMIT_AS, &limit);
	OBSERVE_SUCCESS(mmap(NULL, 512 << 20, PROT_READ, ANONYMOUS, -1, 0));
	OBSERVE_SUCCESS(area = mmap(NULL, 32 << 20, PROT_READ, ANONYMOUS, -1, 0));
	OBSERVE_SUCCESS(mremap(area, 32 << 20, 512 << 20, MREMAP_MAYMOVE));
	OBSERVE_SUCCESS(mmap(area, 32 << 20, PROT_READ | PROT_WRITE, ANONYMOUS | MAP_FIXED, -1, 0));
	printf("malloc: %d\n", malloc(400 << 20) == NULL);
	setrlimit(RLIMIT_AS, &old);
	getrlimit(RLIMIT_DATA, &old);
	limit = (struct rlimit){64 << 20, old.rlim_max};
	setrlimit(RLIMIT_DATA, &limit);
	OBSERVE_SUCCESS(mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0));
	OBSERVE_SUCCESS(area = mmap(NULL, 128 << 20, PROT_READ, ANONYMOUS, -1, 0));
	OBSERVE(mprotect(area, 128 << 20, PROT_READ | PROT_WRITE));
	printf("brk: %d\n", sbrk(128 << 20) == (void *)-1);
	setrlimit(RLIMIT_DATA, &old);
}

static void other_process(void)
{
	static char there[8192] = "from the child";
	char here[64] = {0}, *hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);
	struct iovec local[2] = {{here, 5}, {here + 5, 20}}, remote = {there, 15}, bad = {(void *)0x1000, 8};
	int ready[2], go[2];
	pid_t child;

	section("process_vm");
	munmap(hole + 4096, 4096);
	if (pipe(ready) || pipe(go))
		exit(99);
	fflush(stdout);
	child = fork();
	if (!child) {
		strcpy(there, "in the child!!");
		if (write(ready[1], "r", 1) == 1 && read(go[0], here, 1) == 1)
			puts(there);
		fflush(stdout);
		_exit(0);
	}
	if (read(ready[0], here, 1) != 1)
		exit(99);
	OBSERVE(process_vm_readv(child, local, 2, &remote, 1, 0));
	puts(here);
	strcpy(here, "by the parent");
	local[0].iov_len = 14;
	OBSERVE(process_vm_writev(child, local, 1, &remote, 1, 0));
	OBSERVE(process_vm_readv(child, local, 1, &bad, 1, 0));
	OBSERVE(process_vm_readv(child, local, 1, &(struct iovec){hole + 4090, 14}, 1, 0));
	OBSERVE(process_vm_readv(child, &bad, 1, &remote, 1, 0));
	OBSERVE(process_vm_readv(child, local, 1, &remote, 1, 1));
	OBSERVE(process_vm_readv(child, local, 2000, &remote, 1, 0));
	OBSERVE(process_vm_readv(child, 0, 0, &remote, 2000, 0));
	OBSERVE(process_vm_readv(child, local, 1, 0, 1, 0));
	OBSERVE(process_vm_readv(0x3fffffff, local, 1, &remote, 1, 0));
	if (write(go[1], "g", 1) != 1)
		exit(99);
	printf("child ended: %d\n", finish(child));
	OBSERVE(process_vm_readv(getpid(), local, 1, &remote, 1, 0));
	puts(here);
}

static void *churn(void *argument)
{
	long failures = 0;

	for (int i = 0; i < 300; i++) {
		size_t size = (size_t)(1 + i % 7) * 4096;
		char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);

		if (area == MAP_FAILED || touch(area + size - 1) || mprotect(area, size, PROT_READ) || munmap(area, size))
			failures++;
	}
	return (void *)failures;
}

static void threads(void)
{
	pthread_t thread[4];
	long failures = 0;
	void *one;

	section("threads");
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, churn, NULL);
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		failures += finish(child) != 0;
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &one);
		failures += (long)one;
	}
	printf("failures: %ld\n", failures);
}

static void barriers(void)
{
	section("membarrier");
	OBSERVE(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
	OBSERVE(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	OBSERVE(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	OBSERVE(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	OBSERVE(syscall(SYS_membarrier, 12345, 0, 0));
	OBSERVE(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1, 0));
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_fault};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	across_fork();
	stacks();
	limits();
	other_process();
	sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	threads();
	barriers();
	return 0;
}
