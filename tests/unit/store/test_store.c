/* Stores: what goes in comes out, in order, once for each key, whatever the size of the buffers.
 *
 * The oracle is the list of numbers that was added, gone through naively. */
#include "store_rows.h"

enum { MANY = 3000 };

static const char *new_path(void)
{
    return support_path(support_temp_dir(), "s.tdm");
}

static tdm__store *open_store(const char *path)
{
    tdm_error err;
    tdm__store *store;
    assert_ok(tdm__store_open(tdm__fs_posix(), path, &store, &err), &err);
    return store;
}

static void assert_alone(const char *path, size_t names)
{
    char dir[TDM__PATH_MAX];
    tdm_error err;
    tdm__names list;
    assert_true(tdm__path_dir(dir, sizeof dir, path));
    assert_ok(tdm__list_dir(tdm__fs_posix(), dir, &list, &err), &err);
    assert_int_equal(list.n, names);
    tdm__names_free(&list);
}

/* Every row from 0 to n - 1 is found, others are not, the order is that of adding, and verify agrees. */
static void assert_holds(const tdm__store *store, uint64_t n)
{
    tdm_error err;
    tdm__record record;
    tdm__store_cursor cursor;
    rows_row row;
    assert_int_equal(tdm__store_rows(store), n);
    assert_ok(tdm__store_verify(store, &err), &err);
    assert_ok(tdm__store_seek(store, 0, &cursor, &err), &err);
    for (uint64_t i = 0; i < n; i++) {
        rows_make(&row, i);
        assert_ok(tdm__store_get(store, row.key, &record, &err), &err);
        rows_assert(&record, i, i);
        assert_ok(tdm__store_next(&cursor, &record, &err), &err);
        rows_assert(&record, i, i);
    }
    assert_int_equal(tdm__store_next(&cursor, &record, &err), TDM_NOT_FOUND);
    for (uint64_t i = n; i < n + 50; i++) {
        rows_make(&row, i);
        assert_int_equal(tdm__store_get(store, row.key, &record, &err), TDM_NOT_FOUND);
    }
}

static void small_stores_of_every_size(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 60; n++) {
        tdm_error err;
        const char *path = new_path();
        assert_ok(rows_build(tdm__fs_posix(), path, 0, n, 0, &err), &err);
        assert_alone(path, 1);
        tdm__store *store = open_store(path);
        assert_holds(store, n);
        tdm__store_close(&store);
        assert_null(store);
    }
}

/* Small buffers: blocks go through the temporary file, partitions are sorted in slices. The bytes are the same. */
static void buffers_do_not_show(void **state)
{
    (void)state;
    enum { ROWS = 40000, SORT_ROOM = 96 };
    tdm_error err;
    const char *path[2] = {new_path(), new_path()};
    size_t size[2];
    char *bytes[2];
    for (uint32_t tuned = 0; tuned < 2; tuned++) {
        assert_ok(rows_build(tdm__fs_posix(), path[tuned], 0, ROWS, tuned * SORT_ROOM, &err), &err);
        assert_alone(path[tuned], 1);
        bytes[tuned] = support_read_file(path[tuned], &size[tuned]);
    }
    assert_int_equal(size[0], size[1]);
    assert_true(memcmp(bytes[0], bytes[1], size[0]) == 0);
    tdm__store *store = open_store(path[1]);
    assert_holds(store, ROWS);
    tdm__store_close(&store);
    support_free(bytes[0]);
    support_free(bytes[1]);
}

static void schema_and_meta_come_back(void **state)
{
    (void)state;
    tdm_error err;
    const char *path = new_path();
    assert_ok(rows_build(tdm__fs_posix(), path, 0, 3, 0, &err), &err);
    tdm__store *store = open_store(path);
    assert_true(tdm__str_is(tdm__store_meta(store), "meta text"));
    const tdm__schema *schema = tdm__store_schema(store);
    assert_int_equal(schema->n, ROWS_COLUMNS);
    for (size_t i = 0; i < schema->n; i++) {
        assert_true(tdm__str_equal(schema->field[i].name, rows_fields[i].name));
        assert_true(tdm__type_equal(&schema->field[i].type, &rows_fields[i].type));
    }
    tdm__store_close(&store);
}

static void many_keys_at_once(void **state)
{
    (void)state;
    enum { ASKED = 333 };
    tdm_error err;
    const char *path = new_path();
    assert_ok(rows_build(tdm__fs_posix(), path, 0, 200, 0, &err), &err);
    tdm__store *store = open_store(path);
    static rows_row row[ASKED];
    tdm_str key[ASKED];
    tdm__record record[ASKED];
    for (uint64_t i = 0; i < ASKED; i++) {
        rows_make(&row[i], i * 7 % 400);
        key[i] = row[i].key;
    }
    assert_ok(tdm__store_get_many(store, key, ASKED, record, &err), &err);
    for (uint64_t i = 0; i < ASKED; i++) {
        if (i * 7 % 400 < 200)
            rows_assert(&record[i], i * 7 % 400, i * 7 % 400);
        else
            assert_null(record[i].bytes);
    }
    assert_ok(tdm__store_get_many(store, key, 0, record, &err), &err);
    tdm__store_close(&store);
}

