/* The simulated disk as a file system: paths, handles, planned failures. What a crash does is sim_disk.c's.
 *
 * One mutex guards all: this serves tests, not speed. Every mutating call passes one gate, which counts it and decides
 * whether it is the one that fails or in which power is lost. The order of random choices follows from the calls alone,
 * so a seed replays. Symbolic links and ".." do not exist here. */
#include "os/sim_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "os/sim_disk.h"

static sim_disk *disk_of(const tdm__fs *fs)
{
    return (sim_disk *)(uintptr_t)fs;
}

static sim_disk *enter(tdm__fs *fs)
{
    sim_disk *d = disk_of(fs);
    tdm__mutex_lock(d->mutex);
    return d;
}

static tdm_status leave(sim_disk *d, tdm_status s)
{
    tdm__mutex_unlock(d->mutex);
    return s;
}

static tdm_status check_power(const sim_disk *d, const char *path, tdm_error *err)
{
    return d->dead ? tdm__fail(err, TDM_IO, path, "the simulated disk has lost power") : TDM_OK;
}

/* Every mutating call comes through here once. When it returns a failure, `half` says whether the call is to be done
 * all the same: power was lost after it and before its answer. */
static tdm_status gate(sim_disk *d, const char *path, tdm_error *err)
{
    enum { SWEEP_EVERY = 1024 };
    tdm_status s = check_power(d, path, err);
    d->half = false;
    if (s)
        return s;
    d->calls++;
    if (d->calls % SWEEP_EVERY == 0)
        tdm__sim_sweep(d);
    if (d->calls == d->crash_at) {
        d->dead = true;
        d->half = tdm__sim_coin(d);
        return check_power(d, path, err);
    }
    if (d->calls == d->fail_at)
        return tdm__fail(err, d->fail_status, path, "the simulated disk was told to fail here");
    return TDM_OK;
}

/* Where a path leads: the folder that has its last name, that name, and what stands there (NULL: nothing). */
typedef struct place {
    sim_node *dir; /* NULL for the root */
    char name[SIM_NAME_MAX + 1];
    sim_node *node;
} place;

static tdm_status find_place(sim_disk *d, const char *path, place *out, tdm_error *err)
{
    *out = (place){ .node = d->root };
    for (const char *at = path; *(at += strspn(at, "/"));) {
        size_t n = strcspn(at, "/");
        const char *name = at;
        at += n;
        if (n == 1 && name[0] == '.')
            continue;
        if (n > SIM_NAME_MAX || (n == 2 && memcmp(name, "..", 2) == 0))
            return tdm__fail(err, TDM_BAD_INPUT, path, "the simulated disk does not take such a name");
        if (!out->node)
            return tdm__fail(err, TDM_NOT_FOUND, path, "there is no folder for it");
        if (!out->node->is_dir)
            return tdm__fail(err, TDM_BAD_INPUT, path, "a file stands where a folder is needed");
        out->dir = out->node;
        memcpy(out->name, name, n);
        out->name[n] = 0;
        out->node = tdm__sim_find(&out->dir->names_now, out->name);
    }
    return TDM_OK;
}

static tdm_status find_node(sim_disk *d, const char *path, sim_node **out, tdm_error *err)
{
    place at;
    tdm_status s = check_power(d, path, err);
    if (!s)
        s = find_place(d, path, &at, err);
    if (!s && !at.node)
        s = tdm__fail(err, TDM_NOT_FOUND, path, "there is no such file or folder");
    *out = s ? NULL : at.node;
    return s;
}

static sim_effect effect_of(const place *at, sim_node *node)
{
    sim_effect e = { .dir = at->dir, .node = node };
    memcpy(e.name, at->name, sizeof e.name);
    return e;
}

/* Puts a new file or folder at an empty place. */
static tdm_status create(sim_disk *d, place *at, bool dir, const char *path, tdm_error *err)
{
    sim_node *node = tdm__sim_node_new(d, dir);
    if (!node)
        return tdm__no_memory(err, path);
    sim_effect e = effect_of(at, node);
    if (!tdm__sim_change_names(d, &e, 1))
        return tdm__no_memory(err, path); /* the sweep takes the node */
    at->node = node;
    return TDM_OK;
}

