/*
 * The instance: its start, its end, its name.
 */
#ifndef TRANSLATE_PROCESS_INSTANCE_H
#define TRANSLATE_PROCESS_INSTANCE_H

#include <core/lx.h>

/* Start the instance: provider registered, pid 1 made; then its first program as pid 2. argv/envp are the host's. Runs until the instance ends; the first program's wait status. */
struct lx_start {
	const char *program;
	char *const *argv;
	char *const *envp;
	const char *working_directory;
	bool kill_on_exit;
	void (*at_exit)(void *context); /* when the first program ends, before its handles are closed: --objects */
	void *context;
};
/* 0 with *wait_status, or -LX_Exxx with the reason in `error`: the program could not be started. */
int64_t lx_instance_run(const struct lx_start *start, int32_t *wait_status, char *error, size_t error_size);

/* instance.c: something that ends the instance may have happened. Under lx_tree_lock. */
void lx_instance_changed(void);
/* A half takes a thread on, and is done with it. */
void lx_instance_thread_started(void);
void lx_instance_thread_ended(void);
/* The first program's last thread is about to give up its descriptors. */
void lx_instance_exit_hook(struct lx_process *process);

#endif
