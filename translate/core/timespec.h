/* Times as arguments: the guest's structures, and nanoseconds, in which LX reckons. */
#ifndef TRANSLATE_CORE_TIMESPEC_H
#define TRANSLATE_CORE_TIMESPEC_H

#include <core/lx.h>
#include <lx_structs.h>

#define LX_NS_PER_SECOND 1000000000ull
#define LX_CLOCK_FOREVER INT64_MAX /* ktime's largest value: about 292 years */

static inline bool lx_timespec_is_valid(const struct lx_timespec *time)
{
	return time->tv_sec >= 0 && (uint64_t)time->tv_nsec < LX_NS_PER_SECOND;
}

/* Nanoseconds, at most LX_CLOCK_FOREVER. */
static inline uint64_t lx_timespec_ns(const struct lx_timespec *time)
{
	if ((uint64_t)time->tv_sec >= LX_CLOCK_FOREVER / LX_NS_PER_SECOND)
		return LX_CLOCK_FOREVER;
	return (uint64_t)time->tv_sec * LX_NS_PER_SECOND + (uint64_t)time->tv_nsec;
}

static inline struct lx_timespec lx_timespec_of(uint64_t ns)
{
	return (struct lx_timespec){(int64_t)(ns / LX_NS_PER_SECOND), (int64_t)(ns % LX_NS_PER_SECOND)};
}

static inline struct lx_timeval lx_timeval_of(uint64_t ns)
{
	return (struct lx_timeval){(int64_t)(ns / LX_NS_PER_SECOND), (int64_t)(ns % LX_NS_PER_SECOND / 1000)};
}

/* `interval` after `now`, which no clock has passed yet: at most LX_CLOCK_FOREVER. */
static inline uint64_t lx_time_after(uint64_t now, uint64_t interval)
{
	return interval > LX_CLOCK_FOREVER - now ? LX_CLOCK_FOREVER : now + interval;
}

/* A timespec argument in nanoseconds: -LX_EFAULT, -LX_EINVAL. */
int64_t lx_copy_in_timespec(struct lx_call *call, struct lx_uptr from, uint64_t *ns);
/* A point on CLOCK_MONOTONIC `interval` from now, at most LX_CLOCK_FOREVER. */
uint64_t lx_deadline_after(uint64_t interval);

#endif
