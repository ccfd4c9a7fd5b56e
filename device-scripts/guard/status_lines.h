/* What a running guard says of itself and of each app. */
#ifndef STATUS_LINES_H
#define STATUS_LINES_H

#include "guard_state.h"

/* Print the lines "guard" and "app", after a look at memory and at what each app holds. */
void status_lines_print(struct guard *guard);

/* Print the pairs of a line about what the device has, and about one app of the guard's. */
void status_memory(const struct situation *situation);
void status_app(const struct guard *guard, const struct app *app, uint64_t now_ms);

#endif
