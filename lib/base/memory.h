/* Memory: the only door to malloc, and arenas that free by lifetime.
 *
 * Nothing here aborts: each function that allocates can return NULL, and its caller says TDM_NO_MEMORY. A single block
 * above 2^40 bytes is always refused.
 * An arena belongs to one thread at a time; what it hands out lives until the arena is reset or freed. */
#ifndef TDM_BASE_MEMORY_H
#define TDM_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <tandem/value.h>

/* Uninitialised memory, 16-byte aligned; NULL when out of memory. size 0 gives a unique pointer. */
void *tdm__alloc(size_t size);
/* Zeroed memory for n items of `size`; NULL when out of memory or when the product overflows. */
void *tdm__zalloc(size_t n, size_t size);
/* As realloc for n items of `size`; on failure NULL, and `old` is untouched. */
void *tdm__resize(void *old, size_t n, size_t size);
void tdm__free(void *p);
#define tdm__new(type) ((type *)tdm__zalloc(1, sizeof(type)))

/* Grows a vector to hold at least `need` items by doubling. Items is a pointer variable, cap a size_t
 * variable. Evaluates to 0 when out of memory (nothing changed), else 1. */
#define tdm__grow(items, cap, need) tdm__grow_bytes((void **)&(items), &(cap), (need), sizeof *(items))
int tdm__grow_bytes(void **items, size_t *cap, size_t need, size_t size);

typedef struct tdm__arena_chunk tdm__arena_chunk;
typedef struct tdm__arena {
    tdm__arena_chunk *chunks; /* newest first */
    char *at, *end;
    size_t used_bytes;        /* handed out since the last reset */
} tdm__arena;

/* {0} is an empty arena; nothing is allocated until it is asked for memory. */
void *tdm__arena_alloc(tdm__arena *a, size_t size); /* 16-byte aligned, uninitialised */
void *tdm__arena_zalloc(tdm__arena *a, size_t n, size_t size);
/* Copies, adding a terminating NUL that `len` does not count. NULL when out of memory. */
char *tdm__arena_copy(tdm__arena *a, const void *bytes, size_t len);
/* Copies a text; sets *out; 0 when out of memory. */
int tdm__arena_str(tdm__arena *a, tdm_str s, tdm_str *out);
/* Forgets all, keeps the largest chunk for the next round: a warm arena allocates nothing. */
void tdm__arena_reset(tdm__arena *a);
void tdm__arena_free(tdm__arena *a);

#define tdm__arena_new(arena, type) ((type *)tdm__arena_zalloc((arena), 1, sizeof(type)))
#define tdm__arena_array(arena, n, type) ((type *)tdm__arena_zalloc((arena), (n), sizeof(type)))

#endif
