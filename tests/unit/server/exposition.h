/* A strict reader of Prometheus' text format 0.0.4, written from its description: for tests of what we print.
 *
 * Stricter than the format: every family has HELP, then TYPE, then its samples, and comes once; no sample comes twice;
 * counters end in _total; names, labels and escapes must be valid; histograms must be cumulative, end in +Inf, and
 * agree with their count. */
#ifndef TANDEM_TESTS_EXPOSITION_H
#define TANDEM_TESTS_EXPOSITION_H

#include <math.h>

#include "support.h"

enum { SAMPLES_MAX = 20000, FAMILIES_MAX = 200 };

typedef struct sample {
    char name[96], labels[400]; /* labels as written, without `le`, each `name="value",`; still escaped */
    double value, le;           /* le: NaN when there is none */
} sample;

typedef struct exposition {
    char family[FAMILIES_MAX][96], type[FAMILIES_MAX][16];
    size_t n_families, n_samples;
    sample sample[SAMPLES_MAX];
    char why[160];
} exposition;

static inline bool expo_bad(exposition *e, const char *why, const char *line)
{
    snprintf(e->why, sizeof e->why, "%s: %.100s", why, line);
    return false;
}

static inline bool expo_name(const char **at, char *out, size_t size)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    size_t n = strspn(*at, more);
    if (!n || !strchr(first, **at) || n >= size)
        return false;
    memcpy(out, *at, n);
    out[n] = 0;
    *at += n;
    return true;
}

/* Digits with at most one point, or +Inf where it may be. */
static inline bool expo_number(const char **at, double *out)
{
    char *end;
    if (!strncmp(*at, "+Inf", 4)) {
        *out = (double)INFINITY;
        *at += 4;
        return true;
    }
    size_t n = strspn(*at, "-0123456789.");
    *out = strtod(*at, &end);
    bool ok = n && end == *at + n;
    *at = end;
    return ok;
}

static inline bool expo_labels(const char **at, sample *s)
{
    size_t used = 0;
    for (bool more = **at == '{'; more; more = **at == ',') {
        char name[64];
        ++*at;
        const char *begin = *at;
        if (!expo_name(at, name, sizeof name) || *(*at)++ != '=' || *(*at)++ != '"')
            return false;
        const char *value = *at;
        for (; **at != '"'; ++*at)
            if (!**at || (**at == '\\' && !strchr("\\\"n", *++*at)))
                return false;
        if (!strcmp(name, "le")) {
            if (!expo_number(&value, &s->le) || value != *at)
                return false;
            ++*at;
            continue;
        }
        ++*at;
        int n = snprintf(s->labels + used, sizeof s->labels - used, "%.*s,", (int)(*at - begin), begin);
        if (n < 0 || used + (size_t)n >= sizeof s->labels)
            return false;
        used += (size_t)n;
        if (**at == '}') {
            ++*at;
            return true;
        }
        if (**at != ',')
            return false;
    }
    return *(*at)++ == '}';
}

static inline bool expo_sample(exposition *e, const char *line)
{
    if (e->n_samples == SAMPLES_MAX || !e->n_families)
        return expo_bad(e, "a sample too many, or without a family", line);
    sample *s = &e->sample[e->n_samples];
    const char *at = line, *family = e->family[e->n_families - 1], *type = e->type[e->n_families - 1];
    memset(s, 0, sizeof *s);
    s->le = (double)NAN;
    if (!expo_name(&at, s->name, sizeof s->name) || (*at == '{' && !expo_labels(&at, s)) || *at++ != ' ' ||
        !expo_number(&at, &s->value) || *at)
        return expo_bad(e, "no valid sample", line);
    size_t n = strlen(family);
    const char *suffix = s->name + n;
    bool plain = !strcmp(s->name, family), bucket = false;
    if (!strcmp(type, "histogram")) {
        bucket = !strncmp(s->name, family, n) && !strcmp(suffix, "_bucket");
        plain = !strncmp(s->name, family, n) && (bucket || !strcmp(suffix, "_sum") || !strcmp(suffix, "_count"));
    }
    if (!plain || bucket != !isnan(s->le) || (!strcmp(type, "counter") && s->value < 0))
        return expo_bad(e, "a sample that its family cannot have", line);
    for (size_t i = 0; i < e->n_samples; i++)
        if (!strcmp(e->sample[i].name, s->name) && !strcmp(e->sample[i].labels, s->labels) &&
            (isnan(s->le) || e->sample[i].le == s->le))
            return expo_bad(e, "a sample twice", line);
    e->n_samples++;
    return true;
}

