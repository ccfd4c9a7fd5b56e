/* Signals, without libc. */
#include "sys.h"
#include "text.h"

#include <asm/unistd.h>

#define SA_RESTORER 0x04000000ul
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define MASK_BYTES 8

void sys_restorer(void);

#if defined(__riscv)
struct kernel_sigaction {
	sys_handler handler;
	unsigned long flags;
	uint64_t mask;
};
#else
struct kernel_sigaction {
	sys_handler handler;
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask[MASK_BYTES / sizeof(long)];
};
#endif

int sys_on_signal(int number, sys_handler handler)
{
	struct kernel_sigaction action;

	memset(&action, 0, sizeof(action));
	action.handler = handler;
#if !defined(__riscv)
	action.flags = SA_RESTORER;
	action.restorer = sys_restorer;
#endif
	return (int)sys_call(__NR_rt_sigaction, number, (long)&action, 0, MASK_BYTES, 0, 0);
}

int sys_block_signal(int number, bool block)
{
	uint64_t mask = 1u << (number - 1);

	return (int)sys_call(__NR_rt_sigprocmask, block ? SIG_BLOCK : SIG_UNBLOCK, (long)&mask, 0,
			     MASK_BYTES, 0, 0);
}
