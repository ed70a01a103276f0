/* Changing the calling thread's token: a private copy is made, changed, and put in place. */
#ifndef TRANSLATE_CREDENTIALS_H
#define TRANSLATE_CREDENTIALS_H

#include <process/process.h>

#define LX_CAP_ALL ((1ull << (LX_CAP_CHECKPOINT_RESTORE + 1)) - 1)

/* NULL: no memory. */
struct se_token *lx_change_token(struct lx_call *call);
/* Takes over the reference. 0. */
int64_t lx_commit_token(struct lx_call *call, struct se_token *token);

#endif
