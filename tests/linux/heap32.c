/*
 * A process with 8 MiB of its own and no libc, for ABIs whose libc is not here:
 * built with the helper's own start.
 */
#include "sys.h"

static unsigned int heap[8 << 18];

int helper_main(int argc, char **argv, size_t page_bytes);

int helper_main(int argc, char **argv, size_t page_bytes)
{
	char byte;

	(void)argc;
	(void)argv;
	(void)page_bytes;
	for (unsigned int i = 0; i < sizeof(heap) / sizeof(heap[0]); i++)
		heap[i] = i;
	sys_write(1, "ready\n", 6);
	sys_read(0, &byte, 1);
	for (unsigned int i = 0; i < sizeof(heap) / sizeof(heap[0]); i++)
		if (heap[i] != i)
			return 1;
	return 0;
}
