/* The executive's start: every component in the order in which they rest on each other. Drivers are the caller's to register. */
#include <executive/ex/ex.h>
#include <executive/ps/ps_internal.h>
#include <hal/hal.h>

NTSTATUS executive_initialize(const struct pico_platform *platform)
{
	int error = hal_initialize();
	NTSTATUS status;

	if (error)
		return nt_status_from_errno(-error);
	ke_initialize();
	ob_initialize();
	se_initialize();
	ex_initialize();
	io_initialize();
	mm_initialize();
	ps_initialize(platform);
	status = ps_create_system_process();
	return NT_SUCCESS(status) ? ps_attach_system_thread() : status;
}
