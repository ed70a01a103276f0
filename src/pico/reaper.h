/* Ending host tasks in the background; see reaper.c. */
#ifndef PICO_REAPER_H
#define PICO_REAPER_H

#include <sys/types.h>

int pico_reaper_start(void);
/* Kill a task that nobody needs and reap it some time. Never waits for it. */
void pico_reap_later(pid_t tid);
/* Until all have ended, but not for ever. */
void pico_reaper_finish(unsigned seconds);

#endif
