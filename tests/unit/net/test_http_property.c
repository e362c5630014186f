/* Properties of the reader over generated streams: cuts do not matter, and llhttp does not disagree. */
#include "support.h"

#include "net/http_check.h"
#include "net/http_generate.h"

enum { CASES = 20000 };

static tdm__buf stream, whole, cut;

static void check_cut(const tdm__http_limits *limits, uint64_t cuts, uint64_t number)
{
    tdm__buf_reset(&cut);
    http_record(tdm__strn(stream.ptr, stream.len), limits, cuts, &cut);
    if (cut.len == whole.len && memcmp(cut.ptr, whole.ptr, cut.len) == 0)
        return;
    tdm__buf shown = {0};
    tdm__buf_json_text(&shown, tdm__strn(stream.ptr, stream.len));
    print_message("case %llu, cuts %llu: %s\nwhole: %s\ncut: %s\n", (unsigned long long)number, (unsigned long long)cuts,
                  tdm__buf_z(&shown), tdm__buf_z(&whole), tdm__buf_z(&cut));
    tdm__buf_free(&shown);
    fail();
}

static void count(const char *text, const char *word, size_t *n)
{
    for (const char *at = text; (at = strstr(at, word)); at++)
        ++*n;
}

static void test_cuts_do_not_matter(void **state)
{
    tdm__random random;
    size_t requests = 0, faults = 0;
    (void)state;
    tdm__random_seed(&random, support_seed());
    for (uint64_t i = 0; i < CASES; i++) {
        const tdm__http_limits *limits = i % 4 ? &http_usual_limits : &http_small_limits;
        http_generate(&random, &stream);
        tdm__buf_reset(&whole);
        http_record(tdm__strn(stream.ptr, stream.len), limits, HTTP_WHOLE, &whole);
        assert_null(strstr(tdm__buf_z(&whole), "wrong"));
        check_cut(limits, HTTP_BYTES, i);
        check_cut(limits, 2 + i, i);
        count(tdm__buf_z(&whole), " wire ", &requests);
        count(tdm__buf_z(&whole), "fault ", &faults);
    }
    print_message("# %u streams: %zu requests, %zu faults\n", CASES, requests, faults);
    assert_true(requests > CASES / 2 && faults > CASES / 4); /* the generator makes both */
}

static void test_llhttp_agrees(void **state)
{
    tdm__random random;
    (void)state;
    if (!http_oracle_present())
        skip();
    tdm__random_seed(&random, support_seed() + 1);
    for (uint64_t i = 0; i < CASES; i++) {
        http_generate(&random, &stream);
        const char *differs = http_disagreement(tdm__strn(stream.ptr, stream.len), &http_usual_limits);
        if (!differs)
            continue;
        tdm__buf shown = {0};
        tdm__buf_json_text(&shown, tdm__strn(stream.ptr, stream.len));
        print_message("case %llu: %s: %s\n", (unsigned long long)i, differs, tdm__buf_z(&shown));
        tdm__buf_free(&shown);
        fail();
    }
    for (size_t i = 0; i < http_exceptions_n; i++)
        print_message("# stricter %6lu times: %s (%s)\n", http_exceptions[i].met, http_exceptions[i].what,
                      http_exceptions[i].why);
}

static int teardown(void **state)
{
    (void)state;
    tdm__buf_free(&stream);
    tdm__buf_free(&whole);
    tdm__buf_free(&cut);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_do_not_matter),
        cmocka_unit_test(test_llhttp_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
