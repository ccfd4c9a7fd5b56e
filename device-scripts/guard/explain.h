/* What a guard would do now. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "guard_state.h"

/* Look once, by the functions that a guard goes by, and print what one with this profile would do. */
void explain_print(struct guard *guard);

#endif
