/*
 * The template: one guest process that was exec'd, filtered and stripped once.
 * Every fresh process is a clone of it. A thread of its own traces it and keeps a
 * few clones ready, and more once somebody has found none: the host lets nobody
 * but its tracer's thread have it cloned, and to hand it over each time, by a
 * detach and a seizure, costs more switches than the clone. It is the host parent
 * of all guest tasks and lives as long as lxrun, because PDEATHSIG follows the
 * parent's thread. It waits for no task but the template, which runs no guest code.
 */
#include "internal.h"
#include "stub_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <hal/hal.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <rtl/rtl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOL_MAX 32
#define POOL_PER_CPU 2
#define STACK_AT_EXEC (8ul << 20)
#define HIGH_FD 18 /* where the child's descriptors are before they get their numbers */

#define RSEQ_SIZE 32 /* as the first version of rseq(2) has it, by which the C library registers */
#define RSEQ_UNREGISTER 1
#define XSAVE_LEGACY 512
#define XSAVE_FEATURES XSAVE_LEGACY /* the first word of the header behind it */
#define XFEATURE_PKRU (1u << 9)

static struct {
	struct rtl_lock lock;
	pthread_cond_t wake, ready;
	pthread_t manager;
	bool started, quit, failed;
	int error;
	struct fresh_task {
		pid_t tid;
		struct grant_socket *socket;
	} pool[POOL_MAX];
	unsigned pool_size, pooled;
	struct pico_thread *thread;
	int park; /* our end: its closing ends all parked tasks */
} template = {.lock = RTL_LOCK_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER, .park = -1};

/* All but the one to lock memory, if there is that: how much a guest may lock is Mm's to say, who alone has it locked. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	uint32_t kept = 0;

	if (syscall(SYS_capget, &header, data) == 0)
		kept = data[0].permitted & 1u << CAP_IPC_LOCK;
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (capability != CAP_IPC_LOCK)
			prctl(PR_CAPBSET_DROP, capability);
	data[0] = (struct __user_cap_data_struct){.effective = kept, .permitted = kept};
	data[1] = (struct __user_cap_data_struct){0};
	syscall(SYS_capset, &header, data);
}

/* Limits of the host task that must not show in the guest: its own are LX's. Who may raises them beyond his own, for a guest
 * with that privilege may too, or is not bound by them. */
static void widen_limits(void)
{
	static const int resources[] = {RLIMIT_DATA, RLIMIT_AS, RLIMIT_MEMLOCK, RLIMIT_CPU};
	const struct rlimit none = {0, 0};
	struct rlimit stack;

	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

		if (setrlimit(resources[i], &limit) != 0 && getrlimit(resources[i], &limit) == 0) {
			limit.rlim_cur = limit.rlim_max;
			setrlimit(resources[i], &limit);
		}
	}
	setrlimit(RLIMIT_CORE, &none);
	/* Under an unlimited stack exec lays memory out the old way, with the vDSO low: finite until then. */
	if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur > STACK_AT_EXEC) {
		stack.rlim_cur = STACK_AT_EXEC;
		setrlimit(RLIMIT_STACK, &stack);
	}
}

/* The template has its layout: from now on its clones' stacks grow as far as the host lets them. */
static void widen_stack(pid_t child)
{
	struct rlimit stack;

	if (prlimit(child, RLIMIT_STACK, NULL, &stack) == 0) {
		stack.rlim_cur = stack.rlim_max;
		prlimit(child, RLIMIT_STACK, &stack, NULL);
	}
}

/*
 * --- the body
 *
 * As a rule it execs the stub from a memory file. Where there can't be one, because the size of files is limited to less than
 * the stub's or because the host refuses what it takes, the forked child maps the stub itself and jumps there; what it still
 * has of lxrun is unmapped like the rest of what an exec leaves.
 */

static bool may_exec(void)
{
	/* A willing host finds no program under an empty name. */
	return !hal_force_fallbacks() && syscall(SYS_execveat, AT_FDCWD, "", NULL, NULL, 0) < 0 && errno == ENOENT;
}

