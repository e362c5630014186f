/* The bytes of a store: header, record, bucket, mark. docs/formats/store.md draws them.
 *
 * Shared by the builder, the reader and the verifier, and included by nobody else. Everything is little-endian and
 * relative to the start of the file. Nothing here trusts a byte: each decoder says whether it holds. */
#ifndef TDM_STORE_STORE_FORMAT_H
#define TDM_STORE_STORE_FORMAT_H

#include "base/digest.h"
#include "store/store.h"

enum {
    TDM__STORE_HEADER_BYTES = 4096,
    TDM__STORE_VERSION = 1,
    TDM__STORE_BUCKET_BYTES = 64,
    TDM__STORE_BUCKET_SLOTS = 7,
    TDM__STORE_OVERFLOW = 1 << 8,   /* in a bucket's word: an entry that belongs here or before lies further on */
    TDM__STORE_MARK_BYTES = 16,
    TDM__STORE_DIGEST_BLOCK = 1 << 20,
    TDM__RECORD_HEAD = 10,          /* check, length, key length */
    TDM__RECORD_BYTES_MAX = 16 << 20,
    TDM__STORE_META_MAX = 1 << 20,
    TDM__STORE_SCHEMA_MAX = 1 << 20,
    TDM__STORE_COLUMNS_MAX = 4096
};
#define TDM__STORE_OFFSET_MAX ((UINT64_C(1) << 48) - 1)

/* Where everything lies. Follows from the first five; a header whose offsets differ from that is not valid. */
typedef struct tdm__store_header {
    uint64_t rows, records_bytes, buckets, schema_bytes, meta_bytes;
    uint64_t buckets_home; /* of `buckets`, those a hash can choose; the rest took what ran over at the end */
    uint64_t marks, marks_offset, index_offset, texts_offset, digests, digests_offset, file_bytes;
    uint64_t texts_digest, digests_digest;
    uint64_t check;        /* of the header itself: the store's digest */
} tdm__store_header;

/* Fills the offsets from the first five counts, all of which must be below 2^56. */
void tdm__store_header_place(tdm__store_header *h);
/* Writes the header with its check and sets h->check. */
void tdm__store_header_encode(tdm__store_header *h, uint8_t to[TDM__STORE_HEADER_BYTES]);
/* The whole header against a file of `file_bytes`. */
tdm_status tdm__store_header_decode(const uint8_t *from, uint64_t file_bytes, const char *path, tdm__store_header *out,
                                    tdm_error *err);
/* Buckets that hashes choose from, for so many rows: 4.5 rows a bucket of 7. */
uint64_t tdm__store_buckets_home(uint64_t rows);

/* Where a schema's columns lie in a record, counted from the end of the key. */
typedef struct tdm__record_layout {
    const tdm__schema *schema;
    uint32_t *slot;         /* for each column */
    uint32_t *text;         /* the slots of the string columns, in order */
    size_t texts;
    uint32_t presence_bytes;
    uint32_t fixed_bytes;   /* presence and slots */
} tdm__record_layout;
/* False when out of memory. The layout lives in the arena and points to `schema`. */
bool tdm__record_layout_init(tdm__record_layout *layout, const tdm__schema *schema, tdm__arena *arena);
/* The record that begins at `from`, of which `room` bytes may be read: its length when check and
 * structure hold, else 0. */
uint32_t tdm__record_check(const tdm__record_layout *layout, const uint8_t *from, uint64_t room);

/* Loads and stores that the compiler turns into one instruction each; base's are calls, too dear for a lookup. */
static inline uint32_t tdm__get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t tdm__get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t tdm__get64(const uint8_t *p)
{
    return (uint64_t)tdm__get32(p) | (uint64_t)tdm__get32(p + 4) << 32;
}
static inline void tdm__put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8), p[2] = (uint8_t)(v >> 16), p[3] = (uint8_t)(v >> 24);
}
static inline void tdm__put64(uint8_t *p, uint64_t v)
{
    tdm__put32(p, (uint32_t)v);
    tdm__put32(p + 4, (uint32_t)(v >> 32));
}

__extension__ typedef unsigned __int128 tdm__u128;

/* The bucket where a key's search begins: the hash scaled to the number of buckets, so that buckets are in hash
 * order. */
static inline uint64_t tdm__bucket_home(uint64_t hash, uint64_t buckets_home)
{
    return (uint64_t)(((tdm__u128)hash * buckets_home) >> 64);
}
/* An entry: 16 bits of the hash that the bucket did not use, and where the record begins. */
static inline uint64_t tdm__entry_make(uint64_t hash, uint64_t offset)
{
    return hash << 48 | offset;
}
static inline uint64_t tdm__entry_offset(uint64_t entry)
{
    return entry & TDM__STORE_OFFSET_MAX;
}
/* A bucket's check knows its place, so that a bucket written to the wrong place does not pass. */
static inline uint32_t tdm__bucket_check(const uint8_t *bucket, uint64_t number)
{
    return (uint32_t)tdm__hash64_seed(bucket + 4, TDM__STORE_BUCKET_BYTES - 4, number);
}
static inline uint64_t tdm__mark_check(const uint8_t *mark, uint64_t number)
{
    return tdm__hash64_seed(mark, 8, number);
}

struct tdm__store {
    tdm__fs *fs;
    tdm__mapping map;
    tdm__store_header head;
    const uint8_t *index;
    tdm__record_layout layout;
    tdm__schema schema;
    tdm_str meta;
    tdm__arena arena;
    char *path;
};

/* Takes bytes [from, to) of the mapped file out of the memory in use; they stay in the system's cache and come back
 * when read. For whoever reads in order and goes on behind `to`. */
enum { TDM__STORE_LET_GO_BYTES = 4 << 20 }; /* at a time */
void tdm__store_let_go(const tdm__store *store, uint64_t from, uint64_t to);
/* tdm__store_verify, where a store of more than so many bytes is not kept in memory while its index is compared. */
tdm_status tdm__store_verify_within(const tdm__store *store, size_t mapped_bytes_max, tdm_error *err);
/* Fills `err` for damage found at `offset` of the store's file. */
tdm_status tdm__store_damage(const tdm__store *store, const char *what, uint64_t offset, tdm_error *err);

#endif
