/* See support.h. Kept free of the library's own services where it can be: a test's floor must not move with the code
 * that it tests. Only the names and texts of errors come from there. */
#define _GNU_SOURCE
#include "support.h"

#include <errno.h>
#include <ftw.h>
#include <stdatomic.h>
#include <unistd.h>

enum { TEMP_DIRS_MAX = 4096, PATHS_MAX = 65536 };

#define SEED_DEFAULT UINT64_C(20130614)

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *data, size_t size);

static _Atomic uint64_t allocs;
static _Atomic uint64_t fail_at; /* the value of `allocs` that fails; 0: none */
static atomic_bool alloc_failed;

static struct {
    pid_t owner;
    size_t dirs_count, paths_count;
    char *dirs[TEMP_DIRS_MAX];
    char *paths[PATHS_MAX];
} kept;

uint64_t support_seed(void)
{
    static uint64_t seed;
    static bool known;
    if (known)
        return seed;
    const char *text = getenv("TANDEM_SEED");
    seed = SEED_DEFAULT;
    if (text && *text) {
        char *end;
        errno = 0;
        seed = strtoull(text, &end, 0);
        if (errno || *end)
            fail_msg("TANDEM_SEED is not a number: %s", text);
    }
    known = true;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    return seed;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* A forked child shares the list, but the folders are its parent's. */
static void remove_kept(void)
{
    if (getpid() == kept.owner)
        for (size_t i = 0; i < kept.dirs_count; i++)
            nftw(kept.dirs[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < kept.dirs_count; i++)
        free(kept.dirs[i]);
    for (size_t i = 0; i < kept.paths_count; i++)
        free(kept.paths[i]);
}

static void keep_until_exit(void)
{
    if (kept.owner == getpid())
        return;
    if (!kept.owner)
        atexit(remove_kept);
    else
        kept.dirs_count = 0; /* a child that makes folders of its own leaves those of its parent alone */
    kept.owner = getpid();
}

static char *joined(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = __real_malloc(size);
    assert_non_null(path);
    snprintf(path, size, "%s/%s", dir, name);
    return path;
}

const char *support_temp_dir(void)
{
    keep_until_exit();
    assert_true(kept.dirs_count < TEMP_DIRS_MAX);
    const char *base = getenv("TMPDIR");
    char *dir = joined(base && *base ? base : "/tmp", "tandem-test-XXXXXX");
    if (!mkdtemp(dir))
        fail_msg("cannot make a temporary folder %s: %s", dir, strerror(errno));
    kept.dirs[kept.dirs_count++] = dir;
    return dir;
}

const char *support_path(const char *dir, const char *name)
{
    keep_until_exit();
    assert_true(kept.paths_count < PATHS_MAX);
    return kept.paths[kept.paths_count++] = joined(dir, name);
}

const char *support_source_root(void)
{
    return TANDEM_SOURCE_ROOT;
}

char *support_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s: %s", path, strerror(errno));
    size_t used = 0, room = 4096;
    char *data = __real_malloc(room);
    while (data) {
        used += fread(data + used, 1, room - used - 1, file);
        if (used + 1 < room)
            break;
        room *= 2;
        data = __real_realloc(data, room);
    }
    assert_non_null(data);
    int bad = ferror(file);
    fclose(file);
    if (bad)
        fail_msg("cannot read %s", path);
    data[used] = 0;
    if (size)
        *size = used;
    return data;
}

void support_free(void *data)
{
    free(data);
}

void support_write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        fail_msg("cannot create %s: %s", path, strerror(errno));
    size_t written = fwrite(data, 1, size, file);
    if (fclose(file) || written != size)
        fail_msg("cannot write %s", path);
}

void support_fail_alloc_at(uint64_t n)
{
    atomic_store(&alloc_failed, false);
    atomic_store(&fail_at, n ? atomic_load(&allocs) + n : 0);
}

uint64_t support_allocs(void)
{
    return atomic_load(&allocs);
}

bool support_alloc_failed(void)
{
    return atomic_load(&alloc_failed);
}

static bool must_fail(void)
{
    uint64_t now = atomic_fetch_add(&allocs, 1) + 1;
    if (now != atomic_load(&fail_at))
        return false;
    atomic_store(&alloc_failed, true);
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *data, size_t size)
{
    return must_fail() ? NULL : __real_realloc(data, size);
}

void support_assert_status(tdm_status status, tdm_status expected, const tdm_error *err, const char *call,
                           const char *file, int line)
{
    if (status == expected)
        return;
    char text[2048] = "(no details)";
    if (err && status != TDM_OK)
        tdm_error_format(err, text, sizeof text);
    print_error("%s: status is %s, expected %s: %s\n", call, tdm_status_name(status), tdm_status_name(expected), text);
    _fail(file, line);
}
