/* Numbers as text. The oracle for reading is glibc's strtod and strtof (exact by their own big integers), for writing
 * printf with exact digits; the expected layouts are written out. */
#include "support.h"

#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>

#include "base/number.h"

enum { ROUNDS = 60000, LONG_ROUNDS = 4000, TEXT_MAX = 2600 };

static uint64_t state;

static uint64_t draw(void) /* splitmix64 */
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned below(unsigned n)
{
    return (unsigned)(draw() % n);
}

static tdm_str view(const char *z)
{
    return (tdm_str){z, strlen(z)};
}

static uint64_t bits64(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

static uint32_t bits32(float v)
{
    uint32_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

static double from64(uint64_t b)
{
    double v;
    memcpy(&v, &b, sizeof v);
    return v;
}

static float from32(uint32_t b)
{
    float v;
    memcpy(&v, &b, sizeof v);
    return v;
}

/* Both readings of a text that strtod knows, against glibc, and the flag. */
static void assert_reads_as_glibc(const char *text)
{
    double v = -1, expected = strtod(text, NULL);
    float f = -1, expected_f = strtof(text, NULL);
    bool over = false, over_f = false;
    if (!tdm__parse_f64(view(text), &v, &over) || !tdm__parse_f32(view(text), &f, &over_f))
        fail_msg("not read: %.100s", text);
    if (bits64(v) != bits64(expected))
        fail_msg("%.100s read as %a, expected %a", text, v, expected);
    if (bits32(f) != bits32(expected_f))
        fail_msg("%.100s read as float %a, expected %a", text, (double)f, (double)expected_f);
    assert_int_equal(over, isinf(expected) != 0);
    assert_int_equal(over_f, isinf(expected_f) != 0);
}

/* ---- reading */

static char *put_random_digits(char *p, unsigned count)
{
    unsigned style = below(8); /* runs of one digit are where carries travel far */
    for (unsigned i = 0; i < count; i++)
        *p++ = (char)('0' + (style == 0 ? 0 : style == 1 ? 9 : below(10)));
    return p;
}

static void put_random_decimal(char *p, unsigned digits_max, int exponent_max)
{
    if (below(3) == 0)
        *p++ = "+-"[below(2)];
    unsigned whole = below(digits_max + 1), part = below(digits_max + 1);
    for (unsigned zeros = below(4) ? 0 : below(30); zeros; zeros--)
        *p++ = '0';
    p = put_random_digits(p, whole);
    if (part || !whole || below(2)) {
        *p++ = '.';
        for (unsigned zeros = below(4) ? 0 : below(30); zeros; zeros--)
            *p++ = '0';
        p = put_random_digits(p, part + !whole);
    }
    if (below(4))
        p += sprintf(p, "%c%d", "eE"[below(2)], (int)below(2 * (unsigned)exponent_max) - exponent_max);
    *p = 0;
}

static void test_random_decimals(void **unused)
{
    (void)unused;
    char text[TEXT_MAX];
    static const struct { unsigned digits; int exponent; } shapes[] = {{3, 3}, {9, 25}, {12, 60}, {25, 360}, {19, 330}};
    for (int i = 0; i < ROUNDS; i++) {
        unsigned shape = below(sizeof shapes / sizeof shapes[0]);
        put_random_decimal(text, shapes[shape].digits, shapes[shape].exponent);
        assert_reads_as_glibc(text);
    }
    for (int i = 0; i < LONG_ROUNDS; i++) {
        put_random_decimal(text, 1200, 1600);
        assert_reads_as_glibc(text);
    }
}

/* The last digit of an exact decimal one lower, then nines: just below it. */
static void step_down(char *text)
{
    char *last = NULL;
    char *e = strchr(text, 'e');
    for (char *p = text; p < e; p++)
        if (*p > '0' && *p <= '9')
            last = p;
    assert_non_null(last);
    (*last)--;
    char tail[32];
    strcpy(tail, e);
    strcpy(last + 1, "99999");
    strcat(text, tail);
}

/* Just above: something but zeros after all digits. */
static void step_up(char *text, unsigned zeros)
{
    char tail[32];
    char *e = strchr(text, 'e');
    strcpy(tail, e);
    for (; zeros; zeros--)
        *e++ = '0';
    *e++ = '1';
    strcpy(e, tail);
}

static void check_around(long double middle)
{
    char exact[TEXT_MAX], text[TEXT_MAX];
    sprintf(exact, "%.800Le", middle);
    assert_reads_as_glibc(exact);
    strcpy(text, exact);
    step_up(text, below(40));
    assert_reads_as_glibc(text);
    strcpy(text, exact);
    step_down(text);
    assert_reads_as_glibc(text);
    for (int digits = 15; digits < 26; digits += 3) {
        sprintf(text, "%.*Le", digits, middle);
        assert_reads_as_glibc(text);
    }
}

/* A long double holds the middle between two doubles and between two floats exactly. */
static void test_middles(void **unused)
{
    (void)unused;
    for (int i = 0; i < LONG_ROUNDS; i++) {
        uint64_t b = draw() >> 1;
        if (i % 4 == 0)
            b >>= 11 + below(52); /* subnormals */
        if (b >= UINT64_C(0x7fefffffffffffff))
            b = UINT64_C(0x7feffffffffffffe);
        check_around(((long double)from64(b) + (long double)from64(b + 1)) / 2);
        uint32_t c = (uint32_t)(draw() >> 33);
        c = c < 0x7f7fffff ? c : 0x7f7ffffe;
        check_around(((long double)from32(c) + (long double)from32(c + 1)) / 2);
    }
    check_around(0x1.fffffffffffff8p1023L); /* the end of the range */
    check_around(0x0.00000000000008p-1022L);
    check_around(0x1.ffffffp127L);
    check_around(0x1p-150L);
}

static void test_known_cases(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "0", "-0", "0.0", "-0.0e5", "5.", ".5", "-.5e-3", "+7", "1e22", "1e23", "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0000000000000000000000000000000000000001", "2.2250738585072011e-308",
        "2.2250738585072012e-308", "2.2250738585072014e-308", "4.9406564584124654e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308",
        "1.797693134862315708145274237317043567981e308", "1e309", "-1e400", "1e-400", "0e999999999999999999999",
        "1e999999999999999999999", "1e-999999999999999999999", "0.000001e6", "6929495644600919.5",
        "3.7455744005952583e15",
        "8.988465674311579e307", "16777217", "16777216.5", "3.4028235677973366e38", "3.40282357e38",
        "3.4028235677973367e38", "1.17549435e-38", "1.1754942807573643e-38", "7.0064923216240854e-46",
        "7.0064923216240853e-46", "1.4e-45", "9999999999999999999", "10000000000000000000", "18446744073709551615",
        "18446744073709551616", "99999999999999999999999999999", "0.1234567890123456789012345678901234567890",
        "00000000000000000000000000000000000000000000000000000000001.5",
        "0x0", "-0x0p5", "0x1.8p3", "0X1.8P+3", "0x10", "0x.8", "0x8.", "0x1p1023", "0x1.fffffffffffff7p1023",
        "0x1.fffffffffffff8p1023", "0x1p1024", "0x1p-1074", "0x1p-1075", "0x1.0000001p-1075", "0x3p-1075",
        "0x1p-1076", "0x1.00000000000008p0", "0x1.00000000000018p0", "0x1.000000000000080000000000000000001p0",
        "0x1.000001p0", "0x1.000003p0", "0x1.fffffep127", "0x1.ffffffp127", "0x1p-149", "0x1p-150", "0x3p-151",
        "0xfffffffffffffffffffffffffffffff", "0x0.00000000000000000000000000000000000001p100",
        "0x1p999999999999999999999", "0x1p-999999999999999999999",
        "inf", "-inf", "+Infinity", "INF", "-iNfInItY"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double v;
        float f;
        bool over;
        assert_true(tdm__parse_f64(view(texts[i]), &v, &over));
        assert_true(tdm__parse_f32(view(texts[i]), &f, NULL));
        if (bits64(v) != bits64(strtod(texts[i], NULL)) || bits32(f) != bits32(strtof(texts[i], NULL)))
            fail_msg("%s read as %a and %a", texts[i], v, (double)f);
        bool named = tolower(texts[i][strlen(texts[i]) - 1]) == 'f' || tolower(texts[i][strlen(texts[i]) - 1]) == 'y';
        assert_int_equal(over, isinf(v) && !named);
    }
}

/* A not-a-number has one set of bits, whatever its sign said. */
static void test_nan(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"nan", "NaN", "-nan", "+NAN"};
    for (size_t i = 0; i < 4; i++) {
        double v;
        float f;
        bool over = true;
        assert_true(tdm__parse_f64(view(texts[i]), &v, &over));
        assert_false(over);
        assert_true(tdm__parse_f32(view(texts[i]), &f, &over));
        assert_true(bits64(v) == UINT64_C(0x7ff8000000000000));
        assert_true(bits32(f) == 0x7fc00000);
    }
}

