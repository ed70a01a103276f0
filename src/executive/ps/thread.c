/*
 * Threads: their objects, their ids, which of them the calling supervisor thread is. A thread is of its process from its
 * creation to its end; while it runs it holds a reference to itself.
 */
#include <executive/ps/ps_internal.h>

#define ID_BUCKETS 256u

static __thread struct ps_thread *current_thread;
/* Guarded by ps_list_lock. */
static TAILQ_HEAD(id_list, ps_thread) ids[ID_BUCKETS];

static struct dispatcher_header *thread_dispatcher(void *object)
{
	return &((struct ps_thread *)object)->ke.header;
}

static void thread_delete(void *object)
{
	struct ps_thread *thread = object;

	if (thread->token)
		ob_dereference(thread->token);
	if (thread->process)
		ob_dereference(thread->process);
}

static void thread_dump(void *object, FILE *out)
{
	struct ps_thread *thread = object;

	fprintf(out, "%llu.%llu %s", (unsigned long long)thread->process->unique_id, (unsigned long long)thread->unique_id, thread->name);
}

static const struct ob_type_operations thread_operations = {
	.delete = thread_delete,
	.dispatcher = thread_dispatcher,
	.dump = thread_dump,
};

struct ob_type ps_thread_type = {
	.name = "Thread",
	.mapping = {READ_CONTROL | THREAD_QUERY_INFORMATION | THREAD_GET_CONTEXT,
		    READ_CONTROL | THREAD_TERMINATE | THREAD_SUSPEND_RESUME | THREAD_ALERT | THREAD_SET_INFORMATION | THREAD_SET_CONTEXT,
		    READ_CONTROL | SYNCHRONIZE, THREAD_ALL_ACCESS},
	.valid_access = THREAD_ALL_ACCESS,
	.operations = &thread_operations,
};

void ps_initialize_threads(void)
{
	for (size_t i = 0; i < ID_BUCKETS; i++)
		TAILQ_INIT(&ids[i]);
}

struct ps_thread *ps_current_thread(void)
{
	return current_thread;
}

void ps_set_current_thread(struct ps_thread *thread)
{
	current_thread = thread;
}

struct ps_process *ps_current_process(void)
{
	return current_thread ? current_thread->process : NULL;
}

static struct id_list *id_bucket(ULONG_PTR id)
{
	return &ids[id % ID_BUCKETS];
}

struct ps_thread *ps_lookup_thread(ULONG_PTR id)
{
	struct ps_thread *thread;
	PS_HOLD(&ps_list_lock);

	TAILQ_FOREACH (thread, id_bucket(id), id_link)
		if (thread->unique_id == id && ob_reference_safe(thread))
			return thread;
	return NULL;
}

NTSTATUS ps_create_thread(struct ps_process *process, ULONG_PTR unique_id, void *pico_context, struct pico_thread *pico, struct ps_thread **result)
{
	struct ps_thread *thread = ob_create_object(&ps_thread_type, sizeof(*thread));

	if (!thread)
		return STATUS_NO_MEMORY;
	ke_initialize_thread(&thread->ke);
	thread->unique_id = unique_id;
	thread->pico_context = pico_context;
	thread->pico = pico;
	thread->exit_status = STATUS_PENDING;
	thread->create_time = ps_now();
	ob_reference(process);
	thread->process = process;
	rtl_lock(&process->lock);
	if (process->terminating) {
		rtl_unlock(&process->lock);
		ob_dereference(thread);
		return STATUS_PROCESS_IS_TERMINATING;
	}
	TAILQ_INSERT_TAIL(&process->threads, thread, link);
	process->thread_count++;
	rtl_unlock(&process->lock);
	rtl_lock(&ps_list_lock);
	TAILQ_INSERT_TAIL(id_bucket(unique_id), thread, id_link);
	rtl_unlock(&ps_list_lock);
	*result = thread;
	return STATUS_SUCCESS;
}

struct pico_usage ps_thread_usage(struct ps_thread *thread)
{
	struct pico_usage usage = {0};
	PS_HOLD(&thread->process->lock);

	if (thread->pico && thread->started && ps_platform()->thread_usage)
		ps_platform()->thread_usage(thread->pico, &usage);
	usage.voluntary += atomic_load(&thread->ke.parker.sleeps);
	return usage;
}

void ps_count_transfer(bool writing, NTSTATUS status, ULONG_PTR size)
{
	struct ps_thread *thread = ps_current_thread();

	if (!thread)
		return;
	(*(writing ? &thread->io.writes : &thread->io.reads))++;
	if (NT_SUCCESS(status))
		*(writing ? &thread->io.written_bytes : &thread->io.read_bytes) += size;
}

void ps_add_io(struct ps_io_counters *sum, const struct ps_io_counters *more)
{
	sum->reads += more->reads;
	sum->writes += more->writes;
	sum->read_bytes += more->read_bytes;
	sum->written_bytes += more->written_bytes;
	sum->storage_read += more->storage_read;
	sum->storage_written += more->storage_written;
}