typedef struct sim_file {
    tdm__file base;
    sim_node *node;
    uint64_t generation, position;
    unsigned flags;
} sim_file;

static tdm_status check_handle(const sim_disk *d, const sim_file *f, unsigned flag, tdm_error *err)
{
    tdm_status s = check_power(d, f->base.path, err);
    if (!s && f->generation != d->generation)
        s = tdm__fail(err, TDM_IO, f->base.path, "the file was opened before the power was lost");
    if (!s && !(f->flags & flag))
        s = tdm__fail(err, TDM_SYSTEM, f->base.path, "the file was not opened for this");
    return s;
}

/* Makes or empties the file when the flags say so; only then the call counts as a mutating one. */
static tdm_status prepare_open(sim_disk *d, place *at, const char *path, unsigned flags, tdm_error *err)
{
    if (at->node && at->node->is_dir)
        return tdm__fail(err, TDM_BAD_INPUT, path, "it is a folder");
    if (at->node && flags & TDM__EXCLUSIVE)
        return tdm__fail(err, TDM_EXISTS, path, "it exists already");
    if (!at->node && !(flags & TDM__CREATE))
        return tdm__fail(err, TDM_NOT_FOUND, path, "there is no such file");
    bool empties = at->node && flags & TDM__TRUNCATE && at->node->now.len > 0;
    if (at->node && !empties)
        return TDM_OK;
    tdm_status s = gate(d, path, err);
    if (s && !d->half)
        return s;
    if (!empties) {
        tdm_status made = create(d, at, false, path, s ? NULL : err);
        return s ? s : made;
    }
    return tdm__sim_resize(d, at->node, 0) || s ? s : tdm__no_memory(err, path);
}

static tdm_status open_locked(sim_disk *d, const char *path, unsigned flags, sim_file *f, tdm_error *err)
{
    place at;
    tdm_status s = check_power(d, path, err);
    if (!s)
        s = find_place(d, path, &at, err);
    if (!s)
        s = prepare_open(d, &at, path, flags, err);
    if (s)
        return s;
    f->node = at.node;
    f->node->handles++;
    f->generation = d->generation;
    f->flags = flags;
    return TDM_OK;
}

static tdm_status sim_open(tdm__fs *fs, const char *path, unsigned flags, tdm__file **out, tdm_error *err)
{
    size_t len = strlen(path);
    sim_file *f = tdm__zalloc(1, sizeof *f + len + 1);
    if (!f)
        return tdm__no_memory(err, path);
    f->base.fs = fs;
    f->base.path = (char *)(f + 1);
    memcpy(f->base.path, path, len + 1);
    sim_disk *d = enter(fs);
    tdm_status s = leave(d, open_locked(d, path, flags, f, err));
    if (s)
        tdm__free(f);
    else
        *out = &f->base;
    return s;
}

static void drop_handle(sim_disk *d, sim_node *node)
{
    node->handles--;
    tdm__sim_release(d, node);
}

static void sim_close(tdm__file *file)
{
    sim_file *f = (sim_file *)file;
    sim_disk *d = enter(file->fs);
    drop_handle(d, f->node);
    leave(d, TDM_OK);
    tdm__free(f);
}

static size_t copy_out(const sim_node *node, uint64_t offset, void *to, size_t n)
{
    if (offset >= node->now.len)
        return 0;
    size_t left = node->now.len - (size_t)offset;
    if (n > left)
        n = left;
    if (n)
        memcpy(to, node->now.ptr + offset, n);
    return n;
}

static tdm_status sim_read_at(tdm__file *file, uint64_t offset, void *to, size_t n, size_t *got, tdm_error *err)
{
    sim_file *f = (sim_file *)file;
    sim_disk *d = enter(file->fs);
    tdm_status s = check_handle(d, f, TDM__READ, err);
    if (!s)
        *got = copy_out(f->node, offset, to, n);
    return leave(d, s);
}

