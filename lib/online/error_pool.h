/* Errors of a block's rows: a pool that is emptied with each block and keeps its memory.
 *
 * An error keeps its place until the pool is emptied, so that rows point at theirs. */
#ifndef TDM_ONLINE_ERROR_POOL_H
#define TDM_ONLINE_ERROR_POOL_H

#include <tandem/status.h>

typedef struct tdm__error_pool {
    tdm_error **slab;
    size_t n, n_slabs, cap;
} tdm__error_pool;

/* A place for one error, uninitialised; NULL when out of memory. */
tdm_error *tdm__error_pool_take(tdm__error_pool *pool);
void tdm__error_pool_empty(tdm__error_pool *pool);
void tdm__error_pool_free(tdm__error_pool *pool);

#endif