static int image_open(void)
{
	int file = may_exec() ? memfd_create("lxrun-guest", MFD_CLOEXEC) : -1;

	if (file >= 0 && write(file, pico_stub_image, sizeof(pico_stub_image)) != (ssize_t)sizeof(pico_stub_image)) {
		close(file);
		return -1;
	}
	return file;
}

static const Elf64_Phdr *stub_segment(void)
{
	const Elf64_Ehdr *header = (const void *)pico_stub_image;
	const Elf64_Phdr *segment = (const void *)(pico_stub_image + header->e_phoff);

	while (segment->p_type != PT_LOAD)
		segment++;
	return segment;
}

/* What the host would write to, or look at, in memory that is to go. */
static void forget_thread(void)
{
	const stack_t none = {.ss_flags = SS_DISABLE};
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	sigaltstack(&none, NULL);
	syscall(SYS_set_robust_list, NULL, 3 * sizeof(void *));
	if (__rseq_size && syscall(SYS_rseq, area, RSEQ_SIZE, RSEQ_UNREGISTER, RSEQ_SIG) != 0)
		syscall(SYS_rseq, area, __rseq_size, RSEQ_UNREGISTER, RSEQ_SIG);
}

static _Noreturn void enter_by_hand(void)
{
	const Elf64_Phdr *segment = stub_segment();
	void *stub = (void *)PICO_STUB_BASE;

	if (mmap(stub, PICO_STUB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != stub)
		_exit(1);
	memcpy(stub, pico_stub_image + segment->p_offset, segment->p_filesz);
	forget_thread();
	prctl(PR_SET_NAME, "lxrun-guest");
	if (mprotect(stub, PICO_STUB_SIZE, PROT_READ | PROT_EXEC) != 0)
		_exit(1);
	__asm__ volatile("jmp *%0" : : "r"(PICO_STUB_START));
	__builtin_unreachable();
}

static _Noreturn void image_enter(int file)
{
	static char name[] = "lxrun-guest";
	static char *const argv[] = {name, NULL}, *const envp[] = {NULL};

	if (file < 0)
		enter_by_hand();
	syscall(SYS_execveat, file, "", argv, envp, AT_EMPTY_PATH);
	_exit(1);
}

/* Without an exec, the floating-point and vector registers are still lxrun's. */
static int image_reset_state(struct pico_thread *thread)
{
	cleanup_free char *state = malloc(pico_platform_ops.extended_state_size);
	int64_t size = state ? pico_get_extended_state(thread, state, pico_platform_ops.extended_state_size) : -ENOMEM;

	if (size < XSAVE_FEATURES + (int64_t)sizeof(uint64_t))
		return size < 0 ? (int)size : -EIO;
	((uint16_t *)state)[0] = 0x37f;	 /* the x87 control word of a new task */
	((uint32_t *)state)[6] = 0x1f80; /* and its mxcsr; what is not in use is as new. Keys are the host's, which lxrun leaves alone. */
	*(uint64_t *)(state + XSAVE_FEATURES) &= XFEATURE_PKRU;
	return pico_set_extended_state(thread, state, (size_t)size);
}

struct child_descriptors {
	int stub, filter, park, grant, ready; /* all close-on-exec and >= HIGH_FD */
};

/* All but what the stub needs; and what exec needs and closes, if there is an exec. */
static void close_others(const struct child_descriptors *from)
{
	unsigned first = (unsigned)MIN_OF(from->stub, from->ready), last = (unsigned)MAX_OF(from->stub, from->ready);

	hal_close_range(0, PICO_FILTER_FD - 1);
	hal_close_range(PICO_FILTER_FD + 1, PICO_PARK_FD - 1);
	if (from->stub < 0) {
		hal_close_range(PICO_GRANT_FD + 1, ~0U);
		return;
	}
	hal_close_range(PICO_GRANT_FD + 1, first - 1);
	hal_close_range(first + 1, last - 1);
	hal_close_range(last + 1, ~0U);
}

/* In the forked child: nothing but what the stub needs survives. */
static _Noreturn void become_template(const struct child_descriptors *from)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	for (int signal = 1; signal < 65; signal++) {
		struct sigaction standard = {.sa_handler = SIG_DFL};

		sigaction(signal, &standard, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	widen_limits();
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || dup2(from->filter, PICO_FILTER_FD) < 0 || dup2(from->park, PICO_PARK_FD) < 0 ||
	    dup2(from->grant, PICO_GRANT_FD) < 0)
		_exit(1);
	close_others(from);
	image_enter(from->stub);
}

static int raise_fd(int *descriptor)
{
	int high = *descriptor < 0 ? -1 : fcntl(*descriptor, F_DUPFD_CLOEXEC, HIGH_FD);

	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = high;
	return high < 0 ? -errno : 0;
}

/* The filter goes through a pipe, so that the child can't go on before it is traced. */
static int hand_over_filter(const struct sock_filter *program, int length, int pipe_end)
{
	size_t size = (size_t)length * sizeof(*program);

	return write(pipe_end, program, size) == (ssize_t)size ? 0 : -EIO;
}

/* Wait until it is ready, and its end of the pipe closes; trace, hand the filter over, and see the task stop under it. */
static int trace_template(pid_t child, struct grant_socket *socket, int ready, const struct sock_filter *program, int length,
			  int filter_pipe)
{
	struct pico_process *process = process_allocate(socket);
	struct task_event event;
	char byte;

	grant_socket_dereference(socket);
	template.thread = process ? thread_allocate(process, child) : NULL;
	if (!template.thread)
		return -ENOMEM;
	while (read(ready, &byte, 1) < 0 && errno == EINTR)
		continue;
	if (ptrace(PTRACE_SEIZE, child, NULL, (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)) != 0)
		return -errno;
	template.thread->seized = true;
	widen_stack(child);
	if (hand_over_filter(program, length, filter_pipe) != 0)
		return -EIO;
	for (;;) {
		task_wait(template.thread, &event);
		if (event.kind == TASK_EVENT_DEAD)
			return -ENOSYS;
		if (event.kind == TASK_EVENT_SECCOMP && event.cookie == PICO_COOKIE_STUB && event.number == PICO_CALL_DONE)
			return 0;
		task_continue(template.thread, false);
	}
}

/* Unmap all but the stub, scratch and the kernel's own pages; note where the vDSO is. */
static int strip_template(void)
{
	struct pico_host_call calls[16];
	size_t count = 0;
	uint64_t kept_end = PICO_LIMIT;
	char path[64], line[512];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", template.thread->tid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (fgets(line, sizeof(line), maps) && count < sizeof(calls) / sizeof(calls[0]) - 1) {
		unsigned long start, end;
		char *name = strchr(line, '[');

		if (sscanf(line, "%lx-%lx", &start, &end) != 2 || start < PICO_LIMIT || start >= 0x800000000000UL || !name ||
		    name[1] != 'v')
			continue;
		if (strncmp(name, "[vdso]", 6) == 0) {
			pico_platform_ops.vdso_address = start;
			pico_platform_ops.vdso_image_size = end - start;
		} else {
			pico_platform_ops.vvar_size += end - start;
			if (strncmp(name, "[vvar_vclock]", 13) == 0)
				pico_platform_ops.vclock_size = end - start;
		}
		if (start > kept_end)
			calls[count++] = (struct pico_host_call){SYS_munmap, {kept_end, start - kept_end}, 0};
		kept_end = end;
	}
	fclose(maps);
	calls[count++] = (struct pico_host_call){SYS_munmap, {kept_end, pico_platform_ops.highest_address - kept_end}, 0};
	return calls_run(template.thread, calls, count, NULL, 0);
}

