/*
 * What the programs of races share: threads that do one thing over and over
 * beside each other for a while. They count results that Linux can't give, and
 * print that number alone, which is 0 natively and must be under lxrun. For how long is
 * said by RACE_MILLISECONDS in the environment.
 */
#ifndef GUEST_RACES_H
#define GUEST_RACES_H

#include "observe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum { RACERS_MAXIMUM = 8 };

static atomic_bool race_over;
static atomic_long impossible;

static inline long race_milliseconds(void)
{
	const char *asked = getenv("RACE_MILLISECONDS");

	return asked ? strtol(asked, NULL, 10) : 400;
}

static inline long now_in_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000l + now.tv_nsec / 1000000;
}

static inline void race_on(void)
{
	const long time = race_milliseconds();
	const struct timespec while_ = {time / 1000, time % 1000 * 1000000};

	nanosleep(&while_, NULL);
}

/* Count what can't be, and say once what it was: standard error is compared too. */
static inline void can_not_be(const char *what, long result)
{
	if (atomic_fetch_add(&impossible, 1) == 0)
		fprintf(stderr, "%s: %ld, %s\n", what, result, strerrorname_np(errno));
}

#define MUST(condition, result)                                                                                                \
	do {                                                                                                                   \
		if (!(condition))                                                                                              \
			can_not_be(#condition, result);                                                                        \
	} while (0)

/* Run them side by side, and print how many results could not be. */
static inline void race(const char *what, void *(*const racers[])(void *), int count)
{
	pthread_t threads[RACERS_MAXIMUM];

	atomic_store(&race_over, false);
	atomic_store(&impossible, 0);
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, racers[i], (void *)(intptr_t)i);
	race_on();
	atomic_store(&race_over, true);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %ld impossible results\n", what, atomic_load(&impossible));
	fflush(stdout);
}

#define RACE(what, ...)                                                                                                        \
	race(what, (void *(*const[])(void *)){__VA_ARGS__}, sizeof((void *(*[])(void *)){__VA_ARGS__}) / sizeof(void *))
#define WHILE_IT_LASTS while (!atomic_load(&race_over))

#endif
