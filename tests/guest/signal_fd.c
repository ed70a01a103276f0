/* Signals read from a descriptor: records, order, polling, changing the set, blocking and not. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long result;
#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result < 0 ? strerrorname_np(errno) : "ok"))

static void show(int fd)
{
	struct signalfd_siginfo record[8];
	ssize_t size = read(fd, record, sizeof(record));

	printf("read %zd\n", size);
	for (ssize_t i = 0; i < size / (ssize_t)sizeof(record[0]); i++)
		printf("  signal %u code %d pid self %d uid ok %d int %d status %d\n", record[i].ssi_signo, record[i].ssi_code,
		       record[i].ssi_pid == (uint32_t)getpid(), record[i].ssi_uid == getuid(), record[i].ssi_int,
		       record[i].ssi_status);
}

static void *sender(void *argument)
{
	(void)argument;
	kill(getpid(), SIGUSR2);
	return NULL;
}

int main(void)
{
	sigset_t set, none;
	struct signalfd_siginfo record;
	pthread_t thread;
	int fd, other;

	setvbuf(stdout, NULL, _IONBF, 0);
	sigemptyset(&none);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGUSR2);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	printf("flags %x close-on-exec %d\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	TRY(read(fd, &record, sizeof(record)));
	TRY(read(fd, &record, 127));
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	TRY(poll(&poll_fd, 1, 0));
	kill(getpid(), SIGUSR1);
	raise(SIGTERM);
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 5});
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 6});
	kill(getpid(), SIGUSR2);
	TRY(poll(&poll_fd, 1, -1));
	show(fd);
	TRY(poll(&poll_fd, 1, 0));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	TRY(signalfd(fd, &set, 0) == fd);
	show(fd);
	pid_t child = fork();
	if (child == 0)
		_exit(6);
	waitpid(child, NULL, 0);
	sigaddset(&set, SIGCHLD);
	signalfd(fd, &set, 0);
	show(fd);
	other = signalfd(-1, &set, 0);
	pthread_create(&thread, NULL, sender, NULL);
	show(other);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, sender, NULL);
	poll_fd.fd = other;
	TRY(poll(&poll_fd, 1, 5000));
	pthread_join(thread, NULL);
	show(other);
	TRY(write(fd, &record, sizeof(record)));
	TRY(lseek(fd, 0, SEEK_SET));
	TRY(syscall(SYS_signalfd4, -1, &set, 4, 0));
	TRY(syscall(SYS_signalfd4, -1, (void *)1, 8, 0));
	TRY(syscall(SYS_signalfd4, -1, &set, 8, 1));
	TRY(syscall(SYS_signalfd4, 1, &set, 8, 0));
	TRY(syscall(SYS_signalfd4, 99, &set, 8, 0));
	return 0;
}
