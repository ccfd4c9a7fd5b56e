/* The life of a guard: it looks, decides and acts until its time is over. */
#ifndef GUARD_LOOP_H
#define GUARD_LOOP_H

/* Be the guard `data` (a struct guard), and tell through `ready_fd` once it guards, or cannot. */
void guard_run(void *data, int ready_fd);

#endif
