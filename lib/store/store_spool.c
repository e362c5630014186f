/* The spool: (hash, offset) of every record, in partitions by the hash's top bits, in memory that does not grow.
 *
 * Each partition fills a block; a full block goes to the end of one temporary file and links to the partition's block
 * before it. Small builds never make the file. Its bytes are this machine's and live no longer than the build. */
#include <string.h>

#include "base/fail.h"
#include "store/store_build.h"

tdm_status tdm__spool_init(tdm__spool *spool, tdm__fs *fs, const char *path, tdm_error *err)
{
    *spool = (tdm__spool){.fs = fs, .room = TDM__SPOOL_BLOCK};
    spool->path = tdm__alloc(strlen(path) + 1);
    spool->block = tdm__zalloc((size_t)TDM__SPOOL_BLOCK * TDM__SPOOL_PARTS, sizeof *spool->block);
    if (!spool->path || !spool->block)
        return tdm__no_memory(err, path);
    memcpy(spool->path, path, strlen(path) + 1);
    tdm__spool_clear(spool);
    return TDM_OK;
}

void tdm__spool_clear(tdm__spool *spool)
{
    memset(spool->count, 0, sizeof spool->count);
    memset(spool->last, 0, sizeof spool->last);
    for (size_t i = 0; i < TDM__SPOOL_PARTS; i++)
        spool->held[i] = 1; /* the first entry is the link */
    spool->blocks = 0;
}

static tdm_status write_block(tdm__spool *spool, size_t part, tdm_error *err)
{
    tdm__spool_entry *block = spool->block + part * TDM__SPOOL_BLOCK;
    if (!spool->file) {
        spool->made = true;
        tdm_status s = tdm__file_open(spool->fs, spool->path, TDM__READ | TDM__WRITE | TDM__CREATE | TDM__TRUNCATE,
                                      &spool->file, err);
        if (s)
            return s;
    }
    block[0] = (tdm__spool_entry){spool->last[part], spool->held[part]};
    tdm_status s = tdm__file_write_at(spool->file, spool->blocks * sizeof *block * TDM__SPOOL_BLOCK, block,
                                      sizeof *block * TDM__SPOOL_BLOCK, err);
    if (s)
        return s;
    spool->last[part] = ++spool->blocks;
    spool->held[part] = 1;
    return TDM_OK;
}

tdm_status tdm__spool_add(tdm__spool *spool, uint64_t hash, uint64_t offset, tdm_error *err)
{
    size_t part = hash >> (64 - TDM__SPOOL_BITS);
    if (spool->held[part] == spool->room) {
        tdm_status s = write_block(spool, part, err);
        if (s)
            return s;
    }
    spool->block[part * TDM__SPOOL_BLOCK + spool->held[part]++] = (tdm__spool_entry){hash, offset};
    spool->count[part]++;
    return TDM_OK;
}

tdm_status tdm__spool_read(tdm__spool *spool, size_t part, tdm__spool_entry *scratch,
                           tdm_status (*take)(void *self, const tdm__spool_entry *entries, size_t n, tdm_error *err),
                           void *self, tdm_error *err)
{
    const tdm__spool_entry *block = spool->block + part * TDM__SPOOL_BLOCK;
    tdm_status s = take(self, block + 1, spool->held[part] - 1, err);
    for (uint64_t next = spool->last[part]; !s && next; next = scratch[0].hash) {
        size_t got, bytes = sizeof *scratch * TDM__SPOOL_BLOCK;
        s = tdm__file_read_at(spool->file, (next - 1) * bytes, scratch, bytes, &got, err);
        if (!s && (got < bytes || scratch[0].offset - 1 >= TDM__SPOOL_BLOCK || scratch[0].hash >= next))
            s = tdm__fail(err, TDM_IO, spool->path, "the temporary file was changed while it was in use");
        if (!s)
            s = take(self, scratch + 1, scratch[0].offset - 1, err);
    }
    return s;
}

void tdm__spool_free(tdm__spool *spool)
{
    tdm__file_close(&spool->file);
    if (spool->made)
        tdm__remove(spool->fs, spool->path, NULL);
    tdm__free(spool->path);
    tdm__free(spool->block);
    *spool = (tdm__spool){0};
}
