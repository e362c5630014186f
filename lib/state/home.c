/* Opening a home, making one, and holding its write lock: for one command, or for as long as a server lives.
 *
 * FORMAT is written last when a home is made, so a home that was half made by a crash is made again. */
#include "state/home.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/threads.h"
#include "schema/instant.h"

static const char FORMAT_TEXT[] = "tandem home 1\n";
enum { NOTE_MAX = 128 };

/* A home that is held: the lock, the log, and which command of this process has them now. */
struct tdm__held {
    tdm__lock *lock;
    tdm__log_handle *log;
    tdm__mutex *mutex;    /* guards what follows */
    char note[NOTE_MAX];  /* of the command at work; "" when there is none */
};

static const char *const FOLDERS[] = {"log", "sources", "releases", "tables", "runs", "loads", "epochs", "tmp"};

tdm_status tdm__home_path(const tdm_home *home, char out[TDM__PATH_MAX], tdm_error *err, const char *format, ...)
{
    int head = snprintf(out, TDM__PATH_MAX, "%s/", home->dir);
    int tail = -1;
    if (head > 0 && head < TDM__PATH_MAX) {
        va_list args;
        va_start(args, format);
        tail = vsnprintf(out + head, (size_t)(TDM__PATH_MAX - head), format, args);
        va_end(args);
    }
    if (tail < 0 || head + tail >= TDM__PATH_MAX)
        return tdm__fail(err, TDM_BAD_INPUT, home->dir, "the path is longer than %d bytes", TDM__PATH_MAX - 1);
    return TDM_OK;
}

/* An existing folder must say that it is a home of this format; an absent one, or one that is empty, will be made. */
static tdm_status check_format(tdm_home *home, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm__buf text = {0};
    tdm_status s = tdm__home_path(home, path, err, "FORMAT");
    if (s)
        return s;
    s = tdm__read_file(home->fs, path, 64, &text, err);
    if (s == TDM_NOT_FOUND || s == TDM_TOO_LARGE)
        return s == TDM_NOT_FOUND ? TDM_OK : tdm__fail(err, TDM_BAD_INPUT, path, "this folder is not a home of Tandem");
    if (!s && !(text.len == sizeof FORMAT_TEXT - 1 && !memcmp(text.ptr, FORMAT_TEXT, text.len))) {
        bool other = tdm__str_starts(tdm__strn(text.ptr, text.len), "tandem home ");
        s = tdm__fail(err, other ? TDM_UNSUPPORTED : TDM_BAD_INPUT, path,
                      other ? "the home has a format that this version does not know"
                            : "this folder is not a home of Tandem");
        tdm__fail_expected(err, "tandem home 1");
        tdm_str rest;
        tdm__fail_found_text(err, tdm__str_cut(tdm__strn(text.ptr, text.len), '\n', &rest));
    }
    tdm__buf_free(&text);
    return s;
}

tdm_status tdm__home_open_on(tdm__fs *fs, const char *dir, tdm_home **out, tdm_error *err)
{
    *out = NULL;
    if (!dir || !*dir)
        return tdm__fail(err, TDM_USAGE, "home", "the home's folder has no name");
    tdm_home *home = tdm__new(tdm_home);
    char *copy = tdm__alloc(strlen(dir) + 1);
    if (!home || !copy) {
        tdm__free(copy);
        tdm__free(home);
        return tdm__no_memory(err, dir);
    }
    memcpy(copy, dir, strlen(dir) + 1);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = 0;
    home->fs = fs;
    home->dir = copy;
    tdm_status s = check_format(home, err);
    if (s) {
        tdm_home_close(&home);
        return s;
    }
    *out = home;
    return TDM_OK;
}

tdm_status tdm_home_open(const char *dir, tdm_home **out, tdm_error *err)
{
    return tdm__home_open_on(tdm__fs_posix(), dir, out, err);
}

void tdm_home_close(tdm_home **home)
{
    if (!home || !*home)
        return;
    tdm__home_release_hold(*home);
    tdm__free((*home)->dir);
    tdm__free(*home);
    *home = NULL;
}

