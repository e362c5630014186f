/* Digests against published values: XXH3's own sanity test and FIPS 180. */
#include "support.h"

#include "base/digest.h"

enum { N = 2367 };
static uint8_t sanity[N];

/* The buffer over which XXH3's published values are taken. */
static int set_up(void **state)
{
    (void)state;
    uint64_t x = 2654435761u;
    for (int i = 0; i < N; i++) {
        sanity[i] = (uint8_t)(x >> 56);
        x *= 11400714785074694797u;
    }
    return 0;
}

static const struct { size_t n; uint64_t value; } published[] = {
    { 0, 0x2D06800538D394C2 },   { 1, 0xC44BDFF4074EECDB },    { 6, 0x27B56A84CD2D7325 },
    { 12, 0xA713DAF0DFBB77E7 },  { 24, 0xA3FE70BF9D3510EB },   { 48, 0x397DA259ECBA1F11 },
    { 80, 0xBCDEFBBB2C47C90A },  { 195, 0xCD94217EE362EC3A },  { 403, 0xCDEB804D65C6DEA4 },
    { 512, 0x617E49599013CB6B }, { 2048, 0xDD59E2C3A5F038E0 }, { 2240, 0x6E73A90539CF2948 },
    { N, 0xCB37AEB9E5D361ED },
};

static void test_hash64(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        assert_true(tdm__hash64(sanity, published[i].n) == published[i].value);
        assert_true(tdm__hash64_seed(sanity, published[i].n, 0) == published[i].value);
        assert_true(tdm__check32(sanity, published[i].n) == (uint32_t)published[i].value);
    }
    assert_true(tdm__hash64_seed(NULL, 0, 11400714785074694797u) == 0xA8A6B918B2F0364A);
    assert_true(tdm__hash64(NULL, 0) == published[0].value);
}

/* However the bytes are cut, the value is that of the whole. */
static void test_hasher(void **state)
{
    (void)state;
    tdm__hasher *h = tdm__hasher_new();
    assert_non_null(h);
    for (size_t piece = 1; piece <= N; piece = piece * 3 + 1)
        for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
            tdm__hasher_reset(h);
            for (size_t at = 0; at < published[i].n; at += piece)
                tdm__hasher_add(h, sanity + at, piece < published[i].n - at ? piece : published[i].n - at);
            tdm__hasher_add(h, NULL, 0);
            assert_true(tdm__hasher_value(h) == published[i].value);
        }
    tdm__hasher_close(&h);
    assert_null(h);
    tdm__hasher_close(&h);
    support_fail_alloc_at(1);
    assert_null(tdm__hasher_new());
    support_fail_alloc_at(0);
}

static void test_sha256(void **state)
{
    (void)state;
    static char as[1000];
    memset(as, 'a', sizeof as);
    static const struct { const char *text; size_t n; const char *hex; } cases[] = {
        { "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { as, 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdm__sha256 digest;
        char hex[65];
        assert_ok(tdm__sha256_of(cases[i].text, cases[i].n, &digest), NULL);
        tdm__sha256_hex(&digest, hex);
        assert_string_equal(hex, cases[i].hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash64),
        cmocka_unit_test(test_hasher),
        cmocka_unit_test(test_sha256),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
