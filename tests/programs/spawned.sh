# posix_spawn with file actions and attributes, popen, system, wordexp, daemon-like forks; limits across exec.
cat >spawned.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void run(const char *what, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, char **argv)
{
	pid_t pid;
	int status = -1, error = posix_spawnp(&pid, argv[0], actions, attributes, argv, environ);
	if (!error)
		waitpid(pid, &status, 0);
	printf("%s: %s status %x\n", what, strerrorname_np(error) ?: "0", status);
	fflush(stdout);
}
int main(void)
{
	char *echo[] = {"sh", "-c", "echo here; cat <&5; ls /proc/self/fd | wc -l; pwd | sed 's/.*\\///'", NULL};
	char *group[] = {"sh", "-c", "ps -o pgid= -p $$ | tr -d ' ' | grep -qx $$ && echo own group; trap; kill -INT $$; echo after", NULL};
	char *missing[] = {"/nonexistent", NULL}, *text[] = {"./out", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	struct rlimit limit = {33, 44};
	FILE *pipe;
	char line[100];
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGINT, SIG_IGN);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 5, "/etc/hostname", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	posix_spawn_file_actions_addclose(&actions, 0);
	posix_spawn_file_actions_addchdir_np(&actions, "/usr");
	run("actions", &actions, NULL, echo);
	run("missing", &actions, NULL, missing);
	run("not executable", NULL, NULL, text);
	posix_spawn_file_actions_addopen(&actions, 6, "/nonexistent/x", O_RDONLY, 0);
	run("failing action", &actions, NULL, echo);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attributes, &set);
	sigaddset(&set, SIGINT);
	posix_spawnattr_setsigdefault(&attributes, &set);
	run("attributes", NULL, &attributes, group);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	run("session", NULL, &attributes, group);
	setrlimit(RLIMIT_NOFILE, &limit);
	limit = (struct rlimit){0, 0};
	setrlimit(RLIMIT_CORE, &limit);
	printf("system %x\n", system("ulimit -Sn; ulimit -Hn; ulimit -c; exit 5"));
	pipe = popen("cat >&2; echo lost", "w");
	fputs("into popen\n", pipe);
	printf("pclose %x\n", pclose(pipe));
	pipe = popen("echo out of popen; kill -TERM $$", "r");
	printf("%s", fgets(line, sizeof(line), pipe));
	printf("pclose %x\n", pclose(pipe));
	return 0;
}
C
gcc -O1 -o spawned spawned.c
./spawned
cat out
(ulimit -f 8; sh -c 'dd if=/dev/zero of=big bs=1024 count=64 2>/dev/null; echo $?'); stat -c %s big
(ulimit -s 256; sh -c 'ulimit -s; expr 1 + 1')
(ulimit -v 100000; python3 -c 'x = bytearray(200 << 20)' 2>&1 | tail -1)
(ulimit -t 1; sh -c 'while :; do :; done') 2>/dev/null; echo $?
