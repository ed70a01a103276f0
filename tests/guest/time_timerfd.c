/* Timer descriptors: expiries read, polled, absolute, non-blocking, shared by fork; errors. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long result;
#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result < 0 ? strerrorname_np(errno) : "ok"))

int main(void)
{
	struct itimerspec once = {.it_value = {0, 3000000}}, often = {{0, 1000000}, {0, 1000000}}, now, none = {{0, 0}, {0, 0}};
	struct itimerspec bad = {.it_value = {0, 1000000000}}, past = {.it_value = {1, 0}}, late = {.it_value = {100, 0}};
	uint64_t count = 0;
	int status, fd = timerfd_create(CLOCK_MONOTONIC, 0), quick = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("close-on-exec %d %d\n", fcntl(fd, F_GETFD), fcntl(quick, F_GETFD));
	TRY(timerfd_settime(fd, 0, &once, NULL));
	TRY(read(fd, &count, sizeof(count)));
	printf("expired %lu\n", count);
	TRY(timerfd_gettime(fd, &now));
	printf("left %ld %ld\n", now.it_value.tv_sec, now.it_value.tv_nsec);
	TRY(timerfd_settime(fd, 0, &often, NULL));
	struct timespec pause_time = {0, 20000000};
	nanosleep(&pause_time, NULL);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	TRY(poll(&poll_fd, 1, 50000));
	TRY(read(fd, &count, sizeof(count)));
	printf("many %d\n", count >= 15);
	TRY(timerfd_settime(fd, 0, &none, &now));
	printf("old interval %ld\n", now.it_interval.tv_nsec);
	TRY(poll(&poll_fd, 1, 0));
	TRY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL));
	TRY(read(fd, &count, sizeof(count)));
	TRY(read(quick, &count, sizeof(count)));
	TRY(timerfd_settime(quick, 0, &late, NULL));
	TRY(read(quick, &count, sizeof(count)));
	TRY(read(fd, &count, 4));
	TRY(write(fd, &count, sizeof(count)));
	TRY(timerfd_settime(fd, 0, &bad, NULL));
	TRY(timerfd_settime(fd, 8, &once, NULL));
	TRY(syscall(SYS_timerfd_settime, fd, 0, NULL, NULL));
	TRY(timerfd_settime(1, 0, &once, NULL));
	TRY(timerfd_settime(99, 0, &once, NULL));
	TRY(timerfd_gettime(99, &now));
	TRY(timerfd_create(CLOCK_MONOTONIC_RAW, 0));
	TRY(timerfd_create(CLOCK_MONOTONIC, 1));
	timerfd_settime(fd, 0, &once, NULL);
	pid_t child = fork();
	if (child == 0)
		_exit(read(fd, &count, sizeof(count)) == 8 && count == 1 ? 4 : 5);
	waitpid(child, &status, 0);
	printf("shared with a child %d\n", WEXITSTATUS(status));
	return 0;
}
