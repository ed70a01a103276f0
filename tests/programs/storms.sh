# 1,000 forks in sequence, 200 children at once, 100 threads in contention.
set -e
cat >storm.c <<'C'
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int counter, turn;
static void *contend(void *p) { for (int i = 0; i < 500; i++) { pthread_mutex_lock(&lock); counter++; pthread_mutex_unlock(&lock); } return p; }
static void *rotate(void *p) { long me = (long)p; pthread_mutex_lock(&lock); while (turn != me) pthread_cond_wait(&cond, &lock); turn++; pthread_cond_broadcast(&cond); pthread_mutex_unlock(&lock); return NULL; }
int main(void)
{
	pthread_t t[100];
	pid_t c[200];
	int sum = 0, status;
	for (int i = 0; i < 1000; i++) { pid_t p = fork(); if (!p) _exit(i & 127); waitpid(p, &status, 0); sum += WEXITSTATUS(status); }
	printf("sequence %d\n", sum);
	for (int i = 0; i < 200; i++) { c[i] = fork(); if (!c[i]) { usleep(1000 * (i % 7)); _exit(i & 63); } }
	sum = 0;
	for (int i = 0; i < 200; i++) { waitpid(c[i], &status, 0); sum += WEXITSTATUS(status); }
	printf("at once %d\n", sum);
	for (long i = 0; i < 100; i++) pthread_create(&t[i], NULL, contend, NULL);
	for (int i = 0; i < 100; i++) pthread_join(t[i], NULL);
	printf("contention %d\n", counter);
	for (long i = 0; i < 100; i++) pthread_create(&t[i], NULL, rotate, (void *)i);
	for (int i = 0; i < 100; i++) pthread_join(t[i], NULL);
	printf("rotation %d\n", turn);
	for (int i = 0; i < 50; i++) { pid_t p; char *argv[] = {"true", NULL}; if (posix_spawn(&p, "/bin/true", NULL, NULL, argv, environ) || waitpid(p, &status, 0) < 0 || status) abort(); }
	for (int i = 0; i < 50; i++) { pid_t p = vfork(); if (!p) { execl("/bin/false", "false", NULL); _exit(127); } waitpid(p, &status, 0); sum += WEXITSTATUS(status); }
	printf("spawned %d\n", sum);
	return 0;
}
C
gcc -O1 -pthread -o storm storm.c
./storm
