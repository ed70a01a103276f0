/*
 * Grants: how a guest task gets a host descriptor, for the time of one batch.
 *
 * Each process has a socket pair of its own, so that nobody takes what was meant
 * for somebody else. Most processes are copies that never map a file before they
 * end or exec: a pair is made when it is first needed, by the guest's own task,
 * of which the supervisor takes one end by pidfd_getfd(2) (calls.c). So a process
 * costs the supervisor one descriptor at most. Where the host can't do that, or
 * doesn't let lxrun, and for the template's copies, the pair is made beforehand
 * and handed over at birth (fork.c). Then both ends stay, and as making a pair
 * costs a tenth of a fork, a few are used again.
 *
 * A guest can't duplicate its end: it has it at one number alone, unless another
 * thread got it while it was on its way.
 */
#include "internal.h"

#include <errno.h>
#include <hal/hal.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GRANT_MAX 8 /* descriptors of one message */

#define SPARE_MAX 8

static bool opens_late;

static struct {
	struct rtl_lock lock;
	SLIST_HEAD(, grant_socket) list;
	unsigned count;
} spares = {.lock = RTL_LOCK_INITIALIZER};

static void close_end(int *end)
{
	if (*end >= 0)
		close(*end);
	*end = -1;
}

/* A host before 5.6, or a sandbox that keeps it from lxrun, takes no descriptors of others. */
static void probe(void)
{
	int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int copy = own < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, own, own, 0);

	opens_late = copy >= 0 && !hal_force_fallbacks();
	close_end(&own);
	close_end(&copy);
}

bool grant_opens_late(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, probe);
	return opens_late;
}

/* A guest could have put something else at the number. */
static bool is_end_of_pair(int descriptor)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
	       getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int grant_adopt(struct grant_socket *pair, const struct pico_thread *thread, int number)
{
	int task = (int)syscall(SYS_pidfd_open, thread->tid, 0);
	int end = task < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, task, number, 0);
	int error = end < 0 ? -errno : 0;

	close_end(&task);
	if (!error && !is_end_of_pair(end)) {
		close(end);
		error = -EBADF;
	}
	if (!error)
		pair->descriptor = end;
	return descriptor_error(error);
}

static struct grant_socket *take_spare(void)
{
	struct grant_socket *pair;

	rtl_lock(&spares.lock);
	pair = SLIST_FIRST(&spares.list);
	if (pair) {
		SLIST_REMOVE_HEAD(&spares.list, link);
		spares.count--;
	}
	rtl_unlock(&spares.lock);
	return pair;
}

static bool keep_spare(struct grant_socket *pair)
{
	bool keep;

	if (pair->loose || pair->guest_end < 0)
		return false;
	rtl_lock(&spares.lock);
	keep = spares.count < SPARE_MAX;
	if (keep) {
		SLIST_INSERT_HEAD(&spares.list, pair, link);
		spares.count++;
	}
	rtl_unlock(&spares.lock);
	return keep;
}

struct grant_socket *grant_socket_create(void)
{
	struct grant_socket *pair = take_spare();
	int ends[2];

	if (pair) {
		atomic_store(&pair->references, 1);
		return pair;
	}
	pair = grant_socket_create_closed();
	if (!pair)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		grant_socket_dereference(pair);
		return NULL;
	}
	pair->descriptor = ends[0];
	pair->guest_end = ends[1];
	return pair;
}

struct grant_socket *grant_socket_create_closed(void)
{
	struct grant_socket *pair = calloc(1, sizeof(*pair));

	if (!pair)
		return NULL;
	atomic_init(&pair->references, 1);
	rtl_lock_initialize(&pair->lock);
	pair->descriptor = pair->guest_end = -1;
	return pair;
}

void grant_socket_delivered(struct grant_socket *pair)
{
	if (grant_opens_late())
		close_end(&pair->guest_end);
}

struct grant_socket *grant_socket_reference(struct grant_socket *pair)
{
	if (pair)
		atomic_fetch_add(&pair->references, 1);
	return pair;
}

void grant_socket_dereference(struct grant_socket *pair)
{
	if (!pair || atomic_fetch_sub(&pair->references, 1) != 1 || keep_spare(pair))
		return;
	close_end(&pair->descriptor);
	close_end(&pair->guest_end);
	rtl_lock_destroy(&pair->lock);
	free(pair);
}

int grant_send(struct grant_socket *pair, const int *descriptors, size_t count)
{
	char control[CMSG_SPACE(sizeof(int) * GRANT_MAX)] = {0};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (count > GRANT_MAX)
		return -EINVAL;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(header), descriptors, sizeof(int) * count);
	return sendmsg(pair->descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static void close_received(struct msghdr *message)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int descriptors[GRANT_MAX];

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(descriptors, CMSG_DATA(header), sizeof(int) * count);
		for (size_t i = 0; i < count; i++)
			close(descriptors[i]);
	}
}

void grant_drain(struct grant_socket *pair)
{
	char control[CMSG_SPACE(sizeof(int) * GRANT_MAX)];
	char byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int left = 0;

	/* What lies in a queue that only the guest could read goes with its end, which the next pair takes the place of. */
	if (pair->guest_end < 0) {
		if (ioctl(pair->descriptor, SIOCOUTQ, &left) != 0 || left)
			close_end(&pair->descriptor);
		return;
	}
	while (recvmsg(pair->guest_end, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) > 0) {
		close_received(&message);
		message.msg_controllen = sizeof(control);
	}
}

/* The socket changes when the process forks: look again once locked. */
struct grant_socket *grant_lock(struct pico_process *process)
{
	for (;;) {
		struct grant_socket *candidate;
		bool current;

		rtl_lock(&process->lock);
		candidate = grant_socket_reference(process->socket);
		rtl_unlock(&process->lock);
		rtl_lock(&candidate->lock);
		rtl_lock(&process->lock);
		current = process->socket == candidate;
		rtl_unlock(&process->lock);
		if (current)
			return candidate;
		grant_unlock(candidate);
	}
}

void grant_unlock(struct grant_socket *pair)
{
	rtl_unlock(&pair->lock);
	grant_socket_dereference(pair);
}
