/* Time, histograms, and the CPU time of another process. */
#define _GNU_SOURCE
#include "load_parts.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t load_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t bucket_of(uint64_t ns)
{
    if (ns < 2 * LOAD_STEPS)
        return ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - LOAD_STEP_BITS;
    size_t i = (size_t)shift * LOAD_STEPS + (size_t)(ns >> shift);
    return i < LOAD_BUCKETS ? i : LOAD_BUCKETS - 1;
}

uint64_t load_bucket_high(size_t i)
{
    if (i < 2 * LOAD_STEPS)
        return i;
    unsigned shift = (unsigned)(i / LOAD_STEPS) - 1;
    return ((i % LOAD_STEPS + LOAD_STEPS + 1) << shift) - 1;
}

void load_record(load_histogram *h, uint64_t ns)
{
    h->bucket[bucket_of(ns)]++;
    h->count++;
    if (ns > h->max)
        h->max = ns;
}

uint64_t load_quantile(const load_histogram *h, double q)
{
    uint64_t wanted = (uint64_t)(q * (double)h->count + 0.999999), seen = 0;
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= wanted && seen)
            return load_bucket_high(i) < h->max ? load_bucket_high(i) : h->max;
    }
    return 0;
}

static bool read_text(char *text, size_t room, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t n = fread(text, 1, room - 1, file);
    text[n] = '\0';
    fclose(file);
    return n > 0;
}

/* User and system time of the whole process, ended threads included, in clock ticks: for kernels without schedstat. */
static uint64_t ticks_of(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *end;
    uint64_t user, system;
    if (!read_text(text, sizeof text, path) || !(end = strrchr(text, ')')) ||
        sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user, &system) != 2)
        return 0;
    return (user + system) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t cpu_of_children(pid_t pid, long thread)
{
    char path[80], text[8192];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/children", (int)pid, thread);
    if (!read_text(text, sizeof text, path))
        return 0;
    uint64_t sum = 0;
    char *at = text;
    for (long child; (child = strtol(at, &at, 10)) > 0;)
        sum += load_cpu_of((pid_t)child);
    return sum;
}

uint64_t load_cpu_of(pid_t pid)
{
    char path[320], text[128];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return 0;
    uint64_t own = 0, children = 0;
    for (struct dirent *d; (d = readdir(threads));) {
        if (!isdigit((unsigned char)d->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, d->d_name);
        if (read_text(text, sizeof text, path))
            own += strtoull(text, NULL, 10);
        children += cpu_of_children(pid, strtol(d->d_name, NULL, 10));
    }
    closedir(threads);
    return (own ? own : ticks_of(pid)) + children;
}
