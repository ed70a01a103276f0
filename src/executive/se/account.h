/*
 * What is counted per real user id, whichever of its processes has it: struct user_struct of the kernel. NT's counterpart
 * are the quota blocks that the processes of a logon share.
 */
#ifndef SE_ACCOUNT_H
#define SE_ACCOUNT_H

#include <stdint.h>

enum se_account {
	SE_SIGNALS,    /* queued signals and timers, which RLIMIT_SIGPENDING bounds */
	SE_PIPE_PAGES, /* capacity of pipes */
	SE_ACCOUNT_COUNT
};

/* `amount` (not 0) more, unless that were more than `limit` in all: the new sum, or 0 for that and for no memory. */
uint64_t se_charge(uint32_t uid, enum se_account account, uint64_t amount, uint64_t limit);
void se_discharge(uint32_t uid, enum se_account account, uint64_t amount);

#endif