static int spawn_template(void)
{
	int park[2] = {-1, -1}, ready[2] = {-1, -1}, filter[2] = {-1, -1};
	cleanup_free struct sock_filter *program = NULL;
	int length = pico_filter_create(&program);
	struct child_descriptors child = {.stub = image_open(), .grant = -1};
	struct grant_socket *socket = grant_socket_create();
	pid_t pid;
	bool by_hand;
	int error = length < 0 ? length : 0;

	if (error || !socket || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, park) != 0 ||
	    pipe2(ready, O_CLOEXEC) != 0 || pipe2(filter, O_CLOEXEC) != 0)
		return error ?: -errno;
	template.park = park[0];
	child.grant = fcntl(socket->guest_end, F_DUPFD_CLOEXEC, HIGH_FD);
	child.park = park[1];
	child.filter = filter[0];
	child.ready = ready[1];
	error = child.stub < 0 ? 0 : raise_fd(&child.stub);
	error = error ?: raise_fd(&child.grant) ?: raise_fd(&child.park) ?: raise_fd(&child.filter) ?: raise_fd(&child.ready);
	if (error)
		return error;
	pid = fork();
	if (pid == 0)
		become_template(&child);
	by_hand = child.stub < 0;
	if (!by_hand)
		close(child.stub);
	close(child.grant);
	close(child.park);
	close(child.filter);
	close(child.ready);
	error = pid < 0 ? -errno : trace_template(pid, socket, ready[0], program, length, filter[1]);
	close(ready[0]);
	close(filter[1]);
	error = error ?: strip_template();
	return error ?: by_hand ? image_reset_state(template.thread) : 0;
}

