/*
 * An instance's life: pid 1, the first program as pid 2, signals from outside, and the end with the last guest.
 *
 * Pid 1 is a process without threads. Its work, adopting and reaping orphans, is done where they end (exit.c); the thread
 * that calls lx_instance_run() is what is left of it: it sleeps until the tree has changed, ends the rest when the first
 * program has ended and that was asked for, and stops lxrun as a whole when every guest is stopped, so that a shell's job
 * control works from outside. Another thread takes the signals that are sent to lxrun.
 */
#include <core/session.h>
#include <core/thread.h>
#include <core/tree.h>
#include <descriptor/files.h>
#include <drivers/condrv/condrv.h>
#include <event/sigio.h>
#include <exec/exec.h>
#include <hal/host.h>
#include <path/resolve.h>
#include <proc/procfs.h>
#include <process/instance.h>
#include <process/undertaker.h>
#include <resources/resources.h>
#include <signal/signal.h>
#include <terminal/terminal.h>
#include <terminal/tty.h>
#include <time/times.h>


static atomic_bool told_to_end; /* by a signal to lxrun itself: the first program's end is the run's */
static struct kevent changed; /* set by lx_instance_changed() */
static struct lx_process *first_process;
static const struct lx_start *instance_start;
static _Atomic uint32_t running_halves;
static _Atomic bool stopped_self;

/* Under lx_tree_lock. While the first program runs, nothing that others do is the instance's business. */
void lx_instance_changed(void)
{
	if (!first_process || first_process->state != LX_RUNNING)
		ke_set_event(&changed);
}

void lx_instance_thread_started(void)
{
	atomic_fetch_add(&running_halves, 1);
}

void lx_instance_thread_ended(void)
{
	if (atomic_fetch_sub(&running_halves, 1) == 1)
		ke_set_event(&changed);
}

void lx_instance_exit_hook(struct lx_process *process)
{
	if (instance_start->at_exit)
		instance_start->at_exit(instance_start->context);
}

/* --- signals from outside */

/* The foreground group if the terminal sends it; the first program if somebody does. */
static void forward_signal(const struct hal_signal *signal)
{
	struct lx_siginfo info;
	int32_t group;

	if (signal->from_terminal && condrv_console()) {
		lx_terminal_signal(condrv_console(), signal->number);
		return;
	}
	/* A sender outside of the instance has no pid here, as one outside of a pid namespace. */
	memcpy(&info, signal->info, sizeof(info));
	info._sifields._rt._pid = 0;
	lx_lock_tree();
	group = first_process ? lx_process_group_id(first_process) : 0;
	if (first_process && first_process->state < LX_ZOMBIE)
		lx_signal_process(first_process, &info);
	lx_unlock_tree();
	if (signal->number == LX_SIGTERM || signal->number == LX_SIGINT || signal->number == LX_SIGQUIT) {
		atomic_store(&told_to_end, true);
		lx_instance_changed();
	}
	/* The shell continues a job as a whole. */
	if (signal->number == LX_SIGCONT && atomic_exchange(&stopped_self, false) && group > 0)
		lx_signal_group(group, &info);
}

static void signal_main(void *context)
{
	struct hal_signal signal;

	if (ps_attach_system_thread() != STATUS_SUCCESS)
		return;
	for (;;)
		if (hal_signal_wait(&signal))
			forward_signal(&signal);
}

/* --- making the first processes */

static struct lx_sighand *create_sighand(uint64_t ignored)
{
	struct lx_sighand *sighand = calloc(1, sizeof(*sighand));

	if (!sighand)
		return NULL;
	atomic_init(&sighand->references, 1);
	for (int signal = 1; signal <= LX_NSIG; signal++)
		if (ignored & 1ull << (signal - 1))
			sighand->actions[signal].sa_handler = LX_SIG_IGN;
	return sighand;
}

/* Root with everything, whoever runs lxrun: an init is nobody's to look into or to change. */
static struct se_token *create_init_token(void)
{
	cleanup_object struct se_token *user = se_create_host_token();
	struct se_token *token = user ? se_duplicate_token(user) : NULL;

	if (!token)
		return NULL;
	token->ruid = token->euid = token->suid = token->fsuid = 0;
	token->rgid = token->egid = token->sgid = token->fsgid = 0;
	se_set_groups(token, NULL, 0);
	token->cap_permitted = token->cap_effective = token->cap_bounding;
	token->cap_inheritable = token->cap_ambient = 0;
	return token;
}

static int64_t create_init(void)
{
	struct lx_process *init = lx_process_new();
	struct lx_id *id;
	int64_t result = -LX_ENOMEM;

	if (!init)
		return -LX_ENOMEM;
	lx_limits_initialize(init);
	init->sighand = create_sighand(0);
	init->leader_token = create_init_token();
	memcpy(init->leader_affinity, hal_start_state()->affinity, sizeof(init->leader_affinity));
	strcpy(init->leader_comm, "init");
	lx_lock_tree();
	id = init->sighand && init->leader_token ? lx_id_allocate() : NULL;
	if (id) {
		lx_tree_link_process(init, id, NULL, 0);
		result = lx_session_create(id, init);
	}
	lx_unlock_tree();
	lx_init_process = init;
	return result < 0 ? result : 0;
}

