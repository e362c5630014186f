/* A home on a disk that loses power at any call: what was acknowledged stays, what was under way is there wholly or not at all.
 *
 * Each seed is a life: a home is made and written to in steps (sources, loads, packing, runs, cutovers, rollbacks), and in each the
 * power goes, or a call fails, or the disk is full, at a random call. The oracle is a model of what was acknowledged, kept beside the
 * home. After each crash the home is opened anew and looked at: its state is the model's, or the model's with the step
 * under way; CURRENT names an epoch that can be read; every table verifies. The last test takes the defence away: a
 * disk that lies about its syncs must lose. */
#include "../unit/fixture.h"

#include <malloc.h>

#include "base/random.h"
#include "release/epoch_file.h"
#include "state/state.h"
#include "table/tables.h"

enum { SEEDS = 1000, STEPS = 6, FLIGHTS = 12, CALLS = 60, RELEASES = 3, NEVER = 1000000 };

/* What a reader can see of a home. */
typedef struct view {
    size_t sources, columns;        /* definitions; columns of flights */
    uint64_t version, rows, planes; /* of flights; the version of planes */
    size_t releases, tables;
    uint64_t epoch;
    char release[65], table[16];    /* of the service */
} view;

typedef struct life {
    fixture f;
    tdm__random random;
    view known;                     /* acknowledged */
    uint64_t loads;                 /* tried so far: each has rows of its own */
    uint64_t runs, packs;
    size_t steps, crashes, kept_new;
} life;

static void see_tables(life *l, view *v)
{
    tdm_table_list *list;
    tdm_error err;
    assert_ok(tdm_tables(l->f.home, &list, &l->f.err), &l->f.err);
    v->tables = tdm_table_count(list);
    for (size_t i = 0; i < v->tables; i++) {
        tdm_table *t;
        const tdm_table_info *info = tdm_table_at(list, i, &err);
        assert_ok(err.status, &err);
        assert_ok(tdm_table_open(l->f.home, info->name, &t, &err), &err);
        assert_ok(tdm_table_verify(t, &err), &err);
        assert_int_equal(info->rows + info->rows_quarantined, info->rows_in);
        tdm_table_close(&t);
    }
    tdm_table_list_close(&list);
}

static void see_state(life *l, view *v)
{
    tdm__state *state;
    tdm_error *err = &l->f.err;
    assert_ok(tdm__state_read(l->f.home, NULL, UINT64_MAX, &state, err), err);
    v->sources = state->n;
    v->releases = state->n_releases;
    const tdm__source_state *flights = tdm__state_find(state, tdm__str("flights"));
    if (flights) {
        v->columns = flights->source.schema.n;
        v->version = flights->version;
        v->rows = flights->rows;
    }
    const tdm__source_state *planes = tdm__state_find(state, tdm__str("planes"));
    v->planes = planes ? planes->version : 0;
    for (size_t i = 0; i < state->n; i++) {
        tdm__store *store;
        if (!state->source[i].version)
            continue;
        assert_ok(tdm__state_open_store(state, &state->source[i], &store, err), err);
        assert_ok(tdm__store_verify(store, err), err);
        assert_int_equal(tdm__store_rows(store), state->source[i].rows);
        tdm__store_close(&store);
    }
    for (size_t i = 0; i < state->n_releases; i++) {
        tdm_release *r;
        assert_ok(tdm_release_open(l->f.home, state->release[i].id, &r, err), err);
        tdm_release_close(&r);
    }
    tdm__state_close(&state);
}

/* Everything that there is can be read. */
static view see(life *l)
{
    static tdm__epoch epoch;
    view v = {0};
    see_state(l, &v);
    see_tables(l, &v);
    assert_ok(tdm__epoch_read_current(l->f.home, &epoch, &l->f.err), &l->f.err);
    v.epoch = epoch.number;
    if (epoch.n) {
        memcpy(v.release, epoch.service[0].release, sizeof v.release);
        memcpy(v.table, epoch.service[0].table, sizeof v.table);
    }
    return v;
}

