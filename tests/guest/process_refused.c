/* fork, exec, wait in every way that they refuse: programs that are none, and limits. */
#include "observe.h"

#include <elf.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define BAD ((void *)8)
#define NO_PROCESS 999999
/* A user that has no processes. */
#define LONELY 54321

static char *const arguments[] = {"x", NULL};

/* A call that makes a task which ends at once. */
#define OBSERVE_TASK(call)                                                                                             \
	do {                                                                                                           \
		long task_;                                                                                            \
		errno = 0;                                                                                             \
		fflush(stdout);                                                                                        \
		task_ = (call);                                                                                        \
		if (task_ == 0)                                                                                        \
			_exit(0);                                                                                      \
		observe_result(#call, task_ < 0 ? -1 : 0);                                                             \
		if (task_ > 0)                                                                                         \
			waitpid((pid_t)task_, NULL, __WALL);                                                           \
	} while (0)

/* vfork's child shares the stack with its parent, who still needs what is on it: it ends without a call of a function. */
static long end_vforked(long number)
{
	long child = syscall(number);

	if (child == 0)
		__asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
	return child;
}

static void tasks(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD}, wrong = {.exit_signal = 100};

	section("new tasks");
	OBSERVE_TASK(syscall(SYS_fork));
	OBSERVE_TASK(end_vforked(SYS_vfork));
	OBSERVE_TASK(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	OBSERVE_TASK(syscall(SYS_clone3, &args, sizeof(args)));
	OBSERVE(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0));
	OBSERVE(syscall(SYS_clone3, &args, 8));
	OBSERVE(syscall(SYS_clone3, BAD, sizeof(args)));
	OBSERVE(syscall(SYS_clone3, &args, 10000));
	OBSERVE(syscall(SYS_clone3, &wrong, sizeof(wrong)));
}

static void no_more_tasks(void)
{
	struct rlimit one = {1, 1};
	struct clone_args args = {.exit_signal = SIGCHLD};

	section("no more tasks for this user");
	setrlimit(RLIMIT_NPROC, &one);
	syscall(SYS_setresgid, LONELY, LONELY, LONELY);
	syscall(SYS_setresuid, LONELY, LONELY, LONELY);
	OBSERVE_TASK(syscall(SYS_fork));
	OBSERVE_TASK(end_vforked(SYS_vfork));
	OBSERVE_TASK(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	OBSERVE_TASK(syscall(SYS_clone3, &args, sizeof(args)));
}

/* Who became a user that has too many tasks already may not run a program. */
static void exec_beyond_limit(void)
{
	struct rlimit nothing = {0, 0};
	int ready[2], done[2];
	char byte;

	section("exec by who has too many tasks");
	if (geteuid() != 0 || pipe(ready) < 0 || pipe(done) < 0)
		return;
	if (fork() == 0) {
		syscall(SYS_setresuid, LONELY, LONELY, LONELY);
		write(ready[1], "r", 1);
		close(done[1]);
		read(done[0], &byte, 1);
		_exit(0);
	}
	read(ready[0], &byte, 1);
	setrlimit(RLIMIT_NPROC, &nothing);
	syscall(SYS_setresuid, LONELY, LONELY, LONELY);
	OBSERVE(syscall(SYS_execve, "/bin/false", arguments, NULL));
}

static void waits(void)
{
	siginfo_t info;
	pid_t child;
	int status;

	section("waiting");
	OBSERVE(syscall(SYS_wait4, -1, NULL, 0, NULL));
	OBSERVE(syscall(SYS_wait4, NO_PROCESS, NULL, 0, NULL));
	OBSERVE(syscall(SYS_wait4, -1, NULL, 0x100, NULL));
	OBSERVE(syscall(SYS_wait4, (int)0x80000000, NULL, 0, NULL));
	OBSERVE(syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, NULL));
	OBSERVE(syscall(SYS_waitid, P_ALL, 0, &info, 0, NULL));
	OBSERVE(syscall(SYS_waitid, 7, 0, &info, WEXITED, NULL));
	OBSERVE(syscall(SYS_waitid, P_PIDFD, 0, &info, WEXITED, NULL));
	child = fork();
	if (child == 0)
		_exit(3);
	OBSERVE(syscall(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, NULL));
	OBSERVE_SUCCESS(syscall(SYS_wait4, child, &status, 0, NULL));
	child = fork();
	if (child == 0)
		_exit(3);
	OBSERVE(syscall(SYS_wait4, child, BAD, 0, NULL));
	child = fork();
	if (child == 0)
		_exit(3);
	OBSERVE(syscall(SYS_wait4, child, NULL, 0, BAD));
	OBSERVE(syscall(SYS_wait4, child, NULL, 0, NULL));
}

/* --- exec */

static void make_program(const char *path, const void *content, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, content, size) != (ssize_t)size)
		exit(99);
	close(fd);
}