const char *tdm_home_dir(const tdm_home *home)
{
    return home->dir;
}

/* The folder must be a home, or new, or empty, or a home half made before a crash: nothing is put among foreign files.
 */
static tdm_status refuse_foreign_folder(tdm_home *home, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm__names names;
    tdm_status s = tdm__home_path(home, path, err, "FORMAT");
    if (s || tdm__exists(home->fs, path))
        return s;
    s = tdm__list_dir(home->fs, home->dir, &names, err);
    if (s)
        return s;
    for (size_t i = 0; !s && i < names.n; i++) {
        bool ours = !strcmp(names.name[i], "lock") || !strncmp(names.name[i], ".tandem-", 8); /* FORMAT's */
        for (size_t f = 0; !ours && f < sizeof FOLDERS / sizeof *FOLDERS; f++)
            ours = !strcmp(names.name[i], FOLDERS[f]);
        if (!ours) {
            s = tdm__fail(err, TDM_BAD_INPUT, home->dir, "this folder holds other files and is not a home of Tandem");
            tdm__fail_expected(err, "a new or empty folder, or a home");
            tdm__fail_found(err, "%s", names.name[i]);
        }
    }
    tdm__names_free(&names);
    return s;
}

/* The folders that are absent: all of them in a new home, and those that a copy without empty folders has lost. */
static tdm_status make_folders(tdm_home *home, tdm_error *err)
{
    char folder[TDM__PATH_MAX];
    bool made = false;
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        s = tdm__home_path(home, folder, err, "%s", FOLDERS[i]);
        if (s || tdm__exists(home->fs, folder))
            continue;
        s = tdm__make_dir(home->fs, folder, err);
        made = true;
    }
    return s || !made ? s : tdm__dir_sync(home->fs, home->dir, err);
}

static tdm_status make_home(tdm_home *home, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm_status s = tdm__home_path(home, path, err, "FORMAT");
    if (!s)
        s = make_folders(home, err);
    if (s || tdm__exists(home->fs, path))
        return s;
    return tdm__write_file_durably(home->fs, path, FORMAT_TEXT, sizeof FORMAT_TEXT - 1, err);
}

static bool is_temporary(const char *name)
{
    return strstr(name, ".tmp") || tdm__str_ends(tdm__str(name), ".delta");
}

/* Removes what a crash left under temporary names in one folder. Nobody can be writing it: the lock is held. */
static tdm_status sweep_folder(tdm_home *home, const char *folder, tdm_error *err)
{
    char path[TDM__PATH_MAX], file[TDM__PATH_MAX];
    tdm__names names;
    tdm_status s = tdm__home_path(home, path, err, "%s", folder);
    if (s || tdm__list_dir(home->fs, path, &names, err))
        return s;
    for (size_t i = 0; !s && i < names.n; i++) {
        if (!is_temporary(names.name[i]))
            continue;
        s = tdm__home_path(home, file, err, "%s/%s", folder, names.name[i]);
        if (!s && tdm__remove(home->fs, file, err) == TDM_IO)
            s = TDM_IO;
    }
    tdm__names_free(&names);
    return s;
}

static tdm_status sweep(tdm_home *home, tdm_error *err)
{
    char path[TDM__PATH_MAX], folder[TDM__PATH_MAX];
    tdm__names sources = {0};
    tdm_status s = sweep_folder(home, ".", err);
    if (!s)
        s = sweep_folder(home, "epochs", err);
    if (!s)
        s = sweep_folder(home, "tmp", err);
    if (!s)
        s = tdm__home_path(home, path, err, "sources");
    if (!s && tdm__list_dir(home->fs, path, &sources, err))
        return TDM_OK;
    for (size_t i = 0; !s && i < sources.n; i++) {
        snprintf(folder, sizeof folder, "sources/%s", sources.name[i]);
        s = sweep_folder(home, folder, err);
    }
    tdm__names_free(&sources);
    return s;
}

