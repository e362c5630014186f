/* Texts: comparison, UTF-8 against the definition, buffers that fail once and stay failed, JSON by another library. */
#include "support.h"

#include <jansson.h>

#include "base/random.h"
#include "base/text.h"

static void test_views(void **state)
{
    (void)state;
    tdm_str empty = { NULL, 0 }, rest;
    assert_true(tdm__str_equal(empty, tdm__str("")));
    assert_int_equal(tdm__str(NULL).len, 0);
    assert_true(tdm__str_is(tdm__strn("abc", 2), "ab") && !tdm__str_is(tdm__str("abc"), "ab"));
    assert_true(tdm__str_starts(tdm__str("abc"), "ab") && !tdm__str_starts(tdm__str("a"), "ab"));
    assert_true(tdm__str_ends(tdm__str("abc"), "bc") && !tdm__str_ends(tdm__str("c"), "bc"));
    assert_true(tdm__str_starts(empty, "") && tdm__str_ends(empty, ""));
    assert_true(tdm__str_is(tdm__str_trim(tdm__str(" \ta b\t ")), "a b"));
    assert_int_equal(tdm__str_trim(tdm__str(" \t ")).len, 0);
    assert_true(tdm__str_is(tdm__str_cut(tdm__str("a=b=c"), '=', &rest), "a") && tdm__str_is(rest, "b=c"));
    assert_true(tdm__str_is(tdm__str_cut(tdm__str("a="), '=', &rest), "a") && rest.ptr && rest.len == 0);
    assert_true(tdm__str_is(tdm__str_cut(tdm__str("a"), '=', &rest), "a") && !rest.ptr && rest.len == 0);
    assert_int_equal(tdm__str_cut(empty, '=', &rest).len, 0);
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void test_order_is_of_bytes(void **state)
{
    (void)state;
    static const char *const sorted[] = { "", "A", "Ab", "B", "a", "a\x7f", "a\x80", "\xC3\xA9", "\xFF" };
    enum { N = sizeof sorted / sizeof *sorted };
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            assert_int_equal(sign(tdm__str_compare(tdm__str(sorted[i]), tdm__str(sorted[k]))), sign(i - k));
    assert_true(tdm__str_compare(tdm__strn("a\0b", 3), tdm__strn("a\0c", 3)) < 0);
}

/* The definition: decode by the bit patterns, then refuse what another encoding should have been used for. */
static size_t decode(const unsigned char *p, size_t n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (len <= 1 || len > n)
        return len > n ? 0 : len;
    uint32_t c = p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        c = c << 6 | (p[i] & 63);
    }
    return c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000) ? 0 : len;
}

static bool valid_by_definition(const unsigned char *p, size_t n)
{
    for (size_t i = 0, len; i < n; i += len)
        if (!(len = decode(p + i, n - i)))
            return false;
    return true;
}

/* All pairs of bytes, all sequences of 3 and 4 that begin with a lead byte and are near the limits, and random texts. */
static void test_utf8(void **state)
{
    (void)state;
    unsigned char b[40];
    for (int i = 0; i < 65536; i++) {
        b[0] = (unsigned char)(i >> 8);
        b[1] = (unsigned char)i;
        assert_int_equal(tdm__utf8_valid(tdm__strn((char *)b, 2)), valid_by_definition(b, 2));
        b[2] = b[3] = 0x80;
        for (size_t n = 3; n <= 4; n++)
            assert_int_equal(tdm__utf8_valid(tdm__strn((char *)b, n)), valid_by_definition(b, n));
    }
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    int valid = 0;
    for (int i = 0; i < 100000; i++) {
        static const unsigned char lead[] = { 'a', 0x7F, 0x80, 0xBF, 0xC2, 0xE0, 0xED, 0xF0, 0xF4 };
        size_t n = (size_t)tdm__random_below(&r, sizeof b);
        memset(b, 'x', sizeof b);
        for (int k = 0; k < 3 && n; k++)
            b[tdm__random_below(&r, n)] = lead[tdm__random_below(&r, sizeof lead)];
        bool expected = valid_by_definition(b, n);
        valid += expected;
        assert_int_equal(tdm__utf8_valid(tdm__strn((char *)b, n)), expected);
    }
    assert_true(valid > 1000);
    assert_true(tdm__utf8_valid(tdm__strn(NULL, 0)));
}

