/* What a loss of power does.
 *
 * Bytes: a file has its bytes as the process sees them, its bytes on the disk, and the list of changes between the
 * two. A sync applies the list to the disk's bytes. A crash applies some of it, some writes only in part: since each
 * sector of each write survives or not by itself, every outcome of writes in another order is among these. Names: the
 * same, with one list for the whole disk, because a rename joins two folders. A change of names is done or not; one
 * that is done drags along all earlier changes of the names it touches, as a journal would, so that a rename never
 * loses the file. Room on the disk's side is taken when a change is recorded: a crash and a sync need no memory and
 * cannot fail. */
#include "os/sim_disk.h"

#include <string.h>

#include "base/memory.h"

bool tdm__sim_coin(sim_disk *d)
{
    return tdm__random_next(&d->random) >> 63;
}

sim_node *tdm__sim_node_new(sim_disk *d, bool is_dir)
{
    sim_node *node = tdm__new(sim_node);
    if (!node)
        return NULL;
    node->is_dir = is_dir;
    node->modified_us = (int64_t)d->calls;
    node->next = d->nodes;
    d->nodes = node;
    return node;
}

static int reserve_bytes(sim_node *file, uint64_t size)
{
    return size <= SIZE_MAX && tdm__grow(file->now.ptr, file->now.cap, (size_t)size) &&
           tdm__grow(file->disk.ptr, file->disk.cap, (size_t)size);
}

/* Sets the length; new bytes are zero. Room is there. */
static void set_length(sim_bytes *b, size_t len)
{
    if (len > b->len)
        memset(b->ptr + b->len, 0, len - b->len);
    b->len = len;
}

static void apply(sim_bytes *b, const sim_change *c)
{
    size_t at = (size_t)c->offset;
    if (!c->bytes || at + c->n > b->len)
        set_length(b, c->bytes ? at + c->n : at);
    if (c->bytes)
        memcpy(b->ptr + at, c->bytes, c->n);
}

/* Each sector of the write by itself reaches the disk or not. */
static void apply_torn(sim_disk *d, sim_bytes *b, const sim_change *c)
{
    for (size_t at = 0, piece; at < c->n; at += piece) {
        piece = SIM_SECTOR - (size_t)((c->offset + at) % SIM_SECTOR);
        if (piece > c->n - at)
            piece = c->n - at;
        sim_change part = { c->offset + at, c->bytes + at, piece, false };
        if (tdm__sim_coin(d))
            apply(b, &part);
    }
}

static void apply_some(sim_disk *d, sim_bytes *b, const sim_change *c)
{
    uint64_t fate = tdm__random_below(&d->random, 8);
    if (fate < 3)
        apply(b, c);
    else if (fate < 5 && c->bytes)
        apply_torn(d, b, c);
    else if (fate == 5 && c->bytes && c->offset + c->n > b->len)
        set_length(b, (size_t)c->offset + c->n); /* the new size came, the bytes did not */
}

static int add_change(sim_node *file, const sim_change *change)
{
    if (!tdm__grow(file->change, file->changes_cap, file->changes + 1))
        return 0;
    file->change[file->changes++] = *change;
    return 1;
}

static void account(sim_disk *d, size_t before, size_t after)
{
    d->used += after;
    d->used -= before;
}

int tdm__sim_write(sim_disk *d, sim_node *file, uint64_t offset, const void *from, size_t n)
{
    if (n == 0)
        return 1;
    sim_change c = { offset, tdm__alloc(n), n, false };
    if (!c.bytes)
        return 0;
    memcpy(c.bytes, from, n);
    if (!reserve_bytes(file, offset + n) || !add_change(file, &c)) {
        tdm__free(c.bytes);
        return 0;
    }
    size_t before = file->now.len;
    apply(&file->now, &c);
    account(d, before, file->now.len);
    file->modified_us = (int64_t)d->calls;
    return 1;
}

int tdm__sim_resize(sim_disk *d, sim_node *file, uint64_t size)
{
    sim_change c = { size, NULL, 0, false };
    if (!reserve_bytes(file, size) || !add_change(file, &c))
        return 0;
    size_t before = file->now.len;
    apply(&file->now, &c);
    account(d, before, file->now.len);
    file->modified_us = (int64_t)d->calls;
    return 1;
}

