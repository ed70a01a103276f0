/*
 * The gate's judgement on one file. See gate.h; open.c asks for it where an open left the mount that it started on.
 *
 * Only file systems without a device of their own can be views of the kernel. A mount that was found to be none is
 * remembered by the host's unique number of it, which no other mount ever gets; hosts before 6.8 have none, and are
 * asked each time. Device numbers would not do: an unmounted file system's is given to the next one.
 */
#include <drivers/hostfs/gate.h>
#include <drivers/hostfs/internal.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

#define REMEMBERED_MOUNTS 64
#define MEMORY_DEVICES 1

const struct hostfs_kernel_view hostfs_kernel_views[] = {
    {PROC_SUPER_MAGIC, "proc", HOSTFS_RULE_LEAVES},
    {SYSFS_MAGIC, "sysfs", HOSTFS_RULE_LOOK},
    {CGROUP_SUPER_MAGIC, "cgroup", HOSTFS_RULE_LEAVES},
    {CGROUP2_SUPER_MAGIC, "cgroup2", HOSTFS_RULE_LEAVES},
    {DEVPTS_SUPER_MAGIC, "devpts", HOSTFS_RULE_TERMINALS},
    {DEBUGFS_MAGIC, "debugfs", HOSTFS_RULE_NOTHING},
    {TRACEFS_MAGIC, "tracefs", HOSTFS_RULE_NOTHING},
    {SECURITYFS_MAGIC, "securityfs", HOSTFS_RULE_NOTHING},
    {SELINUX_MAGIC, "selinuxfs", HOSTFS_RULE_NOTHING},
    {SMACK_MAGIC, "smackfs", HOSTFS_RULE_NOTHING},
    {0x5a3c69f0, "apparmorfs", HOSTFS_RULE_NOTHING},
    {BPF_FS_MAGIC, "bpf", HOSTFS_RULE_NOTHING},
    {0x62656570, "configfs", HOSTFS_RULE_NOTHING},
    {BINFMTFS_MAGIC, "binfmt_misc", HOSTFS_RULE_NOTHING},
    {0x19800202, "mqueue", HOSTFS_RULE_NOTHING},
    {PSTOREFS_MAGIC, "pstore", HOSTFS_RULE_NOTHING},
    {EFIVARFS_MAGIC, "efivarfs", HOSTFS_RULE_NOTHING},
    {0x65735543, "fusectl", HOSTFS_RULE_NOTHING},
    {NSFS_MAGIC, "nsfs", HOSTFS_RULE_NOTHING},
    {0x50494446, "pidfs", HOSTFS_RULE_NOTHING},
    {RDTGROUP_SUPER_MAGIC, "resctrl", HOSTFS_RULE_NOTHING},
    {0x6e667364, "nfsd", HOSTFS_RULE_NOTHING},
    {0x67596969, "rpc_pipefs", HOSTFS_RULE_NOTHING},
    {BINDERFS_SUPER_MAGIC, "binder", HOSTFS_RULE_NOTHING},
    {0x0a647361, "functionfs", HOSTFS_RULE_NOTHING},
    {0xaee71ee7, "gadgetfs", HOSTFS_RULE_NOTHING},
    {OPENPROM_SUPER_MAGIC, "openpromfs", HOSTFS_RULE_NOTHING},
    {USBDEVICE_SUPER_MAGIC, "usbfs", HOSTFS_RULE_NOTHING},
    {XENFS_SUPER_MAGIC, "xenfs", HOSTFS_RULE_NOTHING},
    {0x23c9b64e, "spufs", HOSTFS_RULE_NOTHING},
    {0x76a9f425, "ocfs2_dlmfs", HOSTFS_RULE_NOTHING},
};
const size_t hostfs_kernel_view_count = ARRAY_COUNT(hostfs_kernel_views);

/* Files that say how much the machine or the group has of something, which programs size themselves by. */
static const char *const proc_leaves[] = {"cpuinfo", "meminfo", "version", "uptime", "filesystems", "stat", NULL};
static const char *const cgroup_leaves[] = {
    "cgroup.controllers",    "cpu.max",		  "cpu.weight",		    "cpu.cfs_period_us", "cpu.cfs_quota_us",
    "cpu.shares",	     "cpuset.cpus",	  "cpuset.mems",	    "memory.current",	 "cpuset.cpus.effective",
    "cpuset.mems.effective", "memory.high",	  "memory.limit_in_bytes",  "memory.max",	 "memory.swap.current",
    "memory.swap.max",	     "memory.swap.high", "memory.usage_in_bytes", "pids.max",		 NULL,
};
/* Directories of sysfs that show or take process numbers: AMD's compute driver, and what watches memory accesses. */
static const char *const sysfs_hidden[] = {"/devices/virtual/kfd/kfd/proc", "/kernel/mm/damon", NULL};

/* Unique numbers of mounts that are no view of the kernel; a slot says nothing about other numbers. */
static _Atomic uint64_t harmless_mounts[REMEMBERED_MOUNTS];

