/* Who and what the system is: uname(2), sysinfo(2), the host's name, getrandom(2), personality(2), getcpu(2), namespaces. */
#include <core/thread.h>
#include <core/tree.h>
#include <descriptor/files.h>
#include <hal/host.h>
#include <lx_structs.h>
#include <lx_syscalls.h>
#include <path/resolve.h>
#include <process/instance.h>
#include <resources/resources.h>
#include <signal/signal.h>

#define NAME_MAX_SIZE 64u
#define RANDOM_CHUNK 4096u
#define UNAME26_PATCH_BASE 40

/*
 * One of the instance's own names, once it was set. Readers take no lock: they copy it and look whether the sequence, odd
 * while it changes, is what it was.
 */
enum { NAME_WORDS = 9 };
struct own_name {
	_Atomic uint32_t sequence; /* 0: never set */
	_Atomic uint64_t words[NAME_WORDS];
};
static struct own_name node_name, domain_name;
static struct rtl_lock name_lock = RTL_LOCK_INITIALIZER; /* for writers; a leaf */

/* False, and `to` is left alone: the host's is the instance's. */
static bool read_name(struct own_name *name, char to[65])
{
	uint64_t words[NAME_WORDS];
	uint32_t sequence;

	do {
		sequence = atomic_load(&name->sequence);
		for (unsigned i = 0; i < NAME_WORDS; i++)
			words[i] = atomic_load(&name->words[i]);
	} while (sequence % 2 || sequence != atomic_load(&name->sequence));
	if (sequence)
		memcpy(to, words, 65);
	return sequence;
}

static void write_name(struct own_name *name, const char from[65])
{
	uint64_t words[NAME_WORDS] = {0};

	memcpy(words, from, 65);
	rtl_lock(&name_lock);
	atomic_fetch_add(&name->sequence, 1);
	for (unsigned i = 0; i < NAME_WORDS; i++)
		atomic_store(&name->words[i], words[i]);
	atomic_fetch_add(&name->sequence, 1);
	rtl_unlock(&name_lock);
}

/* UNAME26: what 2.6-minded programs are told, 2.6.(40 + minor) for a 4.x and (60 + minor) for later ones. */
static void pretend_26(char *release)
{
	unsigned major = 0, minor = 0;
	char rest[65] = "";

	if (sscanf(release, "%u.%u", &major, &minor) == 2) {
		const char *tail = strpbrk(release, "-");

		snprintf(rest, sizeof(rest), "%s", tail ? tail : "");
	}
	snprintf(release, 65, "2.6.%u%.40s", minor + (major >= 4 ? 60 : UNAME26_PATCH_BASE), rest);
}

int64_t lx_sys_uname(struct lx_call *call, struct lx_uptr buf)
{
	struct hal_names names;
	struct lx_utsname out;

	hal_query_names(&names);
	read_name(&node_name, names.node);
	read_name(&domain_name, names.domain);
	if (call->thread->process->personality & LX_UNAME26)
		pretend_26(names.release);
	memcpy(out.sysname, names.system, sizeof(out.sysname));
	memcpy(out.nodename, names.node, sizeof(out.nodename));
	memcpy(out.release, names.release, sizeof(out.release));
	memcpy(out.version, names.version, sizeof(out.version));
	memcpy(out.machine, names.machine, sizeof(out.machine));
	memcpy(out.domainname, names.domain, sizeof(out.domainname));
	return lx_out_utsname(call, buf, &out);
}

static int64_t set_name(struct lx_call *call, struct lx_uptr name, uint64_t len, struct own_name *to)
{
	char text[65] = {0};

	if (!lx_capable(call->thread, LX_CAP_SYS_ADMIN))
		return -LX_EPERM;
	if ((int32_t)len < 0 || (uint32_t)len > NAME_MAX_SIZE)
		return -LX_EINVAL;
	if (lx_copy_in(call, text, name, (uint32_t)len))
		return -LX_EFAULT;
	write_name(to, text);
	return 0;
}

int64_t lx_sys_sethostname(struct lx_call *call, struct lx_uptr name, uint64_t len)
{
	return set_name(call, name, len, &node_name);
}

int64_t lx_sys_setdomainname(struct lx_call *call, struct lx_uptr name, uint64_t len)
{
	return set_name(call, name, len, &domain_name);
}

void lx_node_name(char name[65])
{
	struct hal_names names;

	hal_query_names(&names);
	memcpy(name, names.node, 65);
	read_name(&node_name, name);
}

