/*
 * A program whose one segment lies where Cloister keeps pages of its own in every
 * other program. See place_taken.c.
 */
__asm__(".globl _start\n"
	"_start:\n"
	"	mov	$231, %eax\n" /* exit_group */
	"	mov	$7, %edi\n"
	"	syscall\n");
