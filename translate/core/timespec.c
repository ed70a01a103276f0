/* Times as arguments. */
#include <core/timespec.h>

int64_t lx_copy_in_timespec(struct lx_call *call, struct lx_uptr from, uint64_t *ns)
{
	struct lx_timespec time;

	if (lx_in_timespec(call, &time, from))
		return -LX_EFAULT;
	if (!lx_timespec_is_valid(&time))
		return -LX_EINVAL;
	*ns = lx_timespec_ns(&time);
	return 0;
}

uint64_t lx_deadline_after(uint64_t interval)
{
	return lx_time_after(hal_time(HAL_CLOCK_MONOTONIC), interval);
}
