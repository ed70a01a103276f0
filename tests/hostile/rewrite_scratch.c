/*
 * Threads that rewrite the scratch pages while their siblings map files, fork
 * and exec: they change the calls that the supervisor has put there. None that
 * the supervisor did not mean may reach the host. The evil calls are such that
 * nobody is hurt where they do.
 */
#include "attack.h"

#include <sys/stat.h>

struct entry {
	uint64_t number, arguments[6];
	int64_t result;
};

static char trace_of_escape[64];
static _Atomic bool enough;
static uint64_t evil_number, evil_arguments[6];

/* All entries of the first slots become the evil call; what is no entry is left alone, so that batches still begin. */
static void *rewrite(void *argument)
{
	(void)argument;
	while (!enough) {
		for (uintptr_t slot = PICO_SCRATCH_BASE; slot < PICO_SCRATCH_BASE + 4 * PICO_SLOT_SIZE; slot += PICO_SLOT_SIZE) {
			for (int i = 0; i < PICO_BATCH_MAX; i++) {
				volatile struct entry *entry = (struct entry *)slot + i;

				for (int j = 0; j < 6; j++)
					entry->arguments[j] = evil_arguments[j];
				entry->number = evil_number;
			}
		}
	}
	return NULL;
}

static void *map_files(void *argument)
{
	int file = open("/proc/self/exe", O_RDONLY);

	(void)argument;
	while (!enough) {
		void *mapping = mmap(NULL, 16384, PROT_READ, MAP_PRIVATE, file, 0);

		if (mapping != MAP_FAILED)
			munmap(mapping, 16384);
	}
	return NULL;
}

static void *fork_and_exec(void *argument)
{
	char *program[] = {"/bin/true", NULL};

	while (!enough) {
		pid_t child = argument ? fork() : vfork();

		if (child == 0) {
			execv(program[0], program);
			_exit(127);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	return NULL;
}

static void storm(void *argument)
{
	pthread_t threads[5];

	(void)argument;
	pthread_create(&threads[0], NULL, rewrite, NULL);
	pthread_create(&threads[1], NULL, map_files, NULL);
	pthread_create(&threads[2], NULL, map_files, NULL);
	pthread_create(&threads[3], NULL, fork_and_exec, NULL);
	pthread_create(&threads[4], NULL, fork_and_exec, threads);
	usleep(700000);
	enough = true;
	_exit(0);
}

static void attack_with(uint64_t number, const uint64_t arguments[6])
{
	evil_number = number;
	memcpy(evil_arguments, arguments, sizeof(evil_arguments));
	in_child(2000000, storm, NULL);
}

int main(void)
{
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t state = 3;

	find_call_site();
	snprintf(trace_of_escape, sizeof(trace_of_escape), "/tmp/escaped.%d.%lx", getpid(), (unsigned long)next_random(&state));
	strcpy(path, trace_of_escape);
	attack_with(SYS_mkdir, (uint64_t[6]){(uintptr_t)path, 0777});
	if (rmdir(path) == 0)
		fail("mkdir written into the scratch pages ran on the host");
	attack_with(SYS_openat, (uint64_t[6]){(uint64_t)AT_FDCWD, (uintptr_t)path, O_CREAT | O_RDWR, 0600});
	if (unlink(path) == 0)
		fail("openat written into the scratch pages ran on the host");
	attack_with(SYS_clone, (uint64_t[6]){SIGCHLD});
	attack_with(SYS_munmap, (uint64_t[6]){PICO_STUB_BASE, 4096});
	attack_with(SYS_exit_group, (uint64_t[6]){0});
	attack_with(SYS_recvmsg, (uint64_t[6]){PICO_GRANT_FD, PICO_SCRATCH_BASE, 0});
	attack_with(SYS_read, (uint64_t[6]){PICO_PARK_FD, PICO_SCRATCH_BASE, 1});
	attack_with(PICO_CALL_DONE, (uint64_t[6]){1});
	return finish("storms on the scratch pages", 8);
}