static void make_note(char note[NOTE_MAX], const char *what)
{
    char since[40];
    tdm__instant_format(tdm__now_us(), since);
    snprintf(note, NOTE_MAX, "tandem %s, process %" PRId64 ", since %s", what, tdm__process_id(), since);
}

static tdm_status take_lock(tdm_home *home, const char *what, tdm__lock **out, tdm_error *err)
{
    char path[TDM__PATH_MAX], note[NOTE_MAX];
    tdm_status s = tdm__home_path(home, path, err, "lock");
    if (!s)
        s = tdm__make_dirs(home->fs, home->dir, err);
    if (!s)
        s = refuse_foreign_folder(home, err);
    if (s)
        return s;
    make_note(note, what);
    return tdm__lock_take(home->fs, path, note, out, err);
}

static tdm_status take_home(tdm_home *home, const char *what, tdm__writing *out, tdm_error *err)
{
    char log[TDM__PATH_MAX];
    tdm_status s = tdm__home_path(home, log, err, "log");
    if (!s)
        s = take_lock(home, what, &out->lock, err);
    if (s)
        return s;
    s = make_home(home, err);
    if (!s)
        s = sweep(home, err);
    if (!s)
        s = tdm__log_open_writer(home->fs, log, &out->log, err);
    if (s)
        tdm__writing_end(out);
    return s;
}

/* A command of the process that holds the home: as between processes, the second one is told who is at work. */
static tdm_status take_turn(tdm_home *home, const char *what, tdm__writing *out, tdm_error *err)
{
    tdm__held *hold = home->hold;
    char path[TDM__PATH_MAX], at_work[NOTE_MAX];
    tdm_status s = tdm__home_path(home, path, err, "lock");
    if (s)
        return s;
    tdm__mutex_lock(hold->mutex);
    memcpy(at_work, hold->note, sizeof at_work);
    if (!at_work[0])
        make_note(hold->note, what);
    tdm__mutex_unlock(hold->mutex);
    if (at_work[0]) {
        s = tdm__fail(err, TDM_BUSY, path, "another command holds the lock");
        tdm__fail_found(err, "%s", at_work);
        return s;
    }
    *out = (tdm__writing){.lock = hold->lock, .log = hold->log, .hold = hold};
    return TDM_OK;
}

tdm_status tdm__writing_begin(tdm_home *home, const char *what, tdm__writing *out, tdm_error *err)
{
    *out = (tdm__writing){0};
    return home->hold ? take_turn(home, what, out, err) : take_home(home, what, out, err);
}

void tdm__writing_end(tdm__writing *writing)
{
    if (writing->hold) {
        tdm__mutex_lock(writing->hold->mutex);
        writing->hold->note[0] = 0;
        tdm__mutex_unlock(writing->hold->mutex);
    } else {
        tdm__log_close(&writing->log);
        tdm__lock_release(&writing->lock);
    }
    *writing = (tdm__writing){0};
}

tdm_status tdm__home_hold(tdm_home *home, const char *what, tdm_error *err)
{
    tdm__writing taken = {0};
    if (home->hold)
        return tdm__fail(err, TDM_USAGE, home->dir, "the home is held already");
    tdm__held *hold = tdm__new(tdm__held);
    if (!hold)
        return tdm__no_memory(err, home->dir);
    hold->mutex = tdm__mutex_new();
    tdm_status s = hold->mutex ? take_home(home, what, &taken, err) : tdm__no_memory(err, home->dir);
    if (s) {
        tdm__mutex_close(&hold->mutex);
        tdm__free(hold);
        return s;
    }
    hold->lock = taken.lock;
    hold->log = taken.log;
    home->hold = hold;
    return TDM_OK;
}

void tdm__home_release_hold(tdm_home *home)
{
    tdm__held *hold = home->hold;
    if (!hold)
        return;
    home->hold = NULL;
    tdm__log_close(&hold->log);
    tdm__lock_release(&hold->lock);
    tdm__mutex_close(&hold->mutex);
    tdm__free(hold);
}

tdm__log_handle *tdm__home_log(const tdm_home *home)
{
    return home->hold ? home->hold->log : NULL;
}
