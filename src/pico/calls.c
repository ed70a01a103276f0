/*
 * Host calls in a guest's context: mmap, clone, the reads and writes of protected pages, everything that only the
 * guest's own task can do.
 *
 * The half points its stopped task into the stub, a few pages that are the same in every guest, lets it run to the
 * stub's private number (PICO_CALL_DONE), and later puts the guest's registers back. A single call takes the place of
 * the one that the task is stopped at, where there is one, which saves a trap; several are a batch: the stub reads them
 * from a page, makes them one after the other, and reports once. An execve of a program with ten segments is one trip.
 *
 * The guest's filter tells stub from guest by the instruction pointer alone, for the stub has one `syscall`
 * instruction. A guest that jumps there gains nothing: the calls that the filter lets the stub make untraced are
 * harmless to others, and those that are not listed stop on their way and are let through here only if they are what
 * the supervisor itself has put in place, to the last argument. A batch lies in guest memory, where another thread of
 * the guest can rewrite it while it runs; so its results are believed as little as anything else that a guest could
 * have written.
 */
#include "internal.h"
#include "stub_image.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_expected(const struct task_event *event, const struct pico_host_call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i].number == event->number && memcmp(calls[i].arguments, event->arguments, sizeof(event->arguments)) == 0)
			return true;
	return false;
}

/* Let a task that stands in the stub run until it reports. `calls`: what may stop and go on in the meantime. */
static int run_to_report(struct pico_thread *thread, const struct pico_host_call *calls, size_t count, int64_t *result)
{
	struct task_event event;

	for (;;) {
		if (task_continue(thread, false) != 0 && thread->tid <= 0)
			return -ESRCH;
		task_wait(thread, &event);
		switch (event.kind) {
		case TASK_EVENT_DEAD:
			return -ESRCH;
		case TASK_EVENT_SECCOMP:
			if (event.cookie != PICO_COOKIE_STUB)
				return -EFAULT;
			if (event.number == PICO_CALL_DONE) {
				*result = (int64_t)event.arguments[0];
				return 0;
			}
			if (is_expected(&event, calls, count))
				continue;
			return -EFAULT; /* skipped with the way back to the guest's registers */
		case TASK_EVENT_SIGNAL:
			/* A fault of the stub's own is the guest's doing; everything else only kicks. */
			if (event.signal == SIGSEGV || event.signal == SIGBUS)
				return -EFAULT;
			continue;
		case TASK_EVENT_STOP:
		case TASK_EVENT_EXIT_STOP:
			continue;
		}
	}
}

/*
 * An interrupted native call can't be restarted by the host once the task has
 * been elsewhere: do by hand what the kernel would do.
 */
static void unwind_interrupted_call(struct pico_registers *registers)
{
	int64_t result = (int64_t)registers->rax;

	if ((int64_t)registers->orig_rax >= 0 && is_restart(result)) {
		registers->rip -= 2;
		registers->rax = result == -HOST_ERESTART_RESTARTBLOCK ? SYS_restart_syscall : registers->orig_rax;
	}
	registers->orig_rax = PICO_CALL_NONE;
}

/* Remember the guest's registers before its task is sent elsewhere. */
static int leave_guest(struct pico_thread *thread)
{
	if (thread->stop == TASK_STOP_FOREIGN || thread->stop == TASK_STOP_VSYSCALL)
		return -EPERM;
	if (thread->redirected)
		return 0;
	if (task_load_registers(thread) != 0)
		return -ESRCH;
	if (thread->stop == TASK_STOP_OTHER)
		unwind_interrupted_call(&thread->registers);
	thread->redirected = thread->registers_dirty = true;
	return 0;
}

int stub_enter(struct pico_thread *thread, struct pico_registers *at)
{
	int error = leave_guest(thread);

	*at = thread->registers;
	at->cs = 0x33;
	return error;
}

static int run_calls(struct pico_thread *thread, const struct pico_registers *at, const struct pico_host_call *calls, size_t count,
		     int64_t *result)
{
	if (task_write_registers(thread, at) != 0)
		return -ESRCH;
	return run_to_report(thread, calls, count, result);
}

int stub_run(struct pico_thread *thread, const struct pico_registers *at, int64_t *result)
{
	return run_calls(thread, at, NULL, 0, result);
}