static bool same(const view *a, const view *b)
{
    return a->sources == b->sources && a->columns == b->columns && a->version == b->version && a->planes == b->planes && a->rows == b->rows &&
           a->releases == b->releases && a->tables == b->tables && a->epoch == b->epoch && !strcmp(a->release, b->release) &&
           !strcmp(a->table, b->table);
}

/* A step tries something and says in *next what will be there when it is done. */
typedef tdm_status step_fn(life *l, view *next);

static tdm_status add_sources(life *l, view *next)
{
    tdm_source_added added;
    bool more = l->known.sources > 0;
    const char *yaml = more ? fixture_edit(fixture_sources_yaml, "hour: i64?}", "hour: i64?, gate: string?}") : fixture_sources_yaml;
    next->sources = 2;
    next->columns = more ? 5 : 4;
    return tdm_source_add(l->f.home, fixture_file(&l->f, "sources.yaml", yaml), NULL, &added, &l->f.err);
}

static tdm_status load_flights(life *l, view *next)
{
    tdm_load_report report;
    tdm__buf text = {0};
    tdm__buf_text(&text, "flight,distance,hour\n");
    for (size_t i = 0; i < FLIGHTS; i++)
        tdm__buf_printf(&text, "f%06zu,%zu,5\n", i + (size_t)l->loads * 3, i);
    const char *path = fixture_file(&l->f, "flights.csv", tdm__buf_z(&text));
    tdm__buf_free(&text);
    l->loads++;
    next->version++;
    tdm_status s = tdm_load(l->f.home, "flights", &path, 1, NULL, &report, &l->f.err);
    next->rows = s ? UINT64_MAX : report.rows_total; /* when it did not say: whatever the new version has */
    return s;
}

static tdm_status load_planes(life *l, view *next)
{
    tdm_load_report report;
    next->planes++;
    const char *path = fixture_file(&l->f, "planes.csv", fixture_planes_csv());
    return tdm_load(l->f.home, "planes", &path, 1, NULL, &report, &l->f.err);
}

static tdm_status pack(life *l, view *next)
{
    tdm_release *release;
    char dir[32];
    snprintf(dir, sizeof dir, "/releases/%d", (int)l->packs);
    tdm_status s = tdm_release_pack(l->f.home, dir, NULL, &release, &l->f.err);
    next->releases++;
    if (!s)
        tdm_release_close(&release);
    l->packs += !s;
    return s;
}

/* A run that was not acknowledged is tried again as the same run: it may find its table there. */
static tdm_status run(life *l, view *next)
{
    tdm_run_report report;
    tdm_run_options options = {.has_as_of = true, .as_of_us = (int64_t)l->runs, .threads = 1};
    tdm_status s = tdm_run(l->f.home, "late", &options, &report, &l->f.err);
    next->tables += s || !report.existed;
    l->runs += !s;
    return s;
}

static tdm_status promote(life *l, view *next)
{
    uint64_t epoch;
    tdm__state *state;
    tdm__names names;
    /* what it will choose, looked up before the power can go */
    assert_ok(tdm__state_read(l->f.home, NULL, UINT64_MAX, &state, &l->f.err), &l->f.err);
    snprintf(next->release, sizeof next->release, "%s", state->release[state->n_releases - 1].id);
    tdm__state_close(&state);
    assert_ok(tdm__table_names(l->f.home, &names, &l->f.err), &l->f.err);
    next->table[0] = 0;
    for (size_t i = names.n; i-- > 0 && !next->table[0];) {
        tdm_table *t;
        assert_ok(tdm_table_open(l->f.home, names.name[i], &t, &l->f.err), &l->f.err);
        if (!strcmp(tdm_table_describe(t)->release, next->release))
            snprintf(next->table, sizeof next->table, "%s", names.name[i]);
        tdm_table_close(&t);
    }
    tdm__names_free(&names);
    if (strcmp(next->release, l->known.release) || strcmp(next->table, l->known.table))
        next->epoch++;
    return tdm_promote(l->f.home, "late", NULL, 0, NULL, NULL, &epoch, &l->f.err);
}