static tdm_status sim_read_next(tdm__file *file, void *to, size_t n, size_t *got, tdm_error *err)
{
    sim_file *f = (sim_file *)file;
    sim_disk *d = enter(file->fs);
    tdm_status s = check_handle(d, f, TDM__READ, err);
    if (!s) {
        *got = copy_out(f->node, f->position, to, n);
        f->position += *got;
    }
    return leave(d, s);
}

/* How much longer the file may become. */
static uint64_t room_of(const sim_disk *d)
{
    return d->capacity > d->used ? d->capacity - d->used : 0;
}

static tdm_status disk_full(const char *path, tdm_error *err)
{
    return tdm__fail(err, TDM_DISK_FULL, path, "the simulated disk is full");
}

/* A write that fails may have been done in part, and a full disk takes what fits. */
static tdm_status write_locked(sim_disk *d, sim_file *f, uint64_t offset, const void *from, size_t n, tdm_error *err)
{
    tdm_status s = check_handle(d, f, TDM__WRITE, err);
    if (s)
        return s;
    s = gate(d, f->base.path, err);
    if (s)
        n = (size_t)tdm__random_below(&d->random, (uint64_t)n + 1);
    uint64_t fits_to = (uint64_t)f->node->now.len + room_of(d);
    bool full = room_of(d) < INT64_MAX && n > 0 && offset + n > fits_to;
    if (full)
        n = fits_to > offset ? (size_t)(fits_to - offset) : 0;
    if (!tdm__sim_write(d, f->node, offset, from, n) && !s)
        return tdm__no_memory(err, f->base.path);
    return s ? s : full ? disk_full(f->base.path, err) : TDM_OK;
}

static tdm_status sim_write_at(tdm__file *file, uint64_t offset, const void *from, size_t n, tdm_error *err)
{
    sim_disk *d = enter(file->fs);
    return leave(d, write_locked(d, (sim_file *)file, offset, from, n, err));
}

static tdm_status sim_size(tdm__file *file, uint64_t *out, tdm_error *err)
{
    sim_file *f = (sim_file *)file;
    sim_disk *d = enter(file->fs);
    tdm_status s = check_handle(d, f, TDM__READ | TDM__WRITE, err);
    *out = s ? 0 : f->node->now.len;
    return leave(d, s);
}

static tdm_status truncate_locked(sim_disk *d, sim_file *f, uint64_t size, tdm_error *err)
{
    tdm_status s = check_handle(d, f, TDM__WRITE, err);
    if (s)
        return s;
    s = gate(d, f->base.path, err);
    if (s && !d->half)
        return s;
    if (size > f->node->now.len && size - f->node->now.len > room_of(d))
        return s ? s : disk_full(f->base.path, err);
    return tdm__sim_resize(d, f->node, size) || s ? s : tdm__no_memory(err, f->base.path);
}

static tdm_status sim_truncate(tdm__file *file, uint64_t size, tdm_error *err)
{
    sim_disk *d = enter(file->fs);
    return leave(d, truncate_locked(d, (sim_file *)file, size, err));
}

static tdm_status sync_locked(sim_disk *d, sim_file *f, tdm_error *err)
{
    tdm_status s = check_handle(d, f, TDM__READ | TDM__WRITE, err);
    if (s)
        return s;
    s = gate(d, f->base.path, err);
    if (s && !d->dead)
        tdm__sim_sync_failed(d, f->node);
    else if ((!s || d->half) && !d->lying)
        tdm__sim_sync(f->node);
    return s;
}

static tdm_status sim_file_sync(tdm__file *file, tdm_error *err)
{
    sim_disk *d = enter(file->fs);
    return leave(d, sync_locked(d, (sim_file *)file, err));
}

static tdm_status sim_stat(tdm__fs *fs, const char *path, tdm__stat *out, tdm_error *err)
{
    sim_node *node;
    sim_disk *d = enter(fs);
    tdm_status s = find_node(d, path, &node, err);
    if (!s)
        *out = (tdm__stat){ node->now.len, node->modified_us, node->is_dir, false };
    return leave(d, s);
}

