/* The running guard, asked through a socket that only root reaches. */
#ifndef STATUS_SOCKET_H
#define STATUS_SOCKET_H

/* Listen; 0 or -errno. What a killed guard left is replaced. */
int talk_open(void);
void talk_close(void);
int talk_fd(void);

/* Answer whoever asks now; never waits for somebody who does not read. */
void talk_answer(void);

#endif
