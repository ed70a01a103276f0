/*
 * The top of /proc: what concerns the machine is the host's own file, from an
 * explicit list (anything else does not exist); what concerns processes is LX's.
 */
#include <core/thread.h>
#include <core/tree.h>
#include <proc/procfs.h>

#define HOST(text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/" text}
#define LINK(text, generator) {.name = text, .kind = PROCFS_LINK, .permissions = 0777, .target = generator}

static int64_t self_target(const struct procfs_subject *subject, char *target, size_t size)
{
	struct lx_thread *self = lx_current();

	return self ? snprintf(target, size, "%d", self->process->pid) : lx_proc_error(LX_ENOENT);
}

static int64_t thread_self_target(const struct procfs_subject *subject, char *target, size_t size)
{
	struct lx_thread *self = lx_current();

	return self ? snprintf(target, size, "%d/task/%d", self->process->pid, self->tid) : lx_proc_error(LX_ENOENT);
}

static int64_t mounts_target(const struct procfs_subject *subject, char *target, size_t size)
{
	return snprintf(target, size, "self/mounts");
}

static int64_t net_target(const struct procfs_subject *subject, char *target, size_t size)
{
	return snprintf(target, size, "self/net");
}

/* The machine's load; the number that was given out last is the instance's. */
static NTSTATUS show_loadavg(const struct procfs_subject *subject, struct procfs_text *text)
{
	size_t start = text->size, end;

	procfs_append_host_lines(text, "/proc/loadavg", "");
	for (end = text->size; end > start && text->data[end - 1] != ' '; end--)
		;
	text->size = end;
	procfs_printf(text, "%d\n", lx_id_last());
	return STATUS_SUCCESS;
}

#define SYSV(text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/sysvipc/" text}
static const struct procfs_node sysvipc_nodes[] = {SYSV("msg"), SYSV("sem"), SYSV("shm"), {0}};

#define PRESSURE(text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/pressure/" text}
static const struct procfs_node pressure_nodes[] = {PRESSURE("cpu"), PRESSURE("io"), PRESSURE("memory"), {0}};

static const struct procfs_node top_nodes[] = {
	HOST("buddyinfo"),
	HOST("cgroups"),
	HOST("cmdline"),
	HOST("config.gz"),
	HOST("consoles"),
	HOST("cpuinfo"),
	HOST("crypto"),
	HOST("devices"),
	HOST("diskstats"),
	HOST("dma"),
	HOST("execdomains"),
	HOST("filesystems"),
	HOST("interrupts"),
	HOST("iomem"),
	HOST("ioports"),
	HOST("key-users"),
	HOST("keys"),
	{.name = "loadavg", .kind = PROCFS_FILE, .permissions = 0444, .show = show_loadavg},
	HOST("locks"),
	HOST("meminfo"),
	HOST("misc"),
	HOST("modules"),
	LINK("mounts", mounts_target),
	LINK("net", net_target),
	HOST("pagetypeinfo"),
	HOST("partitions"),
	{.name = "pressure", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = pressure_nodes},
	LINK("self", self_target),
	HOST("slabinfo"),
	HOST("softirqs"),
	HOST("stat"),
	HOST("swaps"),
	{.name = "sys", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = lx_proc_sys_nodes},
	{.name = "sysvipc", .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = sysvipc_nodes},
	LINK("thread-self", thread_self_target),
	HOST("timer_list"),
	HOST("uptime"),
	HOST("version"),
	HOST("vmallocinfo"),
	HOST("vmstat"),
	HOST("zoneinfo"),
	{0},
};

const struct procfs_node lx_proc_root_node = {
	.name = "",
	.kind = PROCFS_DIRECTORY,
	.permissions = 0555,
	.children = top_nodes,
	.numbers = &lx_proc_processes,
};