/* Registers for one call: in place of the stopped one where that is possible, which saves a trap, else through the call site. */
static void place_call(struct pico_thread *thread, struct pico_registers *at, uint64_t number, uint64_t continuation)
{
	at->rbx = continuation;
	at->cs = 0x33;
	if (thread->stop == TASK_STOP_CALL) {
		at->orig_rax = number;
		at->rip = PICO_CALL_RETURN;
	} else {
		at->orig_rax = PICO_CALL_NONE;
		at->rax = number;
		at->rip = PICO_CALL_SITE;
	}
}

int stub_single_call(struct pico_thread *thread, const struct pico_host_call *call, int64_t *result)
{
	struct pico_registers at;
	int error = stub_enter(thread, &at);

	if (error)
		return error;
	at.rdi = call->arguments[0];
	at.rsi = call->arguments[1];
	at.rdx = call->arguments[2];
	at.r10 = call->arguments[3];
	at.r8 = call->arguments[4];
	at.r9 = call->arguments[5];
	place_call(thread, &at, call->number, PICO_STUB_REPORT);
	return run_calls(thread, &at, call, 1, result);
}

/* What the parent's stub reports. `message`: for its r12. */
static int run_clone(struct pico_thread *thread, unsigned long flags, uint64_t continuation, uint64_t message, int64_t *result)
{
	const struct pico_host_call call = {SYS_clone, {flags}, 0};
	struct pico_registers at;
	int error = stub_enter(thread, &at);

	if (error)
		return error;
	at.rdi = flags;
	at.rsi = at.rdx = at.r10 = at.r8 = at.r9 = 0;
	at.r12 = message;
	place_call(thread, &at, SYS_clone, continuation);
	error = run_calls(thread, &at, &call, 1, result);
	return error ?: *result < 0 ? (int)*result : 0;
}

static int clone_to(struct pico_thread *thread, unsigned long flags, uint64_t continuation, pid_t *tid)
{
	int64_t result = 0;
	int error = run_clone(thread, flags, continuation, 0, &result);

	if (!error)
		*tid = (pid_t)result;
	return error;
}

int stub_clone(struct pico_thread *thread, unsigned long flags, pid_t *tid)
{
	return clone_to(thread, flags, PICO_STUB_AFTER_CLONE, tid);
}

int stub_fork_closed(struct pico_thread *thread, unsigned long flags, pid_t *tid)
{
	return clone_to(thread, flags, PICO_STUB_AFTER_GUEST_FORK, tid);
}

/* Parked it has done so: only the read there goes on at the exit. */
int stub_close_inherited(struct pico_thread *thread)
{
	const struct pico_host_call call = {SYS_close, {PICO_GRANT_FD}, 0};
	int64_t ignored;

	return thread->registers.rbx == PICO_STUB_EXIT ? 0 : stub_single_call(thread, &call, &ignored);
}

static unsigned take_slot(struct pico_process *process)
{
	unsigned slot = 0;

	rtl_lock(&process->lock);
	for (;;) {
		for (slot = 0; slot < PICO_SLOT_COUNT; slot++)
			if (!(process->slots[slot / 64] >> (slot % 64) & 1))
				break;
		if (slot < PICO_SLOT_COUNT)
			break;
		rtl_condition_wait(&process->slot_freed, &process->lock);
	}
	process->slots[slot / 64] |= 1UL << (slot % 64);
	rtl_unlock(&process->lock);
	return slot;
}

static void release_slot(struct pico_process *process, unsigned slot)
{
	rtl_lock(&process->lock);
	process->slots[slot / 64] &= ~(1UL << (slot % 64));
	pthread_cond_signal(&process->slot_freed);
	rtl_unlock(&process->lock);
}

/* What recvmsg needs in the guest, behind the batch's entries. */
struct grant_message {
	struct msghdr header;
	struct iovec data;
	uint64_t byte;
	char control[CMSG_SPACE(sizeof(int) * 8)];
};
/* What a batch's calls point to. */
struct batch_data {
	struct grant_message descriptors;
	char name[16];
};
_Static_assert(PICO_SLOT_DATA + sizeof(struct batch_data) <= PICO_SLOT_SIZE, "a slot holds a batch and its data");
_Static_assert(sizeof(struct pico_host_call) == PICO_BATCH_ENTRY_SIZE, "the stub's entry is a pico_host_call");

static void fill_message(struct grant_message *message, uint64_t address)
{
	*message = (struct grant_message){
		.header = {.msg_iov = (struct iovec *)(address + offsetof(struct grant_message, data)),
			   .msg_iovlen = 1,
			   .msg_control = (void *)(address + offsetof(struct grant_message, control)),
			   .msg_controllen = sizeof(message->control)},
		.data = {(void *)(address + offsetof(struct grant_message, byte)), 1},
	};
}

