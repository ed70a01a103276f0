/*
 * Processes: their objects, the list that finds them by id, their end. A process is in the list from its creation to its
 * exit; its object lives on while somebody holds a handle or reference, and then answers only for its exit status and times.
 */
#include <executive/ps/ps_internal.h>

struct rtl_lock ps_list_lock = RTL_LOCK_INITIALIZER;
struct ps_process *ps_system_process;
static TAILQ_HEAD(, ps_process) processes = TAILQ_HEAD_INITIALIZER(processes);
static const struct pico_platform *active_platform;

LARGE_INTEGER ps_now(void)
{
	return (LARGE_INTEGER){.QuadPart = (LONGLONG)(hal_time(HAL_CLOCK_REALTIME) / 100) + NT_UNIX_EPOCH};
}

static struct dispatcher_header *process_dispatcher(void *object)
{
	return &((struct ps_process *)object)->header;
}

static void process_delete(void *object)
{
	struct ps_process *process = object;

	/* One that never ran, or was never told that it ended. */
	if (!process->exited)
		ps_exit_process(process, process->exit_status);
	if (process->token)
		ob_dereference(process->token);
	rtl_lock_destroy(&process->lock);
}

static void process_dump(void *object, FILE *out)
{
	struct ps_process *process = object;

	fprintf(out, "%llu %s, %u thread%s", (unsigned long long)process->unique_id, process->image_name, process->thread_count,
		process->thread_count == 1 ? "" : "s");
}

static const struct ob_type_operations process_operations = {
	.delete = process_delete,
	.dispatcher = process_dispatcher,
	.dump = process_dump,
};

struct ob_type ps_process_type = {
	.name = "Process",
	.mapping = {READ_CONTROL | PROCESS_QUERY_INFORMATION | PROCESS_VM_READ,
		    READ_CONTROL | PROCESS_CREATE_PROCESS | PROCESS_CREATE_THREAD | PROCESS_VM_OPERATION | PROCESS_VM_WRITE |
			    PROCESS_DUP_HANDLE | PROCESS_TERMINATE | PROCESS_SET_QUOTA | PROCESS_SET_INFORMATION | PROCESS_SUSPEND_RESUME,
		    READ_CONTROL | SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE, PROCESS_ALL_ACCESS},
	.valid_access = PROCESS_ALL_ACCESS,
	.operations = &process_operations,
};

static void *hook_current_process(void)
{
	return ps_current_process();
}

static void *hook_current_thread(void)
{
	return ps_current_thread();
}

static void *hook_thread_by_id(ULONG_PTR id)
{
	return ps_lookup_thread(id);
}

static struct ob_handle_table *hook_process_handles(void *object)
{
	struct ps_process *process = object;
	PS_HOLD(&process->lock);

	return process->handles ? ob_handle_table_reference(process->handles) : NULL;
}

/* The subject that the calling thread acts for. */
static struct se_token *hook_current_token(void)
{
	struct ps_thread *thread = ps_current_thread();

	if (!thread)
		return NULL;
	PS_HOLD(&thread->process->lock);
	struct se_token *token = thread->token ? thread->token : thread->process->token;

	if (token)
		ob_reference(token);
	return token;
}

static const struct ob_process_hooks hooks = {
	.process_type = &ps_process_type,
	.thread_type = &ps_thread_type,
	.current_process = hook_current_process,
	.current_thread = hook_current_thread,
	.process_handles = hook_process_handles,
	.thread_by_id = hook_thread_by_id,
};

void ps_initialize(const struct pico_platform *platform)
{
	active_platform = platform;
	ob_register_type(&ps_process_type);
	ob_register_type(&ps_thread_type);
	ob_register_type(&ps_job_type);
	ps_initialize_threads();
	ob_set_process_hooks(&hooks);
	se_set_current_token(hook_current_token);
}

const struct pico_platform *ps_platform(void)
{
	return active_platform;
}

static void take_attributes(struct ps_process *process, const struct ps_process_attributes *attributes)
{
	process->unique_id = attributes->unique_id;
	process->parent_id = attributes->parent ? attributes->parent->unique_id : 0;
	process->pico_context = attributes->pico_context;
	process->space = attributes->space;
	if (process->space)
		mm_reference_space(process->space);
	if (attributes->handles)
		process->handles = ob_handle_table_reference(attributes->handles);
	process->token = attributes->token;
	if (process->token)
		ob_reference(process->token);
	if (attributes->image_name)
		strncpy(process->image_name, attributes->image_name, sizeof(process->image_name) - 1);
}

/* A child is born into its parent's job, unless that is full. */
static NTSTATUS inherit_job(struct ps_process *process, struct ps_process *parent)
{
	struct ps_job *job;
	NTSTATUS status;

	rtl_lock(&parent->lock);
	job = parent->job;
	if (job)
		ob_reference(job);
	rtl_unlock(&parent->lock);
	if (!job)
		return STATUS_SUCCESS;
	status = ps_job_join(job, process);
	ob_dereference(job);
	return status;
}