/* A program that asks for `count` interpreters of this name. */
static void make_elf(const char *path, const char *interpreter, int count)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr parts[3];
		char name[64];
	} file = {
		.header = {.e_ident = ELFMAG "\2\1\1", .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = 1,
			   .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (Elf64_Half)(count + 1)},
	};

	file.parts[0] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, 0, 0, sizeof(file), sizeof(file), 4096};
	for (int i = 1; i <= count; i++)
		file.parts[i] = (Elf64_Phdr){PT_INTERP, PF_R, offsetof(typeof(file), name), 0, 0, strlen(interpreter) + 1,
					     strlen(interpreter) + 1, 1};
	strcpy(file.name, interpreter);
	make_program(path, &file, sizeof(file));
}

static void no_paths(void)
{
	static char longest[5000];

	section("paths of programs");
	memset(longest, 'n', sizeof(longest) - 1);
	OBSERVE(syscall(SYS_execve, "missing", arguments, NULL));
	OBSERVE(syscall(SYS_execve, "", arguments, NULL));
	OBSERVE(syscall(SYS_execve, BAD, arguments, NULL));
	OBSERVE(syscall(SYS_execve, longest, arguments, NULL));
	OBSERVE(syscall(SYS_execve, longest + sizeof(longest) - 300, arguments, NULL));
	OBSERVE(syscall(SYS_execve, "/bin/true/x", arguments, NULL));
	OBSERVE(syscall(SYS_execve, "/", arguments, NULL));
	symlink("circle", "circle");
	OBSERVE(syscall(SYS_execve, "circle", arguments, NULL));
	make_program("plain", "#!/bin/sh\n", 10);
	chmod("plain", 0644);
	OBSERVE(syscall(SYS_execve, "plain", arguments, NULL));
	symlink("/bin/true", "link");
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "link", arguments, NULL, AT_SYMLINK_NOFOLLOW));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "missing", arguments, NULL, 0));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "", arguments, NULL, 0));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "", arguments, NULL, AT_EMPTY_PATH));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "link", arguments, NULL, 0x77));
	OBSERVE(syscall(SYS_execveat, 99, "link", arguments, NULL, 0));
	OBSERVE(syscall(SYS_execveat, 1, "link", arguments, NULL, 0));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "circle", arguments, NULL, 0));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, BAD, arguments, NULL, 0));
}

static void no_programs(void)
{
	static const char longer[] = "text that is longer than the header of an ELF file, which is of 64 bytes\n";
	int fd;

	section("what is in a program");
	make_program("text", "only text\n", 10);
	OBSERVE(syscall(SYS_execve, "text", arguments, NULL));
	make_program("script", "#!missing\n", 10);
	OBSERVE(syscall(SYS_execve, "./script", arguments, NULL));
	make_program("script", "#!./script\n", 11);
	OBSERVE(syscall(SYS_execve, "./script", arguments, NULL));
	make_program("script", "#!  \n", 5);
	OBSERVE(syscall(SYS_execve, "./script", arguments, NULL));
	make_program("script", "#!.\n", 4);
	OBSERVE(syscall(SYS_execve, "./script", arguments, NULL));
	mkdir("directory", 0755);
	make_elf("elf", "directory", 1);
	OBSERVE(syscall(SYS_execve, "elf", arguments, NULL));
	make_elf("elf", "missing", 1);
	OBSERVE(syscall(SYS_execve, "elf", arguments, NULL));
	make_elf("elf", "text", 1);
	OBSERVE(syscall(SYS_execve, "elf", arguments, NULL));
	make_program("longer", longer, sizeof(longer) - 1);
	make_elf("elf", "longer", 1);
	OBSERVE(syscall(SYS_execve, "elf", arguments, NULL));
	make_elf("elf", "plain", 1);
	OBSERVE(syscall(SYS_execve, "elf", arguments, NULL));
	make_elf("elf", "text", 2);
	OBSERVE(syscall(SYS_execve, "elf", arguments, NULL));
	make_program("short", ELFMAG "\2\1\1", 7);
	OBSERVE(syscall(SYS_execve, "short", arguments, NULL));
	fd = open("text", O_WRONLY);
	OBSERVE(syscall(SYS_execve, "text", arguments, NULL));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "text", arguments, NULL, 0));
	close(fd);
}

static void too_much(void)
{
	static char *many[200001];
	static char longest[140000];
	char *two[] = {"x", longest, NULL};

	section("arguments");
	memset(longest, 'a', sizeof(longest) - 1);
	OBSERVE(syscall(SYS_execve, "/bin/true", two, NULL));
	OBSERVE(syscall(SYS_execve, "/bin/true", arguments, two));
	for (int i = 0; i < 200000; i++)
		many[i] = longest + sizeof(longest) - 100;
	OBSERVE(syscall(SYS_execve, "/bin/true", many, NULL));
	OBSERVE(syscall(SYS_execve, "/bin/true", BAD, NULL));
	OBSERVE(syscall(SYS_execve, "/bin/true", arguments, BAD));
	two[1] = BAD;
	OBSERVE(syscall(SYS_execve, "/bin/true", two, NULL));
	two[1] = longest;
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "/bin/true", BAD, NULL, 0));
	OBSERVE(syscall(SYS_execveat, AT_FDCWD, "/bin/true", two, NULL, 0));
}

int main(void)
{
	in_child(tasks);
	in_child(no_more_tasks);
	in_child(exec_beyond_limit);
	in_child(waits);
	in_child(no_paths);
	in_child(no_programs);
	in_child(too_much);
	return 0;
}