static bool holds(const sim_node *dir, const sim_node *node)
{
    if (dir == node)
        return true;
    for (size_t i = 0; i < dir->names_now.n; i++)
        if (holds(dir->names_now.entry[i].node, node))
            return true;
    return false;
}

/* What the real system refuses, too. */
static tdm_status check_rename(const place *a, const place *b, const char *from, const char *to, tdm_error *err)
{
    if (!a->node)
        return tdm__fail(err, TDM_NOT_FOUND, from, "there is no such file or folder");
    if (!a->dir || !b->dir || holds(a->node, b->dir))
        return tdm__fail(err, TDM_SYSTEM, from, "a folder cannot be moved into itself");
    if (!b->node)
        return TDM_OK;
    if (a->node->is_dir != b->node->is_dir)
        return tdm__fail(err, TDM_BAD_INPUT, to, "a file and a folder cannot replace each other");
    if (b->node->names_now.n)
        return tdm__fail(err, TDM_EXISTS, to, "the folder is not empty");
    return TDM_OK;
}

static tdm_status do_rename(sim_disk *d, const char *from, const char *to, tdm_error *err)
{
    place a, b;
    tdm_status s = find_place(d, from, &a, err);
    if (!s)
        s = find_place(d, to, &b, err);
    if (!s)
        s = check_rename(&a, &b, from, to, err);
    if (s || a.node == b.node)
        return s;
    sim_effect effects[] = { effect_of(&b, a.node), effect_of(&a, NULL) };
    return tdm__sim_change_names(d, effects, 2) ? TDM_OK : tdm__no_memory(err, from);
}

static tdm_status sim_rename(tdm__fs *fs, const char *from, const char *to, tdm_error *err)
{
    sim_disk *d = enter(fs);
    tdm_status s = gate(d, from, err);
    if (!s)
        s = do_rename(d, from, to, err);
    else if (d->half)
        do_rename(d, from, to, NULL);
    return leave(d, s);
}

static tdm_status do_remove(sim_disk *d, const char *path, bool dir, tdm_error *err)
{
    place at;
    tdm_status s = find_place(d, path, &at, err);
    if (s)
        return s;
    if (!at.node)
        return tdm__fail(err, TDM_NOT_FOUND, path, "there is no such file or folder");
    if (at.node->is_dir != dir)
        return tdm__fail(err, TDM_BAD_INPUT, path, dir ? "it is a file" : "it is a folder");
    if (at.node->names_now.n || !at.dir)
        return tdm__fail(err, TDM_EXISTS, path, "the folder is not empty");
    sim_effect e = effect_of(&at, NULL);
    return tdm__sim_change_names(d, &e, 1) ? TDM_OK : tdm__no_memory(err, path);
}

static tdm_status sim_remove(tdm__fs *fs, const char *path, bool dir, tdm_error *err)
{
    sim_disk *d = enter(fs);
    tdm_status s = gate(d, path, err);
    if (!s)
        s = do_remove(d, path, dir, err);
    else if (d->half)
        do_remove(d, path, dir, NULL);
    return leave(d, s);
}

static tdm_status make_dir_locked(sim_disk *d, const char *path, tdm_error *err)
{
    place at;
    tdm_status s = check_power(d, path, err);
    if (!s)
        s = find_place(d, path, &at, err);
    if (s)
        return s;
    if (at.node)
        return at.node->is_dir ? TDM_OK : tdm__fail(err, TDM_EXISTS, path, "a file of this name exists");
    s = gate(d, path, err);
    if (s && !d->half)
        return s;
    tdm_status made = create(d, &at, true, path, s ? NULL : err);
    return s ? s : made;
}

static tdm_status sim_make_dir(tdm__fs *fs, const char *path, tdm_error *err)
{
    sim_disk *d = enter(fs);
    return leave(d, make_dir_locked(d, path, err));
}

static tdm_status dir_sync_locked(sim_disk *d, const char *path, tdm_error *err)
{
    sim_node *node;
    tdm_status s = find_node(d, path, &node, err);
    if (s)
        return s;
    if (!node->is_dir)
        return tdm__fail(err, TDM_BAD_INPUT, path, "it is not a folder");
    s = gate(d, path, err);
    if ((!s || d->half) && !d->lying)
        tdm__sim_dir_sync(d, node);
    return s;
}

