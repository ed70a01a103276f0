/*
 * How the supervisor was started, and signals sent to it. The state is taken by a constructor, before anything in the
 * supervisor changes dispositions, limits or masks.
 */
#include <hal/hal.h>
#include <hal/host.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

/* Out of the way of descriptors that guests inherit. */
#define TERMINAL_FD_MINIMUM 200

static struct hal_start start_state;
static int terminal_fd = -1;

static void read_signals(struct hal_start *state)
{
	sigset_t mask;

	if (sigprocmask(SIG_BLOCK, NULL, &mask) == 0)
		memcpy(&state->blocked_signals, &mask, sizeof(state->blocked_signals));
	for (int signal = 1; signal <= 64; signal++) {
		/* The C library hides its own two real-time signals: ask the kernel. */
		struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action = {0};

		if (syscall(SYS_rt_sigaction, signal, NULL, &action, sizeof(uint64_t)) == 0 &&
		    action.handler == (void *)SIG_IGN)
			state->ignored_signals |= 1ull << (signal - 1);
	}
}

/* Widening to all processors leaves what the cpuset allows; then back. */
static void read_allowed(struct hal_start *state)
{
	uint8_t all[HAL_AFFINITY_SIZE];

	memset(all, 0xff, sizeof(all));
	memcpy(state->allowed, state->affinity, sizeof(state->allowed));
	if (syscall(SYS_sched_setaffinity, 0, sizeof(all), all) != 0)
		return;
	syscall(SYS_sched_getaffinity, 0, sizeof(state->allowed), state->allowed);
	syscall(SYS_sched_setaffinity, 0, sizeof(state->affinity), state->affinity);
}

/* What was pending must not be taken for a signal to lxrun. */
static struct pending_signal {
	siginfo_t info;
	struct pending_signal *next;
} *pending, **pending_end = &pending;

static void take_pending(void)
{
	const struct timespec now = {0};
	struct pending_signal *one;
	sigset_t set;

	if (sigpending(&set) != 0)
		return;
	while ((one = calloc(1, sizeof(*one))) && sigtimedwait(&set, &one->info, &now) > 0) {
		*pending_end = one;
		pending_end = &one->next;
	}
	free(one);
}

_Static_assert(sizeof(siginfo_t) == HAL_SIGINFO_SIZE, "siginfo_t");

bool hal_next_pending(uint8_t info[HAL_SIGINFO_SIZE], bool *own)
{
	struct pending_signal *one = pending;

	if (!one)
		return false;
	memcpy(info, &one->info, sizeof(one->info));
	*own = one->info.si_code <= 0 && one->info.si_pid == getpid();
	pending = one->next;
	free(one);
	return true;
}

/* They are the program's to come. */
static void take_timers(struct hal_start *state)
{
	static const struct itimerval none;

	for (int which = 0; which < HAL_TIMER_COUNT; which++) {
		struct itimerval timer = {0};

		setitimer((__itimer_which_t)which, &none, &timer);
		state->timers[which].value = (uint64_t)timer.it_value.tv_sec * 1000000 + (uint64_t)timer.it_value.tv_usec;
		state->timers[which].interval = (uint64_t)timer.it_interval.tv_sec * 1000000 + (uint64_t)timer.it_interval.tv_usec;
	}
}

static void read_family(struct hal_start *state)
{
	int death_signal = 0, subreaper = 0;

	prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
	state->death_signal = death_signal;
	state->is_subreaper = subreaper != 0;
}

static void read_scheduling(struct hal_start *state)
{
	struct sched_param parameter = {0};
	long size;

	errno = 0;
	state->nice = getpriority(PRIO_PROCESS, 0);
	state->policy = sched_getscheduler(0);
	if (state->policy < 0)
		state->policy = SCHED_OTHER;
	state->reset_on_fork = state->policy & SCHED_RESET_ON_FORK;
	state->policy &= ~SCHED_RESET_ON_FORK;
	state->ioprio = (int32_t)syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0);
	if (state->ioprio < 0)
		state->ioprio = 0;
	if (sched_getparam(0, &parameter) == 0)
		state->priority = parameter.sched_priority;
	size = syscall(SYS_sched_getaffinity, 0, sizeof(state->affinity), state->affinity);
	state->affinity_size = size > 0 ? (size_t)size : sizeof(uint64_t);
	state->processors = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	read_allowed(state);
	state->timer_slack_ns = (uint64_t)prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	state->no_transparent_huge_pages = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
}

static void read_terminal(struct hal_start *state)
{
	int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	state->leads_group = getpgrp() == getpid();
	state->leads_session = getsid(0) == getpid();
	if (terminal < 0)
		return;
	state->has_terminal = true;
	terminal_fd = fcntl(terminal, F_DUPFD_CLOEXEC, TERMINAL_FD_MINIMUM);
	close(terminal);
}

static int32_t read_number(const char *path, int base)
{
	char text[32] = {0};
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);

	if (descriptor < 0)
		return 0;
	if (read(descriptor, text, sizeof(text) - 1) <= 0)
		text[0] = 0;
	close(descriptor);
	return (int32_t)strtol(text, NULL, base);
}

