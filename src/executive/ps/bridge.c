/*
 * Between the platform and the provider. The platform calls with its own thread and the context it was given, which is the
 * ps_thread; here the calling half becomes that thread for the dispatcher, the object manager and the security monitor, and
 * the provider gets NT objects. What Ps itself wants of a thread on its way to user mode (end, stay suspended) is done here,
 * so that no provider can forget it.
 */
#include <executive/ps/ps_internal.h>
#include <nt/ntobserver.h>

static const struct ps_pico_provider *provider;

void ps_register_provider(const struct ps_pico_provider *routines)
{
	provider = routines;
}

/*
 * Act as the thread's subject; a token is only ever replaced by the thread itself. Where the host doesn't let it, nothing is
 * done for the guest with whatever identity is left: its process ends.
 */
static bool assume_identity(struct ps_thread *thread)
{
	const struct se_token *token = thread->token ? thread->token : thread->process->token;
	NTSTATUS status = token ? se_impersonate(token) : STATUS_SUCCESS;

	if (!NT_SUCCESS(status))
		ps_terminate_process(thread->process, status);
	return NT_SUCCESS(status);
}

static void thread_begin(struct pico_thread *pico, void *context)
{
	struct ps_thread *thread = context;

	ps_set_current_thread(thread);
	ke_thread_attach(&thread->ke);
	ob_set_current_table(thread->process->handles);
	rtl_lock(&thread->process->lock);
	thread->time_base = ps_platform()->cpu_time(pico);
	rtl_unlock(&thread->process->lock);
	assume_identity(thread);
	if (provider->thread_begin)
		provider->thread_begin(thread);
}

static void dispatch_system_call(struct pico_thread *pico, void *context, struct pico_system_call *call)
{
	struct ps_thread *thread = context;

	if (likely(assume_identity(thread)))
		provider->dispatch_system_call(thread, call);
	if (thread->ke.terminating)
		call->action = PICO_EXIT;
}

static void system_call_result(struct pico_thread *pico, void *context, struct pico_system_call *call)
{
	if (provider->system_call_result)
		provider->system_call_result(context, call);
}

static void dispatch_exception(struct pico_thread *pico, void *context, const struct pico_exception *exception)
{
	provider->dispatch_exception(context, exception);
}

static enum pico_action deliver_apcs(struct pico_thread *pico, void *context, bool native_interrupted)
{
	struct ps_thread *thread = context;
	enum pico_action action = PICO_RETURN;

	ps_wait_while_suspended(thread);
	if (!thread->ke.terminating)
		action = provider->deliver_apcs(thread, native_interrupted);
	return thread->ke.terminating ? PICO_EXIT : action;
}

static void thread_end(struct pico_thread *pico, void *context, bool died)
{
	struct ps_thread *thread = context;

	if (provider->thread_end)
		provider->thread_end(thread, died);
	ps_thread_ended(thread);
	ob_set_current_table(NULL);
	ke_thread_detach(&thread->ke);
	ps_set_current_thread(NULL);
	ob_dereference(thread);
}

void nt_service_enter(void)
{
	ke_go_away();
}

NTSTATUS nt_service_leave(NTSTATUS status)
{
	return ke_come_back() ? status : STATUS_THREAD_IS_TERMINATING;
}

const struct pico_provider_routines ps_pico_routines = {
	.size = sizeof(ps_pico_routines),
	.thread_begin = thread_begin,
	.dispatch_system_call = dispatch_system_call,
	.system_call_result = system_call_result,
	.dispatch_exception = dispatch_exception,
	.deliver_apcs = deliver_apcs,
	.thread_end = thread_end,
};
