/* The kinds of descriptors, and how calls on them are tried. */
#include "kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOTES_SIZE = 16 << 20, BLOCKS_FOR_MICROSECONDS = 150000, HANGS_FOR_SECONDS = 10 };

static struct {
	size_t used;
	char text[NOTES_SIZE];
} *notes;

static int pick(const int ends[2], int which)
{
	close(ends[!which]);
	return ends[which];
}

static int make_file(int flags)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)!write(fd, "sixteen letters.and some more", 29);
	close(fd);
	return open("file", flags | O_NONBLOCK);
}

static int regular(void) { return make_file(O_RDWR); }
static int regular_reader(void) { return make_file(O_RDONLY); }
static int regular_writer(void) { return make_file(O_WRONLY); }
static int regular_append(void) { return make_file(O_RDWR | O_APPEND); }
static int path_file(void) { return make_file(O_PATH); }

static int make_directory(int flags)
{
	mkdir("directory", 0755);
	close(open("directory/entry", O_WRONLY | O_CREAT, 0600));
	return open("directory", flags | O_DIRECTORY);
}

static int directory(void) { return make_directory(O_RDONLY); }
static int path_directory(void) { return make_directory(O_PATH); }

static int path_link(void)
{
	(void)!symlink("file", "link");
	return open("link", O_PATH | O_NOFOLLOW);
}

static int make_fifo(bool writer)
{
	int both;

	mkfifo("fifo", 0600);
	both = open("fifo", O_RDWR | O_NONBLOCK);
	if (!writer)
		(void)!write(both, "through a fifo, a text", 22);
	/* The other end stays: it goes with all the others. */
	return open("fifo", (writer ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
}

static int fifo_reader(void) { return make_fifo(false); }
static int fifo_writer(void) { return make_fifo(true); }

static int make_pipe(int which)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK) < 0)
		return -1;
	if (which == 0)
		(void)!write(ends[1], "through a pipe, a text", 22);
	return ends[which];
}

static int pipe_reader(void) { return make_pipe(0); }
static int pipe_writer(void) { return make_pipe(1); }

static int broken_pipe(void)
{
	int ends[2];

	return pipe2(ends, O_NONBLOCK) < 0 ? -1 : pick(ends, 1);
}

static int ended_pipe(void)
{
	int ends[2];

	return pipe2(ends, O_NONBLOCK) < 0 ? -1 : pick(ends, 0);
}

static int inherited_reader(void)
{
	(void)!write(INHERITED_WRITER, "through a pipe, a text", 22);
	return dup(INHERITED_READER);
}

static int inherited_writer(void) { return dup(INHERITED_WRITER); }
static int inherited_socket(void) { return dup(INHERITED_SOCKET); }
static int inherited_slave(void) { return dup(INHERITED_SLAVE); }

static int make_terminal(bool slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), zero = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &zero) < 0)
		return -1;
	return slave ? ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK) : master;
}

static int pty_master(void) { return make_terminal(false); }
static int pty_slave(void) { return make_terminal(true); }
static int null_device(void) { return open("/dev/null", O_RDWR); }
static int zero_device(void) { return open("/dev/zero", O_RDWR); }
static int full_device(void) { return open("/dev/full", O_RDWR); }
static int random_device(void) { return open("/dev/urandom", O_RDONLY); }
static int proc_file(void) { return open("/proc/self/comm", O_RDONLY); }
static int proc_writable(void) { return open("/proc/self/comm", O_RDWR); }
static int proc_directory(void) { return open("/proc/self", O_RDONLY | O_DIRECTORY); }
static int proc_root(void) { return open("/proc", O_RDONLY | O_DIRECTORY); }

static int shared_memory(void)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/dev/shm/descriptors.%d", (int)getpid());
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	unlink(name);
	(void)!write(fd, "sixteen letters.and some more", 29);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int memory_file(void)
{
	int fd = memfd_create("memory", MFD_ALLOW_SEALING);

	(void)!write(fd, "sixteen letters.and some more", 29);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int timer(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); }

static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return signalfd(-1, &set, SFD_NONBLOCK);
}

static int event(void) { return eventfd(3, EFD_NONBLOCK); }
static int closed(void) { return -1; }

