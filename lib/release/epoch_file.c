/* Reading and flipping epochs. See epoch_file.h for the order of writes. */
#include "release/epoch_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/digest.h"
#include "base/fail.h"
#include "base/number.h"
#include "state/document.h"

enum { EPOCH_BYTES_MAX = 1 << 20 };

static tdm_status epoch_path(const tdm_home *home, uint64_t number, char path[TDM__PATH_MAX], tdm_error *err)
{
    return tdm__home_path(home, path, err, "epochs/%06" PRIu64, number);
}

static tdm_status digest_of_file(tdm_home *home, const char *path, char out[17], tdm_error *err)
{
    tdm__buf bytes = {0};
    tdm_status s = tdm__read_file(home->fs, path, EPOCH_BYTES_MAX, &bytes, err);
    if (!s)
        snprintf(out, 17, "%016" PRIx64, tdm__hash64(bytes.ptr, bytes.len));
    tdm__buf_free(&bytes);
    return s;
}

static tdm_status read_service(const json_t *o, const char *path, tdm__service *out, tdm_error *err)
{
    tdm_status s = tdm__document_copy(o, "name", path, out->name, sizeof out->name, err);
    if (!s)
        s = tdm__document_copy(o, "release", path, out->release, sizeof out->release, err);
    if (!s)
        s = tdm__document_copy(o, "table", path, out->table, sizeof out->table, err);
    if (!s)
        s = tdm__document_u64(o, "since_epoch", path, &out->since_epoch, err);
    return s ? s : tdm__document_u64(o, "before_epoch", path, &out->before_epoch, err);
}

static tdm_status read_epoch(const json_t *root, const char *path, tdm__epoch *out, tdm_error *err)
{
    const json_t *list = json_object_get(root, "services");
    tdm_status s = tdm__document_u64(root, "number", path, &out->number, err);
    if (!s)
        s = tdm__document_i64(root, "since_us", path, &out->since_us, err);
    if (!s)
        s = tdm__document_copy(root, "cause", path, out->cause, sizeof out->cause, err);
    if (!s)
        s = tdm__document_copy(root, "changed", path, out->changed, sizeof out->changed, err);
    if (!s && (!json_is_array(list) || json_array_size(list) > TDM__SERVICES_MAX))
        s = tdm__fail(err, TDM_CORRUPT, path, "the epoch has no list of services, or too many of them");
    for (size_t i = 0; !s && i < json_array_size(list); i++) {
        s = read_service(json_array_get(list, i), path, &out->service[i], err);
        out->n = i + 1;
    }
    return s;
}

tdm_status tdm__epoch_read(tdm_home *home, uint64_t number, tdm__epoch *out, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    json_t *root = NULL;
    memset(out, 0, sizeof *out);
    tdm_status s = epoch_path(home, number, path, err);
    if (!s)
        s = tdm__document_read(home->fs, path, "epoch", &root, err);
    if (!s)
        s = read_epoch(root, path, out, err);
    if (!s && out->number != number)
        s = tdm__fail(err, TDM_CORRUPT, path, "this file holds epoch %" PRIu64, out->number);
    json_decref(root);
    return s;
}

static tdm_status read_current(tdm_home *home, tdm__epoch *out, tdm_error *err)
{
    char current[TDM__PATH_MAX], path[TDM__PATH_MAX], digest[17], found[17];
    json_t *root = NULL;
    uint64_t number;
    memset(out, 0, sizeof *out);
    tdm_status s = tdm__home_path(home, current, err, "CURRENT");
    if (!s)
        s = tdm__document_read(home->fs, current, "current", &root, err);
    if (s)
        return s == TDM_NOT_FOUND ? TDM_OK : s;
    s = tdm__document_u64(root, "epoch", current, &number, err);
    if (!s)
        s = tdm__document_copy(root, "digest", current, digest, sizeof digest, err);
    json_decref(root);
    if (!s)
        s = epoch_path(home, number, path, err);
    if (!s)
        s = digest_of_file(home, path, found, err);
    if (s == TDM_NOT_FOUND)
        s = tdm__fail(err, TDM_CORRUPT, current, "the current epoch's file is gone");
    if (!s && strcmp(digest, found)) {
        s = tdm__fail(err, TDM_CORRUPT, path, "this is not the epoch that was made current");
        tdm__fail_expected(err, "digest %s", digest);
        tdm__fail_found(err, "%s", found);
    }
    return s ? s : tdm__epoch_read(home, number, out, err);
}

