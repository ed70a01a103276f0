/*
 * Waiting for descriptors: poll(2), ppoll(2), select(2), pselect6(2).
 *
 * All of them are one IOCTL_AFD_POLL on \Device\Afd, which knows Linux' event bits
 * and any kind of file object. A temporary signal mask stays in force until a
 * handler has been entered: sigreturn puts the old one back.
 */
#include <core/process.h>
#include <core/thread.h>
#include <descriptor/files.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <signal/signal.h>
#include <time/times.h>

#define FOREVER LX_CLOCK_FOREVER
#define INLINE_HANDLES 32

/* Handles being polled, with room in place for the usual few. */
struct poll_request {
	AFD_POLL_INFO *info;
	size_t size;
	uint32_t invalid; /* descriptors that are ready at once: POLLNVAL */
	void *heap;
	_Alignas(AFD_POLL_INFO) UCHAR inline_info[sizeof(AFD_POLL_INFO) + INLINE_HANDLES * sizeof(AFD_POLL_HANDLE_INFO)];
};

static HANDLE afd_device(void)
{
	static struct rtl_lock lock = RTL_LOCK_INITIALIZER;
	static HANDLE device;
	STRING name = rtl_string("\\Device\\Afd");
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK block;

	rtl_lock(&lock);
	if (!device) {
		InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
		if (!NT_SUCCESS(ZwOpenFile(&device, FILE_GENERIC_READ | FILE_GENERIC_WRITE, &attributes, &block,
					   FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SYNCHRONOUS_IO_ALERT)))
			device = NULL;
	}
	rtl_unlock(&lock);
	return device;
}

static int64_t poll_begin(struct poll_request *request, size_t count)
{
	request->size = sizeof *request->info + count * sizeof(AFD_POLL_HANDLE_INFO);
	request->heap = count > INLINE_HANDLES ? malloc(request->size) : NULL;
	request->invalid = 0;
	if (count > INLINE_HANDLES && !request->heap)
		return -LX_ENOMEM;
	request->info = request->heap ? request->heap : (void *)request->inline_info;
	*request->info = (AFD_POLL_INFO){0};
	return 0;
}

static void poll_end(struct poll_request *request)
{
	free(request->heap);
}

static void poll_add(struct poll_request *request, HANDLE handle, uint32_t events)
{
	request->info->Handles[request->info->NumberOfHandles++] = (AFD_POLL_HANDLE_INFO){handle, events, 0};
}

/* Nanoseconds of CLOCK_MONOTONIC -> NT's relative form. */
static LARGE_INTEGER nt_timeout(uint64_t deadline)
{
	uint64_t now;

	if (deadline == FOREVER)
		return (LARGE_INTEGER){.QuadPart = INT64_MAX};
	now = hal_time(HAL_CLOCK_MONOTONIC);
	return (LARGE_INTEGER){.QuadPart = deadline <= now ? 0 : -(LONGLONG)((deadline - now + 99) / 100)};
}

/* 0: something is ready or the time is over; -LX_ERESTARTNOHAND: interrupted; -LX_Exxx. */
static int64_t poll_wait(struct lx_call *call, struct poll_request *request, uint64_t deadline)
{
	IO_STATUS_BLOCK block = {0};
	ULONG size = (ULONG)(offsetof(AFD_POLL_INFO, Handles) +
			     request->info->NumberOfHandles * sizeof(AFD_POLL_HANDLE_INFO));
	NTSTATUS status;

	request->info->Timeout = nt_timeout(request->invalid ? 0 : deadline);
	status = ZwDeviceIoControlFile(afd_device(), NULL, NULL, NULL, &block, IOCTL_AFD_POLL, request->info, size,
				       request->info, size);
	if (status == STATUS_TIMEOUT)
		return 0;
	if (status == STATUS_USER_APC || status == STATUS_ALERTED)
		return -LX_ERESTARTNOHAND;
	return lx_result(call, status);
}