static void test_buffer_grows(void **state)
{
    (void)state;
    tdm__buf b = {0};
    assert_string_equal(tdm__buf_z(&b), "");
    tdm__buf_text(&b, "ab");
    tdm__buf_char(&b, 'c');
    tdm__buf_str(&b, tdm__strn("def", 2));
    tdm__buf_str(&b, tdm__strn(NULL, 0));
    tdm__buf_printf(&b, "%d-%s", 42, "x");
    char *to = tdm__buf_reserve(&b, 3);
    memcpy(to, "zzz", 3);
    b.len += 1;
    assert_string_equal(tdm__buf_z(&b), "abcde42-xz");
    assert_int_equal(b.len, 10);
    for (int i = 0; i < 5000; i++)
        tdm__buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, 10 + 10 * 2 + 90 * 3 + 900 * 4 + 4000 * 5);
    assert_ok(tdm__buf_check(&b, NULL), NULL);
    tdm__buf_reset(&b);
    assert_int_equal(b.len, 0);
    tdm__buf_free(&b);
    tdm__buf_free(&b);
}

static void test_buffer_stays_failed(void **state)
{
    (void)state;
    tdm_error err;
    for (uint64_t n = 1;; n++) {
        tdm__buf b = {0};
        support_fail_alloc_at(n);
        for (int i = 0; i < 100; i++) {
            tdm__buf_printf(&b, "%s", "0123456789");
            tdm__buf_add(&b, "x", 1);
        }
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_int_equal(tdm__buf_check(&b, &err), hit ? TDM_NO_MEMORY : TDM_OK);
        assert_int_equal(b.failed, hit);
        assert_int_equal(tdm__buf_z(&b) == NULL, hit);
        tdm__buf_reset(&b);
        tdm__buf_text(&b, "again");
        assert_string_equal(tdm__buf_z(&b), "again");
        tdm__buf_free(&b);
        if (!hit)
            break;
    }
    tdm__buf b = {0};
    tdm__buf_text(&b, "abc");
    assert_null(tdm__buf_reserve(&b, SIZE_MAX - 3));
    assert_true(b.failed);
    tdm__buf_free(&b);
}

static void test_json_text_reads_back(void **state)
{
    (void)state;
    tdm__random r;
    tdm__buf b = {0};
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 3000; i++) {
        char text[64];
        size_t n = 0;
        while (n < 50 && tdm__random_below(&r, 20)) {
            static const char *const pieces[] = { "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8E\xB2", "\"", "\\", "/" };
            uint64_t k = tdm__random_below(&r, 12);
            const char one[2] = { (char)tdm__random_below(&r, 128), 0 };
            const char *piece = k < 6 ? pieces[k] : one;
            size_t len = k < 6 ? strlen(piece) : 1; /* a zero byte, too */
            memcpy(text + n, piece, len);
            n += len;
        }
        tdm__buf_reset(&b);
        tdm__buf_json_text(&b, tdm__strn(text, n));
        json_t *value = json_loadb(b.ptr, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        assert_int_equal(json_string_length(value), n);
        assert_memory_equal(json_string_value(value), text, n);
        json_decref(value);
    }
    tdm__buf_free(&b);
}

static void test_json_text_mends_bad_bytes(void **state)
{
    (void)state;
    tdm__buf b = {0};
    tdm__buf_json_text(&b, tdm__strn("a\xFFz\xC3", 4));
    assert_string_equal(tdm__buf_z(&b), "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
    tdm__buf_reset(&b);
    tdm__buf_json_text(&b, tdm__strn(NULL, 0));
    assert_string_equal(tdm__buf_z(&b), "\"\"");
    tdm__buf_free(&b);
}

static void test_little_endian(void **state)
{
    (void)state;
    unsigned char b[9] = { 0, 0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88 }, out[9] = {0};
    assert_int_equal(tdm__load16(b + 1), 0x8201);
    assert_true(tdm__load32(b + 1) == 0x84038201);
    assert_true(tdm__load64(b + 1) == 0x8807860584038201);
    tdm__store64(out + 1, 0x8807860584038201);
    assert_memory_equal(out, b, 9);
    tdm__store32(out + 1, 0xAABBCCDD);
    tdm__store16(out + 5, 0xEEFF);
    static const unsigned char expected[] = { 0, 0xDD, 0xCC, 0xBB, 0xAA, 0xFF, 0xEE, 0x07, 0x88 };
    assert_memory_equal(out, expected, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_order_is_of_bytes),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_buffer_grows),
        cmocka_unit_test(test_buffer_stays_failed),
        cmocka_unit_test(test_json_text_reads_back),
        cmocka_unit_test(test_json_text_mends_bad_bytes),
        cmocka_unit_test(test_little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
