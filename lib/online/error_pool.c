/* Slabs of errors: each is allocated once and none moves. */
#include "online/error_pool.h"

#include "base/memory.h"

enum { SLAB = 16 };

tdm_error *tdm__error_pool_take(tdm__error_pool *pool)
{
    if (pool->n == pool->n_slabs * SLAB) {
        if (!tdm__grow(pool->slab, pool->cap, pool->n_slabs + 1))
            return NULL;
        tdm_error *slab = tdm__zalloc(SLAB, sizeof *slab);
        if (!slab)
            return NULL;
        pool->slab[pool->n_slabs++] = slab;
    }
    tdm_error *error = &pool->slab[pool->n / SLAB][pool->n % SLAB];
    pool->n++;
    return error;
}

void tdm__error_pool_empty(tdm__error_pool *pool)
{
    pool->n = 0;
}

void tdm__error_pool_free(tdm__error_pool *pool)
{
    for (size_t i = 0; i < pool->n_slabs; i++)
        tdm__free(pool->slab[i]);
    tdm__free(pool->slab);
    *pool = (tdm__error_pool){0};
}
