/* NtGetCurrentProcessorNumber: where the calling thread's kernel half runs at this moment. */
#include <executive/ps/ps_internal.h>
#include <hal/host.h>
#include <nt/ntservices.h>

NTSTATUS NtGetCurrentProcessorNumber(void)
{
	return (NTSTATUS)hal_current_processor();
}
