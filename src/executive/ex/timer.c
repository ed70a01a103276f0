/*
 * Timer objects, with the user APC that NtSetTimer may ask for.
 *
 * The APC belongs to the timer; while it is queued it holds a reference to the
 * timer and the timer one to its thread. Setting or cancelling takes it back. An
 * expiry that finds it still queued is merged with it, as on NT.
 */
#include <executive/ex/ex.h>

#include <nt/ntservices.h>
#include <rtl/lock.h>

struct ex_timer {
	struct ktimer timer;
	struct rtl_lock lock; /* guards what follows; the timer's own locks are taken under it */
	PTIMER_APC_ROUTINE routine;
	void *context;
	void *thread; /* that set it, referenced: gets the APC */
	struct ke_apc apc;
	bool apc_queued; /* holds a reference to the timer */
};

static struct dispatcher_header *timer_dispatcher(void *object)
{
	return &((struct ex_timer *)object)->timer.header;
}

/* Take the APC back. True: the reference that it held is the caller's to drop. */
static bool withdraw_apc_locked(struct ex_timer *timer)
{
	bool withdrawn = timer->apc_queued && ke_remove_apc(timer->thread, &timer->apc);

	if (withdrawn)
		timer->apc_queued = false;
	return withdrawn;
}

static void delete_timer(void *object)
{
	struct ex_timer *timer = object;

	ke_cancel_timer(&timer->timer);
	ke_flush_timer(&timer->timer);
	if (timer->thread)
		ob_dereference(timer->thread);
	rtl_lock_destroy(&timer->lock);
}

/* The last handle went: nobody can want its expiry any more. */
static void close_timer(void *object, ULONG left)
{
	struct ex_timer *timer = object;

	if (left)
		return;
	ke_cancel_timer(&timer->timer);
	rtl_lock(&timer->lock);
	bool drop = withdraw_apc_locked(timer);

	rtl_unlock(&timer->lock);
	if (drop)
		ob_dereference(timer);
}

static void dump_timer(void *object, FILE *out)
{
	uint64_t period, left = ke_query_timer(&((struct ex_timer *)object)->timer, &period, NULL);

	fprintf(out, left ? "due in %lu ns, period %lu ns" : "not set", (unsigned long)left, (unsigned long)period);
}

static const struct ob_type_operations timer_operations = {
    .close = close_timer,
    .delete = delete_timer,
    .dispatcher = timer_dispatcher,
    .dump = dump_timer,
};

struct ob_type ex_timer_type = {
    .name = "Timer",
    .mapping = {0x20001, 0x20002, 0x120000, TIMER_ALL_ACCESS},
    .valid_access = TIMER_ALL_ACCESS,
    .operations = &timer_operations,
};

static void apc_ended(struct ke_apc *apc)
{
	struct ex_timer *timer = container_of(apc, struct ex_timer, apc);

	rtl_lock(&timer->lock);
	timer->apc_queued = false;
	rtl_unlock(&timer->lock);
	ob_dereference(timer);
}

static void run_apc(struct ke_apc *apc)
{
	struct ex_timer *timer = container_of(apc, struct ex_timer, apc);
	LARGE_INTEGER now = {.QuadPart = (LONGLONG)(hal_time(HAL_CLOCK_REALTIME) / 100) + NT_UNIX_EPOCH};

	rtl_lock(&timer->lock);
	PTIMER_APC_ROUTINE routine = timer->routine;
	void *context = timer->context;

	timer->apc_queued = false;
	rtl_unlock(&timer->lock);
	if (routine)
		routine(context, now.LowPart, now.HighPart);
	ob_dereference(timer);
}

/* On the timer thread. */
static void queue_apc(struct ktimer *ktimer, void *context)
{
	struct ex_timer *timer = container_of(ktimer, struct ex_timer, timer);

	/* It may be on its way out: then nobody waits for the APC. */
	if (!ob_reference_safe(timer))
		return;
	rtl_lock(&timer->lock);
	bool queue = timer->thread && timer->routine && !timer->apc_queued;
	void *thread = queue ? timer->thread : NULL;

	if (queue) {
		timer->apc_queued = true;
		ob_reference(thread);
	}
	rtl_unlock(&timer->lock);
	if (queue) {
		/* The reference goes with the APC. Its rundown may take the lock: it is not held. */
		ke_queue_apc(thread, &timer->apc, true);
		ob_dereference(thread);
	} else {
		ob_dereference(timer);
	}
}

