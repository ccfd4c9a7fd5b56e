/* What the guard does to apps: page-outs, in slices, and what came of them. */
#ifndef PAGE_OUT_H
#define PAGE_OUT_H

#include "text.h"

/* Page out one after the other until nothing is missing, or nobody is left. */
void act_pass(void);

/* See what came back of the page-outs of ten seconds ago. */
void act_judge_returns(void);

#endif