static tdm_status sim_dir_sync(tdm__fs *fs, const char *path, tdm_error *err)
{
    sim_disk *d = enter(fs);
    return leave(d, dir_sync_locked(d, path, err));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static tdm_status list_locked(sim_disk *d, const char *path, tdm__names *out, tdm_error *err)
{
    sim_node *node;
    size_t cap = 0;
    tdm_status s = find_node(d, path, &node, err);
    if (s)
        return s;
    if (!node->is_dir)
        return tdm__fail(err, TDM_BAD_INPUT, path, "it is not a folder");
    if (node->names_now.n && !tdm__grow(out->name, cap, node->names_now.n))
        return tdm__no_memory(err, path);
    for (size_t i = 0; i < node->names_now.n; i++) {
        size_t size = strlen(node->names_now.entry[i].name) + 1;
        char *name = tdm__alloc(size);
        if (!name)
            return tdm__no_memory(err, path);
        memcpy(name, node->names_now.entry[i].name, size);
        out->name[out->n++] = name;
    }
    if (out->n)
        qsort(out->name, out->n, sizeof *out->name, compare_names);
    return TDM_OK;
}

static tdm_status sim_list(tdm__fs *fs, const char *path, tdm__names *out, tdm_error *err)
{
    sim_disk *d = enter(fs);
    tdm_status s = leave(d, list_locked(d, path, out, err));
    if (s)
        tdm__names_free(out);
    return s;
}

/* A mapping is a copy: later writes do not show, as they need not. One block: owner, then the aligned bytes. */
static tdm_status map_locked(sim_disk *d, const char *path, tdm__mapping *out, tdm_error *err)
{
    enum { ALIGN = 64 };
    sim_node *node;
    tdm_status s = find_node(d, path, &node, err);
    if (s)
        return s;
    if (node->is_dir)
        return tdm__fail(err, TDM_BAD_INPUT, path, "only a file can be mapped");
    if (node->now.len == 0)
        return TDM_OK;
    char *block = tdm__alloc(sizeof(struct tdm__mapping_owner) + ALIGN + node->now.len);
    if (!block)
        return tdm__no_memory(err, path);
    struct tdm__mapping_owner *owner = (struct tdm__mapping_owner *)(void *)block;
    owner->fs = &d->base;
    uintptr_t at = ((uintptr_t)(owner + 1) + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
    char *bytes = block + (at - (uintptr_t)block);
    memcpy(bytes, node->now.ptr, node->now.len);
    *out = (tdm__mapping){ (const uint8_t *)bytes, node->now.len, owner };
    return TDM_OK;
}

static tdm_status sim_map(tdm__fs *fs, const char *path, tdm__mapping *out, tdm_error *err)
{
    sim_disk *d = enter(fs);
    return leave(d, map_locked(d, path, out, err));
}

static void sim_unmap(tdm__mapping *map)
{
    tdm__free(map->owner);
}

static void sim_advise(const tdm__mapping *map, size_t offset, size_t len, enum tdm__advice advice)
{
    (void)map;
    (void)offset;
    (void)len;
    (void)advice;
}

typedef struct sim_lock {
    tdm__lock base;
    sim_node *node;
    uint64_t generation;
} sim_lock;

static tdm_status busy(const sim_node *node, const char *path, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_BUSY, path, "another process holds the lock");
    if (node->now.len)
        tdm__fail_found(err, "%.*s", (int)(node->now.len < 160 ? node->now.len : 160), node->now.ptr);
    return s;
}

static tdm_status take_locked(sim_disk *d, const char *path, const char *note, sim_lock *lock, tdm_error *err)
{
    place at;
    tdm_status s = gate(d, path, err);
    if (!s)
        s = find_place(d, path, &at, err);
    if (s)
        return s;
    if (at.node && at.node->is_dir)
        return tdm__fail(err, TDM_BAD_INPUT, path, "it is a folder");
    if (at.node && at.node->locked)
        return busy(at.node, path, err);
    if (!at.node)
        s = create(d, &at, false, path, err);
    if (s)
        return s;
    size_t n = strlen(note);
    if (tdm__sim_resize(d, at.node, 0) && n <= room_of(d))
        tdm__sim_write(d, at.node, 0, note, n); /* a lock without its note still locks */
    at.node->locked = true;
    at.node->handles++;
    lock->node = at.node;
    lock->generation = d->generation;
    return TDM_OK;
}

static tdm_status sim_lock_file(tdm__fs *fs, const char *path, const char *note, tdm__lock **out, tdm_error *err)
{
    sim_lock *lock = tdm__new(sim_lock);
    if (!lock)
        return tdm__no_memory(err, path);
    lock->base.fs = fs;
    sim_disk *d = enter(fs);
    tdm_status s = leave(d, take_locked(d, path, note, lock, err));
    if (s)
        tdm__free(lock);
    else
        *out = &lock->base;
    return s;
}

static void sim_unlock(tdm__lock *base)
{
    sim_lock *lock = (sim_lock *)base;
    sim_disk *d = enter(base->fs);
    if (lock->generation == d->generation)
        lock->node->locked = false;
    drop_handle(d, lock->node);
    leave(d, TDM_OK);
    tdm__free(lock);
}

static const tdm__fs_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .read_at = sim_read_at,
    .read_next = sim_read_next,
    .write_at = sim_write_at,
    .size = sim_size,
    .truncate = sim_truncate,
    .sync = sim_file_sync,
    .stat = sim_stat,
    .rename = sim_rename,
    .remove = sim_remove,
    .make_dir = sim_make_dir,
    .dir_sync = sim_dir_sync,
    .list = sim_list,
    .map = sim_map,
    .unmap = sim_unmap,
    .advise = sim_advise,
    .lock = sim_lock_file,
    .unlock = sim_unlock,
};