static inline bool expo_comment(exposition *e, const char *line, bool *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    char name[96];
    const char *at = line + 7;
    bool is_help = !strncmp(line, "# HELP ", 7);
    if ((!is_help && strncmp(line, "# TYPE ", 7)) || *help == is_help || !expo_name(&at, name, sizeof name) ||
        *at++ != ' ' || !*at)
        return expo_bad(e, "no HELP followed by TYPE", line);
    *help = is_help;
    if (is_help) {
        for (size_t i = 0; i < e->n_families; i++)
            if (!strcmp(e->family[i], name))
                return expo_bad(e, "a family twice", line);
        if (e->n_families == FAMILIES_MAX)
            return expo_bad(e, "too many families", line);
        strcpy(e->family[e->n_families++], name);
        return !strchr(at, '\\') || expo_bad(e, "an escape in HELP", line);
    }
    size_t n = strlen(name), t = 0;
    while (t < 3 && strcmp(types[t], at))
        t++;
    if (t == 3 || !e->n_families || strcmp(e->family[e->n_families - 1], name))
        return expo_bad(e, "no such type, or of another family", line);
    if ((t == 0) != (n > 6 && !strcmp(name + n - 6, "_total")))
        return expo_bad(e, "counters, and they alone, end in _total", line);
    strcpy(e->type[e->n_families - 1], at);
    return true;
}

static inline const sample *expo_find(const exposition *e, const char *name, const char *labels)
{
    for (size_t i = 0; i < e->n_samples; i++)
        if (!strcmp(e->sample[i].name, name) && !strcmp(e->sample[i].labels, labels) && isnan(e->sample[i].le))
            return &e->sample[i];
    return NULL;
}

/* Buckets of one histogram follow each other, rise in `le` and do not fall in value; the last is +Inf and is _count. */
static inline bool expo_histograms(exposition *e)
{
    const sample *last = NULL;
    for (size_t i = 0; i <= e->n_samples; i++) {
        const sample *s = i < e->n_samples && !isnan(e->sample[i].le) ? &e->sample[i] : NULL;
        if (last && (!s || strcmp(s->name, last->name) || strcmp(s->labels, last->labels))) {
            char count[128];
            snprintf(count, sizeof count, "%.*s_count", (int)strlen(last->name) - 7, last->name);
            const sample *c = expo_find(e, count, last->labels);
            if (!isinf(last->le) || !c || c->value != last->value)
                return expo_bad(e, "a histogram whose +Inf is not its count", last->name);
        } else if (last && (s->le <= last->le || s->value < last->value)) {
            return expo_bad(e, "a histogram that is not cumulative", s->name);
        }
        last = s;
    }
    return true;
}

/* False, and e->why, when `text` (terminated) is not valid. */
static inline bool exposition_parse(exposition *e, const char *text)
{
    bool help = false;
    char line[2048];
    memset(e, 0, sizeof *e);
    for (const char *at = text, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        if (!end || (size_t)(end - at) >= sizeof line)
            return expo_bad(e, "a line without an end, or too long", at);
        memcpy(line, at, (size_t)(end - at));
        line[end - at] = 0;
        if (line[0] == '#' ? !expo_comment(e, line, &help) : help ? !expo_bad(e, "HELP without TYPE", line)
                                                                  : !expo_sample(e, line))
            return false;
    }
    return expo_histograms(e);
}

static inline double expo_value(const exposition *e, const char *name, const char *labels)
{
    const sample *s = expo_find(e, name, labels);
    if (!s)
        fail_msg("there is no sample %s{%s}", name, labels);
    return s->value;
}

#endif