const struct kind kinds[] = {
	{"closed", closed, CLOSED_KIND},
	{"regular", regular, NAMED_KIND},
	{"regular, read", regular_reader, NAMED_KIND},
	{"regular, written", regular_writer, NAMED_KIND},
	{"regular, append", regular_append, NAMED_KIND},
	{"directory", directory, NAMED_KIND},
	{"O_PATH file", path_file, PATH_KIND | NAMED_KIND},
	{"O_PATH directory", path_directory, PATH_KIND | NAMED_KIND},
	{"O_PATH link", path_link, PATH_KIND | NAMED_KIND},
	{"FIFO, read", fifo_reader, NAMED_KIND},
	{"FIFO, written", fifo_writer, NAMED_KIND},
	{"pipe, read", pipe_reader, 0},
	{"pipe, written", pipe_writer, 0},
	{"pipe without reader", broken_pipe, 0},
	{"pipe without writer", ended_pipe, 0},
	{"inherited pipe, read", inherited_reader, INHERITED_KIND},
	{"inherited pipe, written", inherited_writer, INHERITED_KIND},
	{"inherited socket", inherited_socket, SOCKET_KIND | INHERITED_KIND},
	{"inherited terminal", inherited_slave, INHERITED_KIND},
	{"pty master", pty_master, 0},
	{"pty slave", pty_slave, 0},
	{"/dev/null", null_device, 0},
	{"/dev/zero", zero_device, 0},
	{"/dev/full", full_device, 0},
	{"/dev/urandom", random_device, 0},
	{"procfs file", proc_file, 0},
	{"procfs writable", proc_writable, 0},
	{"procfs directory", proc_directory, 0},
	{"procfs root", proc_root, 0},
	{"tmpfs file", shared_memory, 0},
	{"memfd", memory_file, 0},
	{"timerfd", timer, 0},
	{"signalfd", signals, 0},
	{"eventfd", event, 0},
};
const size_t kind_count = sizeof(kinds) / sizeof(kinds[0]);

bool make_kind(const struct kind *kind, int number)
{
	int fd = kind->make();

	if (fd < 0 && !(kind->traits & CLOSED_KIND)) {
		note("%s: can't be made: %s\n", kind->name, strerrorname_np(errno));
		return false;
	}
	if (fd >= 0) {
		dup2(fd, number);
		close(fd);
	}
	return true;
}

static void drain(int fd)
{
	char text[4096];

	while (read(fd, text, sizeof(text)) > 0)
		;
}

static void clean_up_inherited(void)
{
	for (int fd = INHERITED_READER; fd <= INHERITED_MASTER; fd++)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	drain(INHERITED_READER);
	drain(INHERITED_PEER);
	drain(INHERITED_MASTER);
}

static void remove_names(void)
{
	static const char *const names[] = {"file", "link", "fifo", "directory/entry", "directory/other", "directory"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unlink(names[i]) < 0 && errno == EISDIR)
			rmdir(names[i]);
}

void clean_up_kinds(unsigned traits)
{
	close_range(3, INHERITED_READER - 1, 0);
	close_range(INHERITED_MASTER + 1, ~0U, 0);
	if (traits & INHERITED_KIND)
		clean_up_inherited();
	if (traits & NAMED_KIND)
		remove_names();
}

void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	notes->used += (size_t)vsnprintf(notes->text + notes->used, NOTES_SIZE - notes->used, format, arguments);
	va_end(arguments);
	if (notes->used >= NOTES_SIZE)
		abort();
}

void begin_notes(void)
{
	notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (notes == MAP_FAILED)
		abort();
}

void print_notes(void)
{
	fwrite(notes->text, 1, notes->used, stdout);
	fflush(stdout);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Only the alarm that ends a blocking call comes through. */
static void ignore_signals(void)
{
	struct sigaction alarm = {.sa_handler = on_alarm};

	for (int number = 1; number < NSIG; number++)
		if (number != SIGCHLD && number != SIGSEGV && number != SIGABRT)
			signal(number, SIG_IGN);
	sigaction(SIGALRM, &alarm, NULL);
}

void try_in_child(void (*try)(const void *), const void *subject, const char *name)
{
	pid_t child = fork();
	int status;

	if (!child) {
		ignore_signals();
		try(subject);
		_exit(0);
	}
	for (int waited = 0; waitpid(child, &status, WNOHANG) != child; waited++) {
		if (waited == HANGS_FOR_SECONDS * 1000) {
			note("%s: hangs\n", name);
			kill(child, SIGKILL);
		}
		usleep(1000);
	}
	if (status != 0)
		note("%s: status %#x\n", name, status);
}

const char *call_result(long number, const long arguments[6], bool is_address)
{
	const struct itimerval soon = {{0, 20000}, {0, BLOCKS_FOR_MICROSECONDS}}, never = {0};
	static char text[32];
	long result;

	setitimer(ITIMER_REAL, &soon, NULL);
	errno = 0;
	result = syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
	if (result == -1 && errno)
		snprintf(text, sizeof(text), "%s", strerrorname_np(errno) ?: "an errno without a name");
	else if (is_address)
		snprintf(text, sizeof(text), "an address");
	else
		snprintf(text, sizeof(text), "%ld", result);
	setitimer(ITIMER_REAL, &never, NULL);
	return text;
}
