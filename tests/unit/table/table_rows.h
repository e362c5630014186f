/* Small tables by hand: what the tests of lib/table publish. */
#ifndef TANDEM_TESTS_TABLE_ROWS_H
#define TANDEM_TESTS_TABLE_ROWS_H

#include <math.h>

#include "fixture.h"
#include "table/tables.h"

typedef struct table_row {
    const char *key;
    double a, b;
} table_row;

static const char *const table_key[] = {"day", "flight"};
static const char *const table_prediction[] = {"late", "late_raw"};

/* Builds the store of a reserved table; its digest. */
static inline void table_store(fixture *f, const char *path, const table_row *row, size_t n, char digest[17])
{
    tdm__field field[2] = {{.name = tdm__str("late"), .type = {.kind = TDM_F64}}, {.name = tdm__str("late_raw"), .type = {.kind = TDM_F64}}};
    tdm__schema schema = {.field = field, .n = 2};
    tdm__store_builder *b;
    tdm__store *store;
    assert_ok(tdm__store_builder_new(f->fs, path, &schema, NULL, &b, &f->err), &f->err);
    for (size_t i = 0; i < n; i++) {
        tdm_value v[2] = {{.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = row[i].a},
                          {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = row[i].b}};
        assert_ok(tdm__store_builder_add(b, tdm__str(row[i].key), v, 0, &f->err), &f->err);
    }
    assert_ok(tdm__store_builder_finish(&b, (tdm_str){0}, &f->err), &f->err);
    assert_ok(tdm__store_open(f->fs, path, &store, &f->err), &f->err);
    snprintf(digest, 17, "%016llx", (unsigned long long)tdm__store_digest(store));
    tdm__store_close(&store);
}

static inline tdm_table_info table_info(const char *name, size_t rows)
{
    tdm_table_info info = {.key = table_key, .n_key = 2, .prediction = table_prediction, .n_predictions = 2, .rows = rows,
                           .rows_in = rows + 3, .rows_quarantined = 3, .as_of_us = -5, .created_us = INT64_C(1700000000000000),
                           .snapshot = 77, .population = "flights", .n_gates = 1};
    snprintf(info.name, sizeof info.name, "%s", name);
    memset(info.release, 'a', 64);
    memset(info.run, 'b', 32);
    snprintf(info.service, sizeof info.service, "late-flights");
    info.gate[0] = (tdm_gate_result){.name = "coverage", .limit = "at least 1%", .measured = "100%", .passed = true, .applied = true};
    return info;
}

/* Reserves, builds, publishes; the name. */
static inline const char *table_publish(fixture *f, const table_row *row, size_t n)
{
    char name[16], path[TDM__PATH_MAX];
    tdm__spread spread[2] = {{.low = 0, .high = 1}, {.low = -INFINITY, .high = INFINITY}};
    for (size_t i = 0; i < n; i++) {
        tdm__spread_add(&spread[0], row[i].a);
        tdm__spread_add(&spread[1], row[i].b);
    }
    assert_ok(tdm__table_reserve(f->home, name, path, &f->err), &f->err);
    tdm_table_info info = table_info(name, n);
    table_store(f, path, row, n, info.digest);
    assert_ok(tdm__table_publish(f->home, &info, spread, &f->err), &f->err);
    return fixture_print("%s", name);
}

#endif
