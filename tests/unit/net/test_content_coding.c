/* Content codings against zlib's own one-call functions: both formats and raw deflate, damage, bounds, memory. */
#include "support.h"

#include <zlib.h>

#include "base/random.h"
#include "base/text.h"
#include "net/content_coding.h"

static const char gzip_of_nothing[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0"; /* by gzip(1) */

static tdm__coder *coder;
static tdm_error err;

/* Packs by zlib itself. bits: 31 gzip, 15 zlib, -15 raw. */
static void pack_by_zlib(tdm_str body, int bits, tdm__buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)body.ptr, .avail_in = (unsigned)body.len};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, body.len) + 32;
    tdm__buf_reset(out);
    z.next_out = (Bytef *)tdm__buf_reserve(out, room);
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len = room - z.avail_out;
    deflateEnd(&z);
}

static void unpack_by_zlib(tdm_str packed, int bits, size_t size, tdm__buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.ptr, .avail_in = (unsigned)packed.len};
    assert_int_equal(inflateInit2(&z, bits), Z_OK);
    tdm__buf_reset(out);
    z.next_out = (Bytef *)tdm__buf_reserve(out, size + 1);
    z.avail_out = (unsigned)size + 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    out->len = size + 1 - z.avail_out;
    inflateEnd(&z);
}

/* Texts that pack well, badly and in between. */
static void make_body(tdm__random *random, size_t n, tdm__buf *out)
{
    uint64_t letters = 1 + tdm__random_below(random, 3) * 127;
    tdm__buf_reset(out);
    for (size_t i = 0; i < n; i++)
        tdm__buf_char(out, (char)tdm__random_below(random, letters));
}

static void test_both_ways(void **state)
{
    static const int bits[] = {31, 15, -15};
    static const size_t sizes[] = {0, 1, 2, 100, 4095, 4096, 4097, 70000, 300000};
    tdm__buf body = {0}, packed = {0}, out = {0};
    tdm__random random;
    (void)state;
    tdm__random_seed(&random, support_seed());
    for (size_t i = 0; i < 3 * sizeof sizes / sizeof *sizes; i++) {
        make_body(&random, sizes[i / 3], &body);
        tdm_str plain = tdm__strn(body.ptr, body.len);
        for (int k = 0; k < 3; k++) {
            tdm__coding coding = k ? TDM__CODING_DEFLATE : TDM__CODING_GZIP;
            pack_by_zlib(plain, bits[k], &packed);
            assert_ok(tdm__coder_expand(coder, coding, tdm__strn(packed.ptr, packed.len), body.len, 2000, &out, &err), &err);
            assert_true(tdm__str_equal(tdm__strn(out.ptr, out.len), plain));
            if (k == 2)
                break;
            tdm__buf_reset(&packed);
            tdm__buf_text(&packed, "head");
            assert_ok(tdm__coder_pack(coder, coding, plain, &packed, &err), &err);
            assert_memory_equal(packed.ptr, "head", 4);
            unpack_by_zlib(tdm__strn(packed.ptr + 4, packed.len - 4), bits[k], body.len, &out);
            assert_true(tdm__str_equal(tdm__strn(out.ptr, out.len), plain));
        }
    }
    tdm__buf_free(&body);
    tdm__buf_free(&packed);
    tdm__buf_free(&out);
}