static tdm_status rollback(life *l, view *next)
{
    uint64_t epoch;
    static tdm__epoch now, then;
    assert_ok(tdm__epoch_read_current(l->f.home, &now, &l->f.err), &l->f.err);
    if (now.n && now.service[0].before_epoch) {
        assert_ok(tdm__epoch_read(l->f.home, now.service[0].before_epoch, &then, &l->f.err), &l->f.err);
        memcpy(next->release, then.service[0].release, sizeof next->release);
        memcpy(next->table, then.service[0].table, sizeof next->table);
        next->epoch++;
    }
    return tdm_rollback(l->f.home, NULL, &epoch, &l->f.err);
}

/* A step that the home is ready for: first what all others need. */
static step_fn *choose(life *l)
{
    static step_fn *const all[] = {load_flights, load_planes, pack, run, run, promote, promote, rollback, rollback, add_sources};
    const view *v = &l->known;
    if (!v->sources || !v->version || !v->planes)
        return !v->sources ? add_sources : !v->version ? load_flights : load_planes;
    if (!v->releases || !v->tables || !v->epoch)
        return !v->releases ? pack : !v->tables ? run : promote;
    step_fn *step = all[tdm__random_below(&l->random, sizeof all / sizeof *all)];
    return step == pack && l->packs == RELEASES ? promote : step;
}

static void write_releases(life *l)
{
    for (int i = 0; i < RELEASES; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        const char *yaml = fixture_edit(fixture_release_yaml, "late: 42", fixture_print("late: %d", i));
        fixture_release_dir(&l->f, name, fixture_edit(yaml, "coverage: 50%, quarantined: 50%", "coverage: 1%, quarantined: 99%"), NULL);
    }
}

static void reopen(life *l)
{
    tdm_home_close(&l->f.home);
    assert_ok(tdm__home_open_on(l->f.fs, "/home", &l->f.home, &l->f.err), &l->f.err);
}

/* What is seen must be what there was before the step, or what there is after it; the latter when the step said so. */
static void judge(life *l, tdm_status s, const view *before, const view *next)
{
    view now = see(l), then = *next;
    if (then.rows == UINT64_MAX)
        then.rows = now.rows;
    bool old = same(&now, before), new = same(&now, &then);
    if (!(s ? old || new : new))
        fail_msg("after a step that said %s: version %d rows %d releases %d tables %d epoch %d, before %d %d %d %d %d, after %d %d %d %d %d",
                 tdm_status_name(s), (int)now.version, (int)now.rows, (int)now.releases, (int)now.tables, (int)now.epoch,
                 (int)before->version, (int)before->rows, (int)before->releases, (int)before->tables, (int)before->epoch,
                 (int)then.version, (int)then.rows, (int)then.releases, (int)then.tables, (int)then.epoch);
    l->kept_new += s && new && !old;
    l->packs = now.releases;
    l->known = now;
}

/* Refusals that a step may meet with nothing wrong: no rows yet, nothing to roll back to. */
static bool is_refusal(tdm_status s)
{
    return s == TDM_NOT_FOUND || s == TDM_REFUSED || s == TDM_GATE_FAILED;
}

enum trouble { POWER, FAULT, FULL, TROUBLES };

static void crash(life *l)
{
    tdm__fs_sim_crash(l->f.fs);
    l->crashes++;
    reopen(l);
}

/* After a step that failed on a disk that goes on, the same step works, and what it then acknowledges is not lost: also where
 * it finds done what the first one did not finish. */
static void once_more(life *l, step_fn *step, const view *before, bool then_crash)
{
    view start = l->known, next = start;
    tdm_status s = step(l, &next);
    if (s && !is_refusal(s))
        fail_msg("a step once more said %s: %s: %s", tdm_status_name(s), l->f.err.where, l->f.err.what);
    judge(l, s, &start, &next);
    if (then_crash) {
        crash(l);
        if (s) /* refused: the first one's outcome stays open */
            judge(l, s, before, &start);
        else
            judge(l, TDM_OK, &l->known, &l->known);
    }
}

