/* Tables in the home: numbers, publishing, opening, looking up, listing. */
#include "table/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "state/document.h"
#include "table/table_manifest.h"

bool tdm__table_name_valid(const char *name)
{
    return name[0] == 'v' && strlen(name) == 7 && strspn(name + 1, "0123456789") == 6;
}

static tdm_status manifest_path(const tdm_home *home, const char *name, char path[TDM__PATH_MAX], tdm_error *err)
{
    return tdm__home_path(home, path, err, "tables/%s/manifest", name);
}

/* Folder names in tables/, published or not, oldest first. */
static tdm_status all_names(tdm_home *home, tdm__names *out, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    *out = (tdm__names){0};
    tdm_status s = tdm__home_path(home, path, err, "tables");
    if (!s)
        s = tdm__list_dir(home->fs, path, out, err);
    if (s == TDM_NOT_FOUND) {
        *out = (tdm__names){0};
        s = TDM_OK;
    }
    return s;
}

tdm_status tdm__table_names(tdm_home *home, tdm__names *out, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm_status s = all_names(home, out, err);
    size_t kept = 0;
    for (size_t i = 0; !s && i < out->n; i++) {
        bool ours = tdm__table_name_valid(out->name[i]) && !manifest_path(home, out->name[i], path, err) &&
                    tdm__exists(home->fs, path);
        char *name = out->name[i];
        out->name[i] = out->name[kept];
        out->name[kept] = name;
        kept += ours;
    }
    for (size_t i = kept; !s && i < out->n; i++)
        tdm__free(out->name[i]);
    if (!s)
        out->n = kept;
    return s;
}

/* What a crashed run left: folders without a manifest. Only the writer calls this. */
static tdm_status sweep(tdm_home *home, const tdm__names *names, tdm_error *err)
{
    char path[TDM__PATH_MAX], dir[TDM__PATH_MAX];
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < names->n; i++) {
        tdm__stat manifest;
        if (!tdm__table_name_valid(names->name[i]))
            continue;
        s = manifest_path(home, names->name[i], path, err);
        if (!s)
            s = tdm__home_path(home, dir, err, "tables/%s", names->name[i]);
        if (!s)
            s = tdm__stat_path(home->fs, path, &manifest, err);
        if (s == TDM_NOT_FOUND) /* that it cannot be looked at does not mean that it is not there */
            s = tdm__remove_tree(home->fs, dir, err);
    }
    return s;
}

tdm_status tdm__table_reserve(tdm_home *home, char name[16], char store_path[TDM__PATH_MAX], tdm_error *err)
{
    char dir[TDM__PATH_MAX];
    tdm__names names;
    int64_t number = 0;
    tdm_status s = all_names(home, &names, err);
    if (!s)
        s = sweep(home, &names, err);
    tdm__names_free(&names);
    if (!s)
        s = tdm__table_names(home, &names, err);
    if (s)
        return s;
    if (names.n)
        tdm__parse_i64(tdm__str(names.name[names.n - 1] + 1), &number, NULL);
    tdm__names_free(&names);
    if (number >= 999999)
        return tdm__fail(err, TDM_REFUSED, "tables", "all numbers of tables are used");
    snprintf(name, 16, "v%06" PRId64, number + 1);
    s = tdm__home_path(home, dir, err, "tables/%s", name);
    if (!s)
        s = tdm__make_dirs(home->fs, dir, err);
    return s ? s : tdm__home_path(home, store_path, err, "tables/%s/store", name);
}

void tdm__table_discard(tdm_home *home, const char *name)
{
    char path[TDM__PATH_MAX], dir[TDM__PATH_MAX];
    tdm__stat manifest;
    if (!manifest_path(home, name, path, NULL) && !tdm__home_path(home, dir, NULL, "tables/%s", name) &&
        tdm__stat_path(home->fs, path, &manifest, NULL) == TDM_NOT_FOUND)
        tdm__remove_tree(home->fs, dir, NULL);
}

tdm_status tdm__table_publish(tdm_home *home, const tdm_table_info *info, const tdm__spread *spread, tdm_error *err)
{
    char path[TDM__PATH_MAX], owner[TDM__PATH_MAX];
    tdm_status s = manifest_path(home, info->name, path, err);
    if (!s)
        s = tdm__home_path(home, owner, err, "tables/%s/release", info->name);
    if (!s)
        s = tdm__write_file_durably(home->fs, owner, info->release, strlen(info->release), err);
    return s ? s : tdm__document_write(home->fs, path, "table", tdm__table_manifest_write(info, spread), err);
}