static void forget_thread(struct ps_thread *thread)
{
	struct ps_process *process = thread->process;

	rtl_lock(&ps_list_lock);
	TAILQ_REMOVE(id_bucket(thread->unique_id), thread, id_link);
	rtl_unlock(&ps_list_lock);
	rtl_lock(&process->lock);
	TAILQ_REMOVE(&process->threads, thread, link);
	process->thread_count--;
	if (thread->started) {
		struct pico_cpu_time time = ps_thread_cpu_time_locked(thread);

		process->retired.user_ns += time.user_ns;
		process->retired.system_ns += time.system_ns;
		ps_add_io(&process->retired_io, &thread->io);
		process->retired_io.sleeps += atomic_load(&thread->ke.parker.sleeps);
		thread->time_before = time;
	}
	thread->exit_time = ps_now();
	if (thread->exit_status == STATUS_PENDING)
		thread->exit_status = STATUS_SUCCESS;
	thread->started = false;
	thread->pico = NULL;
	rtl_unlock(&process->lock);
}

void ps_set_thread_id(struct ps_thread *thread, ULONG_PTR unique_id)
{
	PS_HOLD(&ps_list_lock);

	TAILQ_REMOVE(id_bucket(thread->unique_id), thread, id_link);
	thread->unique_id = unique_id;
	TAILQ_INSERT_TAIL(id_bucket(unique_id), thread, id_link);
}

void ps_abandon_thread(struct ps_thread *thread)
{
	forget_thread(thread);
}

void ps_thread_ended(struct ps_thread *thread)
{
	forget_thread(thread);
}

NTSTATUS ps_start_thread(struct ps_thread *thread, const struct pico_registers *registers)
{
	struct ps_process *process = thread->process;
	int error;

	ob_reference(thread);
	rtl_lock(&process->lock);
	thread->started = true;
	rtl_unlock(&process->lock);
	error = ps_platform()->thread_start(thread->pico, registers, thread);
	if (!error)
		return STATUS_SUCCESS;
	rtl_lock(&process->lock);
	thread->started = false;
	rtl_unlock(&process->lock);
	ob_dereference(thread);
	return nt_status_from_errno(-error);
}

static uint64_t elapsed(uint64_t now, uint64_t base)
{
	return now > base ? now - base : 0;
}

struct pico_cpu_time ps_thread_cpu_time_locked(const struct ps_thread *thread)
{
	struct pico_cpu_time now;

	if (!thread->pico || !thread->started)
		return thread->time_before;
	now = ps_platform()->cpu_time(thread->pico);
	return (struct pico_cpu_time){
		.user_ns = thread->time_before.user_ns + elapsed(now.user_ns, thread->time_base.user_ns),
		.system_ns = thread->time_before.system_ns + elapsed(now.system_ns, thread->time_base.system_ns),
	};
}

struct pico_cpu_time ps_thread_cpu_time(struct ps_thread *thread)
{
	PS_HOLD(&thread->process->lock);

	return ps_thread_cpu_time_locked(thread);
}

/* Linux' letter. Of a half only the sleeps that it means to make are its guest's: what it waits for in between is no news. */
char ps_thread_state(struct ps_thread *thread)
{
	bool in_call = false;
	char state = 'R';
	PS_HOLD(&thread->process->lock);

	if (thread->pico && thread->started)
		state = ps_platform()->state(thread->pico, &in_call);
	if (!in_call || state == 'D')
		return state;
	if (atomic_load(&thread->ke.parker.in_call))
		return state;
	if (!hal_is_parked(&thread->ke.parker))
		return 'R';
	return atomic_load(&thread->ke.uninterruptible) ? 'D' : 'S';
}

/* What the host says of its task; nothing once it has none. */
int64_t ps_thread_text(struct ps_thread *thread, enum pico_text which, char **text)
{
	PS_HOLD(&thread->process->lock);

	*text = NULL;
	return thread->pico && thread->started && ps_platform()->thread_text ?
		       ps_platform()->thread_text(thread->pico, which, text) : 0;
}

int ps_rebind_thread(struct ps_thread *thread, struct pico_thread *first)
{
	const struct pico_cpu_time never = {UINT64_MAX, UINT64_MAX};
	struct pico_cpu_time before, base;
	int error;

	/* Its time stands still meanwhile: who looks must not see that of the new task with the old one's base. */
	rtl_lock(&thread->process->lock);
	before = thread->time_before;
	base = thread->time_base;
	thread->time_before = ps_thread_cpu_time_locked(thread);
	thread->time_base = never;
	rtl_unlock(&thread->process->lock);
	error = ps_platform()->thread_rebind(thread->pico, first);
	rtl_lock(&thread->process->lock);
	if (error)
		thread->time_before = before;
	thread->time_base = error ? base : ps_platform()->cpu_time(thread->pico);
	rtl_unlock(&thread->process->lock);
	return error;
}

NTSTATUS ps_attach_system_thread(void)
{
	static _Atomic ULONG_PTR next_id = UINT64_C(1) << 40; /* beyond any provider's */
	struct ps_thread *thread;
	NTSTATUS status;

	if (current_thread)
		return STATUS_SUCCESS;
	status = ps_create_thread(ps_system_process, next_id++, NULL, NULL, &thread);
	if (!NT_SUCCESS(status))
		return status;
	current_thread = thread;
	ke_thread_attach(&thread->ke);
	ob_set_current_table(thread->process->handles);
	return STATUS_SUCCESS;
}

void ps_detach_system_thread(void)
{
	struct ps_thread *thread = current_thread;

	if (!thread || thread->process != ps_system_process)
		return;
	ob_set_current_table(NULL);
	forget_thread(thread);
	ke_thread_detach(&thread->ke);
	current_thread = NULL;
	ob_dereference(thread);
}
