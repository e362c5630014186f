/* Finding the duplicates' places: one more pass over the file, and only over as much of it as is needed. */
#include "batch/duplicates.h"

#include <stdio.h>
#include "base/fail.h"

tdm_status tdm__duplicates_note(void *self, const tdm__store_loser *loser, tdm_error *err)
{
    tdm__duplicates_found *found = self;
    found->total++;
    if (found->n == TDM__DUPLICATES_MAX)
        return TDM_OK;
    if (!tdm__grow(found->row, found->cap, found->n + 1))
        return tdm__no_memory(err, "run");
    found->row[found->n++] = loser->tag;
    return TDM_OK;
}

static tdm_status write_line(const tdm__population *p, const char *run, const tdm__row_block *block, size_t row,
                             tdm__buf *line, tdm__line_file *out, tdm_error *err)
{
    const tdm__row_place *place = &block->place[row];
    tdm_value part[TDM__KEY_PARTS_MAX];
    const tdm__package *package = tdm__engine_package(p->engine);
    tdm_error bad;
    char name[80];
    tdm_str key = package->key.field[0].name;
    snprintf(name, sizeof name, "%.*s", (int)(key.len < 79 ? key.len : 79), key.ptr);
    tdm__fail(&bad, TDM_KEY_DUPLICATE, name, "an earlier record of the population has the same key");
    tdm__fail_expected(&bad, "each key once");
    for (size_t k = 0; k < package->key.n; k++)
        tdm__column_get(&block->column[k], row, &part[k]);
    tdm__buf_reset(line);
    tdm__key_join(part, package->key.n, line);
    tdm__fail_found_text(&bad, tdm__strn(line->ptr, line->len));
    tdm__quarantined q = {.run = run, .release = package->id, .file = p->name, .row = place->row, .line = place->line,
                          .offset = place->offset, .bytes = place->bytes, .stage = "table", .error = &bad};
    tdm__buf_reset(line);
    tdm__quarantine_line(&q, line);
    tdm_status s = tdm__buf_check(line, err);
    return s ? s : tdm__line_file_add(out, tdm__strn(line->ptr, line->len), err);
}

/* Lines for those of a block's rows that are among the found; *next is the first that is still to come. */
static tdm_status match_block(const tdm__duplicates_found *found, size_t *next, const tdm__population *p,
                              const char *run, const tdm__row_block *block, tdm__buf *line, tdm__line_file *out,
                              tdm_error *err)
{
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && *next < found->n && i < block->n; i++)
        if (block->place[i].row == found->row[*next]) {
            s = write_line(p, run, block, i, line, out, err);
            ++*next;
        }
    return s;
}

static tdm_status walk(const tdm__duplicates_found *found, tdm__population *p, tdm__row_parser *parser, const char *run,
                       tdm__line_file *out, tdm_error *err)
{
    tdm__piece_input piece = {0};
    tdm__buf line = {0};
    size_t next = 0;
    tdm_status s = TDM_OK;
    while (!s && next < found->n) {
        s = tdm__population_next(p, &piece, err);
        if (s || piece.ended)
            break;
        tdm__row_parser_start(parser, &piece.chunk);
        for (const tdm__row_block *block; !s;) {
            s = tdm__row_parser_next(parser, &block, err);
            if (s || (!block->n && !block->n_bad))
                break;
            s = match_block(found, &next, p, run, block, &line, out, err);
        }
    }
    if (!s && next < found->n)
        s = tdm__fail(err, TDM_IO, p->name, "the population changed while it was being scored");
    tdm__chunk_free(&piece.chunk);
    tdm__buf_free(&line);
    return s;
}

tdm_status tdm__duplicates_quarantine(const tdm__duplicates_found *found, const tdm__population *population,
                                      const char *run, tdm__line_file *out, tdm_error *err)
{
    tdm__population again;
    tdm__row_parser *parser = NULL;
    if (!found->n)
        return TDM_OK;
    tdm_status s = tdm__population_open(&again, population->engine, population->fs, population->path, err);
    if (s)
        return s;
    tdm__population_call(&again, population->name);
    s = tdm__population_parser(&again, &parser, err);
    if (!s)
        s = walk(found, &again, parser, run, out, err);
    tdm__row_parser_close(&parser);
    tdm__population_close(&again);
    return s;
}
