/* The quick clock: the processor's time stamp counter, scaled to nanoseconds.
 *
 * The system's clock reads the same counter behind a fence and a table that the kernel keeps (about 50 ns on a virtual
 * machine, against 18): too much for what is read seven times a request. It is used only where the kernel itself trusts the
 * counter as its clock, which says that it runs at one rate and alike on all cores; elsewhere the system's clock answers.
 * Readers see the scale only after the start that belongs to it. */
#define _GNU_SOURCE
#include "os/clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { CALIBRATE_NS_MIN = 1000000, WALL_REFRESH_NS = 1000000 };

#if defined(__x86_64__)
#include <x86intrin.h>
static uint64_t counter(void)
{
    return __rdtsc();
}
#else
static uint64_t counter(void)
{
    return 0;
}
#endif

static uint64_t start_count, start_ns;       /* written once, before `scale` */
static _Atomic uint64_t scale;               /* ns a count, times 2^32; 0: use the system's clock */
static _Atomic int64_t wall_offset_us;       /* wall clock - quick clock */
static _Atomic uint64_t wall_refresh_ns;     /* when to look at it again */

static bool kernel_trusts_counter(void)
{
    char name[32];
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, name, sizeof name);
    close(fd);
    return n >= 4 && !memcmp(name, "tsc\n", 4);
}

void tdm__quick_clock_begin(void)
{
    if (atomic_load(&scale) || start_ns || !counter() || !kernel_trusts_counter())
        return;
    start_ns = tdm__monotonic_ns();
    start_count = counter();
}

void tdm__quick_clock_ready(void)
{
    if (!start_ns || atomic_load(&scale))
        return;
    uint64_t now = tdm__monotonic_ns();
    if (now - start_ns < CALIBRATE_NS_MIN) {
        tdm__sleep_us((CALIBRATE_NS_MIN - (now - start_ns)) / 1000 + 1);
        now = tdm__monotonic_ns();
    }
    uint64_t counts = counter() - start_count;
    if (counts)
        atomic_store_explicit(&scale, (uint64_t)(((unsigned __int128)(now - start_ns) << 32) / counts),
                              memory_order_release);
}

uint64_t tdm__quick_ns(void)
{
    uint64_t by = atomic_load_explicit(&scale, memory_order_acquire);
    if (!by)
        return tdm__monotonic_ns();
    return start_ns + (uint64_t)(((unsigned __int128)(counter() - start_count) * by) >> 32);
}

int64_t tdm__quick_now_us(uint64_t quick_ns)
{
    if (!atomic_load_explicit(&scale, memory_order_relaxed))
        return tdm__now_us();
    if (quick_ns >= atomic_load_explicit(&wall_refresh_ns, memory_order_relaxed)) {
        atomic_store_explicit(&wall_offset_us, tdm__now_us() - (int64_t)(tdm__quick_ns() / 1000), memory_order_relaxed);
        atomic_store_explicit(&wall_refresh_ns, quick_ns + WALL_REFRESH_NS, memory_order_relaxed);
    }
    return (int64_t)(quick_ns / 1000) + atomic_load_explicit(&wall_offset_us, memory_order_relaxed);
}
