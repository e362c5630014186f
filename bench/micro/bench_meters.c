/* What it costs that everything is timed, always: a request's clocks, its seven stages, its counters.
 *
 * "request" is what one request does with its meters, by the calls that answering.c makes; the groups above it are its
 * parts. The plain histogram beside the meter shows what being readable by other threads costs. */
#define _GNU_SOURCE
#include "micro.h"

#include "os/clock.h"
#include "server/meters.h"

enum { COUNT = 200000, COUNT_SMALL = 2000 };

static struct values { size_t count; uint64_t ns[COUNT]; } values; /* latencies from 100 ns to 3 ms */
static tdm__meters meters;
static tdm__service_meters service;
static tdm__histogram plain;

static uint64_t hash_of(const tdm__histogram *h)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++)
        hash = micro_mix(hash, h->bucket[i]);
    return hash;
}

static uint64_t clocks(const void *input)
{
    const struct values *v = input;
    uint64_t backward = 0, last = 0;
    for (size_t i = 0; i < v->count; i++) {
        uint64_t now = tdm__monotonic_ns();
        backward += now < last;
        last = now;
    }
    return backward;
}

static uint64_t record_meter(const void *input)
{
    const struct values *v = input;
    tdm__meter *meter = &meters.stage[TDM__STAGE_READ];
    tdm__histogram read = {0};
    memset(meter, 0, sizeof *meter);
    for (size_t i = 0; i < v->count; i++)
        tdm__meter_record(meter, v->ns[i]);
    tdm__meter_read(meter, &read);
    return hash_of(&read);
}

static uint64_t record_plain(const void *input)
{
    const struct values *v = input;
    memset(&plain, 0, sizeof plain);
    for (size_t i = 0; i < v->count; i++)
        tdm__histogram_record(&plain, v->ns[i]);
    return hash_of(&plain);
}

static void count_request(size_t i)
{
    tdm__add(&meters.count[TDM__COUNT_REQUESTS], 1);
    tdm__add(&meters.count[TDM__COUNT_ROWS], 1);
    tdm__add(&meters.count[TDM__COUNT_BYTES_IN], 400);
    tdm__add(&meters.count[TDM__COUNT_BYTES_OUT], 310);
    tdm__add(&meters.status[2], 1);
    tdm__add(&meters.route[4], 1);
    tdm__add(&service.requests, 1);
    tdm__add(&service.rows, 1);
    tdm__add(&service.rung[i & 1], 1);
}

static uint64_t counters(const void *input)
{
    const struct values *v = input;
    uint64_t before = meters.count[TDM__COUNT_ROWS];
    for (size_t i = 0; i < v->count; i++)
        count_request(i);
    return meters.count[TDM__COUNT_ROWS] - before;
}

/* Eight clocks: the wall's and the monotonic one at the first byte, and the end of each of six stages. What the stages
 * record are values made before: the clock's own would always fall into the same few buckets. */
static uint64_t request(const void *input)
{
    const struct values *v = input;
    uint64_t backward = 0;
    for (size_t i = 0; i < v->count; i++) {
        int64_t wall = tdm__now_us();
        uint64_t mark = tdm__monotonic_ns();
        for (unsigned stage = 0; stage < TDM__STAGE_TOTAL; stage++) {
            uint64_t now = tdm__monotonic_ns();
            backward += now < mark;
            mark = now;
            tdm__meter_record(&meters.stage[stage], v->ns[(i + stage * 31) % v->count]);
        }
        tdm__meter_record(&meters.stage[TDM__STAGE_TOTAL], v->ns[i]);
        tdm__meter_record(&service.total, v->ns[i]);
        count_request(i);
        __atomic_store_n(&service.last_us, wall, __ATOMIC_RELAXED);
    }
    return backward;
}

int main(int argc, char **argv)
{
    bool small = micro_is_small(argc, argv);
    size_t count = small ? COUNT_SMALL : COUNT;
    uint64_t state = 7;
    for (size_t i = 0; i < count; i++) {
        uint64_t r = micro_random(&state);
        values.ns[i] = (UINT64_C(100) << r % 15) + (r >> 32) % 1000;
    }
    values.count = count;
    const micro_case cases[] = {
        {"clock", "tandem", clocks, &values},
        {"record", "meter", record_meter, &values},
        {"record", "plain", record_plain, &values},
        {"counters of a request", "tandem", counters, &values},
        {"request", "tandem", request, &values},
    };
    return micro_run("bench_meters", cases, sizeof cases / sizeof cases[0], count, small);
}