static bool is_any_ready(const struct poll_request *request)
{
	for (ULONG i = 0; i < request->info->NumberOfHandles; i++)
		if (request->info->Handles[i].Result)
			return true;
	return request->invalid;
}

/* The descriptors of a poll or select, put into the request; `again`: after a sleep. 0 or -LX_Exxx. */
struct poll_subject {
	int64_t (*fill)(struct lx_call *call, struct poll_request *request, const struct poll_subject *subject, bool again);
	struct lx_pollfd *entries;
	uint32_t count;
	struct select_sets *sets;
};

static int64_t fill_request(struct lx_call *call, struct poll_request *request, const struct poll_subject *subject, bool again)
{
	request->info->NumberOfHandles = 0;
	request->invalid = 0;
	return subject->fill(call, request, subject, again);
}

/*
 * Wait until something is ready. What the numbers mean is looked at after each sleep, as the kernel does it: a descriptor
 * that another thread closed meanwhile is POLLNVAL, one that it filled anew is the new file.
 */
static int64_t poll_subject(struct lx_call *call, struct poll_request *request, const struct poll_subject *subject,
			    uint64_t deadline)
{
	struct lx_files *files = call->thread->files;
	uint32_t known = lx_files_changes(files);
	int64_t result = fill_request(call, request, subject, false);

	if (result == 0)
		result = poll_wait(call, request, deadline);
	while (result == 0 && deadline && unlikely(lx_files_changes(files) != known)) {
		lx_fd_let_go(call);
		known = lx_files_changes(files);
		result = fill_request(call, request, subject, true);
		if (result == 0)
			result = poll_wait(call, request, 0);
		if (result < 0 || is_any_ready(request) || deadline <= hal_time(HAL_CLOCK_MONOTONIC))
			break;
		result = poll_wait(call, request, deadline);
	}
	return result;
}

/* --- poll */

static int64_t fill_from_entries(struct lx_call *call, struct poll_request *request, const struct poll_subject *subject,
				 bool again)
{
	struct lx_pollfd *entries = subject->entries;
	HANDLE handle;

	for (uint32_t i = 0; i < subject->count; i++) {
		int64_t result;

		entries[i].revents = 0;
		if (entries[i].fd < 0)
			continue;
		result = lx_fd_handle(call, entries[i].fd, false, &handle);
		if (result == 0)
			poll_add(request, handle, (uint16_t)entries[i].events | LX_POLLERR | LX_POLLHUP);
		else if (result != -LX_EBADF)
			return result;
		else
			entries[i].revents = LX_POLLNVAL;
		request->invalid += result != 0;
	}
	return 0;
}

static int64_t take_results(const struct poll_request *request, struct lx_pollfd *entries, uint32_t count)
{
	const AFD_POLL_HANDLE_INFO *result = request->info->Handles;
	int64_t ready = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (entries[i].fd >= 0 && entries[i].revents == 0)
			entries[i].revents =
				(int16_t)((result++)->Result & ((uint16_t)entries[i].events | LX_POLLERR | LX_POLLHUP));
		ready += entries[i].revents != 0;
	}
	return ready;
}

static int64_t poll_entries(struct lx_call *call, struct lx_pollfd *entries, uint32_t count, uint64_t deadline)
{
	const struct poll_subject subject = {.fill = fill_from_entries, .entries = entries, .count = count};
	struct poll_request request;
	int64_t result = poll_begin(&request, count);

	if (result < 0)
		return result;
	result = poll_subject(call, &request, &subject, deadline);
	if (result == 0)
		result = take_results(&request, entries, count);
	poll_end(&request);
	return result;
}

static int64_t put_revents(struct lx_call *call, struct lx_uptr fds, const struct lx_pollfd *entries, uint32_t count)
{
	/* The other members go back as they came: one copy instead of one an entry. */
	return lx_copy_out(call, fds, entries, count * sizeof *entries);
}