static void test_random_hexadecimals(void **unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        char text[128], *p = text;
        if (below(2))
            *p++ = '-';
        p += sprintf(p, "0x");
        unsigned whole = below(20), part = below(24);
        for (unsigned d = 0; d < whole; d++)
            *p++ = "0123456789abcdefABCDEF"[below(3) ? below(22) : 0];
        if (part || !whole)
            *p++ = '.';
        for (unsigned d = 0; d < part + !whole; d++)
            *p++ = "0123456789abcdefABCDEF"[below(3) ? below(22) : 0];
        if (below(3))
            p += sprintf(p, "p%d", (int)below(2400) - 1200);
        *p = 0;
        assert_reads_as_glibc(text);
    }
}

static void test_refused(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "", " ", " 1", "1 ", "+", "-", ".", "-.", "e5", ".e5", "1e", "1e+", "1e-", "1e5.", "1.2.3", "--1", "+-1",
        "1_000",
        "1,5", "0x", "0x.", "0xp1", "0x1p", "0x1p+", "0x1.8q3", "x1", "0x1.2.3", "in", "infi", "infinit", "infinityy",
        "na", "nanx", "nan(1)", "1f", "1.5d", "12a", "1\n", "\xd9\xa1", "1e5e5", "0b1", "12345678/", "1234567:",
        "12345678 12345678"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double v;
        float f;
        if (tdm__parse_f64(view(texts[i]), &v, NULL) || tdm__parse_f32(view(texts[i]), &f, NULL))
            fail_msg("\"%s\" must not be a number", texts[i]);
    }
    double v;
    assert_false(tdm__parse_f64((tdm_str){NULL, 0}, &v, NULL));
    assert_false(tdm__parse_f64((tdm_str){"1\0", 2}, &v, NULL));
}

