/* Events: a notification event stays signalled and wakes all; a synchronization event wakes one and is reset by it. */
#include "ke_internal.h"

void ke_initialize_event(struct kevent *event, EVENT_TYPE type, bool state)
{
	ke_initialize_header(&event->header,
			     type == NotificationEvent ? KE_EVENT_NOTIFICATION : KE_EVENT_SYNCHRONIZATION);
	event->header.signal_state = state;
}

LONG ke_set_event_locked(struct dispatcher_header *header, struct ke_wakes *wakes)
{
	LONG previous = header->signal_state;

	header->signal_state = 1;
	ke_test_waiters_locked(header, wakes);
	return previous;
}

LONG ke_set_event(struct kevent *event)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&event->header.lock);
	LONG previous = ke_set_event_locked(&event->header, &wakes);
	ke_unlock_and_wake(&event->header, &wakes);
	return previous;
}

LONG ke_reset_event(struct kevent *event)
{
	rtl_lock(&event->header.lock);
	LONG previous = event->header.signal_state;

	event->header.signal_state = 0;
	rtl_unlock(&event->header.lock);
	return previous;
}

void ke_pulse_event(struct kevent *event)
{
	struct ke_wakes wakes = {0};

	rtl_lock(&event->header.lock);
	ke_set_event_locked(&event->header, &wakes);
	event->header.signal_state = 0;
	ke_unlock_and_wake(&event->header, &wakes);
}
