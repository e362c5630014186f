/* Memory: the door to malloc, growing vectors, and arenas.
 *
 * This is the one file that calls the C library's allocator. An arena is a list of chunks, newest first;
 * only the newest is carved from. Every size is checked for overflow before it is used, so that a length
 * from a hostile file gives NULL and never a short block. Nothing here is shared between threads. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* No block of ours is ever that large. A length that is stems from damage, and is refused without asking the system. */
#define BLOCK_MAX ((size_t)1 << 40)

/* The bytes of n items; 0 when they are too many. Nothing at all counts as one byte, so that its pointer is not NULL.
 */
static size_t bytes_of(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > BLOCK_MAX)
        return 0;
    return bytes ? bytes : 1;
}

void *tdm__alloc(size_t size)
{
    size_t bytes = bytes_of(1, size);
    return bytes ? malloc(bytes) : NULL;
}

void *tdm__zalloc(size_t n, size_t size)
{
    size_t bytes = bytes_of(n, size);
    return bytes ? calloc(1, bytes) : NULL;
}

void *tdm__resize(void *old, size_t n, size_t size)
{
    size_t bytes = bytes_of(n, size);
    return bytes ? realloc(old, bytes) : NULL;
}

void tdm__free(void *p)
{
    free(p);
}

int tdm__grow_bytes(void **items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return 1;
    size_t grown = *cap < 8 ? 8 : *cap;
    while (grown < need)
        if (__builtin_mul_overflow(grown, (size_t)2, &grown))
            return 0;
    void *p = tdm__resize(*items, grown, size);
    if (!p)
        return 0;
    *items = p;
    *cap = grown;
    return 1;
}

enum { ARENA_ALIGN = 16, ARENA_CHUNK = 4096, ARENA_CHUNK_MAX = 1 << 20 };

struct tdm__arena_chunk {
    tdm__arena_chunk *next;
    size_t size;                     /* of the bytes that follow */
    _Alignas(ARENA_ALIGN) char bytes[];
};

/* Chunks double up to a megabyte, so that a small arena stays small and a large one has few chunks. */
static int arena_add_chunk(tdm__arena *a, size_t need)
{
    size_t size = a->chunks ? a->chunks->size : ARENA_CHUNK / 2;
    size = size >= ARENA_CHUNK_MAX / 2 ? ARENA_CHUNK_MAX : size * 2;
    if (size < need)
        size = need;
    if (size > SIZE_MAX - sizeof(tdm__arena_chunk))
        return 0;
    tdm__arena_chunk *chunk = tdm__alloc(sizeof *chunk + size);
    if (!chunk)
        return 0;
    chunk->next = a->chunks;
    chunk->size = size;
    a->chunks = chunk;
    a->at = chunk->bytes;
    a->end = chunk->bytes + size;
    return 1;
}

void *tdm__arena_alloc(tdm__arena *a, size_t size)
{
    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size = size ? (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
    if ((!a->at || (size_t)(a->end - a->at) < size) && !arena_add_chunk(a, size))
        return NULL;
    void *p = a->at;
    a->at += size;
    a->used_bytes += size;
    return p;
}

void *tdm__arena_zalloc(tdm__arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        return NULL;
    void *p = tdm__arena_alloc(a, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

char *tdm__arena_copy(tdm__arena *a, const void *bytes, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *p = tdm__arena_alloc(a, len + 1);
    if (!p)
        return NULL;
    if (len)
        memcpy(p, bytes, len);
    p[len] = 0;
    return p;
}

int tdm__arena_str(tdm__arena *a, tdm_str s, tdm_str *out)
{
    char *p = tdm__arena_copy(a, s.ptr, s.len);
    if (!p)
        return 0;
    *out = (tdm_str){ p, s.len };
    return 1;
}

/* Frees all chunks but `keep`, which may be NULL. */
static void arena_drop_chunks(tdm__arena *a, const tdm__arena_chunk *keep)
{
    for (tdm__arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        if (c != keep)
            tdm__free(c);
    }
}

void tdm__arena_reset(tdm__arena *a)
{
    tdm__arena_chunk *largest = a->chunks;
    for (tdm__arena_chunk *c = a->chunks; c; c = c->next)
        if (c->size > largest->size)
            largest = c;
    arena_drop_chunks(a, largest);
    *a = (tdm__arena){0};
    if (!largest)
        return;
    largest->next = NULL;
    a->chunks = largest;
    a->at = largest->bytes;
    a->end = largest->bytes + largest->size;
}

void tdm__arena_free(tdm__arena *a)
{
    arena_drop_chunks(a, NULL);
    *a = (tdm__arena){0};
}
