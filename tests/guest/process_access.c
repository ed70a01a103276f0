/* Whom a process without privilege may look into: same ids all round, dumpable, no capabilities that it has not. For root. */
#include "observe.h"

#include <sys/prctl.h>

/* Who a process may be, for another that wants to look into it. */
struct looked_at {
	const char *what;
	uid_t user;
	gid_t group;
	int dumpable, keeps_capabilities;
};

static void be_looked_at(const struct looked_at *who, int ready, int end)
{
	char byte = 0;

	prctl(PR_SET_KEEPCAPS, who->keeps_capabilities);
	if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, who->group, who->group, who->group) ||
	    syscall(SYS_setresuid, who->user, who->user, who->user))
		_exit(97);
	prctl(PR_SET_DUMPABLE, who->dumpable);
	_exit(write(ready, &byte, 1) != 1 || read(end, &byte, 1) != 0);
}

static pid_t looked_at;

static void look(void)
{
	size_t size;
	void *head;

	become_nobody();
	OBSERVE_SUCCESS(syscall(SYS_kcmp, getpid(), looked_at, 1, 0, 0));
	OBSERVE_SUCCESS(syscall(SYS_get_robust_list, looked_at, &head, &size));
}

int main(void)
{
	static const struct looked_at others[] = {
		{"the same", NOBODY, NOBODY, 1, 0},		    {"not dumpable", NOBODY, NOBODY, 0, 0},
		{"of another group", NOBODY, 1234, 1, 0},	    {"another user", 1234, NOBODY, 1, 0},
		{"the same with capabilities", NOBODY, NOBODY, 1, 1},
	};

	for (size_t i = 0; geteuid() == 0 && i < sizeof others / sizeof *others; i++) {
		int ready[2], end[2];
		char byte;

		section(others[i].what);
		if (pipe(ready) || pipe(end))
			_exit(96);
		looked_at = fork();
		if (looked_at == 0) {
			close(end[1]);
			be_looked_at(&others[i], ready[1], end[0]);
		}
		close(ready[1]);
		printf("ready %zd\n", read(ready[0], &byte, 1));
		in_child(look);
		close(end[1]);
		waitpid(looked_at, NULL, 0);
		close(ready[0]);
		close(end[0]);
	}
	return 0;
}
