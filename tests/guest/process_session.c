/* Sessions and process groups: setsid, setpgid with all their refusals, orphaned groups. */
#include "observe.h"

#include <signal.h>
#include <sys/wait.h>

static void new_session(void)
{
	section("setsid");
	printf("group %d session %d\n", getpgrp() == getpid(), getsid(0) == getpid());
	OBSERVE_SUCCESS(setsid());
	printf("group %d session %d\n", getpgrp() == getpid(), getsid(0) == getpid());
	OBSERVE(setsid());
	OBSERVE(setpgid(0, 0));
	OBSERVE(setpgid(0, getppid()));
	OBSERVE(open("/dev/tty", O_RDWR));
}

static void new_group(void)
{
	section("setpgid");
	OBSERVE(setpgid(0, 0));
	printf("group %d session %d\n", getpgrp() == getpid(), getsid(0) == getpid());
	OBSERVE(setsid());
	OBSERVE(setpgid(0, -5));
	OBSERVE(setpgid(-1, 0));
	OBSERVE(setpgid(999999, 0));
	OBSERVE(setpgid(getppid(), 0));
	OBSERVE(getpgid(999999));
	OBSERVE(getsid(999999));
	OBSERVE_SUCCESS(getpgid(getppid()));
	printf("parent's group is not mine: %d\n", getpgid(getppid()) != getpgrp());
	OBSERVE(setpgid(0, getpgid(getppid())));
	printf("back: %d\n", getpgid(getppid()) == getpgrp());
}

static void wait_for_byte(int fd)
{
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		continue;
}

static void groups_of_children(void)
{
	int go[2], ready[2];
	pid_t first, second;

	section("children's groups");
	if (pipe(go) < 0 || pipe(ready) < 0)
		_exit(99);
	first = fork();
	if (first == 0) {
		wait_for_byte(go[0]);
		_exit(0);
	}
	OBSERVE(setpgid(first, first));
	second = fork();
	if (second == 0) {
		setsid();
		write(ready[1], "r", 1);
		wait_for_byte(go[0]);
		_exit(0);
	}
	wait_for_byte(ready[0]);
	OBSERVE(setpgid(second, 0));
	OBSERVE(setpgid(second, first));
	OBSERVE(setpgid(0, second));
	OBSERVE(setpgid(0, first));
	printf("in the child's group: %d\n", getpgrp() == first);
	write(go[1], "gg", 2);
	waitpid(first, NULL, 0);
	waitpid(second, NULL, 0);
	printf("group outlives its leader: %d\n", getpgrp() == first);
	OBSERVE(kill(-first, 0));
}

static void after_exec(void)
{
	int ready[2];
	pid_t child;

	section("after exec");
	if (pipe(ready) < 0)
		_exit(99);
	child = fork();
	if (child == 0) {
		dup2(ready[1], 3);
		execl("/bin/sh", "sh", "-c", "echo r >&3; read x < /dev/null; kill -STOP $$", (char *)NULL);
		_exit(127);
	}
	wait_for_byte(ready[0]);
	OBSERVE(setpgid(child, child));
	waitpid(child, NULL, WUNTRACED);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static volatile sig_atomic_t hangups, continues;

static void count_signal(int signo)
{
	if (signo == SIGHUP)
		hangups++;
	else
		continues++;
}

/* A stopped group that loses its last link to the session gets SIGHUP and SIGCONT. */
static void orphaned_group(void)
{
	int told[2];
	char text[8] = "";
	pid_t middle;

	section("orphaned group");
	if (pipe(told) < 0)
		_exit(99);
	middle = fork();
	if (middle == 0) {
		pid_t member = fork();

		if (member == 0) {
			setpgid(0, 0);
			signal(SIGHUP, count_signal);
			signal(SIGCONT, count_signal);
			raise(SIGSTOP);
			text[0] = (char)('0' + hangups);
			text[1] = (char)('0' + continues);
			write(told[1], text, 2);
			_exit(0);
		}
		waitpid(member, NULL, WUNTRACED);
		_exit(0);
	}
	waitpid(middle, NULL, 0);
	close(told[1]);
	printf("read %d: %s\n", (int)read(told[0], text, 2), text);
}

static void stop_signal_in_orphan(void)
{
	section("SIGTSTP in an orphaned group");
	setsid();
	raise(SIGTSTP);
	printf("not stopped\n");
	signal(SIGTTIN, SIG_DFL);
	raise(SIGTTIN);
	printf("not stopped\n");
}

int main(void)
{
	in_child(new_session);
	in_child(new_group);
	in_child(groups_of_children);
	in_child(after_exec);
	in_child(orphaned_group);
	in_child(stop_signal_in_orphan);
	return 0;
}
