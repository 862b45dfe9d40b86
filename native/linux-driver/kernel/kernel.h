/* All of the kernel that the driver sees: each header that it includes comes here (the build makes those). */
#ifndef KERNEL_H
#define KERNEL_H
#include "types.h"
#include "errors.h"
#include "bits.h"
#include "tasks.h"
#include "atomics.h"
#include "locks.h"
#include "srcu.h"
#include "lists.h"
#include "xarray.h"
#include "memory.h"
#include "files.h"
#include "mappings.h"
#include "processors.h"
#include "threads.h"
#include "log.h"
#include "digests.h"
#endif
