/* Registration of the executive's own types. */
#include <executive/ex/ex.h>

void ex_initialize(void)
{
	ob_register_type(&ex_event_type);
	ob_register_type(&ex_mutant_type);
	ob_register_type(&ex_semaphore_type);
	ob_register_type(&ex_timer_type);
	ob_register_type(&ex_completion_type);
}
