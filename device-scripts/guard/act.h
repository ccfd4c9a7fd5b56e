/* What the guard does to apps: page-outs, in slices, and what came of them. */
#ifndef ACT_H
#define ACT_H

#include "rt.h"

/* Page out one after the other until nothing is missing, or nobody is left. */
void act_pass(void);

/* See what came back of the page-outs of ten seconds ago. */
void act_judge_returns(void);

#endif