/* What a program inherits from who starts it. */
static void inherit(struct lx_process *process, struct lx_thread *thread)
{
	const struct hal_start *start = hal_start_state();

	lx_limits_initialize(process);
	process->exit_signal = LX_SIGCHLD;
	process->personality = start->personality;
	process->oom_score_adj = start->oom_score_adj;
	process->oom_score_adj_min = MIN_OF(start->oom_score_adj, 0);
	process->coredump_filter = start->coredump_filter;
	process->thp_disabled = start->no_transparent_huge_pages;
	process->ioprio = start->ioprio;
	process->is_subreaper = start->is_subreaper;
	process->parent_death_signal = start->death_signal;
	process->uid = thread->token->ruid;
	process->is_first = true;
	thread->blocked.bits = start->blocked_signals;
	thread->nice = start->nice;
	thread->sched_policy = start->policy;
	thread->sched_priority = start->priority;
	thread->sched_reset_on_fork = start->reset_on_fork;
	thread->timer_slack_ns = thread->default_timer_slack_ns = start->timer_slack_ns;
	memcpy(thread->affinity, start->affinity, sizeof(thread->affinity));
}

/* The program's process as it is before exec: no memory yet. */
static int64_t create_first(struct lx_process **made, struct lx_thread **first)
{
	struct lx_process *process = lx_process_new();
	struct lx_thread *thread;

	*made = process;
	if (!process)
		return -LX_ENOMEM;
	process->sighand = create_sighand(hal_start_state()->ignored_signals);
	thread = *first = lx_thread_new(process);
	if (!process->sighand || !thread)
		return -LX_ENOMEM;
	thread->token = se_create_host_token();
	thread->files = lx_files_create();
	if (!thread->token || !thread->files)
		return -LX_ENOMEM;
	inherit(process, thread);
	return 0;
}

static int64_t open_world(struct lx_thread *thread, const struct lx_start *start, char *error, size_t error_size)
{
	const char *directory = start->working_directory ? start->working_directory : hal_start_state()->working_directory;
	NTSTATUS status;

	lx_tty_initialize();
	lx_sigio_initialize();
	lx_procfs_initialize();
	status = lx_mounts_initialize();
	if (NT_SUCCESS(status))
		status = lx_files_adopt_host(thread->files);
	if (!NT_SUCCESS(status)) {
		snprintf(error, error_size, "cannot set the instance up: status 0x%08x", (unsigned)status);
		return lx_result(&(struct lx_call){.thread = thread}, status) ?: -LX_EIO;
	}
	thread->fs = lx_fs_create(directory);
	if (!thread->fs) {
		snprintf(error, error_size, "cannot enter the working directory %s", directory);
		return -LX_ENOENT;
	}
	return 0;
}

static int64_t create_objects(struct lx_process *process, struct lx_thread *thread, struct lx_exec_image *image,
			      int32_t pid)
{
	struct ps_process_attributes attributes = {
		.unique_id = (ULONG_PTR)pid,
		.space = image->space,
		.handles = lx_files_handles(thread->files),
		.token = thread->token,
		.pico_context = process,
		.image_name = process->executable,
	};
	NTSTATUS status = ps_create_process(&attributes, &process->ps);

	if (NT_SUCCESS(status))
		status = ps_create_thread(process->ps, (ULONG_PTR)pid, thread, image->body, &thread->ps);
	if (!NT_SUCCESS(status))
		return -LX_EAGAIN;
	image->body = NULL;
	memcpy(thread->ps->name, thread->comm, sizeof(thread->ps->name));
	mm_space_set_target(process->ps->space, NULL);
	lx_limits_apply(process);
	return 0;
}

/* Under lx_tree_lock: group, session and terminal as lxrun itself has them among the host's processes. */
static int64_t join_session(struct lx_process *process, struct lx_id *id)
{
	const struct hal_start *start = hal_start_state();
	int64_t result = 0;

	if (start->leads_session)
		result = lx_session_create(id, process);
	else
		lx_group_join(process, lx_init_process->group);
	if (result >= 0 && start->leads_group && !start->leads_session)
		result = lx_group_create(id, process);
	if (result >= 0 && start->has_terminal)
		lx_session_set_terminal(process->group->session, condrv_console(), lx_process_group_id(process));
	return result < 0 ? result : 0;
}

static int64_t enter_tree(struct lx_process *process, struct lx_thread *thread, struct lx_id *id)
{
	int64_t result;

	lx_lock_tree();
	lx_tree_link_process(process, id, lx_init_process, lx_init_process->pid);
	result = join_session(process, id);
	if (!result) {
		lx_tree_link_thread(thread, id);
		thread->started = true;
	}
	lx_unlock_tree();
	return result;
}

