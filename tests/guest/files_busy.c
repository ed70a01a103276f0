/* ETXTBSY: what is being executed can't be written, and what is being written can't be executed. FIFOs that wait. */
#include "observe.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static void copy_self(const char *path)
{
	char data[65536];
	int in = open("/proc/self/exe", O_RDONLY), out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t size;

	while ((size = read(in, data, sizeof(data))) > 0)
		if (write(out, data, (size_t)size) != size)
			exit(99);
	close(in);
	close(out);
}

/* ./prog, which says that it runs and ends when its standard input does. */
static pid_t start_program(int *input)
{
	int in[2], out[2];
	pid_t child;
	char byte;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		exit(99);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl("./prog", "prog", "wait", (char *)NULL);
		_exit(errno);
	}
	close(in[0]);
	close(out[1]);
	*input = in[1];
	if (read(out[0], &byte, 1) != 1)
		printf("it does not run\n");
	close(out[0]);
	return child;
}

/* Run it to its end: its status, or the errno that kept it from running. */
static int run(const char *path)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		execl(path, path, "end", (char *)NULL);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void busy_program(void)
{
	struct stat before, after;
	int input, fd;
	pid_t child;

	section("executing keeps writers out");
	stat("prog", &before);
	child = start_program(&input);
	OBSERVE(open("prog", O_WRONLY));
	OBSERVE(open("prog", O_RDWR | O_TRUNC));
	OBSERVE(open("prog", O_RDONLY | O_TRUNC));
	OBSERVE(truncate("prog", 0));
	stat("prog", &after);
	printf("same size: %d\n", before.st_size == after.st_size);
	fd = open("prog", O_RDONLY);
	printf("readable: %d\n", fd >= 0);
	close(fd);
	OBSERVE(chmod("prog", 0700));
	OBSERVE(rename("prog", "moved"));
	OBSERVE(open("moved", O_WRONLY));
	OBSERVE(rename("moved", "prog"));
	close(input);
	waitpid(child, NULL, 0);
	fd = open("prog", O_WRONLY);
	printf("writable afterwards: %d\n", fd >= 0);
	section("writing keeps from executing");
	printf("%s\n", strerrorname_np(run("./prog")));
	close(fd);
	printf("%d\n", run("./prog"));
	OBSERVE(open("/proc/self/exe", O_WRONLY));
}

static void busy_script(void)
{
	int fd;

	section("a script");
	make_file("script", "#!/bin/sh\necho more >> script\nexit 7\n");
	chmod("script", 0755);
	fd = open("script", O_WRONLY);
	printf("%s\n", strerrorname_np(run("./script")));
	close(fd);
	printf("%d\n", run("./script"));
	show_file("script");
}

static void no_action(int signal)
{
}

static void waiting_open(void)
{
	const struct sigaction action = {.sa_handler = no_action};
	const struct itimerval soon = {.it_value.tv_usec = 50000, .it_interval.tv_usec = 50000}, never = {0};
	pid_t child;
	char text[8] = "";
	int fd;

	section("a FIFO");
	mkfifo("fifo", 0600);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	OBSERVE(open("fifo", O_RDONLY));
	OBSERVE(open("fifo", O_WRONLY));
	setitimer(ITIMER_REAL, &never, NULL);
	OBSERVE(open("fifo", O_WRONLY | O_NONBLOCK));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		fd = open("fifo", O_WRONLY);
		_exit(write(fd, "through", 7) != 7);
	}
	fd = open("fifo", O_RDONLY);
	OBSERVE(read(fd, text, sizeof(text)));
	OBSERVE(read(fd, text + 7, 1));
	printf("%s\n", text);
	waitpid(child, NULL, 0);
	close(fd);
	fd = open("fifo", O_RDWR);
	setitimer(ITIMER_REAL, &soon, NULL);
	OBSERVE(read(fd, text, sizeof(text)));
	setitimer(ITIMER_REAL, &never, NULL);
	close(fd);
}

int main(int argc, char **argv)
{
	char byte;

	if (argc > 1 && !strcmp(argv[1], "end"))
		return 42;
	if (argc > 1)
		return write(1, "x", 1) != 1 || read(0, &byte, 1) != 0;
	copy_self("prog");
	busy_program();
	busy_script();
	waiting_open();
	return 0;
}
