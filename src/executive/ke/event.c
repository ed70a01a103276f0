/* Events: a notification event stays signalled and wakes all; a synchronization event wakes one and is reset by it. */
#include "ke_internal.h"

void ke_initialize_event(struct kevent *event, EVENT_TYPE type, bool state)
{
	ke_initialize_header(&event->header,
			     type == NotificationEvent ? KE_EVENT_NOTIFICATION : KE_EVENT_SYNCHRONIZATION);
	event->header.signal_state = state;
}

LONG ke_set_event_locked(struct dispatcher_header *header)
{
	LONG previous = header->signal_state;

	header->signal_state = 1;
	ke_test_waiters_locked(header);
	return previous;
}

LONG ke_set_event(struct kevent *event)
{
	ke_lock();
	LONG previous = ke_set_event_locked(&event->header);
	ke_unlock();
	return previous;
}

LONG ke_reset_event(struct kevent *event)
{
	ke_lock();
	LONG previous = event->header.signal_state;

	event->header.signal_state = 0;
	ke_unlock();
	return previous;
}

void ke_pulse_event(struct kevent *event)
{
	ke_lock();
	ke_set_event_locked(&event->header);
	event->header.signal_state = 0;
	ke_unlock();
}
