/* What every part of a guard does to its state. */
#include "guard_state.h"

#include "daemon_sys.h"
#include "event_log.h"

void guard_note(const struct guard *guard, const char *what, const char *reason)
{
	struct event event = event_none;

	event.what = what;
	event.reason = reason;
	event.available_bytes = guard->situation.available_bytes;
	event_log(&event);
}

void guard_tick(struct guard *guard)
{
	guard->now_ms = sys_clock_ms(SYS_CLOCK_BOOTTIME);
	if (guard->now_ms - guard->minute_ms >= 60000) {
		guard->minute_ms = guard->now_ms;
		guard->minute_bytes = 0;
	}
}
