int main(void);
void _start(void);
void _start(void) { for (;;) __asm__ volatile("hlt"); }