NTSTATUS ps_create_process(const struct ps_process_attributes *attributes, struct ps_process **result)
{
	struct ps_process *process = ob_create_object(&ps_process_type, sizeof(*process));
	NTSTATUS status = STATUS_SUCCESS;

	if (!process)
		return STATUS_NO_MEMORY;
	ke_initialize_header(&process->header, KE_PROCESS);
	ke_initialize_event(&process->resumed, NotificationEvent, true);
	rtl_lock_initialize(&process->lock);
	TAILQ_INIT(&process->threads);
	process->exit_status = STATUS_PENDING;
	process->base_priority = 8;
	process->create_time = ps_now();
	take_attributes(process, attributes);
	if (attributes->parent)
		status = inherit_job(process, attributes->parent);
	rtl_lock(&ps_list_lock);
	TAILQ_INSERT_TAIL(&processes, process, link);
	rtl_unlock(&ps_list_lock);
	if (!NT_SUCCESS(status)) {
		ob_dereference(process);
		return status;
	}
	*result = process;
	return STATUS_SUCCESS;
}

void ps_close_handles(struct ps_process *process)
{
	struct ob_handle_table *handles;

	rtl_lock(&process->lock);
	handles = steal_pointer(&process->handles);
	rtl_unlock(&process->lock);
	if (handles)
		ob_handle_table_dereference(handles);
}

void ps_leave_space(struct ps_process *process)
{
	struct mm_address_space *space;

	rtl_lock(&process->lock);
	space = steal_pointer(&process->space);
	rtl_unlock(&process->lock);
	if (space)
		mm_dereference_space(space);
}

void ps_exit_process(struct ps_process *process, NTSTATUS status)
{
	rtl_lock(&ps_list_lock);
	if (process->exited) {
		rtl_unlock(&ps_list_lock);
		return;
	}
	process->exited = true;
	TAILQ_REMOVE(&processes, process, link);
	rtl_unlock(&ps_list_lock);
	rtl_lock(&process->lock);
	process->exit_status = status;
	process->exit_time = ps_now();
	rtl_unlock(&process->lock);
	ps_close_handles(process);
	ps_leave_space(process);
	ps_job_leave(process);
	/* Who suspended it waits no longer for a resume that can't come. */
	ke_set_event(&process->resumed);
	ke_signal_header(&process->header);
}

void ps_set_space(struct ps_process *process, struct mm_address_space *space)
{
	struct mm_address_space *old;

	mm_reference_space(space);
	rtl_lock(&process->lock);
	old = process->space;
	process->space = space;
	rtl_unlock(&process->lock);
	if (old)
		mm_dereference_space(old);
}

struct mm_address_space *ps_reference_space(struct ps_process *process)
{
	PS_HOLD(&process->lock);

	if (process->space)
		mm_reference_space(process->space);
	return process->space;
}

struct ps_process *ps_lookup_process(ULONG_PTR id)
{
	struct ps_process *process;
	PS_HOLD(&ps_list_lock);

	TAILQ_FOREACH (process, &processes, link)
		if (process->unique_id == id && ob_reference_safe(process))
			return process;
	return NULL;
}

/* The visits are made without a lock, on references. Out of memory nobody is visited. */
void ps_walk_processes(void (*visit)(struct ps_process *process, void *context), void *context)
{
	struct ps_process **all, *process;
	size_t count = 0, taken = 0;

	rtl_lock(&ps_list_lock);
	TAILQ_FOREACH (process, &processes, link)
		count++;
	all = calloc(count + 1, sizeof(struct ps_process *));
	if (all)
		TAILQ_FOREACH (process, &processes, link)
			if (ob_reference_safe(process))
				all[taken++] = process;
	rtl_unlock(&ps_list_lock);
	for (size_t i = 0; i < taken; i++) {
		visit(all[i], context);
		ob_dereference(all[i]);
	}
	free(all);
}

static void add_time(struct pico_cpu_time *sum, struct pico_cpu_time time)
{
	sum->user_ns += time.user_ns;
	sum->system_ns += time.system_ns;
}

struct pico_cpu_time ps_process_cpu_time(struct ps_process *process)
{
	struct pico_cpu_time sum;
	struct ps_thread *thread;
	PS_HOLD(&process->lock);

	sum = process->retired;
	TAILQ_FOREACH (thread, &process->threads, link)
		if (thread->started)
			add_time(&sum, ps_thread_cpu_time_locked(thread));
	return sum;
}

uint64_t ps_sleeps(struct ps_process *process)
{
	const struct ps_thread *thread;
	uint64_t sum;
	PS_HOLD(&process->lock);

	sum = process->retired_io.sleeps;
	TAILQ_FOREACH (thread, &process->threads, link)
		sum += atomic_load(&thread->ke.parker.sleeps);
	return sum;
}

struct ps_io_counters ps_process_io(struct ps_process *process)
{
	struct ps_io_counters sum;
	struct ps_thread *thread;
	PS_HOLD(&process->lock);

	sum = process->retired_io;
	TAILQ_FOREACH (thread, &process->threads, link)
		ps_add_io(&sum, &thread->io);
	return sum;
}

void ps_inherit_io(struct ps_process *parent, struct ps_process *child)
{
	struct ps_io_counters sum = ps_process_io(child);
	PS_HOLD(&parent->lock);

	sum.sleeps = 0;
	ps_add_io(&parent->retired_io, &sum);
}

NTSTATUS ps_create_system_process(void)
{
	struct ps_process_attributes attributes = {.image_name = "System"};
	NTSTATUS status;

	attributes.handles = ob_handle_table_create();
	attributes.token = se_create_host_token();
	if (!attributes.handles || !attributes.token)
		return STATUS_NO_MEMORY;
	status = ps_create_process(&attributes, &ps_system_process);
	ob_handle_table_dereference(attributes.handles);
	ob_dereference(attributes.token);
	return status;
}
