/* Linux 5.11: SGX1 only. */
#ifndef UAPI_ASM_SGX_H
#define UAPI_ASM_SGX_H

#define UAPI_V5_11 1
#include "../../shared/mainline.h"

#endif