static void test_damage(void **state)
{
    tdm__buf packed = {0}, out = {0};
    tdm__random random;
    (void)state;
    tdm__random_seed(&random, support_seed());
    pack_by_zlib(tdm__str("a body that is long enough to be packed, packed, packed"), 31, &packed);
    for (size_t n = 0; n < packed.len; n++) { /* cut short anywhere */
        char *cut = malloc(n ? n : 1);
        memcpy(cut, packed.ptr, n);
        assert_status(tdm__coder_expand(coder, TDM__CODING_GZIP, tdm__strn(cut, n), 1000, 100, &out, &err), TDM_HTTP_CODING,
                      &err);
        free(cut);
    }
    for (size_t i = 10; i < packed.len; i++) { /* behind the head every bit counts */
        packed.ptr[i] ^= (char)(1 << tdm__random_below(&random, 8));
        char kept = packed.ptr[i];
        tdm_status status = tdm__coder_expand(coder, TDM__CODING_GZIP, tdm__strn(packed.ptr, packed.len), 1000, 100, &out, &err);
        assert_true(status == TDM_HTTP_CODING || (status == TDM_OK && out.len == 55));
        packed.ptr[i] = kept;
        pack_by_zlib(tdm__str("a body that is long enough to be packed, packed, packed"), 31, &packed);
    }
    tdm__buf_char(&packed, 'x');
    assert_status(tdm__coder_expand(coder, TDM__CODING_GZIP, tdm__strn(packed.ptr, packed.len), 1000, 100, &out, &err),
                  TDM_HTTP_CODING, &err);
    assert_string_equal(err.what, "the compressed body is damaged: bytes follow its end");
    assert_status(tdm__coder_expand(coder, TDM__CODING_GZIP, tdm__str("{}"), 1000, 100, &out, &err), TDM_HTTP_CODING, &err);
    assert_ok(tdm__coder_expand(coder, TDM__CODING_GZIP, tdm__strn(gzip_of_nothing, 20), 0, 1, &out, &err), &err);
    assert_int_equal(out.len, 0);
    tdm__buf_free(&packed);
    tdm__buf_free(&out);
}

static void test_bounds(void **state)
{
    enum { ZEROS = 4 << 20 };
    static char zeros[ZEROS];
    tdm__buf packed = {0}, out = {0};
    (void)state;
    pack_by_zlib(tdm__strn(zeros, ZEROS), 31, &packed); /* some 1000 to 1 */
    tdm_str body = tdm__strn(packed.ptr, packed.len);
    assert_status(tdm__coder_expand(coder, TDM__CODING_GZIP, body, 8 << 20, 100, &out, &err), TDM_TOO_LARGE, &err);
    assert_string_equal(err.what, "the body expands too far");
    assert_true(out.cap < 1 << 20); /* it stopped early */
    assert_ok(tdm__coder_expand(coder, TDM__CODING_GZIP, body, ZEROS, 2000, &out, &err), &err);
    assert_int_equal(out.len, ZEROS);
    assert_status(tdm__coder_expand(coder, TDM__CODING_GZIP, body, ZEROS - 1, 2000, &out, &err), TDM_TOO_LARGE, &err);
    assert_string_equal(err.what, "the expanded body is too large");
    assert_ok(tdm__coder_expand(coder, TDM__CODING_GZIP, body, UINT64_MAX, UINT32_MAX, &out, &err), &err);
    pack_by_zlib(tdm__strn(zeros, TDM__EXPANSION_FREE_BYTES), 31, &packed); /* below this the ratio does not count */
    body = tdm__strn(packed.ptr, packed.len);
    assert_ok(tdm__coder_expand(coder, TDM__CODING_GZIP, body, 8 << 20, 1, &out, &err), &err);
    pack_by_zlib(tdm__strn(zeros, TDM__EXPANSION_FREE_BYTES + 1), 31, &packed);
    body = tdm__strn(packed.ptr, packed.len);
    assert_status(tdm__coder_expand(coder, TDM__CODING_GZIP, body, 8 << 20, 1, &out, &err), TDM_TOO_LARGE, &err);
    assert_ok(tdm__coder_expand(coder, TDM__CODING_NONE, tdm__str("abc"), 3, 1, &out, &err), &err);
    assert_status(tdm__coder_expand(coder, TDM__CODING_NONE, tdm__str("abcd"), 3, 1, &out, &err), TDM_TOO_LARGE, &err);
    tdm__buf_free(&packed);
    tdm__buf_free(&out);
}

static tdm_status use_all(tdm__coder *c, tdm__buf *packed, tdm__buf *out)
{
    static char body[20000];
    packed->len = 0;
    tdm_status status = tdm__coder_pack(c, TDM__CODING_GZIP, tdm__strn(body, sizeof body), packed, &err);
    if (!status)
        status = tdm__coder_expand(c, TDM__CODING_GZIP, tdm__strn(packed->ptr, packed->len), sizeof body, 1000, out, &err);
    if (status)
        return status;
    packed->len = 0;
    status = tdm__coder_pack(c, TDM__CODING_DEFLATE, tdm__strn(body, sizeof body), packed, &err);
    if (status)
        return status;
    return tdm__coder_expand(c, TDM__CODING_DEFLATE, tdm__strn(packed->ptr, packed->len), sizeof body, 1000, out, &err);
}