/* Signals that wait, and timers that run, across an exec. */
static void inherit_events(struct lx_process *process)
{
	const struct hal_start *start = hal_start_state();
	struct lx_siginfo info;
	bool own;

	_Static_assert(sizeof(info) == HAL_SIGINFO_SIZE, "siginfo");
	while (hal_next_pending((uint8_t *)&info, &own)) {
		/* A sender outside of the instance has no pid here. */
		if (info.si_code <= 0 || info.si_signo == LX_SIGCHLD)
			info._sifields._rt._pid = own ? process->pid : 0;
		lx_lock_tree();
		lx_signal_process(process, &info);
		lx_unlock_tree();
	}
	for (int32_t which = 0; which < HAL_TIMER_COUNT; which++)
		if (start->timers[which].value)
			lx_itimer_inherit(process, which, start->timers[which].value * 1000, start->timers[which].interval * 1000);
}

static int64_t load(struct lx_thread *thread, const struct lx_start *start, struct lx_exec_image *image, char *error,
		    size_t error_size)
{
	struct lx_call call = {.thread = thread};
	struct lx_exec_request request = {
		.dirfd = LX_AT_FDCWD,
		.path = start->program,
		.argv = start->argv,
		.envp = start->envp,
	};

	return lx_exec_load(&call, &request, image, error, error_size);
}

static int64_t start_program(struct lx_process *process, struct lx_thread *thread, const struct lx_start *start,
			     char *error, size_t error_size)
{
	struct lx_exec_image image = {0};
	struct lx_id *id;
	int64_t result = open_world(thread, start, error, error_size) ?: load(thread, start, &image, error, error_size);

	if (result)
		return result;
	lx_exec_take_names(process, thread, &image);
	lx_lock_tree();
	id = lx_id_allocate();
	lx_unlock_tree();
	result = id ? create_objects(process, thread, &image, id->number) : -LX_ENOMEM;
	mm_dereference_space(image.space);
	if (!result)
		result = enter_tree(process, thread, id);
	if (!result)
		lx_cpu_limit_apply(process);
	if (!result)
		inherit_events(process);
	if (!result && !NT_SUCCESS(ps_start_thread(thread->ps, &image.registers)))
		result = -LX_EAGAIN;
	if (result)
		snprintf(error, error_size, "cannot start its first process");
	return result;
}

/* --- the wait for the end */

static void count_running(struct lx_process *process, void *context)
{
	uint32_t *running = context;

	*running += process != lx_init_process && process->state == LX_RUNNING;
}

/* Every guest is stopped and none was told to end: nobody could continue them but who started lxrun. */
static bool all_stopped(void)
{
	uint32_t running = 0;

	lx_walk_processes(count_running, &running);
	return !running && first_process->state == LX_STOPPED;
}

static void kill_process(struct lx_process *process, void *context)
{
	if (process != lx_init_process)
		lx_end_by_signal(process, LX_SIGKILL);
}

/* One look at the tree: true when no guest is left. */
static bool look(void)
{
	bool over, stop = false;

	lx_lock_tree();
	if (first_process->state >= LX_ZOMBIE && (instance_start->kill_on_exit || atomic_load(&told_to_end)))
		lx_walk_processes(kill_process, NULL);
	over = lx_tree_process_count() == 0;
	if (!over && all_stopped())
		stop = !atomic_exchange(&stopped_self, true);
	lx_unlock_tree();
	if (stop)
		hal_stop_self();
	return over && atomic_load(&running_halves) == 0;
}

static void wait_for_end(void)
{
	do
		ke_wait_for_object(&changed.header, false, NULL);
	while (!look());
}

int64_t lx_instance_run(const struct lx_start *start, int32_t *wait_status, char *error, size_t error_size)
{
	struct ob_handle_table *own_table = ob_current_table();
	struct lx_process *process = NULL;
	struct lx_thread *thread = NULL;
	int64_t result;

	if (!NT_SUCCESS(ps_attach_system_thread()))
		return -LX_ENOMEM;
	error[0] = 0;
	instance_start = start;
	hal_signal_block();
	ke_initialize_event(&changed, SynchronizationEvent, false);
	ps_register_provider(&lx_provider);
	result = lx_undertaker_start() ? create_init() ?: create_first(&process, &thread) : -LX_EAGAIN;
	if (!result) {
		ob_set_current_table(lx_files_handles(thread->files));
		result = start_program(process, thread, start, error, error_size);
		ob_set_current_table(own_table);
	}
	if (result) {
		if (!error[0])
			snprintf(error, error_size, "%s", lx_errno_text((int)-result));
		return result;
	}
	lx_lock_tree();
	first_process = process;
	lx_unlock_tree();
	if (hal_thread_create(signal_main, NULL))
		lx_exit_group(process, LX_SIGKILL);
	wait_for_end();
	*wait_status = process->wait_status;
	/* Signals still come from outside. */
	lx_lock_tree();
	first_process = NULL;
	lx_unlock_tree();
	lx_process_dereference(process);
	return 0;
}
