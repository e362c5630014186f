/* The simulated disk's matter: what files and folders are, now and on the disk. sim_files.c alone uses it.
 *
 * Every function assumes that the caller holds the disk's mutex. Functions that return int return 0 when out of
 * memory, and then nothing has changed. */
#ifndef TDM_OS_SIM_DISK_H
#define TDM_OS_SIM_DISK_H

#include "base/random.h"
#include "os/files_impl.h"
#include "os/threads.h"

enum { SIM_SECTOR = 512, SIM_NAME_MAX = 255 };

typedef struct sim_node sim_node;

typedef struct sim_bytes {
    char *ptr;
    size_t len, cap;
} sim_bytes;

/* A write or a new size that is not yet on the disk. */
typedef struct sim_change {
    uint64_t offset; /* of the write, or the new size */
    char *bytes;     /* NULL: a new size */
    size_t n;
    bool doubtful;   /* a sync failed on it: no later one helps */
} sim_change;

typedef struct sim_entry {
    char name[SIM_NAME_MAX + 1];
    sim_node *node;
} sim_entry;

typedef struct sim_names {
    sim_entry *entry;
    size_t n, cap;
} sim_names;

/* A file or a folder. */
struct sim_node {
    sim_node *next; /* in the list of all */
    bool is_dir, marked, locked;
    unsigned links, handles;
    int64_t modified_us;
    sim_bytes now, disk;
    sim_change *change; /* in the order made */
    size_t changes, changes_cap;
    sim_names names_now, names_disk;
    size_t pending; /* effects on our names that are not on the disk */
};

/* What one call does to one name: it comes to stand for `node`, or for nothing. */
typedef struct sim_effect {
    sim_node *dir, *node;
    char name[SIM_NAME_MAX + 1];
} sim_effect;

/* A change of names that is not yet on the disk: done wholly or not at all (a rename has two effects). */
typedef struct sim_name_op {
    sim_effect effect[2];
    size_t n;
    bool done;
} sim_name_op;

typedef struct sim_disk {
    tdm__fs base;
    tdm__mutex *mutex;
    tdm__random random;
    sim_node *nodes, *root;
    sim_name_op *op;
    size_t ops, ops_cap;
    uint64_t generation; /* crashes so far: handles of an earlier one are dead */
    uint64_t calls, crash_at, fail_at;
    tdm_status fail_status;
    uint64_t capacity, used;
    bool lying;
    bool dead;           /* power is lost, the crash has not been called yet */
    bool half;           /* the interrupted call is done all the same */
} sim_disk;

sim_node *tdm__sim_node_new(sim_disk *d, bool is_dir); /* NULL when out of memory; swept when nothing refers to it */
sim_node *tdm__sim_find(const sim_names *names, const char *name);
bool tdm__sim_coin(sim_disk *d);

int tdm__sim_write(sim_disk *d, sim_node *file, uint64_t offset, const void *from, size_t n);
int tdm__sim_resize(sim_disk *d, sim_node *file, uint64_t size);
/* All changes that are not in doubt are on the disk now. */
void tdm__sim_sync(sim_node *file);
/* A sync that failed: each change reached the disk or did not, and no later sync will mend it. */
void tdm__sim_sync_failed(sim_disk *d, sim_node *file);

int tdm__sim_change_names(sim_disk *d, const sim_effect *effect, size_t n);
void tdm__sim_dir_sync(sim_disk *d, sim_node *dir);

/* Names and handles hold a file's space; gives it back once both are gone. */
void tdm__sim_release(sim_disk *d, const sim_node *node);
/* Frees nodes that nothing refers to. */
void tdm__sim_sweep(sim_disk *d);
void tdm__sim_crash(sim_disk *d);
void tdm__sim_free_all(sim_disk *d);

#endif