/* What poll and ppoll share: the number of ready entries, or -LX_Exxx with -LX_ERESTARTNOHAND for an interruption. */
static int64_t do_poll(struct lx_call *call, struct lx_uptr fds, uint32_t nfds, uint64_t deadline)
{
	struct lx_pollfd few[INLINE_HANDLES], *entries = few;
	cleanup_free void *heap = NULL;
	int64_t result;

	if (nfds > lx_limit(call->thread->process, LX_RLIMIT_NOFILE))
		return -LX_EINVAL;
	if (nfds > INLINE_HANDLES) {
		heap = calloc(nfds, sizeof *entries);
		if (!heap)
			return -LX_ENOMEM;
		entries = heap;
	}
	if (nfds && lx_copy_in(call, entries, fds, nfds * sizeof *entries))
		return -LX_EFAULT;
	result = poll_entries(call, entries, nfds, deadline);
	if (result >= 0 && nfds && put_revents(call, fds, entries, nfds))
		return -LX_EFAULT;
	return result;
}

static int64_t poll_restart(struct lx_call *call);

static int64_t poll_until(struct lx_call *call, struct lx_uptr fds, uint32_t nfds, uint64_t deadline)
{
	struct lx_thread *thread = call->thread;
	int64_t result = do_poll(call, fds, nfds, deadline);

	if (result != -LX_ERESTARTNOHAND)
		return result;
	thread->restart = poll_restart;
	thread->restart_data[0] = fds.address;
	thread->restart_data[1] = nfds;
	thread->restart_data[2] = deadline;
	return -LX_ERESTART_RESTARTBLOCK;
}

static int64_t poll_restart(struct lx_call *call)
{
	const uint64_t *data = call->thread->restart_data;

	return poll_until(call, lx_uptr(data[0]), (uint32_t)data[1], data[2]);
}

int64_t lx_sys_poll(struct lx_call *call, struct lx_uptr fds, uint32_t nfds, int32_t timeout)
{
	uint64_t deadline = FOREVER;

	if (timeout == 0)
		deadline = 0;
	else if (timeout > 0)
		deadline = lx_deadline_after((uint64_t)timeout * 1000000);
	return poll_until(call, fds, nfds, deadline);
}

/* --- time-outs that are written back */

enum timeout_form { TIMEOUT_TIMESPEC, TIMEOUT_TIMEVAL };

struct timeout {
	struct lx_uptr place;
	enum timeout_form form;
	uint64_t deadline;
};

static int64_t take_timeout(struct lx_call *call, struct timeout *timeout)
{
	struct lx_timespec time;
	struct lx_timeval value;
	uint64_t interval;

	timeout->deadline = FOREVER;
	if (lx_is_null(timeout->place))
		return 0;
	if (timeout->form == TIMEOUT_TIMEVAL ? lx_in_timeval(call, &value, timeout->place) :
						lx_in_timespec(call, &time, timeout->place))
		return -LX_EFAULT;
	if (timeout->form == TIMEOUT_TIMEVAL) {
		time.tv_sec = (int64_t)((uint64_t)value.tv_sec + (uint64_t)(value.tv_usec / 1000000));
		time.tv_nsec = value.tv_usec % 1000000 * 1000;
	}
	if (!lx_timespec_is_valid(&time))
		return -LX_EINVAL;
	interval = lx_timespec_ns(&time);
	timeout->deadline = interval ? lx_deadline_after(interval) : 0;
	return 0;
}

/* The kernel's poll_select_finish(): a time that can't be written back makes a restart impossible. */
static int64_t give_timeout(struct lx_call *call, const struct timeout *timeout, int64_t result)
{
	uint64_t now, left;
	struct lx_timespec time;
	struct lx_timeval value;
	int64_t copied;

	if (lx_is_null(timeout->place) || timeout->deadline == FOREVER ||
	    call->thread->process->personality & LX_STICKY_TIMEOUTS)
		return result;
	now = hal_time(HAL_CLOCK_MONOTONIC);
	left = timeout->deadline > now ? timeout->deadline - now : 0;
	time = lx_timespec_of(left);
	value = lx_timeval_of(left);
	copied = timeout->form == TIMEOUT_TIMEVAL ? lx_out_timeval(call, timeout->place, &value) :
						    lx_out_timespec(call, timeout->place, &time);
	if (copied && result == -LX_ERESTARTNOHAND)
		return -LX_EINTR;
	return result;
}