NTSTATUS NtCreateTimer(PHANDLE TimerHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
		       TIMER_TYPE TimerType)
{
	if (TimerType != NotificationTimer && TimerType != SynchronizationTimer)
		return STATUS_INVALID_PARAMETER_4;

	NTSTATUS status = ke_start_timers();

	if (!NT_SUCCESS(status))
		return status;

	struct ex_timer *timer = ob_create_object(&ex_timer_type, sizeof(*timer));

	if (!timer)
		return STATUS_INSUFFICIENT_RESOURCES;
	rtl_lock_initialize(&timer->lock);
	ke_initialize_timer(&timer->timer, TimerType);
	timer->apc.routine = run_apc;
	timer->apc.rundown = apc_ended;
	return ob_insert_object(timer, ObjectAttributes, DesiredAccess, TimerHandle);
}

NTSTATUS NtOpenTimer(PHANDLE TimerHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ex_timer_type, DesiredAccess, TimerHandle);
}

/* Stop the timer and its APC, and give it another one. */
static bool rearm(struct ex_timer *timer, PTIMER_APC_ROUTINE routine, PVOID context, void *thread)
{
	bool was_set = ke_cancel_timer(&timer->timer);

	/* An expiry under way finishes first, so that it can't queue the old APC behind our back. */
	ke_flush_timer(&timer->timer);
	rtl_lock(&timer->lock);
	bool drop = withdraw_apc_locked(timer);
	void *old = timer->thread;

	timer->routine = routine;
	timer->context = context;
	timer->thread = thread;
	timer->timer.routine = routine ? queue_apc : NULL;
	rtl_unlock(&timer->lock);
	if (old)
		ob_dereference(old);
	if (drop)
		ob_dereference(timer);
	return was_set;
}

NTSTATUS NtSetTimer(HANDLE TimerHandle, PLARGE_INTEGER DueTime, PTIMER_APC_ROUTINE TimerApcRoutine, PVOID TimerContext,
		    BOOLEAN ResumeTimer, LONG Period, PBOOLEAN PreviousState)
{
	const struct ob_process_hooks *hooks = ob_process_hooks();
	cleanup_object void *object = NULL;
	void *thread = NULL;

	if (Period < 0)
		return STATUS_INVALID_PARAMETER_6;

	NTSTATUS status = ob_reference_by_handle(TimerHandle, TIMER_MODIFY_STATE, &ex_timer_type, &object);

	if (!NT_SUCCESS(status))
		return status;
	if (TimerApcRoutine) {
		thread = hooks->current_thread ? hooks->current_thread() : NULL;
		if (!thread)
			return STATUS_INVALID_PARAMETER_3;
		ob_reference(thread);
	}

	struct ex_timer *timer = object;
	bool was_signalled = ke_read_state(&timer->timer.header) > 0;

	rearm(timer, TimerApcRoutine, TimerContext, thread);
	ke_set_timer(&timer->timer, *DueTime, (uint64_t)Period * 1000000);
	if (PreviousState)
		*PreviousState = was_signalled;
	/* Waking the machine from sleep is not ours to do. */
	return ResumeTimer ? STATUS_TIMER_RESUME_IGNORED : STATUS_SUCCESS;
}

NTSTATUS NtCancelTimer(HANDLE TimerHandle, PBOOLEAN CurrentState)
{
	cleanup_object void *object = NULL;
	NTSTATUS status = ob_reference_by_handle(TimerHandle, TIMER_MODIFY_STATE, &ex_timer_type, &object);

	if (!NT_SUCCESS(status))
		return status;

	struct ex_timer *timer = object;

	rearm(timer, NULL, NULL, NULL);
	if (CurrentState)
		*CurrentState = ke_read_state(&timer->timer.header) > 0;
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryTimer(HANDLE TimerHandle, TIMER_INFORMATION_CLASS TimerInformationClass, PVOID TimerInformation,
		      ULONG TimerInformationLength, PULONG ReturnLength)
{
	TIMER_BASIC_INFORMATION *basic = TimerInformation;
	cleanup_object void *object = NULL;
	bool signalled;

	if (TimerInformationClass != TimerBasicInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (TimerInformationLength != sizeof(*basic))
		return STATUS_INFO_LENGTH_MISMATCH;

	NTSTATUS status = ob_reference_by_handle(TimerHandle, TIMER_QUERY_STATE, &ex_timer_type, &object);

	if (!NT_SUCCESS(status))
		return status;

	uint64_t left = ke_query_timer(&((struct ex_timer *)object)->timer, NULL, &signalled);

	basic->RemainingTime.QuadPart = (LONGLONG)((left + 99) / 100);
	basic->TimerState = signalled;
	if (ReturnLength)
		*ReturnLength = sizeof(*basic);
	return STATUS_SUCCESS;
}
