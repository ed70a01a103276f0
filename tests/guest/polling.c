/* poll(2), ppoll(2), select(2), pselect6(2): readiness, time-outs that are written back, masks, bad descriptors. */
#include "observe.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>

static int p[2];

static void on_signal(int signo)
{
	printf("signal %d\n", signo);
}

static long long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void show_poll(struct pollfd *entries, nfds_t count, int timeout)
{
	printf("poll = %d:", poll(entries, count, timeout));
	for (nfds_t i = 0; i < count; i++)
		printf(" %x", entries[i].revents);
	printf("\n");
}

static void polls(void)
{
	struct pollfd entries[4] = {{p[0], POLLIN, 99}, {p[1], POLLOUT, 99}, {-1, POLLIN, 99}, {777, POLLIN, 99}};
	struct timespec start;
	struct rlimit limit = {64, 64};
	int file = open("file", O_RDWR | O_CREAT, 0600), null = open("/dev/null", O_RDWR);

	section("poll");
	show_poll(entries, 4, -1);
	show_poll(entries, 3, 0);
	show_poll(entries, 1, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	show_poll(entries, 1, 60);
	printf("waited %d\n", elapsed_ms(&start) >= 60);
	clock_gettime(CLOCK_MONOTONIC, &start);
	OBSERVE(poll(NULL, 0, 30));
	printf("waited %d\n", elapsed_ms(&start) >= 30);
	OBSERVE(poll((void *)8, 1, 0));
	OBSERVE(write(p[1], "x", 1));
	entries[0].events = POLLIN | POLLRDNORM | POLLOUT | POLLPRI;
	show_poll(entries, 3, -1);
	entries[0] = (struct pollfd){file, POLLIN | POLLOUT | POLLRDNORM | POLLPRI, 0};
	entries[1] = (struct pollfd){null, POLLIN | POLLOUT | POLLWRNORM, 0};
	entries[2] = (struct pollfd){open(".", O_RDONLY), POLLIN, 0};
	entries[3] = (struct pollfd){open(".", O_PATH), POLLIN, 0};
	show_poll(entries, 4, 1000);
	setrlimit(RLIMIT_NOFILE, &limit);
	OBSERVE(poll((void *)8, 65, 0));
	close(file);
	close(null);
	close(entries[2].fd);
	close(entries[3].fd);
}

static void wakes(void)
{
	struct pollfd entry = {p[0], POLLIN, 0};
	char byte;
	pid_t child;
	int gate[2];

	section("wake");
	OBSERVE(read(p[0], &byte, 1));
	pipe(gate);
	child = fork();
	if (child == 0) {
		read(gate[0], &byte, 1);
		usleep(20000);
		write(p[1], "y", 1);
		_exit(0);
	}
	write(gate[1], "g", 1);
	show_poll(&entry, 1, 10000);
	waitpid(child, NULL, 0);
	OBSERVE(read(p[0], &byte, 1));
	close(gate[0]);
	close(gate[1]);
}

static void signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct timespec timeout = {5, 0};
	struct pollfd entry = {p[0], POLLIN, 0};
	struct { const sigset_t *mask; size_t size; } packed;
	sigset_t blocked, none, now;

	section("signals");
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	alarm(1);
	OBSERVE(poll(&entry, 1, -1));
	alarm(1);
	OBSERVE(select(0, NULL, NULL, NULL, NULL));
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	raise(SIGUSR1);
	OBSERVE(syscall(SYS_ppoll, &entry, 1, &timeout, &none, 8));
	printf("left %d\n", timeout.tv_sec == 4 && timeout.tv_nsec > 0);
	sigprocmask(SIG_SETMASK, NULL, &now);
	printf("blocked again %d\n", sigismember(&now, SIGUSR1));
	raise(SIGUSR1);
	packed.mask = &none;
	packed.size = 8;
	OBSERVE(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, &packed));
	sigprocmask(SIG_SETMASK, NULL, &now);
	printf("blocked again %d\n", sigismember(&now, SIGUSR1));
	OBSERVE(syscall(SYS_ppoll, &entry, 1, &timeout, &none, 4));
	packed.size = 4;
	OBSERVE(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, &packed));
	timeout = (struct timespec){0, 1000000000};
	OBSERVE(syscall(SYS_ppoll, &entry, 1, &timeout, NULL, 8));
	timeout = (struct timespec){0, 0};
	OBSERVE(syscall(SYS_ppoll, &entry, 1, &timeout, &none, 8));
	sigprocmask(SIG_SETMASK, NULL, &now);
	printf("blocked again %d\n", sigismember(&now, SIGUSR1));
	OBSERVE(syscall(SYS_ppoll, &entry, 1, &timeout, (void *)8, 8));
	OBSERVE(syscall(SYS_pselect6, 0, NULL, NULL, NULL, (void *)8, NULL));
}

static void show_sets(int result, const fd_set *in, const fd_set *out, const fd_set *except)
{
	printf("select = %d: in %d out %d except %d\n", result, FD_ISSET(p[0], in), FD_ISSET(p[1], out),
	       FD_ISSET(p[0], except));
}

static void selects(void)
{
	struct timeval timeout = {0, 30000};
	fd_set in, out, except;
	char byte;

	section("select");
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(p[0], &in);
	FD_SET(p[0], &except);
	show_sets(select(p[1] + 1, &in, &out, &except, &timeout), &in, &out, &except);
	printf("left %ld %ld\n", (long)timeout.tv_sec, (long)timeout.tv_usec);
	write(p[1], "x", 1);
	FD_SET(p[0], &in);
	FD_SET(p[1], &out);
	FD_SET(p[0], &except);
	show_sets(select(p[1] + 1, &in, &out, &except, NULL), &in, &out, &except);
	FD_SET(p[0], &in);
	FD_CLR(p[1], &out);
	timeout = (struct timeval){10, 0};
	show_sets(select(p[0] + 1, &in, NULL, NULL, &timeout), &in, &out, &except);
	printf("left %d\n", timeout.tv_sec == 9 && timeout.tv_usec > 0);
	OBSERVE(read(p[0], &byte, 1));
	FD_ZERO(&in);
	FD_SET(60, &in);
	OBSERVE(select(61, &in, NULL, NULL, NULL));
	OBSERVE(select(-1, NULL, NULL, NULL, NULL));
	timeout = (struct timeval){-1, 0};
	OBSERVE(select(0, NULL, NULL, NULL, &timeout));
	timeout = (struct timeval){0, 1000001};
	OBSERVE(select(0, NULL, NULL, NULL, &timeout));
	timeout = (struct timeval){0, -1};
	OBSERVE(select(0, NULL, NULL, NULL, &timeout));
	OBSERVE(select(1, (void *)8, NULL, NULL, NULL));
	timeout = (struct timeval){0, 0};
	OBSERVE(syscall(SYS_select, 0, (void *)8, NULL, NULL, &timeout));
}

int main(void)
{
	pipe(p);
	polls();
	wakes();
	signals();
	selects();
	return 0;
}
