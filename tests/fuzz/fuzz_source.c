/* Source definitions from any bytes: what is accepted is sound, and its canonical text is read back to the same. */
#include <stdlib.h>

#include "state/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check(const tdm__source *s)
{
    must(s->schema.n > 0 && (s->kind == TDM__SOURCE_TABLE) == (s->n_key > 0));
    for (size_t i = 0; i < s->n_key; i++)
        must(s->key[i] >= 0 && (size_t)s->key[i] < s->schema.n && !s->schema.field[s->key[i]].type.nullable);
    tdm__buf text = { 0 };
    tdm__arena arena = { 0 };
    tdm__sources again;
    tdm__source_canonical(s, &text);
    must(!tdm__sources_parse((tdm_str){ text.ptr, text.len }, "again", &arena, NULL, &again));
    must(again.n == 1 && tdm__source_equal(s, again.source) && !tdm__source_evolve_check(s, again.source, NULL));
    tdm__arena_free(&arena);
    tdm__buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__arena arena = { 0 };
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm__sources sources;
    tdm_status s = tdm__sources_parse((tdm_str){ (const char *)data, size }, "fuzz", &arena, list, &sources);
    must((s == TDM_OK) == !tdm_diagnostics_total(list));
    for (size_t i = 0; i < sources.n; i++)
        check(&sources.source[i]);
    tdm_diagnostics_close(&list);
    tdm__arena_free(&arena);
    return 0;
}
