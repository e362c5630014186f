/* Any bytes as a number: what is accepted, and every bit of what comes out, is as glibc says in the C locale; and any
 * double or float that the bytes make reads back from how it is written. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static bool same64(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static bool same32(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* `text` is terminated; the size does not count the NUL. glibc also takes leading space and nan(...), we do not. */
static void check_text(const char *text, size_t size, locale_t c)
{
    tdm_str s = {text, size};
    char *end, *end_i64;
    double expected = strtod_l(text, &end, c), v = 0;
    float expected_f = strtof_l(text, NULL, c), f = 0;
    bool whole = size && end == text + size && !isspace((unsigned char)*text) && !memchr(text, '(', size);
    bool over = false, over_f = false;
    must(tdm__parse_f64(s, &v, &over) == whole, "the same texts are doubles");
    must(tdm__parse_f32(s, &f, &over_f) == whole, "the same texts are floats");
    bool named = whole && !strpbrk(text, "0123456789"); /* "inf", not "1e999" */
    if (whole) {
        must(same64(v, expected), "the same double");
        must(same32(f, expected_f), "the same float");
        must(over == (isinf(v) && !named) && over_f == (isinf(f) && !named), "overflow is told");
    }
    errno = 0;
    long long expected_i64 = strtoll_l(text, &end_i64, 10, c);
    int64_t i = 0;
    bool over_i64 = false, whole_i64 = size && end_i64 == text + size && !isspace((unsigned char)*text);
    must(tdm__parse_i64(s, &i, &over_i64) == whole_i64, "the same texts are integers");
    must(!whole_i64 || (i == expected_i64 && over_i64 == (errno == ERANGE)), "the same integer");
}

static void check_bits(const uint8_t *data)
{
    double v, back = 0;
    float f, back_f = 0;
    int64_t i, back_i = 0;
    char text[32];
    memcpy(&v, data, sizeof v);
    memcpy(&i, data, sizeof i);
    memcpy(&f, data, sizeof f);
    size_t n = tdm__format_f64(v, text);
    must(n == strlen(text) && n < 32 && tdm__parse_f64((tdm_str){text, n}, &back, NULL) && same64(v, back),
         "a double reads back");
    n = tdm__format_f32(f, text);
    must(n == strlen(text) && n < 32 && tdm__parse_f32((tdm_str){text, n}, &back_f, NULL) && same32(f, back_f),
         "a float reads back");
    n = tdm__format_i64(i, text);
    must(n == strlen(text) && n < 32 && tdm__parse_i64((tdm_str){text, n}, &back_i, NULL) && i == back_i,
         "an integer reads back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static locale_t c;
    if (!c)
        c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *text = malloc(size + 1);
    if (!text || !c)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    check_text(text, size, c);
    for (size_t at = 0; at + 8 <= size; at += 8)
        check_bits(data + at);
    free(text);
    return 0;
}
