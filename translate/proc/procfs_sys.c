/*
 * /proc/sys: limits and facts of the kernel. Values are the host's, where lxrun is
 * bound by them, and LX's own, where it keeps them itself (pid_max, hostname). None
 * can be written: a setting of the host is not a guest's to change.
 */
#include <core/process.h>
#include <proc/procfs.h>

#define HOST(folder, text) {.name = text, .kind = PROCFS_FILE, .host_path = "/proc/sys/" folder text, .seek = PROCFS_SEEK_PLAIN}
#define FOLDER(text, nodes) {.name = text, .kind = PROCFS_DIRECTORY, .permissions = 0555, .children = nodes}

static NTSTATUS show_pid_max(const struct procfs_subject *subject, struct procfs_text *text)
{
	procfs_printf(text, "%d\n", lx_pid_max);
	return STATUS_SUCCESS;
}

static NTSTATUS show_hostname(const struct procfs_subject *subject, struct procfs_text *text)
{
	char name[65];

	lx_node_name(name);
	procfs_printf(text, "%s\n", name);
	return STATUS_SUCCESS;
}

/* uuid is a fresh one at each look: content is generated when reading begins. */
static const struct procfs_node random_nodes[] = {
	HOST("kernel/random/", "boot_id"),
	HOST("kernel/random/", "entropy_avail"),
	HOST("kernel/random/", "poolsize"),
	HOST("kernel/random/", "urandom_min_reseed_secs"),
	HOST("kernel/random/", "uuid"),
	HOST("kernel/random/", "write_wakeup_threshold"),
	{0},
};

static const struct procfs_node seccomp_nodes[] = {
	HOST("kernel/seccomp/", "actions_avail"),
	HOST("kernel/seccomp/", "actions_logged"),
	{0},
};

#define KERNEL(text) HOST("kernel/", text)
static const struct procfs_node kernel_nodes[] = {
	KERNEL("arch"),
	KERNEL("cap_last_cap"),
	KERNEL("core_pattern"),
	KERNEL("core_uses_pid"),
	KERNEL("dmesg_restrict"),
	KERNEL("domainname"),
	{.name = "hostname", .kind = PROCFS_FILE, .permissions = 0644, .show = show_hostname, .seek = PROCFS_SEEK_PLAIN},
	KERNEL("io_uring_disabled"),
	KERNEL("kptr_restrict"),
	KERNEL("msgmax"),
	KERNEL("msgmnb"),
	KERNEL("msgmni"),
	KERNEL("ngroups_max"),
	KERNEL("osrelease"),
	KERNEL("ostype"),
	KERNEL("overflowgid"),
	KERNEL("overflowuid"),
	KERNEL("perf_event_paranoid"),
	{.name = "pid_max", .kind = PROCFS_FILE, .permissions = 0644, .show = show_pid_max, .seek = PROCFS_SEEK_PLAIN},
	FOLDER("random", random_nodes),
	KERNEL("randomize_va_space"),
	FOLDER("seccomp", seccomp_nodes),
	KERNEL("sem"),
	KERNEL("shmall"),
	KERNEL("shmmax"),
	KERNEL("shmmni"),
	KERNEL("tainted"),
	KERNEL("threads-max"),
	KERNEL("unprivileged_bpf_disabled"),
	KERNEL("version"),
	{0},
};

#define VM(text) HOST("vm/", text)
static const struct procfs_node vm_nodes[] = {
	VM("dirty_background_bytes"),
	VM("dirty_background_ratio"),
	VM("dirty_bytes"),
	VM("dirty_ratio"),
	VM("max_map_count"),
	VM("memfd_noexec"),
	VM("min_free_kbytes"),
	VM("mmap_min_addr"),
	VM("nr_hugepages"),
	VM("nr_overcommit_hugepages"),
	VM("overcommit_kbytes"),
	VM("overcommit_memory"),
	VM("overcommit_ratio"),
	VM("page-cluster"),
	VM("swappiness"),
	VM("unprivileged_userfaultfd"),
	VM("vfs_cache_pressure"),
	{0},
};