bool tdm__table_of_other(tdm_home *home, const char *name, const char *release)
{
    char path[TDM__PATH_MAX];
    tdm__buf owner = {0};
    bool other = !tdm__home_path(home, path, NULL, "tables/%s/release", name) &&
                 !tdm__read_file(home->fs, path, 128, &owner, NULL) && owner.len == strlen(release) &&
                 memcmp(owner.ptr, release, owner.len) != 0;
    tdm__buf_free(&owner);
    return other;
}

tdm_status tdm__table_settle(tdm_home *home, const char *name, tdm_error *err)
{
    char dir[TDM__PATH_MAX];
    tdm_status s = tdm__home_path(home, dir, err, "tables/%s", name);
    return s ? s : tdm__dir_sync(home->fs, dir, err);
}

static tdm_status open_store(tdm_home *home, tdm_table *t, tdm_error *err)
{
    char path[TDM__PATH_MAX], digest[17];
    tdm_status s = tdm__home_path(home, path, err, "tables/%s/store", t->info.name);
    if (!s)
        s = tdm__store_open(home->fs, path, &t->store, err);
    if (s)
        return s == TDM_NOT_FOUND ? tdm__fail(err, TDM_CORRUPT, path, "the table's records are gone") : s;
    snprintf(digest, sizeof digest, "%016" PRIx64, tdm__store_digest(t->store));
    if (strcmp(digest, t->info.digest) || tdm__store_rows(t->store) != t->info.rows ||
        tdm__store_schema(t->store)->n != t->info.n_predictions) {
        s = tdm__fail(err, TDM_CORRUPT, path, "these are not the records that were published");
        tdm__fail_expected(err, "digest %s", t->info.digest);
        tdm__fail_found(err, "%s", digest);
    }
    return s;
}

tdm_status tdm__table_open_name(tdm_home *home, const char *name, tdm_table **out, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    json_t *root = NULL;
    *out = NULL;
    tdm_table *t = tdm__new(tdm_table);
    if (!t)
        return tdm__no_memory(err, name);
    tdm_status s = manifest_path(home, name, path, err);
    if (!s)
        s = tdm__document_read(home->fs, path, "table", &root, err);
    if (s == TDM_NOT_FOUND) {
        s = tdm__fail(err, TDM_NOT_FOUND, name, "there is no such table");
        tdm__fail_hint(err, "'tandem table list' shows them");
    }
    if (!s)
        s = tdm__table_manifest_read(root, path, t, err);
    if (!s && strcmp(t->info.name, name))
        s = tdm__fail(err, TDM_CORRUPT, path, "the manifest belongs to table %s", t->info.name);
    if (!s)
        s = open_store(home, t, err);
    if (!s) {
        tdm__stat st;
        s = tdm__home_path(home, path, err, "tables/%s/store", name);
        if (!s)
            s = tdm__stat_path(home->fs, path, &st, err);
        t->info.bytes = s ? 0 : st.size;
    }
    json_decref(root);
    if (s)
        tdm_table_close(&t);
    *out = t;
    return s;
}

tdm_status tdm_table_open(tdm_home *home, const char *table, tdm_table **out, tdm_error *err)
{
    const char *slash = strchr(table, '/');
    const char *name = slash ? slash + 1 : table;
    *out = NULL;
    if (!tdm__table_name_valid(name)) {
        tdm_status s = tdm__fail(err, TDM_NOT_FOUND, table, "this is not the name of a table");
        tdm__fail_expected(err, "v000001 or RELEASE/v000001");
        return s;
    }
    tdm_status s = tdm__table_open_name(home, name, out, err);
    if (s || !slash)
        return s;
    size_t n = (size_t)(slash - table);
    bool fits = (n >= 8 && n <= 64 && !strncmp((*out)->info.release, table, n)) ||
                (strlen((*out)->info.service) == n && !strncmp((*out)->info.service, table, n));
    if (!fits) {
        s = tdm__fail(err, TDM_NOT_FOUND, table, "this table is not of that release");
        tdm__fail_found(err, "%s of %s@%.8s", name, (*out)->info.service, (*out)->info.release);
        tdm_table_close(out);
    }
    return s;
}

void tdm_table_close(tdm_table **table)
{
    if (!table || !*table)
        return;
    tdm__store_close(&(*table)->store);
    tdm__arena_free(&(*table)->arena);
    tdm__free(*table);
    *table = NULL;
}

