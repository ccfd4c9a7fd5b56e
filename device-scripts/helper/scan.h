/* Looking for processes. */
#ifndef SCAN_H
#define SCAN_H

/*
 * Print a line, as scan's, for each process that was not there at the last call
 * (at the first: for every one). Returns 0 or -errno.
 */
int scan_new(void);

#endif
