/* Thread groups: leaders that end first, exit statuses, signals and exec with threads, ids, clear_child_tid. */
#include "observe.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void raw_exit(int code)
{
	syscall(SYS_exit, code);
}

static void wait_until_leader_is_gone(void)
{
	char path[64], text[512];

	/* A leader that has ended is a zombie as long as others live: field 3 of its stat says Z. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	for (;;) {
		int fd = open(path, O_RDONLY);
		ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		char *state;

		if (fd >= 0)
			close(fd);
		if (size <= 0)
			return;
		text[size] = 0;
		state = strrchr(text, ')');
		if (state && state[2] == 'Z')
			return;
		sched_yield();
	}
}

static sem_t started;

static void *outlive_leader(void *argument)
{
	wait_until_leader_is_gone();
	printf("still here: tid is not pid %d, pid lives %d\n", gettid() != getpid(), kill(getpid(), 0) == 0);
	fflush(stdout);
	raw_exit(5);
	return argument;
}

static void leader_first(void)
{
	pthread_t thread;

	section("the leader ends first, by exit: the last one's status counts");
	pthread_create(&thread, NULL, outlive_leader, NULL);
	raw_exit(3);
}

static void *end_group(void *argument)
{
	wait_until_leader_is_gone();
	_exit(6);
	return argument;
}

static void group_exit_by_other(void)
{
	pthread_t thread;

	section("the leader ends first, then exit_group");
	pthread_create(&thread, NULL, end_group, NULL);
	raw_exit(3);
}

static void *sleep_for_ever(void *argument)
{
	sem_post(&started);
	for (;;)
		pause();
	return argument;
}

static void *spin_for_ever(void *argument)
{
	sem_post(&started);
	for (;;)
		__asm__ volatile("" ::: "memory");
	return argument;
}

static void *read_for_ever(void *argument)
{
	char byte;

	sem_post(&started);
	read(*(int *)argument, &byte, 1);
	return NULL;
}

static void many(void)
{
	int ends[2];
	pthread_t thread;

	if (pipe(ends) < 0)
		_exit(99);
	sem_init(&started, 0, 0);
	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, sleep_for_ever, NULL);
		pthread_create(&thread, NULL, spin_for_ever, NULL);
		pthread_create(&thread, NULL, read_for_ever, &ends[0]);
	}
	for (int i = 0; i < 9; i++)
		sem_wait(&started);
}

static void exit_ends_all(void)
{
	section("exit_group ends sleeping, running and reading threads");
	many();
	_exit(8);
}

static void signal_ends_all(void)
{
	section("a signal ends all threads");
	many();
	raise(SIGTERM);
}

static void kill_ends_all(void)
{
	section("SIGKILL ends all threads");
	many();
	kill(getpid(), SIGKILL);
	pause();
}

static void *return_argument(void *argument)
{
	return argument;
}

static void join(void)
{
	pthread_t threads[20];
	void *result;
	long sum = 0;

	section("join");
	for (int round = 0; round < 5; round++) {
		for (long i = 0; i < 20; i++)
			pthread_create(&threads[i], NULL, return_argument, (void *)i);
		for (int i = 0; i < 20; i++) {
			pthread_join(threads[i], &result);
			sum += (long)result;
		}
	}
	printf("sum %ld\n", sum);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *count(void *argument)
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return argument;
}

static void contend(void)
{
	pthread_t threads[4];

	section("contended mutex");
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("counter %ld\n", counter);
}

static void *name_self(void *argument)
{
	char name[16];

	prctl(PR_SET_NAME, "second");
	prctl(PR_GET_NAME, name);
	printf("thread is %s\n", name);
	return argument;
}

static void names(void)
{
	char name[16];
	pthread_t thread;

	section("names are of threads");
	prctl(PR_SET_NAME, "first");
	pthread_create(&thread, NULL, name_self, NULL);
	pthread_join(thread, NULL);
	prctl(PR_GET_NAME, name);
	printf("leader is %s\n", name);
}

static void *fork_in_thread(void *argument)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(gettid() == getpid() ? 4 : 5);
	waitpid(child, &status, 0);
	printf("child of a thread 0x%x\n", status);
	return argument;
}

static void *wait_for_others_child(void *argument)
{
	int status;

	errno = 0;
	printf("__WNOTHREAD: %d %d\n", (int)waitpid(*(pid_t *)argument, &status, __WNOTHREAD), errno == ECHILD);
	printf("without: %d\n", waitpid(*(pid_t *)argument, &status, 0) == *(pid_t *)argument);
	return NULL;
}

static void forks(void)
{
	pthread_t thread;
	pid_t child;

	section("fork in a thread");
	pthread_create(&thread, NULL, fork_in_thread, NULL);
	pthread_join(thread, NULL);
	child = fork();
	if (child == 0)
		_exit(1);
	pthread_create(&thread, NULL, wait_for_others_child, &child);
	pthread_join(thread, NULL);
}

static int files_main(void *argument)
{
	close(*(int *)argument);
	chdir("/");
	umask(0123);
	return 0;
}

static void sharing(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = open("/dev/null", O_RDONLY), copy = dup(fd);
	char directory[4096];

	section("CLONE_FILES, CLONE_FS");
	umask(022);
	waitpid(clone(files_main, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &fd), NULL, 0);
	OBSERVE(fcntl(fd, F_GETFD));
	printf("umask %o\n", umask(022));
	waitpid(clone(files_main, stack + sizeof(stack), CLONE_FS | SIGCHLD, &copy), NULL, 0);
	OBSERVE(fcntl(copy, F_GETFD));
	printf("umask %o, directory %s\n", umask(022), getcwd(directory, sizeof(directory)));
}

static unsigned control_word(void)
{
	return __builtin_ia32_stmxcsr();
}

static void show_status(pid_t child)
{
	int status = 0;

	waitpid(child, &status, 0);
	printf("status %#x\n", status);
}

static void *show_control_word(void *unused)
{
	printf("control word %#x\n", control_word());
	return unused;
}

/* A new thread's floating-point state is its maker's, whatever an earlier thread left in the task that it gets. */
static void floating_point_state(void)
{
	static const unsigned roundings[] = {0, 0x4000, 0x2000, 0x6000};
	pthread_t thread;
	pid_t child;

	section("the floating-point state of who makes a thread");
	for (size_t i = 0; i < sizeof(roundings) / sizeof(roundings[0]); i++) {
		__builtin_ia32_ldmxcsr((control_word() & ~0x6000u) | roundings[i]);
		pthread_create(&thread, NULL, show_control_word, NULL);
		pthread_join(thread, NULL);
		child = vfork();
		if (child == 0)
			_exit((int)(control_word() >> 13));
		show_status(child);
	}
}

int main(void)
{
	in_child(floating_point_state);
	in_child(leader_first);
	in_child(group_exit_by_other);
	in_child(exit_ends_all);
	in_child(signal_ends_all);
	in_child(kill_ends_all);
	in_child(join);
	in_child(contend);
	in_child(names);
	in_child(forks);
	in_child(sharing);
	return 0;
}
