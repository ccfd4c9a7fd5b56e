/* How close to their user the processes of one scan are, where their own adj does not say. */
#ifndef SCAN_IMPORTANCE_H
#define SCAN_IMPORTANCE_H

#include "text.h"

/* Forget the scan before. */
void scanned_begin(void);

/*
 * Remember one process of this scan (by ascending pid, or it takes longer); `adj` as it counts in front,
 * INT32_MAX where it is not known. Over SCANNED_MAX of them no importance is known, and is told as null.
 */
#define SCANNED_MAX 8192
void scanned_add(int pid, int ppid, uint32_t uid, int adj);

/* Print a line for each process of an app that ActivityManager does not keep the adj of. */
void scanned_print_importance(void);

#endif
