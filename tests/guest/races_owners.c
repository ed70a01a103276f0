/* Owners of a priority-inheriting futex that let go and end at once: who asks for it meanwhile gets it, never ESRCH. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 250
#define OWNERS 2
#define ASKERS 2

static _Atomic uint32_t lock;
static atomic_bool over;
static _Atomic int wrong;

static void let_go(uint32_t self)
{
	uint32_t held = self;

	if (!atomic_compare_exchange_strong(&lock, &held, 0))
		syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
}

static void *own_briefly(void *length)
{
	uint32_t self = (uint32_t)syscall(SYS_gettid), free = 0;

	if (!atomic_compare_exchange_strong(&lock, &free, self))
		return NULL;
	for (volatile intptr_t i = 0; i < (intptr_t)length; i++)
		continue;
	let_go(self);
	return NULL;
}

static void *ask(void *unused)
{
	uint32_t self = (uint32_t)syscall(SYS_gettid);

	while (!atomic_load(&over)) {
		if (syscall(SYS_futex, &lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0) {
			let_go(self);
		} else {
			printf("FUTEX_LOCK_PI: %s\n", strerrorname_np(errno));
			atomic_fetch_add(&wrong, 1);
			break;
		}
	}
	return unused;
}

int main(void)
{
	pthread_t askers[ASKERS], owners[OWNERS];

	for (int i = 0; i < ASKERS; i++)
		pthread_create(&askers[i], NULL, ask, NULL);
	for (intptr_t round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < OWNERS; i++)
			pthread_create(&owners[i], NULL, own_briefly, (void *)(round * 7 % 3000));
		for (int i = 0; i < OWNERS; i++)
			pthread_join(owners[i], NULL);
	}
	atomic_store(&over, true);
	for (int i = 0; i < ASKERS; i++)
		pthread_join(askers[i], NULL);
	printf("%d wrong, lock %u\n", wrong, lock);
	return wrong != 0;
}