static void drop_changes(sim_node *file)
{
    for (size_t i = 0; i < file->changes; i++)
        tdm__free(file->change[i].bytes);
    file->changes = 0;
}

void tdm__sim_sync(sim_node *file)
{
    size_t kept = 0;
    for (size_t i = 0; i < file->changes; i++) {
        sim_change c = file->change[i];
        if (c.doubtful) {
            file->change[kept++] = c;
            continue;
        }
        apply(&file->disk, &c);
        tdm__free(c.bytes);
    }
    file->changes = kept;
}

void tdm__sim_sync_failed(sim_disk *d, sim_node *file)
{
    size_t kept = 0;
    for (size_t i = 0; i < file->changes; i++) {
        sim_change c = file->change[i];
        if (!c.doubtful && tdm__sim_coin(d)) {
            apply(&file->disk, &c);
            tdm__free(c.bytes);
            continue;
        }
        c.doubtful = true;
        file->change[kept++] = c;
    }
    file->changes = kept;
}

/* Half of the crashes mix; the rest keep all or lose all, which a mix of many changes would hardly ever do. */
enum mood { LOSE_ALL, KEEP_ALL, MIX };

static enum mood draw_mood(sim_disk *d)
{
    uint64_t r = tdm__random_below(&d->random, 4);
    return r < 2 ? (enum mood)r : MIX;
}

static void crash_file(sim_disk *d, sim_node *file)
{
    enum mood mood = draw_mood(d);
    for (size_t i = 0; i < file->changes && mood != LOSE_ALL; i++)
        if (mood == KEEP_ALL)
            apply(&file->disk, &file->change[i]);
        else
            apply_some(d, &file->disk, &file->change[i]);
    drop_changes(file);
    if (file->disk.len)
        memcpy(file->now.ptr, file->disk.ptr, file->disk.len);
    file->now.len = file->disk.len;
    file->locked = false;
}

static sim_entry *find_entry(const sim_names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->entry[i].name, name) == 0)
            return &names->entry[i];
    return NULL;
}

sim_node *tdm__sim_find(const sim_names *names, const char *name)
{
    const sim_entry *entry = find_entry(names, name);
    return entry ? entry->node : NULL;
}

/* Room is there. Returns what the name stood for before. */
static sim_node *set_name(sim_names *names, const sim_effect *effect)
{
    sim_entry *entry = find_entry(names, effect->name);
    sim_node *before = entry ? entry->node : NULL;
    if (!effect->node) {
        if (entry)
            *entry = names->entry[--names->n];
        return before;
    }
    if (!entry) {
        entry = &names->entry[names->n++];
        memcpy(entry->name, effect->name, sizeof entry->name);
    }
    entry->node = effect->node;
    return before;
}

static int reserve_names(sim_node *dir)
{
    size_t on_disk = dir->names_disk.n + dir->pending;
    size_t need = (on_disk > dir->names_now.n ? on_disk : dir->names_now.n) + 2;
    return tdm__grow(dir->names_now.entry, dir->names_now.cap, need) &&
           tdm__grow(dir->names_disk.entry, dir->names_disk.cap, need);
}

void tdm__sim_release(sim_disk *d, const sim_node *node)
{
    if (node->links == 0 && node->handles == 0)
        account(d, node->now.len, 0);
}

static void apply_now(sim_disk *d, const sim_effect *effect)
{
    sim_node *before = set_name(&effect->dir->names_now, effect);
    if (effect->node)
        effect->node->links++;
    if (before) {
        before->links--;
        tdm__sim_release(d, before);
    }
    effect->dir->modified_us = (int64_t)d->calls;
}

/* Effects are applied in their order: a rename gives the new name first, so the node is never without one. */
int tdm__sim_change_names(sim_disk *d, const sim_effect *effect, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!reserve_names(effect[i].dir))
            return 0;
    if (!tdm__grow(d->op, d->ops_cap, d->ops + 1))
        return 0;
    sim_name_op *op = &d->op[d->ops++];
    *op = (sim_name_op){ .n = n };
    for (size_t i = 0; i < n; i++) {
        op->effect[i] = effect[i];
        effect[i].dir->pending++;
        apply_now(d, &effect[i]);
    }
    return 1;
}

