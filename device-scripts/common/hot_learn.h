/* Learning what a resume needs, from pagemap: two looks, one after a page-out and one after the resume. */
#ifndef HOT_LEARN_H
#define HOT_LEARN_H

#include "hot_set.h"
#include "page_walk.h"

/*
 * Note what is in swap of the process behind the /proc directory `dir`, right after its page-out. What its
 * resumes before needed is taken over, for mappings that have not changed. 0 or -errno.
 */
int hot_note_out(struct walk *walk, int dir, int pid, uint64_t start);

/*
 * Look what of that came back. The first look at which a sixteenth did is the resume; later ones, until the
 * next page-out, add to it. 0 (also where nothing was noted) or -errno.
 */
int hot_learn(struct walk *walk, int dir, int pid, uint64_t start);

#endif