/* Nothing beyond the view is read, and texts of any length cost what their length says. */
static void test_bounds(void **unused)
{
    (void)unused;
    double v;
    assert_true(tdm__parse_f64((tdm_str){"12345678", 3}, &v, NULL) && v == 123);
    assert_true(tdm__parse_f64((tdm_str){"1.5e25", 4}, &v, NULL) == false);
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG + 32);
    memset(text, '0', LONG);
    memcpy(text, "0.", 2);
    sprintf(text + LONG, "1e%d", LONG - 1);
    assert_true(tdm__parse_f64(view(text), &v, NULL) && v == 1);
    sprintf(text + LONG, "25e%d", LONG - 3);
    assert_true(tdm__parse_f64(view(text), &v, NULL) && v == 0.025);
    memset(text, '1', LONG);
    sprintf(text + LONG, "e-%d", LONG - 1);
    assert_true(tdm__parse_f64(view(text), &v, NULL));
    assert_true(v == 1.1111111111111111111111);
    for (size_t n = 0; n < 64; n++) { /* exact allocations, for the address sanitizer */
        char *exact = malloc(n ? n : 1);
        memset(exact, '7', n);
        assert_int_equal(tdm__parse_f64((tdm_str){exact, n}, &v, NULL), n > 0);
        free(exact);
    }
    free(text);
}

