/* Time: the wall clock and a monotonic one. */
#ifndef TDM_OS_CLOCK_H
#define TDM_OS_CLOCK_H

#include <stdint.h>

int64_t tdm__now_us(void);      /* wall: microseconds since 1970 UTC */
uint64_t tdm__monotonic_ns(void);
void tdm__sleep_us(uint64_t us);

#endif
