/* Zones against Python's zoneinfo (zones/expected.txt, made by make_zone_table.py), and damaged files. */
#include "support.h"

#include "base/random.h"
#include "schema/calendar.h"
#include "schema/instant.h"

static char *zone_file(const char *name, size_t *n)
{
    char path[256];
    snprintf(path, sizeof path, "tests/unit/schema/zones/%s", name);
    return support_read_file(support_path(support_source_root(), path), n);
}

static tdm__zone *load(const char *name, tdm__arena *arena)
{
    char path[128];
    size_t n;
    tdm_error err;
    tdm__zone *zone = NULL;
    snprintf(path, sizeof path, "%s.tzif", name);
    char *bytes = zone_file(path, &n);
    assert_ok(tdm__zone_parse(name, bytes, n, arena, &zone, &err), &err);
    support_free(bytes);
    return zone;
}

static tdm__civil civil_of_second(int64_t local)
{
    tdm__civil c;
    tdm__civil_of(NULL, local * 1000000, &c);
    return c;
}

static void expect_line(const tdm__zone *zone, const char *line, const char *what, long long at, long long want)
{
    long long got;
    if (strcmp(what, "offset") == 0) {
        got = tdm__zone_offset(zone, at * 1000000 + 999999);
    } else {
        tdm__civil c = civil_of_second(at);
        got = tdm__civil_to_instant(zone, &c) / 1000000;
    }
    if (got != want)
        fail_msg("%s: got %lld", line, got);
}

static void test_against_zoneinfo(void **state)
{
    (void)state;
    tdm__arena arena = {0};
    tdm__zone *zone = NULL;
    char have[64] = "", name[64], what[16];
    char *text = zone_file("expected.txt", NULL);
    size_t lines = 0;
    for (char *line = text, *end; *line; line = end + 1, lines++) {
        long long at, want;
        end = strchr(line, '\n');
        *end = '\0';
        assert_int_equal(sscanf(line, "%63s %15s %lld %lld", name, what, &at, &want), 4);
        if (strcmp(name, have) != 0)
            zone = load(name, &arena);
        strcpy(have, name);
        expect_line(zone, line, what, at, want);
    }
    assert_true(lines > 1500);
    support_free(text);
    tdm__arena_free(&arena);
}

/* Every instant's civil time leads back to it, or to the earlier one of an overlap. */
static void test_civil_round_trip(void **state)
{
    (void)state;
    tdm__arena arena = {0};
    tdm__zone *zone = load("america_new_york", &arena);
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (int i = 0; i < 20000; i++) {
        int64_t s = (int64_t)tdm__random_below(&random, 9000000000u) - 2000000000;
        tdm__civil c, again;
        tdm__civil_of(zone, s * 1000000, &c);
        int64_t back = tdm__civil_to_instant(zone, &c);
        tdm__civil_of(zone, back, &again);
        assert_memory_equal(&c, &again, sizeof c);
        assert_true(back == s * 1000000 || back == (s - 3600) * 1000000);
    }
    tdm__arena_free(&arena);
}

static void test_extremes(void **state)
{
    (void)state;
    tdm__arena arena = {0};
    tdm__zone *zone = load("america_new_york", &arena);
    assert_int_equal(tdm__zone_offset(NULL, 0), 0);
    assert_int_equal(tdm__zone_offset(zone, INT64_MIN), -17762); /* local mean time */
    (void)tdm__zone_offset(zone, INT64_MAX);
    tdm__civil c = {.year = INT32_MAX, .month = 12, .day = 31};
    assert_true(tdm__civil_to_instant(zone, &c) > 0);
    c.year = INT32_MIN;
    assert_true(tdm__civil_to_instant(zone, &c) < 0);
    tdm__arena_free(&arena);
}

/* Each prefix of a file, and each byte of it changed: an error or a zone, never a crash (the sanitizers watch). */
static void test_damage(void **state)
{
    (void)state;
    tdm__arena arena = {0};
    size_t n;
    char *bytes = zone_file("asia_kathmandu.tzif", &n);
    tdm_error err;
    tdm__zone *zone;
    for (size_t i = 0; i < n; i++) {
        char *cut = malloc(i ? i : 1);
        memcpy(cut, bytes, i);
        assert_status(tdm__zone_parse("cut", cut, i, &arena, &zone, &err), TDM_CORRUPT, &err);
        assert_true(err.what[0] && strcmp(err.where, "cut") == 0);
        free(cut);
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (char)(1 << bit);
            if (tdm__zone_parse("flip", bytes, n, &arena, &zone, &err) == TDM_OK)
                (void)tdm__zone_offset(zone, INT64_MAX);
            bytes[i] ^= (char)(1 << bit);
            tdm__arena_reset(&arena);
        }
    }
    support_free(bytes);
    tdm__arena_free(&arena);
}

/* A file with one type and the rule. */
static tdm_status parse_rule(const char *rule, tdm__arena *arena, tdm_error *err)
{
    static const char head[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4\0\0\0\0\0\0UTC";
    char bytes[512];
    size_t n = sizeof head; /* with the NUL that ends the name */
    tdm__zone *zone;
    memcpy(bytes, head, n);
    memcpy(bytes + n, head, n);
    n *= 2;
    n += (size_t)snprintf(bytes + n, sizeof bytes - n, "\n%s\n", rule);
    return tdm__zone_parse("rule", bytes, n, arena, &zone, err);
}

static void test_rules_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "E5", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.1.0,M11.1.0", "EST5EDT,M0.1.0,M11.1.0",
        "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.0.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J60", "EST5EDT,J366,J60",
        "EST5EDT,366,60", "EST5EDT,M3.2.0,M11.1.0,", "EST5EDT,M3.2.0/168,M11.1.0", "EST25", "<+03-3", "<+3>-3", "+03-3",
        "EST5:60", "EST5EDT,M3.2.0/2:60,M11.1.0", "EST5EDT,M3.2,M11.1.0", "EST5 ", " EST5",
    };
    tdm__arena arena = {0};
    tdm_error err;
    assert_ok(parse_rule("EST5EDT,M3.2.0,M11.1.0", &arena, &err), &err);
    assert_ok(parse_rule("", &arena, &err), &err);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse_rule(bad[i], &arena, &err) != TDM_CORRUPT)
            fail_msg("'%s' was taken for a rule", bad[i]);
    tdm__arena_free(&arena);
}

static void test_no_memory(void **state)
{
    (void)state;
    size_t n;
    char *bytes = zone_file("america_new_york.tzif", &n);
    for (uint64_t i = 1;; i++) {
        tdm__arena arena = {0};
        tdm__zone *zone;
        tdm_error err;
        support_fail_alloc_at(i);
        tdm_status s = tdm__zone_parse("zone", bytes, n, &arena, &zone, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        tdm__arena_free(&arena);
        if (!hit) {
            assert_ok(s, &err);
            break;
        }
        assert_int_equal(s, TDM_NO_MEMORY);
    }
    support_free(bytes);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"UTC", "America/New_York", "Etc/GMT+5", "America/Argentina/Buenos_Aires", "EST5EDT"};
    static const char *const bad[] = {"", "/UTC", "UTC/", "a//b", "../etc/passwd", "a/../b", "a b", "a.b", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(tdm__zone_name_valid(tdm__str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(tdm__zone_name_valid(tdm__str(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_zoneinfo), cmocka_unit_test(test_civil_round_trip), cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_damage),           cmocka_unit_test(test_rules_refused),    cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