static bool has_work(void)
{
	return template.pooled < template.pool_size && !template.failed;
}

/* One more for the pool. Called with the lock held. */
static void refill(void)
{
	struct grant_socket *socket;
	pid_t tid = 0;
	int error;

	rtl_unlock(&template.lock);
	do
		error = fork_of_template(template.thread, &tid, &socket);
	while (parked_make_room(error));
	rtl_lock(&template.lock);
	if (error) {
		/* Until somebody asks again: the host may have too many tasks. */
		template.error = error;
		template.failed = true;
	} else {
		template.pool[template.pooled].tid = tid;
		template.pool[template.pooled++].socket = socket;
	}
	pthread_cond_broadcast(&template.ready);
}

/* Nothing is left to whoever adopts the children of a process that ends. Called with the lock held. */
static void end_tasks(void)
{
	while (template.pooled) {
		struct fresh_task *task = &template.pool[--template.pooled];

		pico_reap_later(task->tid);
		grant_socket_dereference(task->socket);
	}
	pico_reap_later(template.thread->tid);
}

static void *manage(void *unused)
{
	int error = spawn_template();

	rtl_lock(&template.lock);
	template.started = true;
	template.error = error;
	template.failed = error != 0;
	pthread_cond_broadcast(&template.ready);
	while (!error && !template.quit) {
		if (has_work())
			refill();
		else
			rtl_condition_wait(&template.wake, &template.lock);
	}
	while (!template.quit)
		rtl_condition_wait(&template.wake, &template.lock);
	if (!error)
		end_tasks();
	rtl_unlock(&template.lock);
	return unused;
}

static unsigned choose_pool_size(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < 1 || processors > POOL_MAX / POOL_PER_CPU ? POOL_MAX : (unsigned)processors * POOL_PER_CPU;
}

int pico_template_start(void)
{
	int error;

	template.pool_size = choose_pool_size();
	error = pthread_create(&template.manager, NULL, manage, NULL);
	if (error)
		return -error;
	rtl_lock(&template.lock);
	while (!template.started)
		rtl_condition_wait(&template.ready, &template.lock);
	error = template.error;
	rtl_unlock(&template.lock);
	return error;
}

void pico_template_stop(void)
{
	rtl_lock(&template.lock);
	template.quit = true;
	pthread_cond_broadcast(&template.wake);
	rtl_unlock(&template.lock);
	pthread_join(template.manager, NULL);
	close(template.park);
}

/* Called with the lock held. Who finds none waits for the manager's turn, on a busy machine for long: there are to be more. */
static void find_none(void)
{
	template.pool_size = template.pool_size * 2 < POOL_MAX ? template.pool_size * 2 : POOL_MAX;
}

int pico_template_take(pid_t *tid, struct grant_socket **socket)
{
	int error = 0;

	rtl_lock(&template.lock);
	template.failed = template.failed && template.error == -ESRCH;
	if (!template.pooled)
		find_none();
	pthread_cond_signal(&template.wake);
	while (!template.pooled && !template.failed)
		rtl_condition_wait(&template.ready, &template.lock);
	if (template.pooled) {
		*tid = template.pool[--template.pooled].tid;
		*socket = template.pool[template.pooled].socket;
	} else {
		error = template.error;
	}
	pthread_cond_signal(&template.wake);
	rtl_unlock(&template.lock);
	return error;
}
