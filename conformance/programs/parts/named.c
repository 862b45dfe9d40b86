/*
 * A page of an enclave's code whose function has the name of another's, for
 * same_name.c: two libraries that are alike but for where "work" begins, so
 * that it begins in the middle of the other's instruction.
 */
#ifdef SECOND
#define BEFORE \
	"	.org	enter + 250, 0x90\n" \
	"	movabs	$0x1122334455667788, %r8\n" \
	"	movabs	$0x1122334455667788, %r9\n" \
	"	cmp	%r8, %r9\n" \
	"	je	1f\n" \
	"	ud2\n" /* INT3 stands in it */ \
	"1:\n"
#else
#define BEFORE "	.org	enter + 256, 0x90\n"
#endif

__asm__(".text\n"
	".balign 4096\n"
	".globl enter\n"
	"enter:\n"
	"	mov	%rcx, %rbx\n"
	"	movabs	$0x0123456789abcdef, %r8\n"
	"	movabs	$0x1032547698badcfe, %r9\n"
	"	movabs	$0x2143658709cbed0f, %r10\n"
	"	movabs	$0x32547698badcfe10, %r11\n"
	"	lea	7(%r8, %r9, 2), %r8\n"
	"	lea	9(%r10, %r11, 4), %r9\n"
	"	imul	$77, %r8, %r10\n"
	"	imul	$99, %r9, %r11\n"
	BEFORE
	".globl work\n"
	".type work, @function\n"
	"work:\n"
	"	lea	(%rdi, %rdi, 2), %rdi\n"
	"	movabs	$0x5566778899aabbcc, %rdx\n"
	"	movabs	$0x66778899aabbccdd, %rsi\n"
	"	mov	$4, %eax\n" /* EEXIT */
	"	enclu\n"
	"	ud2\n"
	".size work, . - work\n"
	".balign 4096\n"
	".globl end\n"
	"end:\n");
