/* What the micro benches share: time, interleaved rounds with medians, a hash of the results.
 *
 * A bench is a table of cases, each with a function that does `count` operations and returns a hash of what came out.
 * The rounds go over all cases in turn, so that whatever disturbs the machine disturbs all of them alike, and each
 * case's median counts. `--small` runs a few thousand operations: enough to see that all works. */
#ifndef TANDEM_BENCH_MICRO_H
#define TANDEM_BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MICRO_ROUNDS = 15, MICRO_ROUNDS_SMALL = 3, MICRO_CASES_MAX = 64 };

typedef struct micro_case {
    const char *group;                   /* cases of one group do the same work */
    const char *name;
    uint64_t (*work)(const void *input); /* all operations of the case */
    const void *input;
} micro_case;

static inline bool micro_is_small(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--small") == 0;
}

static inline uint64_t micro_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t micro_mix(uint64_t hash, uint64_t v)
{
    return (hash ^ v) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
}

static inline uint64_t micro_bits(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

static inline double micro_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int micro_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs and prints all cases; `count` is the number of operations that each does. Returns the exit code. */
static inline int micro_run(const char *title, const micro_case *cases, size_t n, size_t count, bool small)
{
    static double times[MICRO_CASES_MAX][MICRO_ROUNDS];
    static uint64_t hashes[MICRO_CASES_MAX];
    int rounds = small ? MICRO_ROUNDS_SMALL : MICRO_ROUNDS;
    bool same = n <= MICRO_CASES_MAX;
    for (int r = 0; r < rounds && same; r++) {
        for (size_t i = 0; i < n; i++) {
            double begin = micro_now_ns();
            uint64_t hash = cases[i].work(cases[i].input);
            times[i][r] = (micro_now_ns() - begin) / (double)count;
            same &= r == 0 || hash == hashes[i];
            hashes[i] = hash;
        }
    }
    for (size_t i = 0; i < n && same; i++) {
        qsort(times[i], (size_t)rounds, sizeof times[i][0], micro_compare);
        printf("# %-24s %-10s %8.1f ns (best %.1f)  hash %016llx\n", cases[i].group, cases[i].name,
               times[i][rounds / 2], times[i][0], (unsigned long long)hashes[i]);
    }
    printf("1..1\n%s 1 - %s\n", same ? "ok" : "not ok", title);
    return same ? 0 : 1;
}

#endif
