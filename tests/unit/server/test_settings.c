/* The server's settings: every row of the table can be set to what it allows and to nothing else. */
#include <inttypes.h>
#include <tandem/serve.h>

#include "base/text.h"
#include "support.h"

typedef struct row {
    const char *name;
    size_t offset;
    uint64_t value, low, high;
} row;
static const row ROWS[] = {
#define ROW(name, value, low, high, text) {#name, offsetof(tdm_server_settings, name), value, low, high},
    TDM_SERVER_SETTINGS(ROW)
#undef ROW
};
enum { N_ROWS = sizeof ROWS / sizeof *ROWS };

static uint64_t get(const tdm_server_settings *s, size_t i)
{
    return *(const uint64_t *)((const char *)s + ROWS[i].offset);
}

static tdm_status set(tdm_server_settings *s, const char *name, const char *value, tdm_error *err)
{
    return tdm_server_settings_set(s, tdm__str(name), tdm__str(value), err);
}

static tdm_status set_number(tdm_server_settings *s, size_t i, uint64_t v, tdm_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, v);
    return set(s, ROWS[i].name, text, err);
}

static void defaults_are_allowed(void **state)
{
    (void)state;
    tdm_server_settings s;
    assert_int_equal(sizeof s, N_ROWS * sizeof(uint64_t));
    tdm_server_settings_default(&s);
    for (size_t i = 0; i < N_ROWS; i++) {
        assert_int_equal(get(&s, i), ROWS[i].value);
        assert_true(ROWS[i].low <= ROWS[i].value && ROWS[i].value <= ROWS[i].high);
    }
}

/* Setting one changes that one, to any end of its range; one step beyond changes nothing and says the range. */
static void each_is_set_and_read_back(void **state)
{
    (void)state;
    tdm_error err;
    for (size_t i = 0; i < N_ROWS; i++) {
        tdm_server_settings s, before;
        char range[80];
        tdm_server_settings_default(&s);
        assert_ok(set_number(&s, i, ROWS[i].low, &err), &err);
        assert_int_equal(get(&s, i), ROWS[i].low);
        assert_ok(set_number(&s, i, ROWS[i].high, &err), &err);
        assert_int_equal(get(&s, i), ROWS[i].high);
        for (size_t other = 0; other < N_ROWS; other++)
            assert_true(other == i || get(&s, other) == ROWS[other].value);
        before = s;
        snprintf(range, sizeof range, "a whole number from %" PRIu64 " to %" PRIu64, ROWS[i].low, ROWS[i].high);
        for (int beyond = 0; beyond < 2; beyond++) {
            if (!beyond && !ROWS[i].low)
                continue;
            assert_status(set_number(&s, i, beyond ? ROWS[i].high + 1 : ROWS[i].low - 1, &err), TDM_BAD_INPUT, &err);
            assert_string_equal(err.where, ROWS[i].name);
            assert_string_equal(err.expected, range);
            assert_memory_equal(&s, &before, sizeof s);
        }
    }
}

static void what_is_no_whole_number(void **state)
{
    (void)state;
    static const char *const values[] = {"", "+5", "-5", " 5", "5 ", "5.0", "5s", "0x5", "1e1", "five", "18446744073709551621",
                                         "99999999999999999999999999", "5\n"};
    tdm_error err;
    tdm_server_settings s, before;
    tdm_server_settings_default(&s);
    before = s;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_status(set(&s, "head_s", values[i], &err), TDM_BAD_INPUT, &err);
        assert_true(err.found[0]);
    }
    assert_memory_equal(&s, &before, sizeof s);
    assert_ok(set(&s, "head_s", "0005", &err), &err);
    assert_int_equal(s.head_s, 5);
    assert_ok(tdm_server_settings_set(&s, tdm__str("head_s"), tdm__strn("67", 1), NULL), NULL); /* a view, no end */
    assert_int_equal(s.head_s, 6);
}

static void names_that_are_none(void **state)
{
    (void)state;
    tdm_error err;
    tdm_server_settings s;
    char name[400];
    tdm_server_settings_default(&s);
    assert_status(set(&s, "body_byte_max", "5000", &err), TDM_BAD_INPUT, &err);
    assert_string_equal(err.where, "body_byte_max");
    assert_string_equal(err.hint, "did you mean 'body_bytes_max'?");
    assert_status(set(&s, "colour", "5", &err), TDM_BAD_INPUT, &err);
    assert_string_equal(err.hint, "");
    assert_status(set(&s, "", "5", &err), TDM_BAD_INPUT, &err);
    assert_status(set(&s, "head_s ", "5", &err), TDM_BAD_INPUT, &err);
    memset(name, 'x', sizeof name);
    assert_status(tdm_server_settings_set(&s, tdm__strn(name, sizeof name), tdm__str("5"), &err), TDM_BAD_INPUT, &err);
    assert_int_equal(strlen(err.where), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_allowed),
        cmocka_unit_test(each_is_set_and_read_back),
        cmocka_unit_test(what_is_no_whole_number),
        cmocka_unit_test(names_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
