/* execve: what survives it, what does not, how long arguments may be, exec from a thread. */
#include "observe.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char *self;

static void run(char *const argv[], char *const envp[])
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		execve(self, argv, envp);
		printf("execve = %s\n", strerrorname_np(errno));
		fflush(stdout);
		_exit(1);
	}
	waitpid(child, &status, 0);
	printf("ended 0x%x\n", status);
}

/* The program as it runs after exec: argv[1] says what to look at. */
static int report(int argc, char **argv, char **envp)
{
	struct sigaction action;
	sigset_t mask;
	char name[17] = "";
	int count = 0;

	while (envp[count])
		count++;
	printf("argc %d, environment %d\n", argc, count);
	for (int i = 1; i < argc && i < 6; i++)
		printf("argument \"%.20s\" of %zu\n", argv[i], strlen(argv[i]));
	prctl(PR_GET_NAME, name);
	printf("name %s\n", name);
	sigaction(SIGUSR1, NULL, &action);
	printf("handler default %d\n", action.sa_handler == SIG_DFL);
	sigaction(SIGUSR2, NULL, &action);
	printf("ignored stays %d\n", action.sa_handler == SIG_IGN);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	printf("blocked stays %d\n", sigismember(&mask, SIGTERM));
	printf("closed %d, open %d\n", fcntl(50, F_GETFD) < 0, fcntl(51, F_GETFD) >= 0);
	printf("tid is pid %d\n", gettid() == getpid());
	if (argc > 2 && !strcmp(argv[2], "thread")) {
		int status = 0;

		printf("its thread's own child %d", waitpid(-1, &status, __WNOTHREAD) > 0);
		printf(" ended 0x%x\n", status);
	}
	return 0;
}

static void *exec_from_thread(void *argument)
{
	if (fork() == 0)
		_exit(7);
	execve(self, argument, environ);
	return NULL;
}

static void *sleep_for_ever(void *argument)
{
	for (;;)
		pause();
	return argument;
}

static void from_thread(void)
{
	static char *argv[] = {"from-thread", "report", "thread", NULL};
	pid_t child;
	int status;

	section("exec by a thread");
	fflush(stdout);
	child = fork();
	if (child == 0) {
		pthread_t thread;

		for (int i = 0; i < 3; i++)
			pthread_create(&thread, NULL, sleep_for_ever, NULL);
		pthread_create(&thread, NULL, exec_from_thread, argv);
		sleep_for_ever(NULL);
	}
	printf("same pid %d\n", waitpid(child, &status, 0) == child);
	printf("ended 0x%x\n", status);
}

static void long_arguments(void)
{
	static char longest[128 * 1024 + 1];
	char *argv[] = {"name", "report", longest, NULL};
	char *none[] = {NULL};

	section("lengths");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[128 * 1024 - 1] = 0;
	run(argv, none);
	longest[128 * 1024 - 1] = 'a';
	run(argv, none);
}

static bool is_too_long(char *argument, size_t length, rlim_t stack)
{
	struct rlimit limit = {stack, RLIM_INFINITY}, no_core = {0, 0};
	char *argv[] = {"name", "report", argument, NULL}, *none[] = {NULL};
	int status;

	fflush(stdout);
	if (fork() == 0) {
		argument[length] = 0;
		limit.rlim_max = stack;
		setrlimit(RLIMIT_STACK, &limit);
		setrlimit(RLIMIT_CORE, &no_core);
		close(1);
		execve(self, argv, none);
		_exit(errno == E2BIG ? 77 : 78);
	}
	wait(&status);
	return WIFEXITED(status) && WEXITSTATUS(status) == 77;
}

/* With their names and the path, the strings are held to RLIMIT_STACK by pages, and may take one whatever it is. */
static void arguments_on_a_short_stack(void)
{
	static const rlim_t stacks[] = {0, 20000, 65536, 100000};
	static char argument[110000];

	section("lengths under a limit of the stack");
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		size_t fits = 0, too_long = sizeof(argument) - 1;

		memset(argument, 'a', sizeof(argument));
		while (too_long - fits > 1) {
			size_t half = (fits + too_long) / 2;

			if (is_too_long(argument, half, stacks[i]))
				too_long = half;
			else
				fits = half;
		}
		printf("%lu: %zu\n", (unsigned long)stacks[i], fits + strlen(self));
	}
}

static void errors(void)
{
	char *argv[] = {"x", NULL};
	char *volatile bad = (char *)8;

	section("errors");
	make_file("plain", "not a program");
	chmod("plain", 0644);
	OBSERVE(execve("plain", argv, environ));
	chmod("plain", 0755);
	OBSERVE(execve("plain", argv, environ));
	OBSERVE(execve("nowhere", argv, environ));
	OBSERVE(execve("", argv, environ));
	OBSERVE(execve(".", argv, environ));
	OBSERVE(execve("plain/x", argv, environ));
	OBSERVE(execve(self, (char *const *)bad, environ));
	OBSERVE(execve(bad, argv, environ));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, self, argv, environ, 0x8000000));
	unlink("plain");
}

static void scripts(void)
{
	char *argv[] = {"script", "one", NULL};
	int status;

	section("scripts");
	make_file("script", "#!/bin/sh -e\necho \"$0 $1 $#\"\nexit 7\n");
	chmod("script", 0755);
	fflush(stdout);
	if (fork() == 0) {
		execve("./script", argv, environ);
		_exit(1);
	}
	wait(&status);
	printf("ended 0x%x\n", status);
	unlink("script");
}

static void handler(int signo)
{
}

int main(int argc, char **argv, char **envp)
{
	static char path[4096];
	char *arguments[] = {"new-name", "report", "", "three", NULL}, *empty[] = {NULL};
	char *two[] = {"A=1", "B=2", NULL};

	if (argc > 1 && !strcmp(argv[1], "report"))
		return report(argc, argv, envp);
	if (argc == 1 && argv[0][0] == 0)
		return report(argc, argv, envp);
	if (!realpath(argv[0], path))
		return 99;
	self = path;
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	dup3(1, 50, O_CLOEXEC);
	dup2(1, 51);
	section("plain");
	run(arguments, two);
	section("empty argv");
	run(empty, empty);
	from_thread();
	long_arguments();
	arguments_on_a_short_stack();
	errors();
	scripts();
	return 0;
}
