/*
 * Descriptors of every kind by their names in /proc/self/fd: who may do what with them; attributes of files of /proc, and writing
 * where nothing can be written. mount and umount2 of what isn't there.
 */
#include "observe.h"

#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int make_pipe(void)
{
	int ends[2];

	return pipe(ends) < 0 ? -1 : ends[0];
}

static int make_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none, 0);
}

static void ask(const char *kind, int fd)
{
	char path[64];

	printf("--- %s\n", kind);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OBSERVE(access(path, R_OK));
	OBSERVE(access(path, W_OK));
	OBSERVE(access(path, X_OK));
	OBSERVE(syscall(SYS_faccessat2, fd, "", R_OK | W_OK, AT_EMPTY_PATH));
	OBSERVE(syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH));
	OBSERVE_SUCCESS(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
	OBSERVE_SUCCESS(open(path, O_RDWR | O_NONBLOCK | O_NOCTTY));
	OBSERVE_SUCCESS(open(path, O_RDONLY | O_DIRECTORY));
	OBSERVE_SUCCESS(open(path, O_PATH));
	OBSERVE(utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW));
	OBSERVE(lchown(path, -1, -1));
	OBSERVE(unlink(path));
	OBSERVE(rmdir(path));
	OBSERVE(syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH));
}

static void write_to(const char *path)
{
	int fd = open(path, O_WRONLY);

	printf("%s: %s\n", path, fd < 0 ? strerrorname_np(errno) : "open");
	if (fd < 0)
		return;
	OBSERVE(write(fd, "1", 1));
	OBSERVE(pwrite(fd, "1", 1, 0));
	OBSERVE(ftruncate(fd, 0));
	close(fd);
}

static void of_proc(void)
{
	printf("--- files of /proc\n");
	OBSERVE(access("/proc/self/fd", W_OK));
	OBSERVE(access("/proc/self/fd", X_OK));
	OBSERVE(access("/proc/self/task", W_OK));
	OBSERVE(chown("/proc/self/stat", -1, -1));
	OBSERVE(utimensat(AT_FDCWD, "/proc/self/maps", NULL, 0));
	OBSERVE(chmod("/proc/self/stat", 0777));
	write_to("/proc/self/maps");
	write_to("/proc/self/stat");
	write_to("/proc/self/cmdline");
	write_to("/proc/self/pagemap");
	write_to("/proc/cpuinfo");
	write_to("/proc/uptime");
	write_to("/proc/loadavg");
	write_to("/proc/sys/kernel/osrelease");
}

static void mounts(void)
{
	char *nowhere = (char *)8;

	printf("--- mounts\n");
	OBSERVE(mount("none", "/nowhere", "tmpfs", 0, NULL));
	OBSERVE(mount("none", "/nowhere", nowhere, 0, NULL));
	OBSERVE(mount(nowhere, "/nowhere", "tmpfs", 0, NULL));
	OBSERVE(mount("none", "/nowhere", "tmpfs", 0, nowhere));
	OBSERVE(mount("none", nowhere, "tmpfs", 0, NULL));
	OBSERVE(mount("none", "", "tmpfs", 0, NULL));
	OBSERVE(umount2("/nowhere", 0));
	OBSERVE(umount2("/nowhere", 0x10));
	OBSERVE(umount2(nowhere, 0));
}

/* The values that the kernel itself gives, past what the C library makes of them. */
static void auxiliary(void)
{
	unsigned long entry[2];
	int fd = open("/proc/self/auxv", O_RDONLY);

	while (read(fd, entry, sizeof(entry)) == sizeof(entry))
		if (entry[0] == 16 || entry[0] == 26 || entry[0] == 51)
			printf("%lu: %lx\n", entry[0], entry[1]);
	close(fd);
}

int main(void)
{
	siginfo_t info = {.si_code = SI_TKILL};

	ask("pipe", make_pipe());
	ask("event", eventfd(0, 0));
	ask("timer", timerfd_create(CLOCK_MONOTONIC, 0));
	ask("signal", make_signals());
	ask("null", open("/dev/null", O_RDWR));
	ask("zero", open("/dev/zero", O_RDWR));
	ask("terminal", open("/dev/ptmx", O_RDWR | O_NOCTTY));
	ask("root", open("/", O_RDONLY));
	of_proc();
	mounts();
	auxiliary();
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, -1, 1, 0, &info));
	OBSERVE(syscall(SYS_rt_tgsigqueueinfo, 1, 0, 0, &info));
	return 0;
}
