/* What the builder's files share: the section writer, the spool, and the builder itself. Nobody else includes this.
 *
 * A build goes: records are appended to the temporary file and (hash, offset) of each is spooled into partitions by
 * the hash's top bits; finish turns one partition after the other into index buckets. Memory is one write buffer, the
 * spool's block for each partition and two sort buffers, whatever the number of rows; besides, 16 bytes for 1024 rows
 * and 8 for a MiB. */
#ifndef TDM_STORE_STORE_BUILD_H
#define TDM_STORE_STORE_BUILD_H

#include "store/store_format.h"

/* The body of the file, written in order in blocks of TDM__STORE_DIGEST_BLOCK, each with its digest. */
typedef struct tdm__store_out {
    tdm__file *file;
    uint8_t *buffer;
    uint64_t at;      /* where the buffer belongs in the file */
    size_t held;      /* bytes in it */
    size_t viewed;    /* of those, bytes also written, for readers of the file */
    uint64_t *digest;
    size_t digests, digest_cap;
} tdm__store_out;
tdm_status tdm__store_out_init(tdm__store_out *out, tdm__file *file, tdm_error *err);
/* Starts again at the beginning of the body. */
void tdm__store_out_rewind(tdm__store_out *out);
tdm_status tdm__store_out_add(tdm__store_out *out, const void *bytes, size_t n, tdm_error *err);
/* Zeros up to file offset `to`, less than a block away. */
tdm_status tdm__store_out_pad(tdm__store_out *out, uint64_t to, tdm_error *err);
/* Makes all added bytes readable from the file, without ending the block. */
tdm_status tdm__store_out_view(tdm__store_out *out, tdm_error *err);
/* Ends the body with a last, shorter block. */
tdm_status tdm__store_out_end(tdm__store_out *out, tdm_error *err);
void tdm__store_out_free(tdm__store_out *out);
static inline uint64_t tdm__store_out_offset(const tdm__store_out *out)
{
    return out->at + out->held;
}

/* Entries in partitions by the top bits of their hash, in a temporary file once a block of one is full. */
enum { TDM__SPOOL_BITS = 9, TDM__SPOOL_PARTS = 1 << TDM__SPOOL_BITS, TDM__SPOOL_BLOCK = 512 };
typedef struct tdm__spool_entry { uint64_t hash, offset; } tdm__spool_entry;
typedef struct tdm__spool {
    tdm__fs *fs;
    char *path;
    tdm__file *file;          /* NULL until a block is full */
    bool made;
    tdm__spool_entry *block;  /* for each partition TDM__SPOOL_BLOCK entries; the first links to the block before it */
    uint32_t room;            /* entries of a block in use: TDM__SPOOL_BLOCK, less in tests */
    uint32_t held[TDM__SPOOL_PARTS];
    /* entries in all; 1 + number of the newest block in the file */
    uint64_t count[TDM__SPOOL_PARTS], last[TDM__SPOOL_PARTS];
    uint64_t blocks;
} tdm__spool;
tdm_status tdm__spool_init(tdm__spool *spool, tdm__fs *fs, const char *path, tdm_error *err);
tdm_status tdm__spool_add(tdm__spool *spool, uint64_t hash, uint64_t offset, tdm_error *err);
/* Forgets all entries. */
void tdm__spool_clear(tdm__spool *spool);
/* Gives each block of a partition, newest first, to `take`. `scratch` has room for TDM__SPOOL_BLOCK entries. */
tdm_status tdm__spool_read(tdm__spool *spool, size_t part, tdm__spool_entry *scratch,
                           tdm_status (*take)(void *self, const tdm__spool_entry *entries, size_t n, tdm_error *err),
                           void *self, tdm_error *err);
/* Closes and removes the file. */
void tdm__spool_free(tdm__spool *spool);

struct tdm__store_builder {
    tdm__fs *fs;
    tdm__arena arena;        /* paths and schema */
    char *path, *temporary, *tags_path;
    tdm__file *file, *tags;
    tdm__schema schema;      /* the builder's own copy */
    tdm__buf schema_text;
    tdm__store_build_options options;
    tdm__store_out out;
    tdm__spool spool;
    tdm__buf record;         /* the record being encoded */
    uint64_t rows;           /* added; after compaction, kept */
    uint64_t *mark;
    size_t marks, mark_cap;
    uint64_t tags_from;      /* ordinal of the first record with a tag; UINT64_MAX: none yet */
    uint64_t *tag_buffer;
    uint64_t tags_written;
    size_t tags_held;
    uint64_t losers, records_end;
    uint32_t sort_room;      /* entries that the index pass sorts at a time */
    tdm_status failed;       /* an add failed half done: nothing more is taken */
};
/* For tests: smaller spool blocks and sort buffers, so that few rows pass through the temporary file and many
 * passes. */
void tdm__store_builder_tune(tdm__store_builder *b, uint32_t block_entries, uint32_t sort_entries);

/* One pass over the spool. With `dedupe`, losers are marked in the temporary file and counted in b->losers; buckets are
 * written through b->out as long as there are none. *buckets is their number. */
tdm_status tdm__store_index(tdm__store_builder *b, bool dedupe, uint64_t *buckets, tdm_error *err);
/* The top bit of a record's length in the temporary file: it lost. */
#define TDM__RECORD_LOST UINT32_C(0x80000000)

/* Appends to b->out and the spool, and keeps the mark. */
tdm_status tdm__store_append(tdm__store_builder *b, const uint8_t *record, uint32_t length, tdm_error *err);
/* Leaves the losers out of the temporary file and reports them; fills spool and marks anew. */
tdm_status tdm__store_compact(tdm__store_builder *b, tdm_error *err);

#endif
