/* A reader that never stops looking: kill9_reader HOME KEYS ID=VALUE...
 *
 * Every release ID of the arguments predicts one constant VALUE, so whatever is read tells its version. Again and again
 * the reader takes the current epoch and the newest published table, looks all keys k0 to k(KEYS-1) up in both, and
 * holds them to: a table has every key, and one value, its release's; an epoch never goes back; nothing that has a name
 * is unreadable. It knows the public API only and takes no lock. SIGTERM ends it: it prints how often it looked, and
 * exits with 0; the first answer that may not be ends it with 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/tandem.h>

enum { RELEASES_MAX = 8 };

typedef struct reader {
    tdm_home *home;
    unsigned long keys, looked, epochs, tables;
    size_t n_releases;
    const char *release[RELEASES_MAX]; /* "ID=VALUE" */
    uint64_t epoch;
    char newest[16];
} reader;

static int wrong(const char *what, const tdm_error *err)
{
    char text[1024] = "";
    if (err)
        tdm_error_format(err, text, sizeof text);
    printf("wrong: %s %s\n", what, text);
    return 1;
}

/* What the release of this id predicts; NAN's opposite of harmless: 0 is no release's constant. */
static double constant_of(const reader *r, const char *id)
{
    for (size_t i = 0; i < r->n_releases; i++) {
        size_t n = strcspn(r->release[i], "=");
        if (strlen(id) == n && !strncmp(r->release[i], id, n))
            return (double)strtoul(r->release[i] + n + 1, NULL, 10);
    }
    return 0;
}

static int look_all_up(const reader *r, const tdm_table *table)
{
    const tdm_table_info *info = tdm_table_describe(table);
    double expected = constant_of(r, info->release);
    if (info->rows != r->keys || !(expected > 0))
        return wrong("a table has another number of rows, or is of no known release:", NULL);
    for (unsigned long i = 0; i < r->keys; i++) {
        char key[24];
        tdm_value value;
        tdm_error err;
        int n = snprintf(key, sizeof key, "k%lu", i);
        if (tdm_table_get(table, (tdm_str){key, (size_t)n}, &value, &err))
            return wrong("a key of a published table:", &err);
        if (value.as.f64 < expected || value.as.f64 > expected)
            return wrong("rows of two versions in one table", NULL);
    }
    return 0;
}

static int look_at_table(const reader *r, const char *name, const char *release)
{
    tdm_table *table;
    tdm_error err;
    if (tdm_table_open(r->home, name, &table, &err))
        return wrong("a published table cannot be opened:", &err);
    int bad = look_all_up(r, table);
    if (!bad && release && strcmp(tdm_table_describe(table)->release, release))
        bad = wrong("the epoch's release did not make the epoch's table", NULL);
    tdm_table_close(&table);
    return bad;
}

static int look_at_epoch(reader *r)
{
    tdm_epoch *epoch;
    tdm_error err;
    if (tdm_epoch_current(r->home, &epoch, &err))
        return wrong("the current epoch cannot be read:", &err);
    int bad = 0;
    uint64_t number = tdm_epoch_number(epoch);
    if (number < r->epoch)
        bad = wrong("the epoch went back", NULL);
    if (number != r->epoch)
        r->epochs++;
    r->epoch = number;
    for (size_t i = 0; !bad && i < tdm_epoch_services(epoch); i++) {
        const tdm_service_info *service = tdm_epoch_service(epoch, i);
        if (service->error[0])
            bad = wrong(service->error, NULL);
        else if (service->table[0])
            bad = look_at_table(r, service->table, service->release);
    }
    tdm_epoch_close(&epoch);
    return bad;
}

/* The newest table, whenever there is another one than before: published, perhaps not served yet. */
static int look_at_newest(reader *r)
{
    tdm_table_list *list;
    tdm_error err = {0};
    if (tdm_tables(r->home, &list, &err))
        return wrong("the tables cannot be listed:", &err);
    const tdm_table_info *newest = tdm_table_at(list, 0, &err);
    int bad = newest && err.status ? wrong("the newest table cannot be read:", &err) : 0;
    if (newest && !bad && strcmp(newest->name, r->newest)) {
        memcpy(r->newest, newest->name, sizeof r->newest);
        r->tables++;
        bad = look_at_table(r, r->newest, NULL);
    }
    tdm_table_list_close(&list);
    return bad;
}

int main(int argc, char **argv)
{
    reader r = {.keys = argc > 2 ? strtoul(argv[2], NULL, 10) : 0};
    tdm_error err;
    for (int i = 3; i < argc && r.n_releases < RELEASES_MAX; i++)
        r.release[r.n_releases++] = argv[i];
    if (!r.n_releases || tdm_home_open(argv[1], &r.home, &err))
        return 2;
    int bad = tdm_interrupted(); /* from here on SIGTERM is asked for, not obeyed */
    puts("looking");
    fflush(stdout);
    while (!bad && !tdm_interrupted()) {
        bad = look_at_epoch(&r);
        if (!bad)
            bad = look_at_newest(&r);
        r.looked++;
    }
    printf("looked %lu times at %lu epochs and %lu tables\n", r.looked, r.epochs, r.tables);
    tdm_home_close(&r.home);
    return bad;
}