static void reading_from_a_mark(void **state)
{
    (void)state;
    tdm_error err;
    tdm__store_cursor cursor;
    tdm__record record;
    const char *path = new_path();
    assert_ok(rows_build(tdm__fs_posix(), path, 0, 2 * TDM__STORE_MARK, 0, &err), &err);
    tdm__store *store = open_store(path);
    for (uint64_t first = 0; first < 2 * TDM__STORE_MARK; first += TDM__STORE_MARK) {
        assert_ok(tdm__store_seek(store, first, &cursor, &err), &err);
        assert_ok(tdm__store_next(&cursor, &record, &err), &err);
        rows_assert(&record, first, first);
    }
    assert_ok(tdm__store_seek(store, 2 * TDM__STORE_MARK, &cursor, &err), &err);
    assert_int_equal(tdm__store_next(&cursor, &record, &err), TDM_NOT_FOUND);
    assert_int_equal(tdm__store_seek(store, 5, &cursor, &err), TDM_USAGE);
    assert_int_equal(tdm__store_seek(store, 3 * TDM__STORE_MARK, &cursor, &err), TDM_USAGE);
    tdm__store_close(&store);
}

/* --- duplicates --- */

typedef struct losers {
    tdm__store_loser loser[MANY];
    uint64_t key_id[MANY]; /* of what was added */
    size_t n;
    size_t stop_at;
} losers;

static tdm_status keep_loser(void *self, const tdm__store_loser *loser, tdm_error *err)
{
    losers *l = self;
    rows_row row;
    if (l->n == l->stop_at)
        return tdm__fail(err, TDM_CANCELLED, NULL, "enough");
    rows_make(&row, l->key_id[loser->ordinal]);
    assert_true(tdm__str_equal(row.key, loser->key));
    l->loser[l->n++] = *loser;
    return TDM_OK;
}

/* Adds MANY records whose keys are drawn from `keys`, values from their ordinal; compares winners and losers with a
 * naive list. */
static void duplicates(enum tdm__duplicates rule, uint64_t keys, bool tuned, bool tags)
{
    static losers l;
    tdm_error err;
    tdm__random r;
    tdm__random_seed(&r, support_seed() + keys);
    l.n = 0;
    l.stop_at = SIZE_MAX;
    const char *path = new_path();
    tdm__store_build_options options = {rule, keep_loser, &l, UINT64_MAX};
    tdm__store_builder *b = rows_builder(tdm__fs_posix(), path, &options);
    if (tuned)
        tdm__store_builder_tune(b, 3, 64);
    for (uint64_t i = 0; i < MANY; i++) {
        rows_row row, key;
        l.key_id[i] = tdm__random_below(&r, keys);
        rows_make(&row, i);
        rows_make(&key, l.key_id[i]);
        assert_ok(tdm__store_builder_add(b, key.key, row.value, tags && i > 10 ? i * 3 : 0, &err), &err);
    }
    assert_ok(tdm__store_builder_finish(&b, tdm__str(""), &err), &err);
    assert_alone(path, 1);
    tdm__store *store = open_store(path);
    assert_ok(tdm__store_verify(store, &err), &err);
    tdm__store_cursor cursor;
    tdm__record record;
    size_t lost = 0;
    assert_ok(tdm__store_seek(store, 0, &cursor, &err), &err);
    for (uint64_t i = 0; i < MANY; i++) {
        bool wins = true; /* no other of the same key before it, or none behind it */
        for (uint64_t j = rule == TDM__FIRST_WINS ? 0 : i + 1; j < (rule == TDM__FIRST_WINS ? i : MANY) && wins; j++)
            wins = l.key_id[j] != l.key_id[i];
        if (wins) {
            assert_ok(tdm__store_next(&cursor, &record, &err), &err);
            rows_assert(&record, l.key_id[i], i);
            assert_ok(tdm__store_get(store, record.key, &record, &err), &err);
            rows_assert(&record, l.key_id[i], i);
        } else {
            assert_true(lost < l.n);
            assert_int_equal(l.loser[lost].ordinal, i);
            assert_int_equal(l.loser[lost].tag, tags && i > 10 ? i * 3 : 0);
            lost++;
        }
    }
    assert_int_equal(lost, l.n);
    assert_int_equal(tdm__store_next(&cursor, &record, &err), TDM_NOT_FOUND);
    tdm__store_close(&store);
}

