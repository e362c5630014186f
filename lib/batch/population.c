/* Opening a population, naming its content, handing out pieces.
 *
 * A file is read for the digest that is part of the run's identity, then to be scored, then for the digest again: a
 * file that changed meanwhile would have been scored under another's name. */
#include "batch/population.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/digest.h"
#include "base/fail.h"

enum { DIGEST_PIECE_BYTES = 1 << 20 };

/* The schema of a file: key parts, then request features of other names. */
static tdm_status make_schema(tdm__population *p, tdm_error *err)
{
    const tdm__package *package = tdm__engine_package(p->engine);
    size_t n = package->key.n + package->n_request;
    p->schema.field = tdm__arena_array(&p->arena, n + 1, tdm__field);
    p->request_field = tdm__arena_array(&p->arena, package->n_request + 1, int);
    if (!p->schema.field || !p->request_field)
        return tdm__no_memory(err, p->name);
    for (size_t i = 0; i < package->key.n; i++)
        p->schema.field[p->schema.n++] = package->key.field[i];
    for (size_t i = 0; i < package->n_request; i++) {
        const tdm__slot *slot = &package->slot[package->request_slot[i]];
        int known = tdm__schema_find(&p->schema, slot->name);
        if (known < 0) {
            known = (int)p->schema.n;
            p->schema.field[p->schema.n++] = (tdm__field){.name = slot->name, .type = slot->type};
        }
        p->request_field[i] = known;
    }
    return TDM_OK;
}

static bool in_header(const tdm_str *header, size_t n, tdm_str name)
{
    for (size_t i = 0; i < n; i++)
        if (tdm__str_equal(header[i], name))
            return true;
    return false;
}

static tdm_status lacks(const tdm__population *p, const char *what, tdm_str name, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_MISMATCH, p->name, "the population lacks a column for %s", what);
    tdm__fail_expected(err, "a column '%.*s'", (int)name.len, name.ptr);
    if (p->reader)
        tdm__reader_tell_header(p->reader, err);
    return s;
}

/* A request field without a column and without a default is missing in every row. That is said; where it is all of
 * them, or one that is required, it is refused, for the run would only say the same of everyone or fill the quarantine.
 */
static tdm_status check_request(tdm__population *p, const tdm_str *header, size_t n, tdm_error *err)
{
    const tdm__package *package = tdm__engine_package(p->engine);
    size_t absent = 0, used = 0;
    for (size_t i = 0; i < package->n_request; i++) {
        const tdm__slot *slot = &package->slot[package->request_slot[i]];
        if (slot->fallback.presence == TDM_PRESENT || in_header(header, n, slot->name))
            continue;
        if (slot->required)
            return lacks(p, "a required request field", slot->name, err);
        if (used + slot->name.len + 3 < sizeof p->absent)
            used += (size_t)snprintf(p->absent + used, sizeof p->absent - used, "%s%.*s", used ? ", " : "",
                                     (int)slot->name.len, slot->name.ptr);
        absent++;
    }
    if (!absent || absent < package->n_request)
        return TDM_OK;
    return lacks(p, "any of the request fields", package->slot[package->request_slot[0]].name, err);
}

/* A CSV without a key column would only fill the quarantine. */
static tdm_status check_header(tdm__population *p, tdm_error *err)
{
    const tdm__package *package = tdm__engine_package(p->engine);
    size_t n;
    const tdm_str *header = tdm__reader_header(p->reader, &n);
    if (tdm__reader_format(p->reader) != TDM__FORMAT_CSV)
        return TDM_OK;
    for (size_t i = 0; i < package->key.n; i++)
        if (!in_header(header, n, package->key.field[i].name))
            return lacks(p, "the entity's key", package->key.field[i].name, err);
    return check_request(p, header, n, err);
}

static tdm_status digest_file(const tdm__population *p, char out[64], tdm_error *err)
{
    tdm__file *file = NULL;
    tdm__hasher *hasher = tdm__hasher_new();
    char *piece = tdm__alloc(DIGEST_PIECE_BYTES);
    tdm_status s =
        hasher && piece ? tdm__file_open(p->fs, p->path, TDM__READ, &file, err) : tdm__no_memory(err, p->name);
    for (uint64_t at = 0; !s;) {
        size_t got;
        s = tdm__file_read_at(file, at, piece, DIGEST_PIECE_BYTES, &got, err);
        if (s || !got)
            break;
        tdm__hasher_add(hasher, piece, got);
        at += got;
    }
    if (!s)
        snprintf(out, 64, "file %016" PRIx64, tdm__hasher_value(hasher));
    tdm__free(piece);
    tdm__hasher_close(&hasher);
    tdm__file_close(&file);
    return s;
}

tdm_status tdm__population_unchanged(const tdm__population *p, tdm_error *err)
{
    char now[64];
    if (!p->reader)
        return TDM_OK;
    tdm_status s = digest_file(p, now, err);
    if (!s && strcmp(now, p->identity)) {
        s = tdm__fail(err, TDM_IO, p->name, "the population changed while it was being scored; nothing was published");
        tdm__fail_hint(err, "run again once the file is complete");
    }
    return s;
}

