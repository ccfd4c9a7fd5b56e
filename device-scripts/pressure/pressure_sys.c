/* The kernel's calls that only the pressure program needs. */
#include "pressure_sys.h"

#include "board.h"

#include <asm/unistd.h>

#define PROT_READ_WRITE 3
#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_ANONYMOUS 0x20
#define MAP_NORESERVE 0x4000

#ifdef __NR_mmap2
#define NR_MMAP __NR_mmap2
#else
#define NR_MMAP __NR_mmap
#endif

void *sys_map(size_t bytes, bool shared)
{
	int flags = MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE);
	long at = sys_call(NR_MMAP, 0, (long)bytes, PROT_READ_WRITE, flags, -1, 0);

	/* -errno is in the last page; addresses of 32-bit ABIs are negative from 2 GiB up */
	return (unsigned long)at > (unsigned long)-4096 ? NULL : (void *)at;
}

void sys_unmap(void *at, size_t bytes)
{
	sys_call(__NR_munmap, (long)at, (long)bytes, 0, 0, 0, 0);
}

int sys_getppid(void)
{
	return (int)sys_call(__NR_getppid, 0, 0, 0, 0, 0, 0);
}

uint32_t ms_since(uint64_t us)
{
	/* in 32 bits: 64-bit division is a library call on 32-bit ABIs */
	return (uint32_t)((sys_now_us() - us) >> 3) / 125;
}

void sleep_us(uint32_t us)
{
	const struct sys_timespec wait = {0, (long)us * 1000};

	sys_poll(NULL, 0, &wait, NULL);
}
