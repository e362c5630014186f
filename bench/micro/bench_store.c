/* Stores against LMDB: build, open, look up, verify, in one run on the same keys.
 *
 *     bench_store [--rows N]... [--small] [--dir DIR] [--only-ours]
 *
 * Keys are 16 random bytes in random order, values three f64, all read at each lookup. Both builds end with the bytes
 * on disk (fsync). LMDB's is its fastest: one transaction, MDB_APPEND, keys sorted before; its sort is told apart.
 * Lookups are one thread, warm, each key once, in rounds that alternate between the two; the median round is told.
 * The result hash is the same on every machine. Without liblmdb at build time only our part runs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LMDB
#include <lmdb.h>
#endif

#include "base/digest.h"
#include "base/random.h"
#include "os/clock.h"
#include "os/process.h"
#include "store/store.h"

enum { KEY = 16, COLUMNS = 3, ROUNDS = 5, MANY = 1024 };
static const char *dir;
static bool only_ours;

typedef struct row { uint8_t key[KEY]; } row;
typedef struct data {
    uint64_t rows, probes;
    row *row;        /* in the order added */
    tdm_str *probe;  /* keys to look up, in random order */
    row *absent;
    double f64[ROUNDS];
} data;

static void stop(const char *what, const tdm_error *err)
{
    char text[512] = "";
    if (err)
        tdm_error_format(err, text, sizeof text);
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static void *need(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        stop("out of memory", NULL);
    return p;
}

/* Values follow from the row's number, so that nothing but keys need be held. */
static void values_of(uint64_t i, double v[COLUMNS])
{
    for (int c = 0; c < COLUMNS; c++)
        v[c] = (double)(i * 3 + (uint64_t)c) * 0.5;
}

static void make_data(data *d, uint64_t rows)
{
    tdm__random r;
    tdm__random_seed(&r, rows);
    *d = (data){.rows = rows, .probes = rows < 1000000 ? rows : 1000000};
    d->row = need(rows, sizeof *d->row);
    d->absent = need(d->probes, sizeof *d->absent);
    d->probe = need(d->probes, sizeof *d->probe);
    for (uint64_t i = 0; i < rows * 2; i++) {
        uint64_t v = tdm__random_next(&r);
        memcpy((uint8_t *)d->row + i * 8, &v, 8);
    }
    for (uint64_t i = 0; i < d->probes; i++) {
        uint64_t v[2] = {tdm__random_next(&r), tdm__random_next(&r)};
        memcpy(d->absent[i].key, v, KEY);
        d->probe[i] = tdm__strn((const char *)d->row[tdm__random_below(&r, rows)].key, KEY);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static double seconds_since(uint64_t t)
{
    return (double)(tdm__monotonic_ns() - t) * 1e-9;
}

static void line(uint64_t rows, const char *what, const char *who, double value, const char *unit)
{
    printf("%10" PRIu64 "  %-26s %-8s %12.4g %s\n", rows, what, who, value, unit);
}

/* --- ours --- */

static tdm__field fields[COLUMNS] = {
    {{"a", 1}, {.kind = TDM_F64}}, {{"b", 1}, {.kind = TDM_F64}}, {{"c", 1}, {.kind = TDM_F64}},
};
static const tdm__schema schema = {fields, COLUMNS};

static void build_ours(const data *d, const char *path)
{
    tdm_error err;
    tdm__store_builder *b;
    uint64_t t = tdm__monotonic_ns();
    tdm_status s = tdm__store_builder_new(tdm__fs_posix(), path, &schema, NULL, &b, &err);
    for (uint64_t i = 0; !s && i < d->rows; i++) {
        double v[COLUMNS];
        tdm_value value[COLUMNS];
        values_of(i, v);
        for (int c = 0; c < COLUMNS; c++)
            value[c] = (tdm_value){.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = v[c]};
        s = tdm__store_builder_add(b, tdm__strn((const char *)d->row[i].key, KEY), value, 0, &err);
    }
    double added = seconds_since(t);
    if (s || tdm__store_builder_finish(&b, tdm__str("bench"), &err))
        stop("build", &err);
    double all = seconds_since(t);
    line(d->rows, "build, adding", "tandem", added, "s");
    line(d->rows, "build, all, durable", "tandem", all, "s");
    line(d->rows, "build", "tandem", (double)d->rows / all / 1e6, "M rows/s");
}

static double sum_of(const tdm__record *record)
{
    double sum = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        tdm_value v;
        tdm__record_value(record, c, &v);
        sum += v.as.f64;
    }
    return sum;
}

static double get_ours(const tdm__store *store, const data *d, double *sum)
{
    tdm_error err;
    tdm__record record;
    uint64_t t = tdm__monotonic_ns();
    for (uint64_t i = 0; i < d->probes; i++) {
        if (tdm__store_get(store, d->probe[i], &record, &err))
            stop("get", &err);
        *sum += sum_of(&record);
    }
    return seconds_since(t) * 1e9 / (double)d->probes;
}

static double get_many_ours(const tdm__store *store, const data *d, double *sum)
{
    static tdm__record record[MANY];
    tdm_error err;
    uint64_t t = tdm__monotonic_ns();
    for (uint64_t i = 0; i < d->probes; i += MANY) {
        size_t n = d->probes - i < MANY ? d->probes - i : MANY;
        if (tdm__store_get_many(store, d->probe + i, n, record, &err))
            stop("get_many", &err);
        for (size_t k = 0; k < n; k++)
            *sum += sum_of(&record[k]);
    }
    return seconds_since(t) * 1e9 / (double)d->probes;
}

static double miss_ours(const tdm__store *store, const data *d)
{
    tdm__record record;
    uint64_t t = tdm__monotonic_ns();
    for (uint64_t i = 0; i < d->probes; i++)
        if (tdm__store_get(store, tdm__strn((const char *)d->absent[i].key, KEY), &record, NULL) != TDM_NOT_FOUND)
            stop("miss", NULL);
    return seconds_since(t) * 1e9 / (double)d->probes;
}

static tdm__store *open_ours(const char *path, uint64_t rows)
{
    tdm_error err;
    tdm__store *store = NULL;
    double us[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        tdm__store_close(&store);
        uint64_t t = tdm__monotonic_ns();
        if (tdm__store_open(tdm__fs_posix(), path, &store, &err))
            stop("open", &err);
        us[i] = seconds_since(t) * 1e6;
    }
    line(rows, "open", "tandem", median(us, ROUNDS), "us");
    return store;
}

static void verify_ours(const tdm__store *store, const char *path, uint64_t rows)
{
    tdm_error err;
    tdm__stat st;
    if (tdm__stat_path(tdm__fs_posix(), path, &st, &err))
        stop("stat", &err);
    uint64_t t = tdm__monotonic_ns();
    if (tdm__store_verify(store, &err))
        stop("verify", &err);
    line(rows, "size", "tandem", (double)st.size / 1048576, "MiB");
    line(rows, "verify, everything", "tandem", (double)st.size * 1e-9 / seconds_since(t), "GB/s");
}

/* --- LMDB --- */

#ifdef HAVE_LMDB
typedef struct sorted { uint64_t high, low, row; } sorted;

static int by_key(const void *a, const void *b)
{
    const sorted *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    return (x->low > y->low) - (x->low < y->low);
}

static void check(int rc)
{
    if (rc)
        stop(mdb_strerror(rc), NULL);
}

static void build_lmdb(const data *d, const char *path)
{
    uint64_t t = tdm__monotonic_ns();
    sorted *s = need(d->rows, sizeof *s);
    for (uint64_t i = 0; i < d->rows; i++) {
        uint64_t half[2];
        memcpy(half, d->row[i].key, KEY);
        s[i] = (sorted){__builtin_bswap64(half[0]), __builtin_bswap64(half[1]), i};
    }
    qsort(s, d->rows, sizeof *s, by_key);
    double sort = seconds_since(t);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    check(mdb_env_create(&env));
    check(mdb_env_set_mapsize(env, (size_t)d->rows * 200 + (64 << 20)));
    check(mdb_env_open(env, path, MDB_NOSUBDIR, 0644));
    check(mdb_txn_begin(env, NULL, 0, &txn));
    check(mdb_dbi_open(txn, NULL, 0, &dbi));
    for (uint64_t i = 0; i < d->rows; i++) {
        double v[COLUMNS];
        values_of(s[i].row, v);
        MDB_val key = {KEY, d->row[s[i].row].key}, value = {sizeof v, v};
        check(mdb_put(txn, dbi, &key, &value, MDB_APPEND));
    }
    check(mdb_txn_commit(txn));
    double all = seconds_since(t);
    mdb_env_close(env);
    free(s);
    line(d->rows, "build, sorting keys", "lmdb", sort, "s");
    line(d->rows, "build, without the sort", "lmdb", (double)d->rows / (all - sort) / 1e6, "M rows/s");
    line(d->rows, "build, all, durable", "lmdb", all, "s");
    line(d->rows, "build", "lmdb", (double)d->rows / all / 1e6, "M rows/s");
}

typedef struct lmdb { MDB_env *env; MDB_txn *txn; MDB_dbi dbi; } lmdb;

static void open_lmdb(lmdb *l, const char *path, uint64_t rows)
{
    double us[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        if (i) {
            mdb_txn_abort(l->txn);
            mdb_env_close(l->env);
        }
        uint64_t t = tdm__monotonic_ns();
        check(mdb_env_create(&l->env));
        check(mdb_env_open(l->env, path, MDB_NOSUBDIR | MDB_RDONLY, 0644));
        check(mdb_txn_begin(l->env, NULL, MDB_RDONLY, &l->txn));
        check(mdb_dbi_open(l->txn, NULL, 0, &l->dbi));
        us[i] = seconds_since(t) * 1e6;
    }
    MDB_envinfo info;
    check(mdb_env_info(l->env, &info));
    line(rows, "open", "lmdb", median(us, ROUNDS), "us");
    line(rows, "size", "lmdb", (double)(info.me_last_pgno + 1) * 4096 / 1048576, "MiB");
}

static double get_lmdb(lmdb *l, const data *d, double *sum)
{
    uint64_t t = tdm__monotonic_ns();
    for (uint64_t i = 0; i < d->probes; i++) {
        MDB_val key = {KEY, (void *)d->probe[i].ptr}, value;
        check(mdb_get(l->txn, l->dbi, &key, &value));
        double v[COLUMNS], one = 0;
        memcpy(v, value.mv_data, sizeof v);
        for (int c = 0; c < COLUMNS; c++)
            one += v[c];
        *sum += one;
    }
    return seconds_since(t) * 1e9 / (double)d->probes;
}

static double miss_lmdb(lmdb *l, const data *d)
{
    uint64_t t = tdm__monotonic_ns();
    for (uint64_t i = 0; i < d->probes; i++) {
        MDB_val key = {KEY, d->absent[i].key}, value;
        if (mdb_get(l->txn, l->dbi, &key, &value) != MDB_NOTFOUND)
            stop("miss", NULL);
    }
    return seconds_since(t) * 1e9 / (double)d->probes;
}
#endif

static uint64_t run(uint64_t rows)
{
    char ours[TDM__PATH_MAX], theirs[TDM__PATH_MAX];
    snprintf(ours, sizeof ours, "%s/bench_store.tdm", dir);
    snprintf(theirs, sizeof theirs, "%s/bench_store.mdb", dir);
    data d;
    make_data(&d, rows);
    uint64_t before = tdm__peak_memory_bytes();
    build_ours(&d, ours);
    line(rows, "build, memory added", "tandem", (double)(tdm__peak_memory_bytes() - before) / 1048576, "MiB");
    tdm__store *store = open_ours(ours, rows);
    verify_ours(store, ours, rows);
    double a[4][ROUNDS], sum[3] = {0, 0, 0};
#ifdef HAVE_LMDB
    double b[2][ROUNDS];
    lmdb l;
    if (!only_ours) {
        build_lmdb(&d, theirs);
        open_lmdb(&l, theirs, rows);
    }
#endif
    for (int i = 0; i < ROUNDS; i++) {
        memset(sum, 0, sizeof sum);
        a[0][i] = get_ours(store, &d, &sum[0]);
        a[1][i] = get_many_ours(store, &d, &sum[1]);
        a[2][i] = miss_ours(store, &d);
        sum[2] = sum[0];
#ifdef HAVE_LMDB
        if (!only_ours) {
            sum[2] = 0;
            b[0][i] = get_lmdb(&l, &d, &sum[2]);
            b[1][i] = miss_lmdb(&l, &d);
        }
#endif
    }
    line(rows, "get", "tandem", median(a[0], ROUNDS), "ns");
    line(rows, "get_many", "tandem", median(a[1], ROUNDS), "ns");
    line(rows, "miss", "tandem", median(a[2], ROUNDS), "ns");
#ifdef HAVE_LMDB
    if (!only_ours) {
        line(rows, "get", "lmdb", median(b[0], ROUNDS), "ns");
        line(rows, "miss", "lmdb", median(b[1], ROUNDS), "ns");
        mdb_txn_abort(l.txn);
        mdb_env_close(l.env);
    }
#endif
    if (sum[0] != sum[1] || sum[0] != sum[2])
        stop("the two do not agree", NULL);
    uint64_t digest[2] = {tdm__store_digest(store), 0};
    memcpy(&digest[1], &sum[0], 8);
    tdm__store_close(&store);
    remove(ours);
    remove(theirs);
    snprintf(theirs, sizeof theirs, "%s/bench_store.mdb-lock", dir);
    remove(theirs);
    free(d.row);
    free(d.probe);
    free(d.absent);
    return tdm__hash64(digest, sizeof digest);
}

int main(int argc, char **argv)
{
    uint64_t rows[8], hash = 0;
    int sizes = 0;
    dir = getenv("TMPDIR") ? getenv("TMPDIR") : ".";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--small") == 0 && sizes < 8)
            rows[sizes++] = 20000;
        else if (strcmp(argv[i], "--only-ours") == 0)
            only_ours = true;
        else if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc && sizes < 8)
            rows[sizes++] = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
            dir = argv[++i];
        else
            stop("usage: bench_store [--rows N]... [--small] [--dir DIR] [--only-ours]", NULL);
    }
    if (sizes == 0) {
        rows[sizes++] = 1000000;
        rows[sizes++] = 10000000;
    }
    printf("1..1\n");
    for (int i = 0; i < sizes; i++) {
        uint64_t part[2] = {hash, run(rows[i])};
        hash = tdm__hash64(part, sizeof part);
    }
    printf("# result hash %016" PRIx64 "\nok 1 - bench_store\n", hash);
    return 0;
}