static tdm_status open_file(tdm__population *p, const char *file, tdm_error *err)
{
    if (!strcmp(file, "-"))
        return tdm__fail(err, TDM_USAGE, "--population", "a population is read twice and cannot be standard input");
    if (snprintf(p->name, sizeof p->name, "%s", file) >= (int)sizeof p->name)
        return tdm__fail(err, TDM_BAD_INPUT, "--population", "the path is too long");
    p->path = file;
    tdm_status s = make_schema(p, err);
    if (!s)
        s = digest_file(p, p->identity, err);
    if (!s)
        s = tdm__reader_open(p->fs, file, TDM__FORMAT_AUTO, &p->reader, err);
    return s ? s : check_header(p, err);
}

static bool same_values(const tdm_type *a, const tdm_type *b)
{
    return a->kind == b->kind && (a->kind != TDM_DECIMAL || a->scale == b->scale);
}

/* What the request would give comes from the source's columns of the same names; they must be of the same types. */
static tdm_status check_columns(const tdm__population *p, const tdm__source *source, tdm_error *err)
{
    const tdm__package *package = tdm__engine_package(p->engine);
    for (size_t i = 0; i < package->n_request; i++) {
        const tdm__slot *slot = &package->slot[package->request_slot[i]];
        int column = tdm__schema_find(&source->schema, slot->name);
        if (column < 0 && slot->required && slot->fallback.presence != TDM_PRESENT)
            return lacks(p, "a required request field", slot->name, err);
        if (column < 0 || same_values(&slot->type, &source->schema.field[column].type))
            continue;
        char name[80], expected[64], found[64];
        snprintf(name, sizeof name, "%.*s", (int)(slot->name.len < 79 ? slot->name.len : 79), slot->name.ptr);
        tdm__type_format(&slot->type, expected);
        tdm__type_format(&source->schema.field[column].type, found);
        tdm_status s =
            tdm__fail(err, TDM_MISMATCH, name, "the population's column has another type than the request field");
        tdm__fail_expected(err, "%s", expected);
        tdm__fail_found(err, "%s", found);
        return s;
    }
    return TDM_OK;
}

static tdm_status open_source(tdm__population *p, tdm_error *err)
{
    const tdm__package *package = tdm__engine_package(p->engine);
    if (package->population < 0) {
        tdm_status s =
            tdm__fail(err, TDM_USAGE, "--population", "the release names no population, so a run needs a file of rows");
        tdm__fail_expected(err, "--population FILE");
        return s;
    }
    tdm_str name = package->source[package->population].name;
    snprintf(p->name, sizeof p->name, "%.*s", (int)name.len, name.ptr);
    snprintf(p->identity, sizeof p->identity, "source %.40s", p->name);
    p->store = tdm__engine_store(p->engine, (size_t)package->population);
    return check_columns(p, &package->source[package->population], err);
}

tdm_status tdm__population_open(tdm__population *p, const tdm__engine *engine, tdm__fs *fs, const char *file,
                                tdm_error *err)
{
    memset(p, 0, sizeof *p);
    p->engine = engine;
    p->fs = fs;
    tdm_status s = file ? open_file(p, file, err) : open_source(p, err);
    if (s)
        tdm__population_close(p);
    return s;
}

void tdm__population_call(tdm__population *p, const char *name)
{
    snprintf(p->name, sizeof p->name, "%s", name);
}

void tdm__population_close(tdm__population *p)
{
    tdm__reader_close(&p->reader);
    tdm__arena_free(&p->arena);
}

tdm_status tdm__population_next(tdm__population *p, tdm__piece_input *out, tdm_error *err)
{
    out->index = p->next_piece++;
    if (p->reader) {
        tdm_status s = tdm__reader_next(p->reader, &out->chunk, err);
        out->ended = !s && !out->chunk.bytes.len;
        return s;
    }
    uint64_t left = tdm__store_rows(p->store) - p->next_row;
    out->first = p->next_row;
    out->count = left < TDM__PIECE_ROWS ? left : TDM__PIECE_ROWS;
    out->ended = !left;
    p->next_row += out->count;
    return TDM_OK;
}

void tdm__population_done(const tdm__population *p, const tdm__piece_input *piece)
{
    if (p->store)
        tdm__store_forget(p->store, piece->first, piece->count);
}

void tdm__population_progress(const tdm__population *p, uint64_t *done, uint64_t *total, const char **unit)
{
    if (p->reader) {
        tdm__reader_progress(p->reader, done, total);
        *unit = "bytes";
    } else {
        *done = p->next_row;
        *total = tdm__store_rows(p->store);
        *unit = "rows";
    }
}

tdm_status tdm__population_parser(const tdm__population *p, tdm__row_parser **out, tdm_error *err)
{
    size_t n;
    const tdm_str *header = tdm__reader_header(p->reader, &n);
    tdm__row_options options = {
        0}; /* a source's texts for null are its files'; request fields have none on either path */
    return tdm__row_parser_new(tdm__reader_format(p->reader), header, n, &p->schema, &options, out, err);
}
