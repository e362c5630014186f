/* A table as CSV or JSON lines: the key's columns, then the predictions, in the population's order.
 *
 * Every record's check is tested on the way; memory is one buffer. */
#include "base/fail.h"
#include "codec/rows.h"
#include "table/tables.h"

enum { PIECE_BYTES = 64 << 10 };

typedef struct export_job {
    const tdm_table *table;
    tdm_export_format format;
    tdm__schema schema;   /* key columns, then predictions */
    tdm_value *values;
    tdm_str *parts;
    tdm__arena arena;     /* what lives as long as the job */
    tdm__arena scratch;   /* one row */
    tdm__buf out;
} export_job;

static tdm_status prepare(export_job *e, tdm_error *err)
{
    const tdm_table_info *info = &e->table->info;
    size_t n = info->n_key + info->n_predictions;
    e->schema.field = tdm__arena_array(&e->arena, n + 1, tdm__field);
    e->values = tdm__arena_array(&e->arena, n + 1, tdm_value);
    e->parts = tdm__arena_array(&e->arena, info->n_key + 1, tdm_str);
    if (!e->schema.field || !e->values || !e->parts)
        return tdm__no_memory(err, info->name);
    e->schema.n = n;
    for (size_t i = 0; i < n; i++) {
        bool key = i < info->n_key;
        e->schema.field[i].name = tdm__str(key ? info->key[i] : info->prediction[i - info->n_key]);
        e->schema.field[i].type.kind = key ? TDM_STRING : TDM_F64;
    }
    if (e->format == TDM_EXPORT_CSV)
        tdm__csv_write_header(&e->out, &e->schema);
    return TDM_OK;
}

static tdm_status export_row(export_job *e, const tdm__record *record, tdm_error *err)
{
    const tdm_table_info *info = &e->table->info;
    tdm__arena_reset(&e->scratch);
    tdm_status s = tdm__key_split(record->key, e->parts, info->n_key, &e->scratch, err);
    if (s)
        return s;
    for (size_t i = 0; i < info->n_key; i++)
        e->values[i] = (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = e->parts[i]};
    for (size_t i = 0; i < info->n_predictions; i++)
        tdm__record_value(record, i, &e->values[info->n_key + i]);
    if (e->format == TDM_EXPORT_CSV)
        tdm__csv_write_row(&e->out, e->values, e->schema.n);
    else
        tdm__jsonl_write_row(&e->out, &e->schema, e->values);
    return TDM_OK;
}

static tdm_status flush(export_job *e, tdm_write_fn write, void *self, tdm_error *err)
{
    tdm_status s = tdm__buf_check(&e->out, err);
    if (!s && e->out.len)
        s = write(self, e->out.ptr, e->out.len, err);
    tdm__buf_reset(&e->out);
    return s;
}

tdm_status tdm_table_export(const tdm_table *table, tdm_export_format format, tdm_write_fn write, void *self,
                            tdm_error *err)
{
    export_job e = {.table = table, .format = format};
    tdm__store_cursor cursor;
    tdm__record record;
    tdm_status s = prepare(&e, err);
    if (!s)
        s = tdm__store_seek(table->store, 0, &cursor, err);
    while (!s) {
        s = tdm__store_next(&cursor, &record, err);
        if (s)
            break;
        s = export_row(&e, &record, err);
        if (!s && e.out.len >= PIECE_BYTES)
            s = flush(&e, write, self, err);
    }
    if (s == TDM_NOT_FOUND)
        s = flush(&e, write, self, err);
    tdm__buf_free(&e.out);
    tdm__arena_free(&e.scratch);
    tdm__arena_free(&e.arena);
    return s;
}