int64_t lx_sys_sysinfo(struct lx_call *call, struct lx_uptr info)
{
	struct hal_memory memory;
	struct lx_sysinfo out;

	hal_query_memory(&memory);
	memset(&out, 0, sizeof(out));
	out.uptime = memory.uptime_seconds;
	memcpy(out.loads, memory.loads, sizeof(out.loads));
	out.totalram = memory.total;
	out.freeram = memory.free;
	out.sharedram = memory.shared;
	out.bufferram = memory.buffers;
	out.totalswap = memory.swap_total;
	out.freeswap = memory.swap_free;
	out.totalhigh = memory.high_total;
	out.freehigh = memory.high_free;
	out.mem_unit = memory.unit;
	out.procs = (uint16_t)(lx_tree_thread_count() + 1);
	return lx_out_sysinfo(call, info, &out);
}

int64_t lx_sys_getrandom(struct lx_call *call, struct lx_uptr buf, uint64_t buflen, uint32_t flags)
{
	uint8_t bytes[RANDOM_CHUNK];
	uint64_t done = 0;

	if (flags & ~(uint32_t)(LX_GRND_NONBLOCK | LX_GRND_RANDOM | LX_GRND_INSECURE))
		return -LX_EINVAL;
	if ((flags & (LX_GRND_RANDOM | LX_GRND_INSECURE)) == (LX_GRND_RANDOM | LX_GRND_INSECURE))
		return -LX_EINVAL;
	buflen = MIN_OF(buflen, (uint64_t)INT32_MAX & ~(uint64_t)(LX_PAGE_SIZE - 1));
	while (done < buflen) {
		int64_t count = hal_random(bytes, MIN_OF(buflen - done, sizeof(bytes)), flags);
		size_t copied;

		if (count < 0)
			return done ? (int64_t)done : count;
		copied = mm_copy_to(call->thread->ps->process->space, buf.address + done, bytes, (size_t)count);
		done += copied;
		if (copied < (size_t)count)
			return done ? (int64_t)done : -LX_EFAULT;
		/* A signal ends a long one, as it does in the kernel. */
		if (lx_signal_pending(call->thread))
			break;
	}
	return (int64_t)done;
}

int64_t lx_sys_personality(struct lx_call *call, uint32_t persona)
{
	struct lx_process *process = call->thread->process;
	uint32_t old = process->personality;

	if (persona != UINT32_MAX)
		process->personality = persona;
	return old;
}

/* --- namespaces: there are none to leave for an unprivileged user; what is merely shared between tasks can be unshared. */

#define UNSHARE_KNOWN                                                                                                  \
	(LX_CLONE_THREAD | LX_CLONE_FS | LX_CLONE_NEWNS | LX_CLONE_SIGHAND | LX_CLONE_VM | LX_CLONE_FILES |             \
	 LX_CLONE_SYSVSEM | LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWNET | LX_CLONE_NEWUSER | LX_CLONE_NEWPID |   \
	 LX_CLONE_NEWCGROUP | LX_CLONE_NEWTIME)
#define UNSHARE_NAMESPACES                                                                                             \
	(LX_CLONE_NEWNS | LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWNET | LX_CLONE_NEWUSER | LX_CLONE_NEWPID |     \
	 LX_CLONE_NEWCGROUP | LX_CLONE_NEWTIME)

int64_t lx_sys_unshare(struct lx_call *call, uint64_t flags)
{
	struct lx_process *process = call->thread->process;
	int64_t result = 0;

	if (flags & ~(uint64_t)UNSHARE_KNOWN)
		return -LX_EINVAL;
	/* A thread can't leave its group; alone, it has nothing to leave. */
	if ((flags & (LX_CLONE_THREAD | LX_CLONE_SIGHAND | LX_CLONE_VM)) && process->live_threads > 1)
		return -LX_EINVAL;
	if ((flags & LX_CLONE_SIGHAND) && atomic_load(&process->sighand->references) > 1)
		return -LX_EINVAL;
	if ((flags & LX_CLONE_VM) && process->shares_space)
		return -LX_EINVAL;
	if (flags & UNSHARE_NAMESPACES)
		return -LX_EPERM;
	if (flags & LX_CLONE_FS)
		result = lx_fs_unshare(call);
	if (!result && (flags & LX_CLONE_FILES))
		result = lx_files_unshare(call);
	return result;
}

int64_t lx_sys_setns(struct lx_call *call, int32_t fd, uint32_t nstype)
{
	HANDLE handle;
	int64_t result = lx_fd_handle(call, fd, false, &handle);

	/* No descriptor names a namespace. */
	return result < 0 ? result : -LX_EINVAL;
}

int64_t lx_sys_getcpu(struct lx_call *call, struct lx_uptr cpu, struct lx_uptr node, struct lx_uptr tcache)
{
	const uint32_t number = lx_guest_cpu(call->thread), zero = 0;

	if (!lx_is_null(cpu) && lx_copy_out(call, cpu, &number, sizeof(number)))
		return -LX_EFAULT;
	if (!lx_is_null(node) && lx_copy_out(call, node, &zero, sizeof(zero)))
		return -LX_EFAULT;
	return 0;
}