/* What comes after a step that failed on a disk that goes on. */
enum after { EITHER, AGAIN_AND_CRASH };

static void one_step(life *l, step_fn *step, enum trouble trouble, uint64_t at, enum after after)
{
    view before = l->known, next = before;
    tdm__fs *fs = l->f.fs;
    if (trouble == POWER)
        tdm__fs_sim_crash_at(fs, at);
    else
        tdm__fs_sim_fail_at(fs, at, trouble == FULL ? TDM_DISK_FULL : TDM_IO);
    tdm_status s = step(l, &next);
    tdm__fs_sim_crash_at(fs, 0);
    tdm__fs_sim_fail_at(fs, 0, TDM_OK);
    l->steps++;
    if (s && !is_refusal(s) && s != (trouble == FULL ? TDM_DISK_FULL : TDM_IO))
        fail_msg("a step said %s: %s: %s", tdm_status_name(s), l->f.err.where, l->f.err.what);
    if (trouble == POWER) {
        crash(l);
        judge(l, s, &before, &next);
        return;
    }
    judge(l, s, &before, &next);
    if (after == EITHER && tdm__random_below(&l->random, 2)) {
        crash(l);
        judge(l, s, &before, &next);
    } else if (s) {
        once_more(l, step, &before, after == AGAIN_AND_CRASH || tdm__random_below(&l->random, 2));
    }
}

/* In the end the home works: each step does what it says. */
static void the_home_works(life *l)
{
    static step_fn *const last[] = {add_sources, load_flights, load_planes, run, promote};
    if (!l->known.releases) {
        view next = l->known;
        if (!l->known.sources)
            assert_ok(add_sources(l, &next), &l->f.err);
        assert_ok(pack(l, &next), &l->f.err);
        judge(l, TDM_OK, &next, &next);
    }
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        view next = l->known;
        assert_ok(last[i](l, &next), &l->f.err);
        judge(l, TDM_OK, &next, &next);
    }
    assert_int_equal(fixture_names(&l->f, "sources/flights"), l->known.version); /* no rest of a crash */
    assert_int_equal(fixture_names(&l->f, "tables"), l->known.tables);
    assert_int_equal(fixture_names(&l->f, "epochs"), l->known.epoch);
    assert_int_equal(fixture_names(&l->f, "tmp"), 0);
}

static void begin(life *l, uint64_t seed)
{
    *l = (life){0};
    tdm__fs *fs = tdm__fs_sim_new(seed);
    assert_non_null(fs);
    tdm__random_seed(&l->random, seed ^ 0x40e);
    fixture_new(&l->f, fs);
    write_releases(l);
}

static void end(life *l)
{
    tdm__fs *fs = l->f.fs;
    fixture_close(&l->f);
    tdm__fs_sim_close(&fs);
}

static void live(uint64_t seed, life *sum)
{
    life l;
    begin(&l, seed);
    for (int i = 0; i < STEPS; i++) {
        step_fn *step = choose(&l);
        enum trouble trouble = (enum trouble)tdm__random_below(&l.random, TROUBLES);
        one_step(&l, step, trouble, 1 + tdm__random_below(&l.random, CALLS), EITHER);
    }
    the_home_works(&l);
    end(&l);
    sum->steps += l.steps;
    sum->crashes += l.crashes;
    sum->kept_new += l.kept_new;
    sum->known.tables += l.known.tables;
    sum->known.epoch += l.known.epoch;
}

static void what_was_acknowledged_stays(void **state)
{
    (void)state;
    life sum = {0};
    for (uint64_t i = 0; i < SEEDS; i++)
        live(support_seed() + i, &sum);
    printf("# %d lives, %zu steps, %zu losses of power, %zu steps found done though not acknowledged, %d tables, %d epochs\n", SEEDS,
           sum.steps, sum.crashes, sum.kept_new, (int)sum.known.tables, (int)sum.known.epoch);
    assert_true(sum.crashes > SEEDS && sum.kept_new > SEEDS / 10 && sum.known.tables > SEEDS);
}