static const struct hostfs_kernel_view *view_of(int fd)
{
	struct statfs status;

	/* None of the views can fail in this; file systems in user space can. */
	if (fstatfs(fd, &status) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(hostfs_kernel_views); i++)
		if (hostfs_kernel_views[i].type == (uint32_t)status.f_type)
			return &hostfs_kernel_views[i];
	return NULL;
}

/* The host's path of a descriptor; "" if there is none. */
static void read_path(int fd, char path[PATH_MAX])
{
	char link[HOSTFS_PROC_PATH_SIZE];
	ssize_t length;

	hostfs_proc_path(fd, link);
	length = readlink(link, path, PATH_MAX - 1);
	path[MAX_OF(length, (ssize_t)0)] = 0;
}

/* Does the path have these components somewhere? */
static bool has_components(const char *path, const char *components)
{
	size_t size = strlen(components);

	for (const char *at = strstr(path, components); at; at = strstr(at + 1, components))
		if (at[size] == '/' || !at[size])
			return true;
	return false;
}

static bool is_hidden(int fd)
{
	char path[PATH_MAX];

	read_path(fd, path);
	for (size_t i = 0; sysfs_hidden[i]; i++)
		if (has_components(path, sysfs_hidden[i]))
			return true;
	return false;
}

static const char *find_name(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

/*
 * A process has files of the same names as the system: the inode is the same in every mount of proc, and only the
 * system's own are compared with it.
 */
static bool is_of_system(const struct stat *status, const char *name)
{
	char path[64];
	struct stat own;

	snprintf(path, sizeof(path), "/proc/%s", name);
	return stat(path, &own) == 0 && own.st_ino == status->st_ino && S_ISREG(own.st_mode);
}

static bool is_leaf(int fd, uint32_t type)
{
	const bool proc = type == PROC_SUPER_MAGIC;
	char path[PATH_MAX];
	const char *name;
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return false;
	read_path(fd, path);
	name = strrchr(path, '/');
	name = name ? find_name(name + 1, proc ? proc_leaves : cgroup_leaves) : NULL;
	return name && (!proc || is_of_system(&status, name));
}

static bool is_own_terminals(const struct statx *file)
{
	struct stat status;

	return stat("/dev/pts", &status) == 0 && major(status.st_dev) == file->stx_dev_major &&
	       minor(status.st_dev) == file->stx_dev_minor;
}

static enum hostfs_gate judge(int fd, const struct hostfs_kernel_view *view, const struct statx *file)
{
	if (view->rule == HOSTFS_RULE_TERMINALS && is_own_terminals(file))
		return HOSTFS_GATE_OPEN;
	if (view->rule == HOSTFS_RULE_LOOK && !is_hidden(fd))
		return HOSTFS_GATE_LOOK;
	if (view->rule == HOSTFS_RULE_LEAVES && is_leaf(fd, view->type))
		return HOSTFS_GATE_LOOK;
	return file->stx_attributes & STATX_ATTR_MOUNT_ROOT ? HOSTFS_GATE_SEALED : HOSTFS_GATE_SHUT;
}

enum hostfs_gate hostfs_gate_of(int fd)
{
	const struct hostfs_kernel_view *view;
	_Atomic uint64_t *remembered;
	struct statx file;

	/* A host without statx tells neither devices nor mounts here. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID_UNIQUE, &file) < 0)
		file = (struct statx){0};
	if (file.stx_dev_major)
		return HOSTFS_GATE_OPEN;
	remembered = file.stx_mask & STATX_MNT_ID_UNIQUE ? &harmless_mounts[file.stx_mnt_id % REMEMBERED_MOUNTS] : NULL;
	if (remembered && atomic_load_explicit(remembered, memory_order_relaxed) == file.stx_mnt_id)
		return HOSTFS_GATE_OPEN;
	view = view_of(fd);
	if (view)
		return judge(fd, view, &file);
	if (remembered)
		atomic_store_explicit(remembered, file.stx_mnt_id, memory_order_relaxed);
	return HOSTFS_GATE_OPEN;
}

bool hostfs_changes(uint64_t flags)
{
	return !(flags & O_PATH) && ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) ||
				     (flags & O_TMPFILE) == O_TMPFILE);
}

bool hostfs_gate_admits(enum hostfs_gate gate, uint64_t flags)
{
	switch (gate) {
	case HOSTFS_GATE_OPEN:
		return true;
	case HOSTFS_GATE_LOOK:
		return !hostfs_changes(flags);
	case HOSTFS_GATE_SEALED:
		return flags & O_PATH;
	case HOSTFS_GATE_SHUT:
		break;
	}
	return false;
}

bool hostfs_is_kernel_memory(const struct stat *status)
{
	/* mem, kmem, port, core, kmsg, oldmem */
	static const unsigned minors = 1U << 1 | 1U << 2 | 1U << 4 | 1U << 6 | 1U << 11 | 1U << 12;

	return S_ISCHR(status->st_mode) && major(status->st_rdev) == MEMORY_DEVICES && minor(status->st_rdev) < 32 &&
	       minors >> minor(status->st_rdev) & 1;
}
