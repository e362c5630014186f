/* Stores: immutable files of keyed records; what prediction tables and source tables are kept in.
 *
 * A store is built once, by append, in memory that does not grow with it, and then mapped. Opening reads the header
 * only. A lookup costs one cache miss for the index and one for the record, and tests a check of each, so a flipped
 * byte is an error and never a wrong answer. docs/formats/store.md draws the file. What the columns mean is the
 * caller's business. */
#ifndef TDM_STORE_STORE_H
#define TDM_STORE_STORE_H

#include "os/files.h"
#include "schema/block.h"

typedef struct tdm__store tdm__store;
typedef struct tdm__store_builder tdm__store_builder;

enum tdm__duplicates { TDM__FIRST_WINS, TDM__LAST_WINS };

/* A record that lost against another of the same key. */
typedef struct tdm__store_loser {
    uint64_t ordinal; /* 0 = first record added */
    uint64_t tag;     /* what the caller gave with it */
    tdm_str key;
} tdm__store_loser;
typedef struct tdm__store_build_options {
    enum tdm__duplicates duplicates;
    /* Called for each loser at finish, in order of ordinal; may be NULL. A status other than TDM_OK stops the build. */
    tdm_status (*loser)(void *self, const tdm__store_loser *loser, tdm_error *err);
    void *self;
    uint64_t losers_max; /* more is TDM_QUARANTINE_FULL; UINT64_MAX: no limit */
} tdm__store_build_options;

/* Starts a store at `path` (made under temporary names beside it: PATH.tmp.*). Column types and names are `schema`;
 * the meta given at finish is a text of the caller's (up to 1 MiB). `options` NULL: the first wins, no limit.
 * Temporary files are PATH.tmp.PID.N and PATH.tmp.PID.N.spool, .tags; a kill leaves them, and whoever owns the folder
 * removes PATH.tmp.* when nobody builds. One thread at a time uses a builder. */
tdm_status tdm__store_builder_new(tdm__fs *fs, const char *path, const tdm__schema *schema,
                                  const tdm__store_build_options *options, tdm__store_builder **out, tdm_error *err);
/* Adds one record: its key (1 to 65,535 bytes) and schema->n values; at most 16 MiB encoded. TDM_TOO_LARGE and
 * TDM_MISMATCH (a value of another kind) refuse this record only; after any other error the build is lost, and finish
 * returns that error. */
tdm_status tdm__store_builder_add(tdm__store_builder *b, tdm_str key, const tdm_value *values, uint64_t tag,
                                  tdm_error *err);
/* Encodes a record's bytes for tdm__store_builder_add_encoded: so that many threads encode and one appends. */
tdm_status tdm__store_encode(const tdm__schema *schema, tdm_str key, const tdm_value *values, tdm__buf *out,
                             tdm_error *err);
/* Adds `n` encoded records, back to back. Tags are given for each (may be NULL: all 0). */
tdm_status tdm__store_builder_add_encoded(tdm__store_builder *b, tdm_str records, size_t n, const uint64_t *tags,
                                          tdm_error *err);
/* Builds the index, writes header and digests, syncs, renames to `path`, syncs the folder: then the store exists.
 * Closes the builder whatever happens and sets NULL. After an error nothing stands at `path` but what stood there
 * before; only when the last sync, that of the folder, failed, the new store does, and may not be durable. */
tdm_status tdm__store_builder_finish(tdm__store_builder **b, tdm_str meta, tdm_error *err);
/* Gives up: removes the temporary files. */
void tdm__store_builder_abort(tdm__store_builder **b);

/* Maps a store and checks its header. TDM_CORRUPT, TDM_NOT_FOUND, TDM_UNSUPPORTED (a newer format). Schema and meta lie
 * in the store. */
tdm_status tdm__store_open(tdm__fs *fs, const char *path, tdm__store **out, tdm_error *err);
void tdm__store_close(tdm__store **store);
/* Brings all of it into memory and maps it, so that the first lookups find it there; waits for the disk. */
void tdm__store_prefault(const tdm__store *store);
const tdm__schema *tdm__store_schema(const tdm__store *store);
tdm_str tdm__store_meta(const tdm__store *store);
uint64_t tdm__store_rows(const tdm__store *store);
uint64_t tdm__store_bytes(const tdm__store *store); /* of its file */
/* A digest of all content (of header, records and index, not of the name): equal content in equal order, equal digest.
 */
uint64_t tdm__store_digest(const tdm__store *store);
/* Reads every byte and checks every digest, record and index entry. TDM_CORRUPT says what and where. */
tdm_status tdm__store_verify(const tdm__store *store, tdm_error *err);

/* A record in the mapped file. Valid until the store closes. */
typedef struct tdm__record {
    tdm_str key;
    const uint8_t *bytes; /* of the encoded record; opaque */
    const tdm__store *store;
} tdm__record;
/* TDM_NOT_FOUND (err is not filled: misses are usual), TDM_CORRUPT. Any number of threads. */
tdm_status tdm__store_get(const tdm__store *store, tdm_str key, tdm__record *out, tdm_error *err);
/* For many keys: out[i].bytes is NULL where there is none. Interleaves the cache misses. TDM_CORRUPT at the first
 * damage. */
tdm_status tdm__store_get_many(const tdm__store *store, const tdm_str *keys, size_t n, tdm__record *out,
                               tdm_error *err);
/* The value of column i. */
void tdm__record_value(const tdm__record *record, size_t i, tdm_value *out);

/* In the order added, from record number `first` (a multiple of TDM__STORE_MARK, or the number of rows). Sets *next
 * to a cursor. */
enum { TDM__STORE_MARK = 1024 };
typedef struct tdm__store_cursor { const tdm__store *store; uint64_t row, offset, kept_from; } tdm__store_cursor;
tdm_status tdm__store_seek(const tdm__store *store, uint64_t first, tdm__store_cursor *out, tdm_error *err);
/* The next record; TDM_NOT_FOUND at the end (err not filled). Checks each record. What lies megabytes behind leaves the
 * memory in use (it comes back when it is read), so that a walk takes the same for any store. */
tdm_status tdm__store_next(tdm__store_cursor *cursor, tdm__record *out, tdm_error *err);
/* Tells that `count` rows from `first` on (both multiples of TDM__STORE_MARK, or up to the end) were read and will not
 * be soon: they leave the memory in use. Views of them stay valid. To be told in order, or some stays. */
void tdm__store_forget(const tdm__store *store, uint64_t first, uint64_t count);

#endif