static void do_acknowledged(life *l, step_fn *step)
{
    view next = l->known;
    assert_ok(step(l, &next), &l->f.err);
    judge(l, TDM_OK, &next, &next);
}

/* A home with two of everything. */
static void furnish(life *l)
{
    static step_fn *const first[] = {add_sources, load_flights, load_planes, pack, run, promote, run, promote};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        do_acknowledged(l, first[i]);
}

/* One step of a furnished home; the calls that it made. */
static uint64_t one_life(uint64_t seed, step_fn *step, enum trouble trouble, uint64_t at, enum after after)
{
    life l;
    begin(&l, seed);
    furnish(&l);
    if (step == promote) /* something new to promote */
        do_acknowledged(&l, run);
    uint64_t before = tdm__fs_sim_calls(l.f.fs);
    one_step(&l, step, trouble, at, after);
    uint64_t calls = tdm__fs_sim_calls(l.f.fs) - before;
    do_acknowledged(&l, load_planes); /* whatever it was, the home works */
    end(&l);
    return calls;
}

/* Every step, with every trouble, at every one of its calls. At the last ones, where it may have been done and not be durable, the
 * step is taken once more and then the power goes: what it acknowledges then must stay. */
static void every_call_of_every_step(void **state)
{
    (void)state;
    enum { LAST = 5, LIVES = 6 };
    static step_fn *const steps[] = {add_sources, load_flights, pack, run, promote, rollback};
    size_t lives = 0;
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        uint64_t calls = one_life(support_seed(), steps[k], FAULT, NEVER, EITHER);
        for (int trouble = 0; trouble < TROUBLES; trouble++)
            for (uint64_t at = 1; at <= calls; at++, lives++)
                one_life(support_seed() + at, steps[k], (enum trouble)trouble, at, EITHER);
        for (uint64_t at = calls > LAST ? calls - LAST : 1; at <= calls; at++)
            for (uint64_t i = 0; i < LIVES; i++, lives++)
                one_life(support_seed() + i, steps[k], FAULT, at, AGAIN_AND_CRASH);
    }
    printf("# %zu lives, one for each call and more for the last ones\n", lives);
}

/* Without syncs that are true acknowledged steps get lost, or what they wrote is damaged: the tests above can fail. */
static void a_lying_disk_loses(void **state)
{
    (void)state;
    size_t lost = 0, damaged = 0;
    for (uint64_t i = 0; i < 100; i++) {
        life l;
        tdm__state *s = NULL;
        tdm_table *t = NULL;
        tdm_error err;
        begin(&l, support_seed() + i);
        tdm__fs_sim_lie(l.f.fs, true);
        furnish(&l);
        tdm__fs_sim_crash(l.f.fs);
        tdm_home_close(&l.f.home);
        tdm_status opened = tdm__home_open_on(l.f.fs, "/home", &l.f.home, &err);
        tdm_status read = opened ? opened : tdm__state_read(l.f.home, NULL, UINT64_MAX, &s, &err);
        if (!read)
            read = tdm_table_open(l.f.home, "v000002", &t, &err);
        if (!read)
            read = tdm_table_verify(t, &err);
        lost += read == TDM_NOT_FOUND || (s && (s->n != 2 || s->n_releases != 1 || s->source[0].rows != FLIGHTS));
        damaged += read == TDM_CORRUPT || read == TDM_BAD_INPUT;
        tdm_table_close(&t);
        tdm__state_close(&s);
        end(&l);
    }
    printf("# a lying disk: of 100 homes %zu lost what was acknowledged, %zu were damaged\n", lost, damaged);
    assert_true(lost > 30);
}

int main(void)
{
    /* blocks and builders are large and short-lived: the system need not take their pages back each time */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_stays),
        cmocka_unit_test(every_call_of_every_step),
        cmocka_unit_test(a_lying_disk_loses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