const tdm_table_info *tdm_table_describe(const tdm_table *table)
{
    return &table->info;
}

/* A key of one column, written as it is: nobody escapes what has nothing to be told apart from. */
static tdm_status get_plain(const tdm_table *table, tdm_str key, tdm__record *record, tdm_error *err)
{
    tdm__buf text = {0};
    tdm_value part = {.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = key};
    tdm__key_join(&part, 1, &text);
    tdm_status s = tdm__buf_check(&text, err);
    if (!s)
        s = tdm__store_get(table->store, tdm__strn(text.ptr, text.len), record, err);
    tdm__buf_free(&text);
    return s;
}

static bool has_escapes(tdm_str key)
{
    return memchr(key.ptr, '|', key.len) || memchr(key.ptr, '\\', key.len);
}

tdm_status tdm_table_get(const tdm_table *table, tdm_str key, tdm_value *out, tdm_error *err)
{
    tdm__record record;
    tdm_status s = tdm__store_get(table->store, key, &record, err);
    if (s == TDM_NOT_FOUND && table->info.n_key == 1 && has_escapes(key))
        s = get_plain(table, key, &record, err);
    if (s == TDM_NOT_FOUND) {
        s = tdm__fail(err, TDM_NOT_FOUND, table->info.name, "the table has no row with this key");
        tdm__fail_found_text(err, key);
    }
    for (size_t i = 0; !s && i < table->info.n_predictions; i++)
        tdm__record_value(&record, i, &out[i]);
    return s;
}

tdm_status tdm_table_verify(const tdm_table *table, tdm_error *err)
{
    return tdm__store_verify(table->store, err);
}

tdm_status tdm__table_newest(tdm_home *home, bool (*match)(const void *self, const tdm_table_info *info),
                             const void *self, tdm_table **out, tdm_error *err)
{
    tdm__names names;
    *out = NULL;
    tdm_status s = tdm__table_names(home, &names, err);
    if (s)
        return s;
    for (size_t i = names.n; !s && i-- > 0 && !*out;) {
        s = tdm__table_open_name(home, names.name[i], out, err);
        if (!s && !match(self, &(*out)->info))
            tdm_table_close(out);
        if (s == TDM_CORRUPT || s == TDM_UNSUPPORTED || s == TDM_NOT_FOUND)
            s = TDM_OK;
    }
    tdm__names_free(&names);
    return s || *out ? s : TDM_NOT_FOUND;
}

struct tdm_table_list {
    size_t n;
    tdm_table **table;   /* NULL where it could not be opened */
    tdm_table_info *broken; /* then: its name */
    tdm_error *error;
};

tdm_status tdm_tables(tdm_home *home, tdm_table_list **out, tdm_error *err)
{
    tdm__names names;
    *out = NULL;
    tdm_status s = tdm__table_names(home, &names, err);
    if (s)
        return s;
    tdm_table_list *list = tdm__new(tdm_table_list);
    if (list) {
        list->table = tdm__zalloc(names.n + 1, sizeof *list->table);
        list->broken = tdm__zalloc(names.n + 1, sizeof *list->broken);
        list->error = tdm__zalloc(names.n + 1, sizeof *list->error);
    }
    if (!list || !list->table || !list->broken || !list->error)
        s = tdm__no_memory(err, "tables");
    for (size_t i = names.n; !s && i-- > 0; list->n++) {
        snprintf(list->broken[list->n].name, sizeof list->broken->name, "%s", names.name[i]);
        tdm__table_open_name(home, names.name[i], &list->table[list->n], &list->error[list->n]);
    }
    tdm__names_free(&names);
    if (s)
        tdm_table_list_close(&list);
    *out = list;
    return s;
}

size_t tdm_table_count(const tdm_table_list *list)
{
    return list->n;
}

const tdm_table_info *tdm_table_at(const tdm_table_list *list, size_t i, tdm_error *err)
{
    if (i >= list->n)
        return NULL;
    if (err)
        *err = list->error[i];
    return list->table[i] ? &list->table[i]->info : &list->broken[i];
}

void tdm_table_list_close(tdm_table_list **list)
{
    if (!list || !*list)
        return;
    for (size_t i = 0; (*list)->table && i < (*list)->n; i++)
        tdm_table_close(&(*list)->table[i]);
    tdm__free((*list)->table);
    tdm__free((*list)->broken);
    tdm__free((*list)->error);
    tdm__free(*list);
    *list = NULL;
}
