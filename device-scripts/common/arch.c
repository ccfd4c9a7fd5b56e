/*
 * How a program starts and calls the kernel on each ABI. Everything else is
 * plain C; the hosted build (unit tests) leaves this file out.
 */
#include "sys.h"

/* sys_call(number, a..f): the kernel's answer as it comes, -errno included. */
#if defined(__x86_64__)
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start_c\n"
	".globl sys_call\n"
	"sys_call:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"	ret\n"
	".globl sys_restorer\n"
	"sys_restorer:\n"
	"	mov $15, %eax\n" /* rt_sigreturn */
	"	syscall\n");
#elif defined(__i386__)
/* Built with -mregparm=3, three arguments in registers: a tenth of the program. */
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %esp, %eax\n"
	"	and $-16, %esp\n"
	"	call start_c\n"
	".globl sys_call\n"
	"sys_call:\n"
	"	push %ebp\n"
	"	push %edi\n"
	"	push %esi\n"
	"	push %ebx\n"
	"	mov %edx, %ebx\n" /* number, a and b came in eax, edx and ecx */
	"	mov 20(%esp), %edx\n"
	"	mov 24(%esp), %esi\n"
	"	mov 28(%esp), %edi\n"
	"	mov 32(%esp), %ebp\n"
	"	int $0x80\n"
	"	pop %ebx\n"
	"	pop %esi\n"
	"	pop %edi\n"
	"	pop %ebp\n"
	"	ret\n"
	".globl sys_restorer\n"
	"sys_restorer:\n"
	"	mov $173, %eax\n" /* rt_sigreturn */
	"	int $0x80\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	b start_c\n"
	".globl sys_call\n"
	"sys_call:\n"
	"	mov x8, x0\n"
	"	mov x0, x1\n"
	"	mov x1, x2\n"
	"	mov x2, x3\n"
	"	mov x3, x4\n"
	"	mov x4, x5\n"
	"	mov x5, x6\n"
	"	svc #0\n"
	"	ret\n"
	".globl sys_restorer\n"
	"sys_restorer:\n"
	"	mov x8, #139\n" /* rt_sigreturn */
	"	svc #0\n");
#elif defined(__arm__)
__asm__(".text\n"
	".arm\n"
	".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
	"	mov fp, #0\n"
	"	mov lr, #0\n"
	"	mov r0, sp\n"
	"	bic sp, sp, #7\n"
	"	bl start_c\n"
	".globl sys_call\n"
	".type sys_call, %function\n"
	"sys_call:\n"
	"	push {r4, r5, r6, r7}\n"
	"	mov r7, r0\n"
	"	mov r0, r1\n"
	"	mov r1, r2\n"
	"	mov r2, r3\n"
	"	ldr r3, [sp, #16]\n"
	"	ldr r4, [sp, #20]\n"
	"	ldr r5, [sp, #24]\n"
	"	svc #0\n"
	"	pop {r4, r5, r6, r7}\n"
	"	bx lr\n"
	".globl sys_restorer\n"
	".type sys_restorer, %function\n"
	"sys_restorer:\n"
	"	mov r7, #173\n" /* rt_sigreturn */
	"	svc #0\n");
#elif defined(__riscv)
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	".option push\n"
	".option norelax\n"
	"	lla gp, __global_pointer$\n"
	".option pop\n"
	"	mv a0, sp\n"
	"	andi sp, sp, -16\n"
	"	tail start_c\n"
	".globl sys_call\n"
	"sys_call:\n"
	"	mv a7, a0\n"
	"	mv a0, a1\n"
	"	mv a1, a2\n"
	"	mv a2, a3\n"
	"	mv a3, a4\n"
	"	mv a4, a5\n"
	"	mv a5, a6\n"
	"	ecall\n"
	"	ret\n");
#else
#error "no start for this ABI"
#endif

#define AT_PAGESZ 6

int helper_main(int argc, char **argv, size_t page_bytes);

/* Entered from _start with the stack the kernel made: argc, argv, envp, auxv. */
__attribute__((used, noreturn)) void start_c(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	long *word = stack + argc + 2;
	size_t page_bytes = 4096;

	while (*word != 0)
		word++;
	for (word++; word[0] != 0; word += 2)
		if (word[0] == AT_PAGESZ)
			page_bytes = (size_t)word[1];
	sys_exit(helper_main(argc, argv, page_bytes));
}