static void test_integers(void **unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        char text[64], *p = text;
        if (below(2))
            *p++ = "+-"[below(2)];
        p = put_random_digits(p, 1 + below(i % 16 ? 20 : 40));
        *p = 0;
        if (below(3) == 0)
            sprintf(text, "%s9223372036854775%03u", below(2) ? "-" : "", 790 + below(40)); /* around both ends */
        errno = 0;
        long long expected = strtoll(text, NULL, 10);
        int64_t v = 0;
        bool over = false;
        assert_true(tdm__parse_i64(view(text), &v, &over));
        assert_int_equal(v, expected);
        assert_int_equal(over, errno == ERANGE);
        assert_int_equal(tdm__parse_i64(view(text), &v, NULL), errno != ERANGE);
        char written[32];
        sprintf(text, "%lld", expected);
        assert_int_equal(tdm__format_i64(expected, written), strlen(text));
        assert_string_equal(written, text);
    }
    static const char *const refused[] = {"", "-", "+", "1.0", "1e3", " 1", "1 ", "--1", "0x1",
                                          "12345678901234567890x"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int64_t v;
        bool over;
        assert_false(tdm__parse_i64(view(refused[i]), &v, &over));
    }
}

/* ---- writing */

/* The digits of a text, without point, zeros at both ends and exponent. */
static void digits_of(const char *text, char *out)
{
    char *p = out;
    for (; *text && *text != 'e'; text++)
        if (isdigit((unsigned char)*text) && (p > out || *text != '0'))
            *p++ = *text;
    while (p > out && p[-1] == '0')
        p--;
    *p = 0;
}

static bool reads_back(const char *text, double v, bool single)
{
    return single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v;
}

/* Reads back; no text of fewer digits does, rounded up or down; and of those of this length it is the nearest,
 * unless the nearest does not read back (a power of two's interval is lopsided). */
static void assert_shortest(double v, bool single)
{
    char text[32], digits[32], other[64], other_digits[64];
    size_t n = single ? tdm__format_f32((float)v, text) : tdm__format_f64(v, text);
    assert_int_equal(n, strlen(text));
    if (!reads_back(text, v, single))
        fail_msg("%a is written %s", v, text);
    digits_of(text, digits);
    int count = (int)strlen(digits);
    assert_in_range(count, 1, single ? 9 : 17);
    for (int way = 0; way < 2 && count > 1; way++) {
        fesetround(way ? FE_UPWARD : FE_DOWNWARD);
        snprintf(other, sizeof other, "%.*e", count - 2, v);
        fesetround(FE_TONEAREST);
        if (reads_back(other, v, single))
            fail_msg("%a is written %s, but %s would do", v, text, other);
    }
    snprintf(other, sizeof other, "%.*e", count - 1, v);
    digits_of(other, other_digits);
    if (strcmp(digits, other_digits) != 0 && reads_back(other, v, single))
        fail_msg("%a is written %s, but %s is nearer", v, text, other);
}

static void test_shortest(void **unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS / 3; i++) {
        double v = from64(draw());
        if (i % 3 == 1)
            v = (double)below(1000000) / (double)below(100000);
        if (i % 3 == 2)
            v = (double)(int64_t)draw() * pow(10, (int)below(40) - 30);
        if (isfinite(v) && v != 0)
            assert_shortest(v, false);
        float f = from32((uint32_t)draw());
        if (isfinite(f) && f != 0)
            assert_shortest((double)f, true);
    }
    for (int e = -1074; e < 1024; e++) { /* powers of two and both their neighbours */
        assert_shortest(ldexp(1, e), false);
        assert_shortest(nextafter(ldexp(1, e), INFINITY), false);
        if (e > -1074)
            assert_shortest(-nextafter(ldexp(1, e), 0), false);
        if (e >= -149 && e < 128)
            assert_shortest(ldexp(1, e), true);
    }
    for (int e = -323; e < 309; e++) {
        char text[16];
        sprintf(text, "1e%d", e);
        assert_shortest(strtod(text, NULL), false);
    }
}