static void test_memory(void **state)
{
    tdm__buf packed = {0}, out = {0};
    (void)state;
    assert_ok(use_all(coder, &packed, &out), &err);
    uint64_t before = support_allocs();
    for (int i = 0; i < 10; i++)
        assert_ok(use_all(coder, &packed, &out), &err);
    assert_int_equal(support_allocs(), before); /* warm, nothing is allocated */
    tdm__buf_free(&packed);
    tdm__buf_free(&out);
    for (uint64_t n = 1;; n++) {
        tdm_status status = TDM_NO_MEMORY;
        support_fail_alloc_at(n);
        tdm__coder *c = tdm__coder_new();
        if (c)
            status = use_all(c, &packed, &out);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_int_equal(status, hit ? TDM_NO_MEMORY : TDM_OK);
        if (c && hit)
            assert_ok(use_all(c, &packed, &out), &err); /* usable afterwards */
        tdm__coder_close(&c);
        assert_null(c);
        tdm__buf_free(&packed);
        tdm__buf_free(&out);
        if (!hit)
            break;
    }
}

static void expect_coding(const char *field, tdm_status status, tdm__coding expected)
{
    tdm__coding found;
    assert_status(tdm__coding_of(tdm__str(field), &found, &err), status, &err);
    if (!status)
        assert_int_equal(found, expected);
}

static void test_content_encoding(void **state)
{
    (void)state;
    expect_coding(NULL, TDM_OK, TDM__CODING_NONE);
    expect_coding("identity", TDM_OK, TDM__CODING_NONE);
    expect_coding("gzip", TDM_OK, TDM__CODING_GZIP);
    expect_coding("X-GZip", TDM_OK, TDM__CODING_GZIP);
    expect_coding("deflate", TDM_OK, TDM__CODING_DEFLATE);
    expect_coding("", TDM_HTTP_MEDIA_TYPE, 0);
    expect_coding("br", TDM_HTTP_MEDIA_TYPE, 0);
    expect_coding("gzip, gzip", TDM_HTTP_MEDIA_TYPE, 0);
    expect_coding("gzipp", TDM_HTTP_MEDIA_TYPE, 0);
    assert_string_equal(tdm__coding_name(TDM__CODING_DEFLATE), "deflate");
}

static void test_accept_encoding(void **state)
{
    static const struct { const char *field, *expected; } cases[] = {
        {NULL, "identity"}, {"", "identity"}, {"gzip", "gzip"}, {"GZIP", "gzip"}, {"deflate", "deflate"},
        {"deflate, gzip", "gzip"}, {"gzip;q=0.5, deflate", "deflate"}, {"gzip; q=0.5 , deflate;q=0.5", "gzip"},
        {"gzip;q=0", "identity"}, {"gzip;q=0.000, deflate", "deflate"}, {"*", "gzip"}, {"gzip;q=0, *", "deflate"},
        {"*;q=0", "identity"}, {"br, zstd", "identity"}, {"br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip"}, {"x-gzip", "gzip"},
        {"gzip;q=1.5", "identity"}, {"gzip;q=2", "identity"}, {"gzip;q=", "identity"}, {"gzip;q=0.0001", "identity"},
        {"gzip;q=a", "identity"}, {"gzip;level=1", "identity"}, {"gzip;Q=0.001", "gzip"}, {",, gzip", "gzip"},
        {"identity;q=0", "identity"}, {"gzip;q=-1", "identity"}, {"gzip;q=0.00:", "identity"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = tdm__coding_name(tdm__coding_accepted(tdm__str(cases[i].field)));
        if (strcmp(found, cases[i].expected) != 0)
            print_message("%s\n", cases[i].field);
        assert_string_equal(found, cases[i].expected);
    }
}

static int setup(void **state)
{
    (void)state;
    coder = tdm__coder_new();
    return coder ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    tdm__coder_close(&coder);
    tdm__coder_close(&coder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_content_encoding),
        cmocka_unit_test(test_accept_encoding),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
