/* Classes of bytes against their definitions, the fast search for a line's end against the plain one, names, numbers. */
#include "support.h"

#include "base/random.h"
#include "base/text.h"
#include "net/http_impl.h"

static bool is_alnum(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_of(int c, const char *others)
{
    return is_alnum(c) || (c && strchr(others, c));
}

static void test_classes(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        /* RFC 9110, 5.6.2: tchar. */
        assert_int_equal(tdm__http_is(byte, TDM__BYTE_TOKEN), is_of(c, "!#$%&'*+-.^_`|~"));
        /* RFC 3986, 3.2.2 and 3.2.3: reg-name, IP-literal, ':' port. */
        assert_int_equal(tdm__http_is(byte, TDM__BYTE_HOST), is_of(c, "-._~%!$&'()*+,;=[]:"));
        assert_int_equal(tdm__http_is(byte, TDM__BYTE_TARGET), c > 0x20 && c < 0x7F && c != '#');
        assert_int_equal(tdm__http_is(byte, TDM__BYTE_PLAIN), c == '\t' || (c >= 0x20 && c != 0x7F));
    }
    assert_true(tdm__http_all(tdm__str("abc"), TDM__BYTE_TOKEN));
    assert_false(tdm__http_all(tdm__str("ab c"), TDM__BYTE_TOKEN));
    assert_true(tdm__http_all(tdm__str(""), TDM__BYTE_TOKEN));
}

/* Every length, a control byte at every place or none: blocks of the exact size, so that a sanitizer sees a read beyond. */
static void test_line_end(void **state)
{
    enum { MAX = 70 };
    static const char ends[] = "\r\n\0\x01\x1F\x7F\x0B";
    tdm__random random;
    (void)state;
    tdm__random_seed(&random, support_seed());
    for (size_t len = 0; len <= MAX; len++)
        for (size_t at = 0; at <= len; at++) {
            char *block = malloc(len ? len : 1);
            for (size_t i = 0; i < len; i++)
                do
                    block[i] = (char)tdm__random_below(&random, 256);
                while (!tdm__http_is(block[i], TDM__BYTE_PLAIN));
            if (at < len)
                block[at] = ends[tdm__random_below(&random, sizeof ends - 1)];
            assert_ptr_equal(tdm__http_line_end(block, block + len), block + at);
            assert_ptr_equal(tdm__http_line_end_plain(block, block + len), block + at);
            free(block);
        }
}

static void test_names(void **state)
{
    tdm__random random;
    char name[64];
    (void)state;
    tdm__random_seed(&random, support_seed());
    for (unsigned i = 0; i < TDM__HTTP_FIELD_COUNT; i++) {
        size_t n = strlen(tdm__http_field_names[i]);
        for (int k = 0; k < 20; k++) {
            for (size_t j = 0; j < n; j++) {
                char c = tdm__http_field_names[i][j];
                name[j] = c >= 'a' && c <= 'z' && tdm__random_below(&random, 2) ? (char)(c - 32) : c;
            }
            assert_int_equal(tdm__http_field_of(tdm__strn(name, n)), i);
            assert_int_equal(tdm__http_field_of(tdm__strn(name, n - 1)), TDM__HTTP_FIELD_COUNT);
            size_t at = tdm__random_below(&random, n);
            char kept = name[at];
            for (int c = 0; c < 256; c++) { /* another token's byte anywhere makes another name */
                name[at] = (char)c;
                if (tdm__http_is((char)c, TDM__BYTE_TOKEN) && c != kept && (c ^ kept) != ('a' ^ 'A'))
                    assert_int_equal(tdm__http_field_of(tdm__strn(name, n)), TDM__HTTP_FIELD_COUNT);
            }
        }
    }
    assert_false(tdm__http_same(tdm__str("close"), "clos"));
    assert_false(tdm__http_same(tdm__strn("a\0", 2), "a"));
    assert_false(tdm__http_same(tdm__str("\x1B"), ";")); /* only letters lose their case */
    assert_string_equal(tdm__http_method_name(TDM__HTTP_PATCH), "PATCH");
    assert_string_equal(tdm__http_method_name(TDM__HTTP_METHOD_COUNT), "");
}

static void test_numbers(void **state)
{
    uint64_t n;
    (void)state;
    assert_true(tdm__http_number(tdm__str("0"), &n) && n == 0);
    assert_true(tdm__http_number(tdm__str("00018446744073709551615"), &n) && n == UINT64_MAX);
    static const char *const bad[] = {"", "18446744073709551616", "99999999999999999999999", "1a", "-1", "+1", " 1", "1 ", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tdm__http_number(tdm__str(bad[i]), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_line_end),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