static void the_first_of_a_key_wins(void **state)
{
    (void)state;
    duplicates(TDM__FIRST_WINS, 2900, false, true);
    duplicates(TDM__FIRST_WINS, 500, true, true);
    duplicates(TDM__FIRST_WINS, 2000000000, true, false);
}

static void the_last_of_a_key_wins(void **state)
{
    (void)state;
    duplicates(TDM__LAST_WINS, 2900, false, false);
    duplicates(TDM__LAST_WINS, 500, true, true);
}

static void a_flood_of_few_keys(void **state)
{
    (void)state;
    duplicates(TDM__FIRST_WINS, 1, true, true);
    duplicates(TDM__FIRST_WINS, 3, true, false);
    duplicates(TDM__LAST_WINS, 1, true, false);
    duplicates(TDM__LAST_WINS, 2, false, true);
}

static void losers_have_a_limit(void **state)
{
    (void)state;
    tdm_error err;
    const char *path = new_path();
    support_write_file(path, "old", 3);
    for (uint64_t max = 4; max < 7; max++) {
        tdm__store_build_options options = {.losers_max = max};
        tdm__store_builder *b = rows_builder(tdm__fs_posix(), path, &options);
        for (uint64_t i = 0; i < 25; i++) {
            rows_row row;
            rows_make(&row, i % 20);
            assert_ok(tdm__store_builder_add(b, row.key, row.value, 0, &err), &err);
        }
        assert_status(tdm__store_builder_finish(&b, tdm__str(""), &err), max < 5 ? TDM_QUARANTINE_FULL : TDM_OK, &err);
        assert_null(b);
        assert_alone(path, 1);
        size_t size;
        char *bytes = support_read_file(path, &size);
        assert_int_equal(size == 3, max < 5);
        support_free(bytes);
    }
}

static void the_caller_stops_the_build(void **state)
{
    (void)state;
    static losers l;
    tdm_error err;
    const char *path = new_path();
    tdm__store_build_options options = {TDM__FIRST_WINS, keep_loser, &l, UINT64_MAX};
    l.stop_at = 1;
    tdm__store_builder *b = rows_builder(tdm__fs_posix(), path, &options);
    for (uint64_t i = 0; i < 10; i++) {
        rows_row row;
        rows_make(&row, l.key_id[i] = i % 5);
        assert_ok(tdm__store_builder_add(b, row.key, row.value, 0, &err), &err);
    }
    assert_int_equal(tdm__store_builder_finish(&b, tdm__str(""), &err), TDM_CANCELLED);
    assert_alone(path, 0);
}

/* --- the edges of records --- */

static void long_keys_and_records(void **state)
{
    (void)state;
    tdm_error err;
    const char *path = new_path();
    size_t sizes[] = {1, 255, 256, 65535};
    char *long_text = calloc(17, 1 << 20);
    memset(long_text, 'x', 17 << 20);
    rows_row row;
    rows_make(&row, 1);
    tdm__store_builder *b = rows_builder(tdm__fs_posix(), path, NULL);
    for (size_t i = 0; i < 4; i++) {
        row.value[6] = (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = {long_text, i * (5 << 20)}};
        assert_ok(tdm__store_builder_add(b, tdm__strn(long_text, sizes[i]), row.value, 0, &err), &err);
    }
    /* refused, and the builder goes on */
    assert_int_equal(tdm__store_builder_add(b, tdm__strn(long_text, 0), row.value, 0, &err), TDM_TOO_LARGE);
    assert_int_equal(tdm__store_builder_add(b, tdm__strn(long_text, 65536), row.value, 0, &err), TDM_TOO_LARGE);
    row.value[6].as.str.len = 17 << 20;
    assert_int_equal(tdm__store_builder_add(b, tdm__str("k"), row.value, 0, &err), TDM_TOO_LARGE);
    row.value[6] = (tdm_value){.kind = TDM_I64, .presence = TDM_PRESENT};
    assert_int_equal(tdm__store_builder_add(b, tdm__str("k"), row.value, 0, &err), TDM_MISMATCH);
    rows_make(&row, 1);
    row.value[5] = (tdm_value){.kind = TDM_DECIMAL, .presence = TDM_PRESENT, .scale = 3};
    assert_int_equal(tdm__store_builder_add(b, tdm__str("k"), row.value, 0, &err), TDM_MISMATCH);
    assert_ok(tdm__store_builder_finish(&b, tdm__str(""), &err), &err);
    tdm__store *store = open_store(path);
    assert_int_equal(tdm__store_rows(store), 4);
    assert_ok(tdm__store_verify(store, &err), &err);
    for (size_t i = 0; i < 4; i++) {
        tdm__record record;
        tdm_value v;
        assert_ok(tdm__store_get(store, tdm__strn(long_text, sizes[i]), &record, &err), &err);
        tdm__record_value(&record, 6, &v);
        assert_int_equal(v.as.str.len, i * (5 << 20));
        assert_true(i == 0 || memcmp(v.as.str.ptr, long_text, v.as.str.len) == 0);
    }
    tdm__store_close(&store);
    free(long_text);
}

