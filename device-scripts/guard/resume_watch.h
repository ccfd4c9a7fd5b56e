/* Learning from resumes, in the guard: who came to the foreground, and when to look what came back. */
#ifndef RESUME_WATCH_H
#define RESUME_WATCH_H

#include "guard_state.h"

/* Note what is in swap of an app that was paged out just now. */
void resume_note_out(const struct app *app);

/* Read from swap what the resumes of those need who come to the foreground now, while there is memory. */
void resume_bring_back(struct guard *guard);

/* Look at the apps that came to the foreground, each half a second and some seconds after that. */
void resume_look(struct guard *guard);

/* Milliseconds until the next such look; UNKNOWN: none is due. */
uint64_t resume_wait_ms(const struct guard *guard);

#endif
