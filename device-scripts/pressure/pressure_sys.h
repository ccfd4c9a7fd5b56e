/* The kernel's calls that only the pressure program needs; answers as in sys.h. */
#ifndef PRESSURE_SYS_H
#define PRESSURE_SYS_H

#include "sys.h"

/* Map `bytes` of new memory to read and write, shared with children or private. NULL: refused. */
void *sys_map(size_t bytes, bool shared);
void sys_unmap(void *at, size_t bytes);
int sys_getppid(void);

#endif
