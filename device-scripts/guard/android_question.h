/*
 * Questions to Android that only its own programs answer: native clients of
 * binder, started as children, never waited for.
 */
#ifndef ANDROID_QUESTION_H
#define ANDROID_QUESTION_H

#include "policy.h"
#include "sys.h"

#define ANDROID_FDS 2

/* Ask whether the device is to be spared, unless it was asked less than `pause_ms` ago. */
void android_ask_again(uint64_t now_ms, uint64_t pause_ms);

/* The answers' pipes, to poll; and take what came. */
size_t android_fds(struct sys_pollfd *fds);
void android_hear(void);

/* "battery_saver" or "thermal", by the last answers; NULL: go on, also where nobody answers. */
const char *android_pause(void);

/* Whether the first answers are still to come: a guard does not act before. */
bool android_waits(void);

/* Have ActivityManager tell the app to give up its caches; 0 or -errno. */
int android_trim(const struct app *app);

/* What the answers say; pure. */
bool answer_saves(struct span text);
bool answer_is_hot(struct span text);

#endif
