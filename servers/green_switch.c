// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "servers/green_switch.h"

#include <stdint.h>

#ifdef __SANITIZE_ADDRESS__
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

/*
 * void green_switch_stacks(void **from, void *to): what a function must keep goes onto the stack that is
 * left, whose pointer goes to *FROM, and comes from the other, whose pointer was TO.  It is the same on both,
 * so that debuggers find the callers of either (CFI).
 *
 * green_enter: where a stack begins.  There is no caller, which the CFI says.
 */
#if defined(__x86_64__)

#define FRAME_WORDS 8 /* control words, r15, r14, r13, r12, rbx, rbp, where to go on */

__asm__(".text\n"
	".p2align 4\n"
	".type green_switch_stacks, @function\n"
	"green_switch_stacks:\n"
	"	.cfi_startproc\n"
	"	pushq %rbp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset rbp, 0\n"
	"	pushq %rbx\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset rbx, 0\n"
	"	pushq %r12\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset r12, 0\n"
	"	pushq %r13\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset r13, 0\n"
	"	pushq %r14\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset r14, 0\n"
	"	pushq %r15\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset r15, 0\n"
	"	subq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq %r15\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore r15\n"
	"	popq %r14\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore r14\n"
	"	popq %r13\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore r13\n"
	"	popq %r12\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore r12\n"
	"	popq %rbx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore rbx\n"
	"	popq %rbp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_restore rbp\n"
	/* Not ret: the processor would expect to go back to the other stack's caller. */
	"	popq %rcx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_register rip, rcx\n"
	"	jmp *%rcx\n"
	"	.cfi_endproc\n"
	".size green_switch_stacks, . - green_switch_stacks\n"
	".p2align 4\n"
	".type green_enter, @function\n"
	"green_enter:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined rip\n"
	"	endbr64\n"
	"	movq %r12, %rdi\n"
	"	callq *%r13\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	".size green_enter, . - green_enter\n");

static void fill_frame(uint64_t *frame, uint64_t enter, uint64_t run, uint64_t argument)
{
	/* MXCSR and the x87 control word as a program begins with them. */
	frame[0] = 0x037full << 32 | 0x1f80;
	frame[3] = run;
	frame[4] = argument;
	frame[7] = enter;
}

#elif defined(__aarch64__)

#define FRAME_WORDS 20 /* x19 to x30, d8 to d15 */

__asm__(".text\n"
	".p2align 4\n"
	".type green_switch_stacks, %function\n"
	"green_switch_stacks:\n"
	"	.cfi_startproc\n"
	"	sub sp, sp, #160\n"
	"	.cfi_def_cfa_offset 160\n"
	"	stp x19, x20, [sp]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	.cfi_offset x19, -160\n"
	"	.cfi_offset x20, -152\n"
	"	.cfi_offset x21, -144\n"
	"	.cfi_offset x22, -136\n"
	"	.cfi_offset x23, -128\n"
	"	.cfi_offset x24, -120\n"
	"	.cfi_offset x25, -112\n"
	"	.cfi_offset x26, -104\n"
	"	.cfi_offset x27, -96\n"
	"	.cfi_offset x28, -88\n"
	"	.cfi_offset x29, -80\n"
	"	.cfi_offset x30, -72\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	.cfi_def_cfa_offset 0\n"
	"	.cfi_restore x19\n"
	"	.cfi_restore x20\n"
	"	.cfi_restore x21\n"
	"	.cfi_restore x22\n"
	"	.cfi_restore x23\n"
	"	.cfi_restore x24\n"
	"	.cfi_restore x25\n"
	"	.cfi_restore x26\n"
	"	.cfi_restore x27\n"
	"	.cfi_restore x28\n"
	"	.cfi_restore x29\n"
	"	.cfi_restore x30\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size green_switch_stacks, . - green_switch_stacks\n"
	".p2align 4\n"
	".type green_enter, %function\n"
	"green_enter:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined x30\n"
	"	mov x0, x19\n"
	"	blr x20\n"
	"	brk #0\n"
	"	.cfi_endproc\n"
	".size green_enter, . - green_enter\n");

static void fill_frame(uint64_t *frame, uint64_t enter, uint64_t run, uint64_t argument)
{
	frame[0] = argument;
	frame[1] = run;
	frame[11] = enter;
}

#else
#error "green threads switch on x86-64 and aarch64 alone"
#endif

void green_switch_stacks(void **from, void *to) __attribute__((visibility("hidden")));
void green_enter(void) __attribute__((visibility("hidden")));

void green_context_of_thread(struct green_context *context)
{
	*context = (struct green_context){};
#ifdef __SANITIZE_ADDRESS__
	pthread_attr_t attributes;
	void *low;

	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &low, &context->bytes);
	pthread_attr_destroy(&attributes);
	context->low = low;
#endif
#ifdef __SANITIZE_THREAD__
	context->fiber = __tsan_get_current_fiber();
#endif
}

void green_context_init(struct green_context *context, void *low, size_t bytes, void (*run)(void *argument),
			void *argument)
{
	uint64_t *frame = (uint64_t *)((char *)low + bytes) - FRAME_WORDS;

#ifdef __SANITIZE_ADDRESS__
	/* Who was on this stack before did not return from all functions. */
	__asan_unpoison_memory_region(low, bytes);
#endif
	for (unsigned i = 0; i < FRAME_WORDS; i++)
		frame[i] = 0;
	fill_frame(frame, (uintptr_t)green_enter, (uintptr_t)run, (uintptr_t)argument);
	*context = (struct green_context){ .sp = frame };
#ifdef __SANITIZE_ADDRESS__
	context->low = low;
	context->bytes = bytes;
#endif
#ifdef __SANITIZE_THREAD__
	context->fiber = __tsan_create_fiber(0);
#endif
}

void green_context_fini(struct green_context *context)
{
#ifdef __SANITIZE_THREAD__
	__tsan_destroy_fiber(context->fiber);
#endif
	context->sp = NULL;
}

void green_context_begin(void)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
}

void green_switch(struct green_context *from, const struct green_context *to, bool last)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(last ? NULL : &from->fake, to->low, to->bytes);
#endif
#ifdef __SANITIZE_THREAD__
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	(void)last;
	green_switch_stacks(&from->sp, to->sp);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}
