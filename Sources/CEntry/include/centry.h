#ifndef CENTRY_H
#define CENTRY_H
/* The program's first instruction, for the linker's -e: see entry.c. */
void centry_start(void);
#endif
