/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resumes of the pocket phone's app heap, MIB REUSE_PERCENT MOVES ROUNDS in. A line each: clusters that are
 * used, how many of them were at the last resume, the same in the main space alone, and bad pages in all.
 */
#include "heap.h"

#include <string.h>

int main(int argc, char **argv)
{
	static uint8_t last[1 << 16];
	struct heap heap = {.seed = 7};

	if (argc != 5 || heap_map(&heap, (size_t)atoi(argv[1]) << 20) != 0)
		return 1;
	heap.reuse_percent = (unsigned)atoi(argv[2]);
	heap.moves = atoi(argv[3]);
	if (heap.reuse_percent < 100 && heap_unname(&heap) != 0)
		return 1;
	heap_choose(&heap, 300);
	heap_fill(&heap, 0, heap.first[PLAIN]);
	for (int round = 0; round < atoi(argv[4]); round++) {
		uint32_t used = 0, again = 0, main_used = 0, main_again = 0;
		struct check check = {0, 0, -1};

		memcpy(last, heap.hot, heap.clusters);
		heap_draw(&heap);
		for (uint32_t i = 0; i < heap.clusters; i++) {
			bool both = heap.hot[i] == HOT && last[i] == HOT;
			bool in_main = cluster_is_in_main_space(&heap, i);

			used += heap.hot[i] == HOT;
			again += both;
			main_used += in_main && heap.hot[i] == HOT;
			main_again += in_main && both;
		}
		heap_check(&heap, false, &check);
		printf("%u %u %u %u %u\n", used, again, main_used, main_again, check.bad);
	}
	return 0;
}
