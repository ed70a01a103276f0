/* Every call about signals in every way that it refuses or is interrupted; for root also as nobody. */
#include "observe.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define NO_PROCESS 999999
#define BAD ((void *)8)
#define SET_SIZE 8

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

static pid_t parent;
static const uint64_t none, usr1 = 1ull << (SIGUSR1 - 1);

static void interrupted(void)
{
	struct timespec minute = {60, 0};

	section("interrupted");
	tick(5);
	OBSERVE(syscall(SYS_pause));
	OBSERVE(syscall(SYS_rt_sigsuspend, &none, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, NULL, &minute, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, NULL, NULL, SET_SIZE));
	tick(0);
}

static void actions_and_masks(void)
{
	struct kernel_action action = {SIG_IGN, 0, NULL, 0};
	uint64_t set;

	section("actions and masks");
	OBSERVE(syscall(SYS_rt_sigaction, SIGUSR1, &action, &action, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigaction, SIGUSR1, BAD, NULL, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigaction, 65, &action, NULL, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 16));
	OBSERVE(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &none, &set, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, BAD, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigprocmask, 4, &none, NULL, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &none, NULL, 4));
	OBSERVE(syscall(SYS_rt_sigpending, &set, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigpending, BAD, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigpending, &set, 9));
	OBSERVE(syscall(SYS_rt_sigsuspend, BAD, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigsuspend, &none, 7));
}

static void waiting(void)
{
	struct timespec now = {0, 0}, wrong = {0, 1000000000}, negative = {-1, 0};
	siginfo_t info;

	section("waiting");
	sigprocmask(SIG_BLOCK, (const sigset_t *)(const void *)(const uint64_t[16]){usr1}, NULL);
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, &info, &now, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, &info, &wrong, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, &info, &negative, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, &info, &now, 4));
	OBSERVE(syscall(SYS_rt_sigtimedwait, BAD, &info, &now, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, &info, BAD, SET_SIZE));
	raise(SIGUSR1);
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, BAD, &now, SET_SIZE));
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, &info, &now, SET_SIZE));
	raise(SIGUSR1);
	OBSERVE(syscall(SYS_rt_sigtimedwait, &usr1, NULL, NULL, SET_SIZE));
}

static void sending(void)
{
	siginfo_t info = {.si_code = SI_QUEUE}, forged = {.si_code = SI_KERNEL};
	pid_t self = getpid();

	section("sending");
	OBSERVE(syscall(SYS_kill, self, 0));
	OBSERVE(syscall(SYS_kill, self, 65));
	OBSERVE(syscall(SYS_kill, NO_PROCESS, 0));
	OBSERVE(syscall(SYS_kill, -NO_PROCESS, 0));
	OBSERVE(syscall(SYS_tkill, self, 0));
	OBSERVE(syscall(SYS_tkill, self, -1));
	OBSERVE(syscall(SYS_tkill, 0, 0));
	OBSERVE(syscall(SYS_tkill, NO_PROCESS, 0));
	OBSERVE(syscall(SYS_tgkill, self, self, 0));
	OBSERVE(syscall(SYS_tgkill, self, -1, 0));
	OBSERVE(syscall(SYS_tgkill, self, self, 65));
	OBSERVE(syscall(SYS_tgkill, self, NO_PROCESS, 0));
	OBSERVE(syscall(SYS_tgkill, parent, self, 0));
	OBSERVE(syscall(SYS_rt_sigqueueinfo, self, 0, &info));
	OBSERVE(syscall(SYS_rt_sigqueueinfo, self, 65, &info));
	OBSERVE(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, BAD));
	OBSERVE(syscall(SYS_rt_sigqueueinfo, NO_PROCESS, 0, &info));
	OBSERVE(syscall(SYS_rt_sigqueueinfo, parent, 0, &forged));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, self, self, 0, &info));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, self, self, 65, &info));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, 0, self, 0, &info));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, self, NO_PROCESS, 0, &info));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, self, self, 0, BAD));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, parent, parent, 0, &forged));
	become_nobody();
	OBSERVE(syscall(SYS_kill, parent, SIGUSR1));
	OBSERVE(syscall(SYS_kill, parent, 0));
	OBSERVE(syscall(SYS_tkill, parent, 0));
	OBSERVE(syscall(SYS_tgkill, parent, parent, 0));
	OBSERVE(syscall(SYS_rt_sigqueueinfo, parent, 0, &info));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, parent, parent, 0, &info));
}