int64_t lx_sys_ppoll(struct lx_call *call, struct lx_uptr fds, uint32_t nfds, struct lx_uptr tmo_p,
		     struct lx_uptr sigmask, uint64_t sigsetsize)
{
	struct timeout timeout = {.place = tmo_p, .form = TIMEOUT_TIMESPEC};
	int64_t result = take_timeout(call, &timeout);

	if (result == 0)
		result = lx_sigmask_enter(call, sigmask, sigsetsize);
	if (result < 0)
		return result;
	result = do_poll(call, fds, nfds, timeout.deadline);
	lx_sigmask_leave(call, result == -LX_ERESTARTNOHAND);
	return give_timeout(call, &timeout, result);
}

/* --- select */

#define SELECT_IN (LX_POLLRDNORM | LX_POLLRDBAND | LX_POLLIN | LX_POLLHUP | LX_POLLERR)
#define SELECT_OUT (LX_POLLWRBAND | LX_POLLWRNORM | LX_POLLOUT | LX_POLLERR)
#define SELECT_EXCEPT LX_POLLPRI
#define SELECT_SETS 3
#define CLOSED_MEANWHILE ((HANDLE)(LONG_PTR)-1) /* no file: POLLNVAL */
#define INLINE_WORDS 16

static const uint32_t select_events[SELECT_SETS] = {SELECT_IN, SELECT_OUT, SELECT_EXCEPT};

struct select_sets {
	struct lx_uptr place[SELECT_SETS];
	uint64_t *bits[SELECT_SETS];
	size_t words; /* in each set */
	void *heap;
	uint64_t few[SELECT_SETS * INLINE_WORDS];
};

static int64_t take_sets(struct lx_call *call, struct select_sets *sets, int32_t nfds)
{
	uint64_t *storage = sets->few;

	sets->words = ((size_t)nfds + 63) / 64;
	sets->heap = NULL;
	if (sets->words > INLINE_WORDS) {
		storage = sets->heap = calloc(SELECT_SETS * sets->words, sizeof *storage);
		if (!storage)
			return -LX_ENOMEM;
	}
	for (int i = 0; i < SELECT_SETS; i++) {
		sets->bits[i] = storage + (size_t)i * sets->words;
		memset(sets->bits[i], 0, sets->words * sizeof *storage);
		if (!lx_is_null(sets->place[i]) && sets->words &&
		    lx_copy_in(call, sets->bits[i], sets->place[i], sets->words * sizeof *storage))
			return -LX_EFAULT;
	}
	return 0;
}

static int64_t give_sets(struct lx_call *call, const struct select_sets *sets)
{
	for (int i = 0; i < SELECT_SETS; i++)
		if (!lx_is_null(sets->place[i]) && sets->words &&
		    lx_copy_out(call, sets->place[i], sets->bits[i], sets->words * sizeof *sets->bits[i]))
			return -LX_EFAULT;
	return 0;
}

static bool test_bit(const struct select_sets *sets, int set, int32_t fd)
{
	return sets->bits[set][fd / 64] >> (fd % 64) & 1;
}

static uint32_t wanted_events(const struct select_sets *sets, int32_t fd)
{
	uint32_t events = 0;

	for (int i = 0; i < SELECT_SETS; i++)
		if (test_bit(sets, i, fd))
			events |= select_events[i];
	return events;
}

static size_t count_descriptors(const struct select_sets *sets, int32_t nfds)
{
	size_t count = 0;

	for (int32_t fd = 0; fd < nfds; fd++)
		count += wanted_events(sets, fd) != 0;
	return count;
}

