/* From the builder's growing lists to the flat arrays that a package shows: sources sorted by name, the columns of each
 * join, what is asked of the caller, and the fingerprints of what is read. */
#include <stdlib.h>
#include <string.h>

#include "release/package_impl.h"

static int by_name(const void *a, const void *b)
{
    return tdm__str_compare((*(const tdm__source *const *)a)->name, (*(const tdm__source *const *)b)->name);
}

/* Sources sorted by name, with the joins' numbers following. */
static bool set_sources(tdm__package_box *b, int population)
{
    tdm__package *p = &b->package;
    const tdm__source **sorted = tdm__arena_array(&b->arena, b->n_sources, const tdm__source *);
    tdm__source *copies = tdm__arena_array(&b->arena, b->n_sources, tdm__source);
    if (!sorted || !copies)
        return false;
    if (b->n_sources) {
        memcpy(sorted, b->source, b->n_sources * sizeof *sorted);
        qsort(sorted, b->n_sources, sizeof *sorted, by_name);
    }
    p->population = -1;
    for (size_t i = 0; i < b->n_sources; i++) {
        copies[i] = *sorted[i];
        if (population >= 0 && sorted[i] == b->source[population])
            p->population = (int)i;
    }
    for (size_t j = 0; j < b->n_joins; j++) {
        size_t i = 0;
        while (sorted[i] != b->source[b->join[j].source])
            i++;
        b->join[j].source = (int)i;
    }
    p->source = copies;
    p->n_sources = b->n_sources;
    return true;
}

static bool set_join_columns(tdm__package_box *b)
{
    for (size_t j = 0; j < b->n_joins; j++) {
        tdm__join *join = &b->join[j];
        size_t n = 0;
        for (size_t i = 0; i < b->n_slots; i++)
            n += b->slot[i].join == (int)j;
        join->column = tdm__arena_array(&b->arena, n, tdm__join_column);
        if (!join->column)
            return false;
        for (size_t i = 0; i < b->n_slots; i++)
            if (b->slot[i].join == (int)j)
                join->column[join->n_columns++] = (tdm__join_column){ b->slot[i].column, (int)i };
    }
    return true;
}

int *tdm__package_columns_read(const tdm__package *p, size_t source, tdm__arena *arena, size_t *n)
{
    const tdm__schema *schema = &p->source[source].schema;
    uint8_t *read = tdm__arena_array(arena, schema->n, uint8_t);
    int *columns = tdm__arena_array(arena, schema->n, int);
    if (!read || !columns)
        return NULL;
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->slot[i].join >= 0 && p->join[p->slot[i].join].source == (int)source)
            read[p->slot[i].column] = 1;
    *n = 0;
    for (size_t i = 0; i < schema->n; i++)
        if (read[i])
            columns[(*n)++] = (int)i;
    return columns;
}

static bool set_fingerprints(tdm__package_box *b)
{
    tdm__package *p = &b->package;
    uint64_t *prints = tdm__arena_array(&b->arena, p->n_sources, uint64_t);
    if (!prints)
        return false;
    for (size_t i = 0; i < p->n_sources; i++) {
        size_t n;
        int *columns = tdm__package_columns_read(p, i, &b->arena, &n);
        if (!columns)
            return false;
        prints[i] = tdm__source_fingerprint(&p->source[i], columns, n);
    }
    p->fingerprint = prints;
    return true;
}

static bool set_requests(tdm__package_box *b)
{
    tdm__package *p = &b->package;
    int *requests = tdm__arena_array(&b->arena, b->manifest.n_features, int);
    if (!requests)
        return false;
    for (size_t i = 0; i < b->manifest.n_features; i++) {
        int slot = b->feature_slot[i];
        if (slot >= 0 && b->slot[slot].origin == TDM__ORIGIN_REQUEST)
            requests[p->n_request++] = slot;
    }
    p->request_slot = requests;
    return true;
}

bool tdm__package_layout(tdm__package_box *b, int population)
{
    tdm__package *p = &b->package;
    p->slot = b->slot;
    p->n_slots = b->n_slots;
    p->feature_slot = b->feature_slot;
    p->join = b->join;
    p->n_joins = b->n_joins;
    p->step = b->step;
    p->n_steps = b->n_steps;
    return set_sources(b, population) && set_join_columns(b) && set_fingerprints(b) && set_requests(b);
}