static void full_queue(void)
{
	struct rlimit nothing = {0, 0};
	uint64_t all = ~0ull;
	siginfo_t info = {.si_code = SI_QUEUE};
	pid_t self = getpid();

	section("no room for queued signals");
	become_nobody();
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, SET_SIZE);
	setrlimit(RLIMIT_SIGPENDING, &nothing);
	OBSERVE(syscall(SYS_rt_sigqueueinfo, self, SIGRTMIN, &info));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, self, self, SIGRTMIN, &info));
	OBSERVE(syscall(SYS_tkill, self, SIGRTMIN));
	OBSERVE(syscall(SYS_tgkill, self, self, SIGRTMIN));
	OBSERVE(syscall(SYS_kill, self, SIGRTMIN));
	OBSERVE(syscall(SYS_rt_sigqueueinfo, self, SIGUSR1, &info));
}

static char alternate[65536];

static void change_stack(int signo)
{
	stack_t other = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	(void)signo;
	OBSERVE(syscall(SYS_sigaltstack, &other, NULL));
	OBSERVE(syscall(SYS_sigaltstack, NULL, &other));
	printf("on it %d\n", other.ss_flags);
}

static void stacks(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, wrong = stack, old;
	struct sigaction action = {.sa_handler = change_stack, .sa_flags = SA_ONSTACK};

	section("stacks");
	OBSERVE(syscall(SYS_sigaltstack, &stack, &old));
	printf("flags %d\n", old.ss_flags);
	OBSERVE(syscall(SYS_sigaltstack, BAD, NULL));
	OBSERVE(syscall(SYS_sigaltstack, NULL, BAD));
	wrong.ss_size = 1;
	OBSERVE(syscall(SYS_sigaltstack, &wrong, NULL));
	wrong.ss_flags = 77;
	OBSERVE(syscall(SYS_sigaltstack, &wrong, NULL));
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	wrong.ss_flags = SS_DISABLE;
	OBSERVE(syscall(SYS_sigaltstack, &wrong, &old));
	printf("flags %d size %zu\n", old.ss_flags, old.ss_size);
}

static void descriptors(void)
{
	struct rlimit limit = {0, 4096};
	int fd, ends[2];

	section("descriptors");
	fd = (int)OBSERVE_SUCCESS(syscall(SYS_signalfd, -1, &usr1, SET_SIZE));
	OBSERVE_SUCCESS(syscall(SYS_signalfd, fd, &usr1, SET_SIZE));
	OBSERVE_SUCCESS(syscall(SYS_signalfd4, fd, &usr1, SET_SIZE, 0));
	if (pipe(ends) < 0)
		return;
	OBSERVE(syscall(SYS_signalfd, 99, &usr1, SET_SIZE));
	OBSERVE(syscall(SYS_signalfd4, 99, &usr1, SET_SIZE, 0));
	OBSERVE(syscall(SYS_signalfd, ends[0], &usr1, SET_SIZE));
	OBSERVE(syscall(SYS_signalfd4, ends[0], &usr1, SET_SIZE, 0));
	OBSERVE(syscall(SYS_signalfd, -1, &usr1, 16));
	OBSERVE(syscall(SYS_signalfd4, -1, &usr1, SET_SIZE, 1));
	OBSERVE(syscall(SYS_signalfd, -1, BAD, SET_SIZE));
	OBSERVE(syscall(SYS_signalfd4, -1, BAD, SET_SIZE, 0));
	setrlimit(RLIMIT_NOFILE, &limit);
	OBSERVE(syscall(SYS_signalfd, -1, &usr1, SET_SIZE));
	OBSERVE(syscall(SYS_signalfd4, -1, &usr1, SET_SIZE, 0));
}

int main(void)
{
	parent = getpid();
	signal(SIGUSR1, SIG_IGN);
	in_child(interrupted);
	in_child(actions_and_masks);
	in_child(waiting);
	in_child(sending);
	in_child(full_queue);
	in_child(stacks);
	in_child(descriptors);
	return 0;
}
