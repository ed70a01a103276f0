/* Threads, one after the other and together, each with calls of its own: what compare.py traces. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int channel[2], answer[2];
/* Who makes a thread is shown its number out of a word that the thread's end clears: it lives longer than that takes. */
static const struct timespec moment = {0, 50000000};

static void *reader(void *argument)
{
	char bytes[64];
	struct pollfd entry = {.fd = channel[0], .events = POLLIN};

	poll(&entry, 1, -1);
	read(channel[0], bytes, sizeof(bytes));
	/* From here on the other end may go. */
	write(answer[1], "seen", 4);
	read(channel[0], bytes, sizeof(bytes));
	return argument;
}

static void *writer(void *argument)
{
	struct iovec parts[] = {{"one\n", 4}, {"two\0\377", 5}};
	struct stat status;
	char bytes[8];

	stat("/dev/null", &status);
	stat("/does/not/exist", &status);
	writev(channel[1], parts, 2);
	read(answer[0], bytes, sizeof(bytes));
	nanosleep(&moment, NULL);
	close(channel[1]);
	return argument;
}

static void *worker(void *argument)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	char bytes[16];

	pread(fd, bytes, sizeof(bytes), 4);
	lseek(fd, 0, SEEK_END);
	fcntl(fd, F_GETFL);
	close(fd);
	nanosleep(&moment, NULL);
	access("/etc/shadow-", R_OK | W_OK);
	return argument;
}

static void on_signal(int signal)
{
	(void)signal;
}

static void run_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigset_t set;

	sigaddset(&action.sa_mask, SIGINT);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(void)
{
	pthread_t first, second;
	void *memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(memory, 4096, PROT_NONE);
	munmap(memory, 16384);
	for (int i = 0; i < 3; i++) {
		pthread_create(&first, NULL, worker, NULL);
		pthread_join(first, NULL);
	}
	if (pipe2(channel, O_CLOEXEC) != 0 || pipe(answer) != 0)
		return 1;
	pthread_create(&first, NULL, reader, NULL);
	pthread_create(&second, NULL, writer, NULL);
	pthread_join(second, NULL);
	pthread_join(first, NULL);
	run_signals();
	mkdir("made", 0755);
	rmdir("made");
	return 3;
}