static int64_t fill_from_sets(struct lx_call *call, struct poll_request *request, const struct poll_subject *subject,
			      bool again)
{
	HANDLE handle;

	for (uint32_t fd = 0; fd < subject->count; fd++) {
		uint32_t events = wanted_events(subject->sets, (int32_t)fd);
		int64_t result;

		if (!events)
			continue;
		result = lx_fd_handle(call, (int32_t)fd, false, &handle);
		if (result < 0 && (!again || result != -LX_EBADF))
			return result;
		poll_add(request, result < 0 ? CLOSED_MEANWHILE : handle, events);
	}
	return 0;
}

static int64_t sets_from_results(const struct poll_request *request, struct select_sets *sets, int32_t nfds)
{
	const AFD_POLL_HANDLE_INFO *result = request->info->Handles;
	int64_t ready = 0;

	for (int32_t fd = 0; fd < nfds; fd++) {
		if (!wanted_events(sets, fd))
			continue;
		for (int i = 0; i < SELECT_SETS; i++) {
			if (!test_bit(sets, i, fd))
				continue;
			if (result->Result & (select_events[i] | LX_POLLNVAL))
				ready++;
			else
				sets->bits[i][fd / 64] &= ~(1ull << (fd % 64));
		}
		result++;
	}
	return ready;
}

static int64_t select_sets(struct lx_call *call, struct select_sets *sets, int32_t nfds, uint64_t deadline)
{
	const struct poll_subject subject = {.fill = fill_from_sets, .sets = sets, .count = (uint32_t)nfds};
	struct poll_request request;
	int64_t result = poll_begin(&request, count_descriptors(sets, nfds));

	if (result < 0)
		return result;
	result = poll_subject(call, &request, &subject, deadline);
	if (result == 0)
		result = sets_from_results(&request, sets, nfds);
	poll_end(&request);
	return result;
}

static int64_t do_select(struct lx_call *call, int32_t nfds, const struct lx_uptr places[SELECT_SETS], uint64_t deadline)
{
	struct select_sets sets;
	int64_t result;

	if (nfds < 0)
		return -LX_EINVAL;
	/* Bits beyond the table are not looked at. */
	nfds = (int32_t)MIN_OF((uint32_t)nfds, lx_files_capacity(call->thread->files));
	memcpy(sets.place, places, sizeof sets.place);
	result = take_sets(call, &sets, nfds);
	if (result == 0)
		result = select_sets(call, &sets, nfds, deadline);
	if (result >= 0 && give_sets(call, &sets))
		result = -LX_EFAULT;
	free(sets.heap);
	return result;
}

int64_t lx_sys_select(struct lx_call *call, int32_t nfds, struct lx_uptr readfds, struct lx_uptr writefds,
		      struct lx_uptr exceptfds, struct lx_uptr timeout)
{
	struct timeout time = {.place = timeout, .form = TIMEOUT_TIMEVAL};
	struct lx_uptr places[SELECT_SETS] = {readfds, writefds, exceptfds};
	int64_t result = take_timeout(call, &time);

	if (result < 0)
		return result;
	return give_timeout(call, &time, do_select(call, nfds, places, time.deadline));
}

int64_t lx_sys_pselect6(struct lx_call *call, int32_t nfds, struct lx_uptr readfds, struct lx_uptr writefds,
			struct lx_uptr exceptfds, struct lx_uptr timeout, struct lx_uptr sigmask)
{
	struct timeout time = {.place = timeout, .form = TIMEOUT_TIMESPEC};
	struct lx_uptr places[SELECT_SETS] = {readfds, writefds, exceptfds};
	struct lx_pselect_sigmask packed = {0};
	int64_t result;

	if (!lx_is_null(sigmask) && lx_in_pselect_sigmask(call, &packed, sigmask))
		return -LX_EFAULT;
	result = take_timeout(call, &time);
	if (result == 0)
		result = lx_sigmask_enter(call, packed.sigmask, packed.sigsetsize);
	if (result < 0)
		return result;
	result = do_select(call, nfds, places, time.deadline);
	lx_sigmask_leave(call, result == -LX_ERESTARTNOHAND);
	return give_timeout(call, &time, result);
}
