/* A home to test on: two table sources, rows for them, and a release whose answers are whole numbers.
 *
 * It works on the real disk and on a simulated one; files that are loaded or scored lie on the real disk always, as the
 * library wants it. The release's model is a sum with whole weights, so that fixture_late is an oracle of integers:
 *     late = distance + 1000 * hour + 100000 * age + 10000000 * cabin
 * with age = 2013 - year of the flight's plane (2000 when the plane or its year is not known), and cabin 0 when nobody says. */
#ifndef TANDEM_TESTS_FIXTURE_H
#define TANDEM_TESTS_FIXTURE_H

#include <tandem/tandem.h>

#include "base/text.h"
#include "os/sim_files.h"
#include "state/home.h"
#include "support.h"

typedef struct fixture {
    tdm__fs *fs, *own;
    tdm_home *home;
    const char *files; /* a folder of the real disk, for inputs */
    char id[65];       /* of the release packed last */
    tdm_error err;
} fixture;

extern const char fixture_sources_yaml[];
extern const char fixture_release_yaml[];
extern const char fixture_main_json[];   /* "main.json" */
extern const char fixture_simple_json[]; /* "simple.json": 5 + 7 * hour */
extern const char fixture_golden[];      /* "golden.jsonl", for releases that name it */

/* An empty home; `fs` NULL is a simulated disk of its own, which is fast and needs no cleaning. */
void fixture_new(fixture *f, tdm__fs *fs);
/* A home with everything: sources, `flights` rows of flights, the planes, the release. */
void fixture_full(fixture *f, tdm__fs *fs, size_t flights);
/* Closes the home, and the disk when it is the fixture's own. */
void fixture_close(fixture *f);

/* A file of the home as it is, and put there ("CURRENT", "tables/v000001/store"). */
tdm__buf fixture_get(fixture *f, const char *name);
void fixture_put(fixture *f, const char *name, const void *bytes, size_t n);
/* Changes one byte of it. */
void fixture_flip(fixture *f, const char *name, size_t at);
size_t fixture_names(fixture *f, const char *folder);

/* Writes an input to the real disk; its path. */
const char *fixture_file(const fixture *f, const char *name, const char *text);
const char *fixture_gz(const fixture *f, const char *name, const char *text); /* compressed */
/* Writes the release's folder to the home's disk, with this manifest and main model (NULL: the usual); its path. */
const char *fixture_release_dir(fixture *f, const char *name, const char *yaml, const char *main_json);
/* Packs such a folder; f->id is the id. */
void fixture_pack(fixture *f, const char *yaml, const char *main_json);
void fixture_add_sources(fixture *f, const char *yaml);
void fixture_load(fixture *f, const char *source, const char *csv);
/* A run as of a fixed time of the release packed last, with one thread; `population` NULL: what it names. */
tdm_status fixture_run(fixture *f, const char *population, tdm_run_report *out);
extern const int64_t fixture_as_of_us;

/* A text with the first `from` replaced; ours, the last 16 of them live. */
const char *fixture_edit(const char *text, const char *from, const char *to);
const char *fixture_print(const char *format, ...) TDM_PRINTF(1, 2);

/* Flight i of the fixture's rows: its key, its line of CSV, and its exact prediction with this cabin. */
void fixture_key(size_t i, char out[16]);
const char *fixture_flights_csv(size_t from, size_t to); /* with a header; ours until the next call */
const char *fixture_planes_csv(void);
double fixture_late(size_t i, double cabin);

/* The whole text of an export or of a quarantine, ours until the next call. */
const char *fixture_export(fixture *f, const char *table, tdm_export_format format);
const char *fixture_quarantine(fixture *f, const char *name, size_t *lines);

/* Allocations of JSON documents pass through malloc of this program, so that they too can fail. */
void fixture_count_json(void);

#endif
