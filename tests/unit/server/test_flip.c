/* Flips under traffic: threads answer all the while, and every answer is of one release, whole. Runs under TSan too.
 *
 * Two releases differ in their model alone, by a factor, so an answer says which one made it. */
#include <jansson.h>

#include "os/threads.h"
#include "server/serving_desk.h"

enum { ASKERS = 3, FLIPS = 30, FLIGHTS = 20 };

typedef struct asker {
    serving_desk *desk;     /* shared: its server, its seats */
    serving_desk own;       /* the reader and the answer's bytes */
    unsigned seat;
    const char *id[2];
    atomic_bool *stop;
    uint64_t answers, wrong, epoch_back;
    tdm__thread *thread;
} asker;

static double doubled(size_t i)
{
    return 2 * fixture_late(i, 1);
}

static void ask_on(void *self)
{
    asker *a = self;
    uint64_t last = 0;
    for (size_t i = 0; !atomic_load(a->stop); i = (i + 1) % FLIGHTS) {
        char body[128], key[16];
        fixture_key(i, key);
        snprintf(body, sizeof body, "{\"keys\":{\"flight\":\"%s\"},\"features\":{\"cabin\":1}}", key);
        char request[256];
        int n = snprintf(request, sizeof request, "POST /v1/decide/late HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(body), body);
        const char *answer = serving_ask(&a->own, a->seat, request, (size_t)n);
        const char *json = answer ? strstr(answer, "\r\n\r\n") : NULL;
        json_t *o = json ? json_loads(json + 4, 0, NULL) : NULL;
        double late = json_number_value(json_object_get(json_object_get(o, "prediction"), "late"));
        const char *release = json_string_value(json_object_get(o, "release"));
        uint64_t epoch = (uint64_t)json_integer_value(json_object_get(o, "epoch"));
        bool first = release && strstr(release, a->id[0]), second = release && strstr(release, a->id[1]);
        a->answers++;
        a->wrong += !((first && late == fixture_late(i, 1)) || (second && late == doubled(i)));
        a->epoch_back += epoch < last;
        last = epoch;
        json_decref(o);
    }
}

static void answers_are_of_one_release(void **state)
{
    (void)state;
    static serving_desk desk;
    static asker askers[ASKERS];
    static atomic_bool stop;
    static char id[2][65];
    uint64_t epoch;
    memset(&desk, 0, sizeof desk);
    atomic_store(&stop, false);
    fixture_full(&desk.f, NULL, FLIGHTS);
    memcpy(id[0], desk.f.id, 65);
    fixture_pack(&desk.f, NULL, "{\"kind\": \"linear\", \"inputs\": [\"distance\", \"hour\", \"age\", \"cabin\"],"
                                " \"weights\": [2, 2000, 200000, 20000000], \"intercept\": 0}\n");
    memcpy(id[1], desk.f.id, 65);
    assert_ok(tdm_promote(desk.f.home, id[0], NULL, 0, NULL, NULL, &epoch, &desk.f.err), &desk.f.err);
    serving_open(&desk, ASKERS + 1);
    for (unsigned i = 0; i < ASKERS; i++) {
        asker *a = &askers[i];
        *a = (asker){.desk = &desk, .seat = i, .id = {id[0], id[1]}, .stop = &stop};
        memcpy(a->own.seats, desk.seats, sizeof desk.seats);
        tdm__http_reader_init(&a->own.reader, &desk.server.limits);
        assert_ok(tdm__thread_start("asker", ask_on, a, &a->thread, &desk.f.err), &desk.f.err);
    }
    for (int i = 0; i < FLIPS; i++) {
        if (i % 3 == 2)
            assert_ok(tdm_rollback(desk.f.home, "late", &epoch, &desk.f.err), &desk.f.err);
        else
            assert_ok(tdm_promote(desk.f.home, id[(i + 1) % 2], NULL, 0, NULL, NULL, &epoch, &desk.f.err), &desk.f.err);
        assert_ok(tdm__serving_refresh(&desk.server, &desk.f.err), &desk.f.err);
        if (i % 4 == 0) { /* new data under the same release: a new state, the same epoch */
            fixture_load(&desk.f, "planes", fixture_planes_csv());
            assert_ok(tdm__serving_refresh(&desk.server, &desk.f.err), &desk.f.err);
        }
        tdm__sleep_us(2000);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < ASKERS; i++) {
        tdm__thread_join(&askers[i].thread);
        assert_true(askers[i].answers > 0);
        assert_int_equal(askers[i].wrong, 0);
        assert_int_equal(askers[i].epoch_back, 0);
        tdm__http_reader_free(&askers[i].own.reader);
        tdm__buf_free(&askers[i].own.out);
    }
    serving_close(&desk);
    fixture_close(&desk.f);
}

/* What has not changed is shared, lanes and all; a preparation that is dropped leaves all as it was. */
static void what_is_unchanged_is_shared(void **state)
{
    (void)state;
    static serving_desk desk;
    uint64_t epoch;
    memset(&desk, 0, sizeof desk);
    fixture_full(&desk.f, NULL, FLIGHTS);
    assert_ok(tdm_promote(desk.f.home, "late", NULL, 0, NULL, NULL, &epoch, &desk.f.err), &desk.f.err);
    serving_open(&desk, 2);
    const tdm__serving *before = atomic_load(&desk.server.current);
    const tdm__served *served = before->service[0];
    assert_ok(tdm__serving_refresh(&desk.server, &desk.f.err), &desk.f.err);
    const tdm__serving *after = atomic_load(&desk.server.current);
    assert_ptr_not_equal(before, after);
    assert_ptr_equal(after->service[0], served);
    fixture_load(&desk.f, "planes", fixture_planes_csv());
    assert_ok(tdm__serving_refresh(&desk.server, &desk.f.err), &desk.f.err);
    const tdm__serving *loaded = atomic_load(&desk.server.current);
    assert_true(loaded->position > after->position);
    static tdm__epoch content;
    assert_ok(tdm__epoch_read_current(desk.f.home, &content, &desk.f.err), &desk.f.err);
    assert_ok(tdm__serving_prepare(&desk.server, &content, &desk.f.err), &desk.f.err);
    tdm__serving_finish(&desk.server, false);
    assert_ptr_equal(atomic_load(&desk.server.current), loaded);
    serving_close(&desk);
    fixture_close(&desk.f);
}

/* A release that is damaged keeps its own service from being served, and no other; whoever prepares it is told. */
static void a_damaged_service_is_told(void **state)
{
    (void)state;
    static serving_desk desk;
    uint64_t epoch;
    memset(&desk, 0, sizeof desk);
    fixture_full(&desk.f, NULL, FLIGHTS);
    char damaged[65];
    memcpy(damaged, desk.f.id, 65);
    assert_ok(tdm_promote(desk.f.home, "late", NULL, 0, NULL, NULL, &epoch, &desk.f.err), &desk.f.err);
    fixture_pack(&desk.f, fixture_edit(fixture_release_yaml, "name: late", "name: other"), NULL);
    assert_ok(tdm_promote(desk.f.home, "other", NULL, 0, NULL, NULL, &epoch, &desk.f.err), &desk.f.err);
    fixture_flip(&desk.f, fixture_print("releases/%s/main.json", damaged), 20);
    serving_open(&desk, 2);
    const char *question = "{\"keys\":{\"flight\":\"f000001\"}}";
    assert_non_null(strstr(serving_post(&desk, 0, "/v1/decide/late", question), "\"code\":\"corrupt\""));
    assert_non_null(strstr(serving_post(&desk, 0, "/v1/decide/other", question), "\"rung\":"));
    assert_non_null(strstr(serving_get(&desk, 0, "/healthz"), " 503 "));
    static tdm__epoch content;
    assert_ok(tdm__epoch_read_current(desk.f.home, &content, &desk.f.err), &desk.f.err);
    assert_ok(tdm__serving_prepare(&desk.server, &content, &desk.f.err), &desk.f.err);
    assert_int_equal(tdm__serving_find(desk.server.prepared, tdm__str("late"))->error.status, TDM_CORRUPT);
    tdm__serving_finish(&desk.server, false);
    assert_non_null(strstr(serving_post(&desk, 0, "/v1/decide/other", question), "\"rung\":"));
    serving_close(&desk);
    fixture_close(&desk.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_of_one_release),
        cmocka_unit_test(what_is_unchanged_is_shared),
        cmocka_unit_test(a_damaged_service_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
