/* The running guard, asked through a socket that only root reaches. */
#ifndef STATUS_SOCKET_H
#define STATUS_SOCKET_H

#include "guard_state.h"

/* Listen; 0 or -errno. What a killed guard left is replaced. */
int status_socket_open(void);
void status_socket_close(void);
int status_socket_fd(void);

/* Answer whoever asks now; never waits for somebody who does not read. */
void status_socket_answer(struct guard *guard);

#endif
