/* Time: the wall clock and a monotonic one. */
#ifndef TDM_OS_CLOCK_H
#define TDM_OS_CLOCK_H

#include <stdint.h>

int64_t tdm__now_us(void);      /* wall: microseconds since 1970 UTC */
uint64_t tdm__monotonic_ns(void);
void tdm__sleep_us(uint64_t us);

/* A quicker monotonic clock, for what is read at every stage of every request. Its rate is measured once, between begin and
 * ready (which waits until they are 1 ms apart), to about 0.01%: fit for intervals, not to be compared with
 * tdm__monotonic_ns over hours. Before, and where the processor's counter cannot be trusted, it is tdm__monotonic_ns.
 * begin and ready are called by one thread, before others read. */
void tdm__quick_clock_begin(void);
void tdm__quick_clock_ready(void);
uint64_t tdm__quick_ns(void);
/* The wall clock at `quick_ns`, a reading of just now. A step of the wall clock is seen within 1 ms. Any thread. */
int64_t tdm__quick_now_us(uint64_t quick_ns);

#endif
