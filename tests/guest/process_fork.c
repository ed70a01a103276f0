/* fork, vfork, clone, clone3: what is copied, what is shared, which flags are refused. */
#include "observe.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static int shared_word = 1;

static void show_status(const char *what, int status)
{
	if (WIFEXITED(status))
		printf("%s: exited %d\n", what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s: killed by %d\n", what, WTERMSIG(status));
	else
		printf("%s: status 0x%x\n", what, status);
	fflush(stdout);
}

static void fork_copies_memory(void)
{
	int status;
	pid_t child;

	section("fork");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		shared_word = 2;
		printf("child: parent is mine %d, tid is pid %d\n", getppid() != getpid(), gettid() == getpid());
		fflush(stdout);
		_exit(shared_word + 5);
	}
	OBSERVE_SUCCESS(waitpid(child, &status, 0));
	show_status("child", status);
	printf("word %d\n", shared_word);
}

static void vfork_shares_memory(void)
{
	int status;
	pid_t child;

	section("vfork");
	child = vfork();
	if (child == 0) {
		shared_word = 42;
		_exit(3);
	}
	printf("word %d\n", shared_word);
	OBSERVE_SUCCESS(waitpid(child, &status, 0));
	show_status("child", status);
	child = vfork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", "exit 9", (char *)NULL);
		_exit(127);
	}
	OBSERVE_SUCCESS(waitpid(child, &status, 0));
	show_status("exec in child", status);
}

/* Waiting for its vfork child, a process takes no signal but a fatal one. */
static void vfork_parent_is_killed(void)
{
	int told[2], status;
	pid_t parent, child;

	section("vfork parent killed");
	if (pipe(told) < 0)
		exit(99);
	parent = fork();
	if (parent == 0) {
		if (vfork() == 0) {
			pid_t self = getpid();

			write(told[1], &self, sizeof(self));
			for (;;)
				pause();
		}
		_exit(1);
	}
	if (read(told[0], &child, sizeof(child)) != sizeof(child))
		exit(99);
	kill(parent, SIGTERM);
	OBSERVE_SUCCESS(waitpid(parent, &status, 0));
	show_status("parent", status);
	OBSERVE(kill(child, 0));
	kill(child, SIGKILL);
	close(told[0]);
	close(told[1]);
}

static int clone_main(void *argument)
{
	int *words = argument;

	words[1] = 7;
	return 4;
}

static void clone_with_tids(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	static int words[2];
	static pid_t parent_tid, child_tid = -1;
	int status;
	pid_t child;

	section("clone");
	signal(SIGUSR1, SIG_IGN);
	child = clone(clone_main, stack + sizeof(stack), CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, words,
		      &parent_tid, NULL, &child_tid);
	OBSERVE_SUCCESS(waitpid(child, &status, 0));
	show_status("child", status);
	printf("parent tid is child %d, child tid cleared %d, word %d\n", parent_tid == child, child_tid == 0, words[1]);
	child = clone(clone_main, stack + sizeof(stack), CLONE_CHILD_SETTID | SIGUSR1, words, NULL, NULL, &child_tid);
	printf("not in the parent %d\n", child_tid == 0);
	OBSERVE(waitpid(child, &status, WNOHANG));
	OBSERVE_SUCCESS(waitpid(child, &status, __WCLONE));
	show_status("child with SIGUSR1", status);
}

static long raw_clone(unsigned long flags)
{
	return syscall(SYS_clone, flags, 0, 0, 0, 0);
}

static void refused_flags(void)
{
	section("refused flags");
	OBSERVE(raw_clone(CLONE_THREAD | SIGCHLD));
	OBSERVE(raw_clone(CLONE_SIGHAND | SIGCHLD));
	OBSERVE(raw_clone(CLONE_THREAD | CLONE_SIGHAND));
	OBSERVE(raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD));
	OBSERVE(raw_clone(CLONE_NEWUSER | CLONE_FS | SIGCHLD));
	OBSERVE(raw_clone(CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
}

static long raw_clone3(struct clone_args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

static void clone3_arguments(void)
{
	struct clone_args args = {0};
	struct { struct clone_args args; uint64_t more; } longer = {0};
	pid_t child;
	int status;

	section("clone3");
	OBSERVE(raw_clone3(&args, 63));
	OBSERVE(raw_clone3(&args, 5000));
	OBSERVE(raw_clone3(NULL, sizeof(args)));
	longer.more = 1;
	OBSERVE(raw_clone3(&longer.args, sizeof(longer)));
	args.exit_signal = 65;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.exit_signal = 0x100;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.exit_signal = SIGCHLD;
	args.flags = CLONE_DETACHED;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.flags = CLONE_PARENT;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.flags = 1ull << 40;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.flags = 0;
	args.stack_size = 4096;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.stack_size = 0;
	args.stack = 4096;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.stack = 0;
	args.set_tid_size = 1;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.set_tid_size = 33;
	OBSERVE(raw_clone3(&args, sizeof(args)));
	args.set_tid_size = 0;
	fflush(stdout);
	child = (pid_t)raw_clone3(&args, sizeof(args));
	if (child == 0)
		_exit(11);
	OBSERVE_SUCCESS(waitpid(child, &status, 0));
	show_status("child", status);
}

static void handler(int signo)
{
}

static void clear_sighand(void)
{
	struct clone_args args = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
	struct sigaction action;
	pid_t child;
	int status;

	section("CLONE_CLEAR_SIGHAND");
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	child = (pid_t)raw_clone3(&args, sizeof(args));
	if (child == 0) {
		int code = 0;

		sigaction(SIGUSR1, NULL, &action);
		code |= action.sa_handler == SIG_DFL;
		sigaction(SIGUSR2, NULL, &action);
		code |= (action.sa_handler == SIG_IGN) << 1;
		_exit(code);
	}
	OBSERVE_SUCCESS(waitpid(child, &status, 0));
	show_status("child", status);
}

static void fork_bomb_is_ordered(void)
{
	section("many children");
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t child = fork();

		if (child == 0)
			_exit(i);
		if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != i)
			printf("child %d: wrong\n", i);
	}
	printf("done\n");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 4096);
	fork_copies_memory();
	vfork_shares_memory();
	vfork_parent_is_killed();
	clone_with_tids();
	refused_flags();
	clone3_arguments();
	clear_sighand();
	fork_bomb_is_ordered();
	return 0;
}
