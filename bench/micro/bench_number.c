/* What reading and writing a number costs, against glibc's strtod and printf. Equal hashes within a group of readings
 * mean equal bits. */
#define _GNU_SOURCE
#include "micro.h"

#include "base/number.h"

enum { COUNT = 20000, COUNT_SMALL = 500, TEXT_MAX = 64 };

typedef struct texts {
    size_t count;
    tdm_str views[COUNT]; /* each is terminated too, for glibc */
    char bytes[COUNT][TEXT_MAX];
} texts;

static texts shorts, prices, longs, very_long, integers, hexadecimals;
static struct values { size_t count; double v[COUNT]; int64_t whole[COUNT]; } randoms, decimals;

static uint64_t read_ours(const void *input)
{
    const texts *t = input;
    uint64_t hash = 0;
    for (size_t i = 0; i < t->count; i++) {
        double v = 0;
        tdm__parse_f64(t->views[i], &v, NULL);
        hash = micro_mix(hash, micro_bits(v));
    }
    return hash;
}

static uint64_t read_glibc(const void *input)
{
    const texts *t = input;
    uint64_t hash = 0;
    for (size_t i = 0; i < t->count; i++)
        hash = micro_mix(hash, micro_bits(strtod(t->bytes[i], NULL)));
    return hash;
}

static uint64_t read_f32_ours(const void *input)
{
    const texts *t = input;
    uint64_t hash = 0;
    for (size_t i = 0; i < t->count; i++) {
        float v = 0;
        tdm__parse_f32(t->views[i], &v, NULL);
        hash = micro_mix(hash, micro_bits((double)v));
    }
    return hash;
}

static uint64_t read_f32_glibc(const void *input)
{
    const texts *t = input;
    uint64_t hash = 0;
    for (size_t i = 0; i < t->count; i++)
        hash = micro_mix(hash, micro_bits((double)strtof(t->bytes[i], NULL)));
    return hash;
}

static uint64_t read_i64_ours(const void *input)
{
    const texts *t = input;
    uint64_t hash = 0;
    for (size_t i = 0; i < t->count; i++) {
        int64_t v = 0;
        tdm__parse_i64(t->views[i], &v, NULL);
        hash = micro_mix(hash, (uint64_t)v);
    }
    return hash;
}

static uint64_t read_i64_glibc(const void *input)
{
    const texts *t = input;
    uint64_t hash = 0;
    for (size_t i = 0; i < t->count; i++)
        hash = micro_mix(hash, (uint64_t)strtoll(t->bytes[i], NULL, 10));
    return hash;
}

static uint64_t write_ours(const void *input)
{
    const struct values *values = input;
    uint64_t hash = 0;
    char text[32] = {0};
    for (size_t i = 0; i < values->count; i++)
        hash = micro_mix(hash, tdm__format_f64(values->v[i], text) + (uint64_t)text[2]);
    return hash;
}

static uint64_t write_f32_ours(const void *input)
{
    const struct values *values = input;
    uint64_t hash = 0;
    char text[32] = {0};
    for (size_t i = 0; i < values->count; i++)
        hash = micro_mix(hash, tdm__format_f32((float)values->v[i], text) + (uint64_t)text[2]);
    return hash;
}

static uint64_t write_glibc(const void *input)
{
    const struct values *values = input;
    uint64_t hash = 0;
    char text[40] = {0};
    for (size_t i = 0; i < values->count; i++)
        hash = micro_mix(hash, (uint64_t)snprintf(text, sizeof text, "%.17g", values->v[i]) + (uint64_t)text[2]);
    return hash;
}

static uint64_t write_i64_ours(const void *input)
{
    const struct values *values = input;
    uint64_t hash = 0;
    char text[32] = {0};
    for (size_t i = 0; i < values->count; i++)
        hash = micro_mix(hash, tdm__format_i64(values->whole[i], text) + (uint64_t)text[0]);
    return hash;
}

static uint64_t write_i64_glibc(const void *input)
{
    const struct values *values = input;
    uint64_t hash = 0;
    char text[40] = {0};
    for (size_t i = 0; i < values->count; i++)
        hash = micro_mix(hash, (uint64_t)snprintf(text, sizeof text, "%lld", (long long)values->whole[i]) +
                               (uint64_t)text[0]);
    return hash;
}

static void add(texts *t, const char text[TEXT_MAX])
{
    char *bytes = memcpy(t->bytes[t->count], text, sizeof t->bytes[0]);
    t->views[t->count++] = (tdm_str){bytes, strlen(bytes)};
}

static void prepare(size_t count)
{
    uint64_t state = 7;
    char text[TEXT_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        uint64_t r = micro_random(&state);
        double unit = (double)(r >> 11) * 0x1p-53;
        snprintf(text, sizeof text, "%.1f", (unit - 0.3) * 300);
        add(&shorts, text);
        snprintf(text, sizeof text, "%.2f", unit * 100000);
        add(&prices, text);
        snprintf(text, sizeof text, "%.17g", unit);
        add(&longs, text);
        snprintf(text, sizeof text, "%.25f", unit * 1000);
        add(&very_long, text);
        snprintf(text, sizeof text, "%a", unit);
        add(&hexadecimals, text);
        int64_t whole = (int64_t)(r >> 20) % 100000 - 20000;
        snprintf(text, sizeof text, "%lld", (long long)whole);
        add(&integers, text);
        randoms.v[i] = unit;
        randoms.whole[i] = whole;
        decimals.v[i] = (double)(r % 10000000) / 100;
    }
    randoms.count = decimals.count = count;
}

int main(int argc, char **argv)
{
    bool small = micro_is_small(argc, argv);
    size_t count = small ? COUNT_SMALL : COUNT;
    prepare(count);
    const micro_case cases[] = {
        {"read 12.5", "tandem", read_ours, &shorts},
        {"read 12.5", "strtod", read_glibc, &shorts},
        {"read 12345.67", "tandem", read_ours, &prices},
        {"read 12345.67", "strtod", read_glibc, &prices},
        {"read 17 digits", "tandem", read_ours, &longs},
        {"read 17 digits", "strtod", read_glibc, &longs},
        {"read 28 digits", "tandem", read_ours, &very_long},
        {"read 28 digits", "strtod", read_glibc, &very_long},
        {"read hexadecimal", "tandem", read_ours, &hexadecimals},
        {"read hexadecimal", "strtod", read_glibc, &hexadecimals},
        {"read f32 12345.67", "tandem", read_f32_ours, &prices},
        {"read f32 12345.67", "strtof", read_f32_glibc, &prices},
        {"read i64 12345", "tandem", read_i64_ours, &integers},
        {"read i64 12345", "strtoll", read_i64_glibc, &integers},
        {"read f64 12345", "tandem", read_ours, &integers},
        {"write 17 digits", "tandem", write_ours, &randoms},
        {"write 17 digits", "%.17g", write_glibc, &randoms},
        {"write 12345.67", "tandem", write_ours, &decimals},
        {"write 12345.67", "%.17g", write_glibc, &decimals},
        {"write f32", "tandem", write_f32_ours, &randoms},
        {"write i64 12345", "tandem", write_i64_ours, &randoms},
        {"write i64 12345", "%lld", write_i64_glibc, &randoms},
    };
    return micro_run("bench_number", cases, sizeof cases / sizeof cases[0], count, small);
}