static bool same_name(const sim_effect *a, const sim_effect *b)
{
    return a->dir == b->dir && strcmp(a->name, b->name) == 0;
}

static bool touches_same(const sim_name_op *a, const sim_name_op *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++)
            if (same_name(&a->effect[i], &b->effect[k]))
                return true;
    return false;
}

/* Puts the i-th change of names on the disk, after all earlier ones that touch its names. */
static void make_durable(sim_disk *d, size_t i)
{
    sim_name_op *op = &d->op[i];
    if (op->done)
        return;
    for (size_t k = 0; k < i; k++)
        if (!d->op[k].done && touches_same(op, &d->op[k]))
            make_durable(d, k);
    for (size_t k = 0; k < op->n; k++) {
        set_name(&op->effect[k].dir->names_disk, &op->effect[k]);
        op->effect[k].dir->pending--;
    }
    op->done = true;
}

void tdm__sim_dir_sync(sim_disk *d, sim_node *dir)
{
    for (size_t i = 0; i < d->ops; i++)
        for (size_t k = 0; k < d->op[i].n; k++)
            if (d->op[i].effect[k].dir == dir)
                make_durable(d, i);
    size_t kept = 0;
    for (size_t i = 0; i < d->ops; i++)
        if (!d->op[i].done)
            d->op[kept++] = d->op[i];
    d->ops = kept;
}

static void crash_names(sim_disk *d)
{
    enum mood mood = draw_mood(d);
    for (size_t i = 0; i < d->ops && mood != LOSE_ALL; i++)
        if (mood == KEEP_ALL || tdm__sim_coin(d))
            make_durable(d, i);
    d->ops = 0;
    for (sim_node *node = d->nodes; node; node = node->next) {
        node->pending = 0;
        if (node->names_disk.n)
            memcpy(node->names_now.entry, node->names_disk.entry, node->names_disk.n * sizeof *node->names_disk.entry);
        node->names_now.n = node->names_disk.n;
    }
}

static void mark(sim_node *node)
{
    if (!node || node->marked)
        return;
    node->marked = true;
    for (size_t i = 0; i < node->names_now.n; i++)
        mark(node->names_now.entry[i].node);
    for (size_t i = 0; i < node->names_disk.n; i++)
        mark(node->names_disk.entry[i].node);
}

static void free_node(sim_node *node)
{
    drop_changes(node);
    tdm__free(node->change);
    tdm__free(node->now.ptr);
    tdm__free(node->disk.ptr);
    tdm__free(node->names_now.entry);
    tdm__free(node->names_disk.entry);
    tdm__free(node);
}

void tdm__sim_sweep(sim_disk *d)
{
    mark(d->root);
    for (sim_node *node = d->nodes; node; node = node->next)
        if (node->handles)
            mark(node);
    for (size_t i = 0; i < d->ops; i++)
        for (size_t k = 0; k < d->op[i].n; k++) {
            mark(d->op[i].effect[k].dir);
            mark(d->op[i].effect[k].node);
        }
    for (sim_node **at = &d->nodes; *at;) {
        sim_node *node = *at;
        if (node->marked) {
            node->marked = false;
            at = &node->next;
        } else {
            *at = node->next;
            free_node(node);
        }
    }
}

/* Counts anew who has a name and what space that takes. */
static void recount(sim_disk *d)
{
    d->used = 0;
    for (sim_node *node = d->nodes; node; node = node->next)
        node->links = 0;
    for (sim_node *node = d->nodes; node; node = node->next)
        for (size_t i = 0; i < node->names_now.n; i++)
            node->names_now.entry[i].node->links++;
    for (sim_node *node = d->nodes; node; node = node->next)
        if (node->links || node->handles)
            d->used += node->now.len;
}

void tdm__sim_crash(sim_disk *d)
{
    for (sim_node *node = d->nodes; node; node = node->next)
        if (!node->is_dir)
            crash_file(d, node);
    crash_names(d);
    d->generation++;
    tdm__sim_sweep(d);
    recount(d);
}

void tdm__sim_free_all(sim_disk *d)
{
    for (sim_node *node = d->nodes, *next; node; node = next) {
        next = node->next;
        free_node(node);
    }
    tdm__free(d->op);
}