static void encoded_elsewhere(void **state)
{
    (void)state;
    tdm_error err;
    const char *path[2] = {new_path(), new_path()};
    tdm__buf records = {0};
    tdm__store *store[2];
    assert_ok(rows_build(tdm__fs_posix(), path[0], 0, 100, 0, &err), &err);
    for (uint64_t i = 0; i < 100; i++) {
        rows_row row;
        rows_make(&row, i);
        assert_ok(tdm__store_encode(&rows_schema, row.key, row.value, &records, &err), &err);
    }
    tdm__store_builder *b = rows_builder(tdm__fs_posix(), path[1], NULL);
    assert_ok(tdm__store_builder_add_encoded(b, tdm__strn(records.ptr, records.len), 100, NULL, &err), &err);
    assert_ok(tdm__store_builder_finish(&b, tdm__str("meta text"), &err), &err);
    for (int i = 0; i < 2; i++)
        store[i] = open_store(path[i]);
    assert_true(tdm__store_digest(store[0]) == tdm__store_digest(store[1]));
    for (int i = 0; i < 2; i++)
        tdm__store_close(&store[i]);
    b = rows_builder(tdm__fs_posix(), path[1], NULL);
    assert_int_equal(tdm__store_builder_add_encoded(b, tdm__strn(records.ptr, records.len - 1), 100, NULL, &err),
                     TDM_BAD_INPUT);
    assert_int_equal(tdm__store_builder_finish(&b, tdm__str(""), &err), TDM_BAD_INPUT);
    assert_null(b);
    tdm__buf_free(&records);
}

static void digests_tell_content(void **state)
{
    (void)state;
    tdm_error err;
    const char *path = new_path();
    uint64_t digest[4];
    for (int i = 0; i < 4; i++) {
        assert_ok(rows_build(tdm__fs_posix(), path, i == 3 ? 1 : 0, i == 2 ? 11 : 10, 0, &err), &err);
        tdm__store *store = open_store(path);
        digest[i] = tdm__store_digest(store);
        tdm__store_close(&store);
    }
    assert_true(digest[0] == digest[1]);
    assert_true(digest[0] != digest[2]);
    assert_true(digest[0] != digest[3]);
}

static void what_is_not_a_store(void **state)
{
    (void)state;
    tdm_error err;
    tdm__store *store = NULL;
    const char *path = new_path();
    assert_int_equal(tdm__store_open(tdm__fs_posix(), path, &store, &err), TDM_NOT_FOUND);
    support_write_file(path, "", 0);
    assert_int_equal(tdm__store_open(tdm__fs_posix(), path, &store, &err), TDM_CORRUPT);
    assert_ok(rows_build(tdm__fs_posix(), path, 0, 10, 0, &err), &err);
    size_t size;
    char *bytes = support_read_file(path, &size);
    for (size_t cut = 1; cut <= size; cut += 97) {
        support_write_file(path, bytes, size - cut);
        assert_int_equal(tdm__store_open(tdm__fs_posix(), path, &store, &err), TDM_CORRUPT);
    }
    bytes[8] = 2; /* a version to come, whose header's check holds */
    tdm__store64(bytes + TDM__STORE_HEADER_BYTES - 8, tdm__hash64(bytes, TDM__STORE_HEADER_BYTES - 8));
    support_write_file(path, bytes, size);
    assert_int_equal(tdm__store_open(tdm__fs_posix(), path, &store, &err), TDM_UNSUPPORTED);
    assert_null(store);
    support_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_stores_of_every_size),  cmocka_unit_test(buffers_do_not_show),
        cmocka_unit_test(schema_and_meta_come_back),   cmocka_unit_test(many_keys_at_once),
        cmocka_unit_test(reading_from_a_mark),         cmocka_unit_test(the_first_of_a_key_wins),
        cmocka_unit_test(the_last_of_a_key_wins),      cmocka_unit_test(a_flood_of_few_keys),
        cmocka_unit_test(losers_have_a_limit),         cmocka_unit_test(the_caller_stops_the_build),
        cmocka_unit_test(long_keys_and_records),       cmocka_unit_test(encoded_elsewhere),
        cmocka_unit_test(digests_tell_content),        cmocka_unit_test(what_is_not_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