tdm__fs *tdm__fs_sim_new(uint64_t seed)
{
    sim_disk *d = tdm__new(sim_disk);
    if (!d)
        return NULL;
    d->base.ops = &sim_ops;
    d->capacity = UINT64_MAX;
    tdm__random_seed(&d->random, seed);
    d->mutex = tdm__mutex_new();
    d->root = d->mutex ? tdm__sim_node_new(d, true) : NULL;
    if (!d->root) {
        tdm__mutex_close(&d->mutex);
        tdm__free(d);
        return NULL;
    }
    return &d->base;
}

void tdm__fs_sim_close(tdm__fs **fs)
{
    if (!fs || !*fs)
        return;
    sim_disk *d = disk_of(*fs);
    tdm__sim_free_all(d);
    tdm__mutex_close(&d->mutex);
    tdm__free(d);
    *fs = NULL;
}

void tdm__fs_sim_crash(tdm__fs *fs)
{
    sim_disk *d = enter(fs);
    tdm__sim_crash(d);
    d->dead = false;
    d->crash_at = 0;
    leave(d, TDM_OK);
}

void tdm__fs_sim_crash_at(tdm__fs *fs, uint64_t n)
{
    sim_disk *d = enter(fs);
    d->crash_at = n ? d->calls + n : 0;
    leave(d, TDM_OK);
}

uint64_t tdm__fs_sim_calls(const tdm__fs *fs)
{
    sim_disk *d = enter((tdm__fs *)(uintptr_t)fs);
    uint64_t calls = d->calls;
    leave(d, TDM_OK);
    return calls;
}

void tdm__fs_sim_fail_at(tdm__fs *fs, uint64_t n, tdm_status status)
{
    sim_disk *d = enter(fs);
    d->fail_at = n ? d->calls + n : 0;
    d->fail_status = status;
    leave(d, TDM_OK);
}

void tdm__fs_sim_capacity(tdm__fs *fs, uint64_t bytes)
{
    sim_disk *d = enter(fs);
    d->capacity = bytes;
    leave(d, TDM_OK);
}

void tdm__fs_sim_lie(tdm__fs *fs, bool lying)
{
    sim_disk *d = enter(fs);
    d->lying = lying;
    leave(d, TDM_OK);
}
