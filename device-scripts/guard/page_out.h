/* What the guard does to apps: page-outs, in slices, and what came of them. */
#ifndef PAGE_OUT_H
#define PAGE_OUT_H

#include "guard_state.h"

/* Page out one after the other until nothing is missing, or nobody is left. */
void page_out_pass(struct guard *guard);

/* See what came back of the page-outs of ten seconds ago. */
void page_out_judge_returns(struct guard *guard);

#endif
