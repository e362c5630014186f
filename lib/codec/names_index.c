/* Which number has this name: open addressing over XXH3, half full at most.
 *
 * The guess is compared first, since objects tend to keep one order; then no hash is made at all. */
#include "base/digest.h"
#include "codec/json_scan_impl.h"

/* Short names in two overlapping loads. */
static inline bool same(tdm_str a, tdm_str b)
{
    uint64_t x, y, z, w;
    if (a.len != b.len)
        return false;
    if (a.len < 8 || a.len > 16)
        return a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0;
    memcpy(&x, a.ptr, 8);
    memcpy(&y, b.ptr, 8);
    memcpy(&z, a.ptr + a.len - 8, 8);
    memcpy(&w, b.ptr + b.len - 8, 8);
    return x == y && z == w;
}

bool tdm__names_index_make(tdm__names_index *index, const tdm_str *name, size_t n, tdm__arena *arena)
{
    size_t size = 16;
    bool repeats = false;
    if (n > INT32_MAX / 4)
        return false;
    while (size < 2 * n)
        size *= 2;
    int32_t *slot = tdm__arena_array(arena, size, int32_t);
    if (!slot)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)tdm__hash64(name[i].ptr, name[i].len) & (size - 1);
        while (slot[at] && !same(name[slot[at] - 1], name[i]))
            at = (at + 1) & (size - 1);
        if (slot[at])
            repeats = true;
        else
            slot[at] = (int32_t)i + 1;
    }
    *index = (tdm__names_index){name, n, size - 1, slot, repeats};
    return true;
}

int tdm__names_index_find(const tdm__names_index *index, tdm_str name, size_t guess)
{
    if (guess < index->n && !index->repeats && same(index->name[guess], name))
        return (int)guess;
    for (size_t at = (size_t)tdm__hash64(name.ptr, name.len) & index->mask; index->at[at]; at = (at + 1) & index->mask)
        if (same(index->name[index->at[at] - 1], name))
            return index->at[at] - 1;
    return -1;
}
