/* What every C test shares: one printed seed, temporary folders, errors made visible, failing allocations.
 *
 * It includes cmocka with the headers that cmocka wants before it, so a test includes only this. Everything here
 * fails the running test by cmocka's own means; nothing returns an error to the test. Test programs are linked with
 * --wrap for malloc, calloc and realloc (tests/meson.build), so allocations of the code under test pass through here. */
#ifndef TANDEM_TESTS_SUPPORT_H
#define TANDEM_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tandem/status.h>

/* The seed of everything random in this process: TANDEM_SEED (decimal or 0x...), else a fixed one.
 * The first call prints "seed N" on stderr, so that a failure can be replayed. */
uint64_t support_seed(void);

/* A new empty folder, removed with all that is in it when the process that made it exits (also from inside a failed
 * test, not after a crash). Ours; do not free. At most 4096 a process. */
const char *support_temp_dir(void);

/* "DIR/NAME", ours until the process exits; do not free. At most 65536 a process. */
const char *support_path(const char *dir, const char *name);

/* The whole file in memory from the plain malloc, with a zero byte after the last; `size` (may be NULL) leaves that
 * byte out. Free with support_free. Fails the test when the file cannot be read. */
char *support_read_file(const char *path, size_t *size);
void support_free(void *data);

/* Writes or overwrites a whole file; fails the test when that does not work. */
void support_write_file(const char *path, const void *data, size_t size);

/* The root of the source tree, for committed test data: support_path(support_source_root(), "tests/..."). */
const char *support_source_root(void);

/* The n-th allocation from now (1: the next) returns NULL, once; 0 switches it off. Counts malloc, calloc and realloc of
 * the code under test on all threads; memory that cmocka and the C library take for themselves is not counted. */
void support_fail_alloc_at(uint64_t n);

/* Calls so far. */
uint64_t support_allocs(void);

/* Whether the allocation asked for by the last support_fail_alloc_at has failed by now. When it has not, the
 * operation needed fewer: the usual loop is
 *     for (uint64_t n = 1;; n++) { support_fail_alloc_at(n); s = ...; bool hit = support_alloc_failed();
 *                                  support_fail_alloc_at(0); if (!hit) break; assert_int_equal(s, TDM_NO_MEMORY); } */
bool support_alloc_failed(void);

/* Fails the test unless `status` is TDM_OK, and prints the whole error first. `err` may be NULL. */
#define assert_ok(status, err) support_assert_status((status), TDM_OK, (err), #status, __FILE__, __LINE__)

/* Fails the test unless `status` is `expected`. */
#define assert_status(status, expected, err) \
    support_assert_status((status), (expected), (err), #status, __FILE__, __LINE__)

void support_assert_status(tdm_status status, tdm_status expected, const tdm_error *err, const char *call,
                           const char *file, int line);

#endif