__attribute__((constructor)) static void read_start_state(void)
{
	struct hal_start *state = &start_state;

	read_signals(state);
	take_pending();
	take_timers(state);
	read_family(state);
	read_scheduling(state);
	read_terminal(state);
	for (int resource = 0; resource < HAL_LIMIT_COUNT; resource++) {
		struct rlimit limit;

		state->limits[resource].current = state->limits[resource].maximum = UINT64_MAX;
		if (getrlimit((__rlimit_resource_t)resource, &limit) == 0) {
			state->limits[resource].current = limit.rlim_cur;
			state->limits[resource].maximum = limit.rlim_max;
		}
	}
	if (!getcwd(state->working_directory, sizeof(state->working_directory)) || state->working_directory[0] != '/')
		strcpy(state->working_directory, "/");
	state->personality = (uint32_t)personality(0xffffffff);
	/* What release the host says it has is not to be changed twice. */
	personality(state->personality & ~(unsigned long)UNAME26);
	state->oom_score_adj = read_number("/proc/self/oom_score_adj", 10);
	state->coredump_filter = (uint32_t)read_number("/proc/self/coredump_filter", 16);
}

const struct hal_start *hal_start_state(void)
{
	return &start_state;
}

/*
 * All but those that can't be taken (KILL, STOP, the C library's own two) and that of the tasks that end all the time (CHLD).
 * Faults of lxrun's own end it all the same: the kernel takes no account of who blocks what it forces upon a thread.
 */
static void forwarded_signals(sigset_t *set)
{
	sigfillset(set);
	sigdelset(set, SIGCHLD);
}

void hal_signal_block(void)
{
	sigset_t set;

	forwarded_signals(&set);
	sigdelset(&set, HAL_INTERRUPT_SIGNAL); /* its handler passes on what is not for it */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static _Atomic pid_t signal_taker;
#define PASSED_ON (-0x4c58) /* in place of SI_USER, which the kernel lets no thread write to another */

void hal_signal_pass_on(const void *info)
{
	siginfo_t copy = *(const siginfo_t *)info;
	pid_t taker = atomic_load(&signal_taker);
	int error = errno;

	if (copy.si_code == SI_USER)
		copy.si_code = PASSED_ON;
	if (taker)
		syscall(SYS_rt_tgsigqueueinfo, getpid(), taker, copy.si_signo, &copy);
	errno = error;
}

/* The kernel means lxrun itself, unless it speaks for the terminal. */
static bool is_own(const siginfo_t *info)
{
	static const int terminals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGHUP, SIGCONT, SIGWINCH};

	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++)
		if (info->si_signo == terminals[i])
			return false;
	return info->si_code > 0;
}

bool hal_signal_wait(struct hal_signal *signal)
{
	sigset_t set;
	siginfo_t info;

	forwarded_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	atomic_store(&signal_taker, (pid_t)syscall(SYS_gettid));
	if (sigwaitinfo(&set, &info) < 0 || is_own(&info))
		return false;
	if (info.si_code == PASSED_ON)
		info.si_code = SI_USER;
	signal->number = info.si_signo;
	signal->from_terminal = info.si_code == SI_KERNEL;
	memcpy(signal->info, &info, sizeof(info));
	return true;
}

int hal_terminal(void)
{
	return terminal_fd;
}

bool hal_in_foreground(void)
{
	pid_t group = terminal_fd < 0 ? -1 : tcgetpgrp(terminal_fd);

	return group < 0 || group == getpgrp();
}

void hal_stop_self(void)
{
	raise(SIGSTOP);
}

void hal_query_names(struct hal_names *names)
{
	struct utsname host;

	memset(names, 0, sizeof(*names));
	if (uname(&host) != 0)
		return;
	memcpy(names->system, host.sysname, sizeof(names->system));
	memcpy(names->node, host.nodename, sizeof(names->node));
	memcpy(names->release, host.release, sizeof(names->release));
	memcpy(names->version, host.version, sizeof(names->version));
	memcpy(names->machine, host.machine, sizeof(names->machine));
	memcpy(names->domain, host.domainname, sizeof(names->domain));
}

void hal_query_memory(struct hal_memory *memory)
{
	struct sysinfo host;

	memset(memory, 0, sizeof(*memory));
	if (sysinfo(&host) != 0)
		return;
	*memory = (struct hal_memory){
		.uptime_seconds = host.uptime,
		.loads = {host.loads[0], host.loads[1], host.loads[2]},
		.total = host.totalram,
		.free = host.freeram,
		.shared = host.sharedram,
		.buffers = host.bufferram,
		.swap_total = host.totalswap,
		.swap_free = host.freeswap,
		.high_total = host.totalhigh,
		.high_free = host.freehigh,
		.unit = host.mem_unit,
	};
}

uint64_t hal_scheduling_interval(void)
{
	struct timespec interval;

	if (sched_rr_get_interval(0, &interval) != 0)
		return 0;
	return (uint64_t)interval.tv_sec * 1000000000 + (uint64_t)interval.tv_nsec;
}

uint64_t hal_scheduling_slice(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attributes = {0};

	return syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) == 0 ? attributes.runtime : 0;
}

uint32_t hal_current_processor(void)
{
	int processor = sched_getcpu();

	return processor < 0 ? 0 : (uint32_t)processor;
}

bool hal_protects_links(void)
{
	return read_number("/proc/sys/fs/protected_symlinks", 10) != 0;
}

int64_t hal_random(void *data, size_t size, uint32_t flags)
{
	ssize_t count = getrandom(data, size, flags);

	return count < 0 ? -errno : count;
}