/* The message in which the parent's new socket comes lies in a slot for the time of the fork. */
int stub_fork(struct pico_thread *thread, unsigned long flags, pid_t *tid)
{
	unsigned slot = take_slot(thread->process);
	uint64_t address = PICO_SCRATCH_BASE + (uint64_t)slot * PICO_SLOT_SIZE;
	struct grant_message message;
	struct iovec local = {&message, sizeof(message)}, remote = {(void *)address, sizeof(message)};
	int64_t result = 0;
	int error = -EFAULT;

	fill_message(&message, address);
	if (process_vm_writev(thread->tid, &local, 1, &remote, 1, 0) == (ssize_t)sizeof(message))
		error = run_clone(thread, flags, PICO_STUB_AFTER_FORK, address, &result);
	release_slot(thread->process, slot);
	/* Its other threads took the socket away: child and parent would share one. */
	if (!error && result >> PICO_FORK_UNFINISHED_BIT) {
		pico_reap_later((pid_t)result);
		return -EFAULT;
	}
	*tid = (pid_t)result;
	return error;
}

/* One trip: at most PICO_BATCH_MAX entries through the slot. */
static int run_batch(struct pico_thread *thread, unsigned slot, struct pico_host_call *entries, size_t count)
{
	uint64_t address = PICO_SCRATCH_BASE + (uint64_t)slot * PICO_SLOT_SIZE;
	struct batch_data data;
	struct iovec local[] = {{entries, count * sizeof(*entries)}, {&data, sizeof(data)}};
	struct iovec remote[] = {{(void *)address, local[0].iov_len}, {(void *)(address + PICO_SLOT_DATA), sizeof(data)}};
	struct pico_host_call done[PICO_BATCH_MAX];
	struct iovec back = {done, local[0].iov_len};
	struct pico_registers at = thread->registers;
	int64_t ignored;
	int error;

	fill_message(&data.descriptors, address + PICO_SLOT_DATA + offsetof(struct batch_data, descriptors));
	memcpy(data.name, thread->name, sizeof(data.name));
	if (process_vm_writev(thread->tid, local, 2, remote, 2, 0) != (ssize_t)(local[0].iov_len + sizeof(data)))
		return -EFAULT;
	at.r12 = address;
	at.r13 = count;
	at.rip = PICO_STUB_BATCH;
	at.orig_rax = PICO_CALL_NONE;
	at.cs = 0x33;
	error = run_calls(thread, &at, entries, count, &ignored);
	if (error)
		return error;
	if (process_vm_readv(thread->tid, &back, 1, remote, 1, 0) != (ssize_t)back.iov_len)
		return -EFAULT;
	for (size_t i = 0; i < count; i++)
		entries[i].result = done[i].result;
	return 0;
}

#define CALLS_MAX 36
#define ENTRIES_MAX (CALLS_MAX + 10) /* with a name and grants around them */

static void receive_entry(struct pico_host_call *entry, uint64_t message)
{
	*entry = (struct pico_host_call){SYS_recvmsg, {PICO_GRANT_FD, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC}, 0};
}

/* The list with its grants around it: the task's name if it has a new one, the descriptors, the calls, the closes. */
static size_t build_entries(const struct pico_thread *thread, struct pico_host_call *entries, const struct pico_host_call *calls,
			    size_t count, size_t descriptors, uint64_t data, size_t *first)
{
	size_t used = 0;

	if (thread->name_pending)
		entries[used++] = (struct pico_host_call){SYS_prctl, {PR_SET_NAME, data + offsetof(struct batch_data, name)}, 0};
	if (descriptors)
		receive_entry(&entries[used++], data + offsetof(struct batch_data, descriptors));
	*first = used;
	memcpy(&entries[used], calls, count * sizeof(*calls));
	used += count;
	for (size_t i = 0; i < descriptors; i++)
		entries[used++] = (struct pico_host_call){SYS_close, {i}, 0};
	return used;
}

static int run_entries(struct pico_thread *thread, unsigned slot, struct pico_host_call *entries, size_t count)
{
	int error = 0;

	for (size_t done = 0; done < count && !error; done += PICO_BATCH_MAX)
		error = run_batch(thread, slot, entries + done, count - done < PICO_BATCH_MAX ? count - done : PICO_BATCH_MAX);
	return error;
}