static const struct procfs_node inotify_nodes[] = {
	HOST("fs/inotify/", "max_queued_events"),
	HOST("fs/inotify/", "max_user_instances"),
	HOST("fs/inotify/", "max_user_watches"),
	{0},
};
static const struct procfs_node epoll_nodes[] = {HOST("fs/epoll/", "max_user_watches"), {0}};
static const struct procfs_node mqueue_nodes[] = {
	HOST("fs/mqueue/", "msg_default"), HOST("fs/mqueue/", "msg_max"),    HOST("fs/mqueue/", "msgsize_default"),
	HOST("fs/mqueue/", "msgsize_max"), HOST("fs/mqueue/", "queues_max"), {0},
};

#define FS(text) HOST("fs/", text)
static const struct procfs_node fs_nodes[] = {
	FS("aio-max-nr"),
	FS("aio-nr"),
	FS("dentry-state"),
	FOLDER("epoll", epoll_nodes),
	FS("file-max"),
	FS("file-nr"),
	FS("inode-nr"),
	FS("inode-state"),
	FOLDER("inotify", inotify_nodes),
	FS("lease-break-time"),
	FS("leases-enable"),
	FS("mount-max"),
	FOLDER("mqueue", mqueue_nodes),
	FS("nr_open"),
	FS("overflowgid"),
	FS("overflowuid"),
	FS("pipe-max-size"),
	FS("pipe-user-pages-hard"),
	FS("pipe-user-pages-soft"),
	FS("protected_fifos"),
	FS("protected_hardlinks"),
	FS("protected_regular"),
	FS("protected_symlinks"),
	FS("suid_dumpable"),
	{0},
};

#define NET_CORE(text) HOST("net/core/", text)
static const struct procfs_node net_core_nodes[] = {
	NET_CORE("optmem_max"),	  NET_CORE("rmem_default"), NET_CORE("rmem_max"), NET_CORE("somaxconn"),
	NET_CORE("wmem_default"), NET_CORE("wmem_max"),	    {0},
};
#define NET_IPV4(text) HOST("net/ipv4/", text)
static const struct procfs_node net_ipv4_nodes[] = {
	NET_IPV4("ip_forward"),		       NET_IPV4("ip_local_port_range"),
	NET_IPV4("ip_unprivileged_port_start"), NET_IPV4("ping_group_range"),
	NET_IPV4("tcp_available_congestion_control"), NET_IPV4("tcp_congestion_control"),
	NET_IPV4("tcp_fastopen"),	       NET_IPV4("tcp_keepalive_intvl"),
	NET_IPV4("tcp_keepalive_probes"),      NET_IPV4("tcp_keepalive_time"),
	NET_IPV4("tcp_max_syn_backlog"),       NET_IPV4("tcp_mem"),
	NET_IPV4("tcp_rmem"),		       NET_IPV4("tcp_wmem"),
	{0},
};
static const struct procfs_node net_unix_nodes[] = {HOST("net/unix/", "max_dgram_qlen"), {0}};
static const struct procfs_node net_nodes[] = {
	FOLDER("core", net_core_nodes), FOLDER("ipv4", net_ipv4_nodes), FOLDER("unix", net_unix_nodes), {0}};

static const struct procfs_node user_nodes[] = {
	HOST("user/", "max_inotify_instances"), HOST("user/", "max_inotify_watches"),
	HOST("user/", "max_user_namespaces"), {0}};

const struct procfs_node lx_proc_sys_nodes[] = {
	FOLDER("fs", fs_nodes),	    FOLDER("kernel", kernel_nodes), FOLDER("net", net_nodes),
	FOLDER("user", user_nodes), FOLDER("vm", vm_nodes),	    {0},
};
