/* Whether the ways for hosts without newer system calls are to be taken although the host has them: for tests. */
#include <hal/hal.h>
#include <stdlib.h>

bool hal_force_fallbacks(void)
{
	static _Atomic int answer; /* 0: not asked yet, 1: no, 2: yes */

	if (answer == 0) {
		const char *value = getenv("LXRUN_FORCE_FALLBACKS");

		answer = value && value[0] == '1' ? 2 : 1;
	}
	return answer == 2;
}

static _Atomic bool without_openat2;

void hal_do_without_openat2(void)
{
	without_openat2 = true;
}

bool hal_lacks_openat2(void)
{
	return without_openat2 || hal_force_fallbacks();
}