static void test_round_trips(void **unused)
{
    (void)unused;
    for (int i = 0; i < 20 * ROUNDS; i++) {
        uint64_t b = draw();
        double v = from64(b), back;
        char text[32];
        tdm_str written = {text, tdm__format_f64(v, text)};
        assert_true(tdm__parse_f64(written, &back, NULL));
        if (bits64(back) != b && !(isnan(v) && isnan(back)))
            fail_msg("%a written %s reads back %a", v, text, back);
        float f = from32((uint32_t)b), back_f;
        written.len = tdm__format_f32(f, text);
        assert_true(tdm__parse_f32(written, &back_f, NULL));
        if (bits32(back_f) != (uint32_t)b && !(isnan(f) && isnan(back_f)))
            fail_msg("float %a written %s reads back %a", (double)f, text, (double)back_f);
    }
}

static void test_layout(void **unused)
{
    (void)unused;
    static const struct { double v; const char *text; } rows[] = {
        {0, "0"}, {-0.0, "-0.0"}, {0.1, "0.1"}, {100, "100"}, {-1, "-1"}, {1.5, "1.5"}, {123456.789, "123456.789"},
        {1e16, "10000000000000000"}, {12345678901234567e0, "12345678901234568"},
        {99999999999999984.0, "99999999999999980"},
        {1e17, "1e17"}, {1.5e17, "1.5e17"}, {1e22, "1e22"}, {1e23, "1e23"},
        {-1.7976931348623157e308, "-1.7976931348623157e308"},
        {0.000001, "0.000001"}, {0.0000012345678901234567, "0.0000012345678901234567"}, {1e-7, "1e-7"},
        {-1.25e-7, "-1.25e-7"},
        {5e-324, "5e-324"}, {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {9007199254740993.0, "9007199254740992"},
        {72057594037927936.0, "72057594037927940"}, {INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"}, {-NAN, "nan"},
        {0.3, "0.3"}, {2.0 / 3, "0.6666666666666666"}, {2251799813685248.5, "2251799813685248.5"}};
    char text[32];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(tdm__format_f64(rows[i].v, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
    static const struct { float v; const char *text; } singles[] = {
        {0.1f, "0.1"}, {16777216.0f, "16777216"}, {3.4028235e38f, "3.4028235e38"}, {1e-45f, "1e-45"}, {-0.0f, "-0.0"},
        {1.17549435e-38f, "1.1754944e-38"}, {33554432.0f, "33554432"}, {1e16f, "10000000000000000"},
        {-INFINITY, "-inf"}};
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        tdm__format_f32(singles[i].v, text);
        assert_string_equal(text, singles[i].text);
    }
}

static void test_locale(void **unused)
{
    (void)unused;
    static const char *const names[] = {"de_DE.utf8", "de_DE.UTF-8", "fr_FR.utf8", "fr_FR.UTF-8", "de_DE",
                                        "ru_RU.utf8"};
    size_t i = 0;
    while (i < 6 && !setlocale(LC_ALL, names[i]))
        i++;
    if (i == 6)
        skip(); /* this machine has no locale with a decimal comma */
    char text[32];
    double v = 0;
    assert_string_equal(localeconv()->decimal_point, ",");
    tdm__format_f64(1.5, text);
    bool read = tdm__parse_f64(view("2.5"), &v, NULL), comma = tdm__parse_f64(view("2,5"), &v, NULL);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "1.5");
    assert_true(read && !comma && v == 2.5);
}

int main(void)
{
    state = support_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_cases), cmocka_unit_test(test_random_decimals), cmocka_unit_test(test_middles),
        cmocka_unit_test(test_nan), cmocka_unit_test(test_random_hexadecimals), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_integers), cmocka_unit_test(test_shortest),
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_layout), cmocka_unit_test(test_locale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