tdm_status tdm__epoch_read_current(tdm_home *home, tdm__epoch *out, tdm_error *err)
{
    tdm_status s = read_current(home, out, err);
    if (s == TDM_CORRUPT)
        tdm__fail_hint(err, "'tandem rollback' goes on from the newest epoch that is whole");
    return s;
}

tdm_status tdm__epoch_newest_whole(tdm_home *home, tdm__epoch *out, uint64_t *highest, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm__names names;
    *highest = 0;
    tdm_status s = tdm__home_path(home, path, err, "epochs");
    if (!s)
        s = tdm__list_dir(home->fs, path, &names, err);
    if (s)
        return s;
    s = tdm__fail(err, TDM_REFUSED, path, "no epoch can be read");
    for (size_t i = names.n; s && i-- > 0;) {
        int64_t number;
        if (!tdm__parse_i64(tdm__str(names.name[i]), &number, NULL) || number <= 0)
            continue;
        *highest = (uint64_t)number > *highest ? (uint64_t)number : *highest;
        s = tdm__epoch_read(home, (uint64_t)number, out, err);
    }
    tdm__names_free(&names);
    return s;
}

static json_t *write_epoch(const tdm__epoch *epoch)
{
    json_t *list = json_array();
    for (size_t i = 0; i < epoch->n; i++) {
        const tdm__service *v = &epoch->service[i];
        json_t *service =
            json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", v->name, "release", v->release, "table", v->table,
                      "since_epoch", (json_int_t)v->since_epoch, "before_epoch", (json_int_t)v->before_epoch);
        list = tdm__document_item(list, service); /* an epoch that lost a service would be served */
    }
    return json_pack("{s:I, s:I, s:s, s:s, s:o}", "number", (json_int_t)epoch->number, "since_us",
                     (json_int_t)epoch->since_us, "cause", epoch->cause, "changed", epoch->changed, "services", list);
}

tdm_status tdm__epoch_flip(tdm_home *home, const tdm__epoch *epoch, tdm_error *err)
{
    char current[TDM__PATH_MAX], path[TDM__PATH_MAX], digest[17];
    tdm_status s = tdm__home_path(home, current, err, "CURRENT");
    if (!s)
        s = epoch_path(home, epoch->number, path, err);
    if (!s)
        s = tdm__document_write(home->fs, path, "epoch", write_epoch(epoch), err);
    if (!s)
        s = digest_of_file(home, path, digest, err);
    if (s)
        return s;
    json_t *root = json_pack("{s:I, s:s}", "epoch", (json_int_t)epoch->number, "digest", digest);
    return tdm__document_write(home->fs, current, "current", root, err);
}

tdm_status tdm__epoch_settle(tdm_home *home, tdm_error *err)
{
    return tdm__dir_sync(home->fs, home->dir, err);
}

tdm__service *tdm__epoch_find(tdm__epoch *epoch, const char *service)
{
    for (size_t i = 0; i < epoch->n; i++)
        if (!strcmp(epoch->service[i].name, service))
            return &epoch->service[i];
    return NULL;
}

tdm__service *tdm__epoch_put(tdm__epoch *epoch, const char *service)
{
    tdm__service *found = tdm__epoch_find(epoch, service);
    if (found || epoch->n == TDM__SERVICES_MAX)
        return found;
    size_t at = 0;
    while (at < epoch->n && strcmp(epoch->service[at].name, service) < 0)
        at++;
    memmove(epoch->service + at + 1, epoch->service + at, (epoch->n - at) * sizeof *epoch->service);
    epoch->n++;
    epoch->service[at] = (tdm__service){0};
    snprintf(epoch->service[at].name, sizeof epoch->service[at].name, "%s", service);
    return &epoch->service[at];
}
