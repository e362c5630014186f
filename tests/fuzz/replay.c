/* Runs a fuzz target over its committed corpus, without libFuzzer: every build, every compiler, every sanitizer.
 *
 * The program is named after its target; the corpus is tests/fuzz/corpus/NAME of the source tree, and further folders
 * or files may be given. It prints TAP. A target without a corpus is a failure: nothing would have been checked. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX_BYTES = 64 << 20 };

static size_t inputs, troubles;

static void trouble(const char *path, const char *what)
{
    printf("# %s: %s\n", path, what);
    troubles++;
}

/* The input gets a block of exactly its size, so that a sanitizer sees a read past its end. */
static void run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);
    if (!file || !data || fread(data, 1, size, file) != size) {
        trouble(path, "cannot be read");
    } else {
        fprintf(stderr, "input %s\n", path); /* the last one named is the one that crashed */
        LLVMFuzzerTestOneInput(data, size);
        inputs++;
    }
    free(data);
    if (file)
        fclose(file);
}

static void run_path(const char *path);

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void run_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, visible, alphasort);
    if (n < 0) {
        trouble(path, strerror(errno));
        return;
    }
    for (int i = 0; i < n; i++) {
        char *inner;
        if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
            abort();
        run_path(inner);
        free(inner);
        free(entries[i]);
    }
    free(entries);
}

static void run_path(const char *path)
{
    struct stat info;
    if (stat(path, &info))
        trouble(path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        run_folder(path);
    else if (info.st_size > INPUT_MAX_BYTES)
        trouble(path, "is larger than 64 MiB");
    else
        run_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    run_path(TANDEM_SOURCE_ROOT "/tests/fuzz/corpus/" TANDEM_FUZZ_NAME);
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    if (!inputs)
        trouble("corpus", "there is no input to replay");
    printf("1..1\n%s 1 - %s: %zu inputs\n", troubles ? "not ok" : "ok", TANDEM_FUZZ_NAME, inputs);
    return troubles != 0;
}