/*
 * The process makes a pair in its own task, of which the supervisor takes one end and leaves it the other, at the number
 * for grants. A guest that meddles with it is left without, to its own harm. Under the socket's lock.
 */
static int open_socket(struct pico_thread *thread, unsigned slot, struct grant_socket *socket)
{
	uint64_t address = PICO_SCRATCH_BASE + (uint64_t)slot * PICO_SLOT_SIZE;
	const struct pico_host_call make = {SYS_socketpair, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, address}, 0};
	int ends[2] = {-1, -1};
	struct iovec local = {ends, sizeof(ends)}, remote = {(void *)address, sizeof(ends)};
	int64_t result = 0;
	int error = stub_single_call(thread, &make, &result);

	if (error || result < 0)
		return error ?: (int)result;
	if (process_vm_readv(thread->tid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof(ends) || ends[0] != 0 ||
	    ends[1] < 0 || ends[1] >= PICO_GRANT_LIMIT)
		return -EFAULT;
	error = grant_adopt(socket, thread, ends[1]);
	if (!error) {
		struct pico_host_call place[] = {
			{SYS_dup2, {0, PICO_GRANT_FD}, 0}, {SYS_close, {0}, 0}, {SYS_close, {(uint64_t)ends[1]}, 0}};

		error = run_entries(thread, slot, place, sizeof(place) / sizeof(place[0]));
	}
	return error;
}

static int run_granted(struct pico_thread *thread, unsigned slot, struct pico_host_call *calls, size_t count, const int *descriptors,
		       size_t descriptor_count)
{
	struct grant_socket *socket = grant_lock(thread->process);
	uint64_t data = PICO_SCRATCH_BASE + (uint64_t)slot * PICO_SLOT_SIZE + PICO_SLOT_DATA;
	struct pico_host_call entries[ENTRIES_MAX];
	size_t first, used;
	int error;

	error = socket->descriptor < 0 ? open_socket(thread, slot, socket) : 0;
	error = error ?: grant_send(socket, descriptors, descriptor_count);
	if (!error) {
		used = build_entries(thread, entries, calls, count, descriptor_count, data, &first);
		error = run_entries(thread, slot, entries, used);
	}
	/* A guest that stole its own grant harms itself: its calls then fail on a bad descriptor. */
	if (!error && entries[first - 1].result < 0)
		error = -EFAULT;
	if (!error) {
		thread->name_pending = false;
		memcpy(calls, &entries[first], count * sizeof(*calls));
	}
	/* What a task did not take, because it died or its batch was rewritten, must not be the next one's. */
	if (socket->descriptor >= 0)
		grant_drain(socket);
	grant_unlock(socket);
	return error;
}

int calls_run(struct pico_thread *thread, struct pico_host_call *calls, size_t count, const int *descriptors, size_t descriptor_count)
{
	unsigned slot;
	int error;

	rtl_assert_lock_free();
	if (count == 0)
		return 0;
	if (count > CALLS_MAX || descriptor_count > 8)
		return -EINVAL;
	if (count == 1 && !descriptor_count)
		return stub_single_call(thread, calls, &calls->result);
	error = leave_guest(thread);
	if (error)
		return error;
	slot = take_slot(thread->process);
	error = descriptor_count ? run_granted(thread, slot, calls, count, descriptors, descriptor_count)
				 : run_entries(thread, slot, calls, count);
	release_slot(thread->process, slot);
	return error;
}

int calls_run_with_data(struct pico_thread *thread, struct pico_host_call *call, unsigned argument, const void *data, size_t size)
{
	unsigned slot = take_slot(thread->process);
	uint64_t address = PICO_SCRATCH_BASE + (uint64_t)slot * PICO_SLOT_SIZE;
	int error = -EFAULT;

	call->arguments[argument] = address;
	if (size <= PICO_SLOT_SIZE && pico_write_memory(thread->process, address, data, size) == (int64_t)size)
		error = calls_run(thread, call, 1, NULL, 0);
	release_slot(thread->process, slot);
	return error;
}

/* PR_SET_NAME in the guest: its comm is what host tools show. */
void pico_apply_name(struct pico_thread *thread)
{
	struct pico_host_call call = {SYS_prctl, {PR_SET_NAME}, 0};

	thread->name_pending = false;
	calls_run_with_data(thread, &call, 1, thread->name, sizeof(thread->name));
}
