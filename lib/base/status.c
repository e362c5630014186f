/* Status codes, the text of an error, and lists of errors.
 *
 * All tables come from TDM_STATUSES, so that a code's name, text, exit and HTTP status cannot drift apart.
 * Names are the table's own in lower case; they are made once, before main, and only read afterwards. A list
 * of diagnostics is filled by fail.c through diagnostics_impl.h; this file owns its memory. */
#include "base/diagnostics_impl.h"

#include <string.h>

#include "base/memory.h"

static const struct {
    const char *name, *text;
    int exit, http;
} statuses[TDM_STATUS_COUNT] = {
#define STATUS_ROW(name, exit, http, text) { #name, text, exit, http },
    TDM_STATUSES(STATUS_ROW)
#undef STATUS_ROW
};

enum { NAME_MAX_BYTES = 24 };
static char names[TDM_STATUS_COUNT][NAME_MAX_BYTES];

#define STATUS_NAME_FITS(name, exit, http, text) \
    _Static_assert(sizeof #name <= NAME_MAX_BYTES, "a status name is too long");
TDM_STATUSES(STATUS_NAME_FITS)
#undef STATUS_NAME_FITS

__attribute__((constructor)) static void make_names(void)
{
    for (int i = 0; i < TDM_STATUS_COUNT; i++)
        for (int k = 0; statuses[i].name[k]; k++) {
            char c = statuses[i].name[k];
            names[i][k] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
}

static int known(tdm_status status)
{
    return (unsigned)status < TDM_STATUS_COUNT;
}

const char *tdm_status_name(tdm_status status)
{
    return known(status) ? names[status] : "unknown";
}

const char *tdm_status_text(tdm_status status)
{
    return known(status) ? statuses[status].text : "an unknown error";
}

int tdm_status_exit(tdm_status status)
{
    return known(status) ? statuses[status].exit : 5;
}

int tdm_status_http(tdm_status status)
{
    return known(status) ? statuses[status].http : 500;
}

/* An output that counts what it could not hold. */
typedef struct cut {
    char *out;
    size_t size, len;
} cut;

static void cut_add(cut *c, const char *text)
{
    size_t n = strlen(text);
    if (c->len < c->size) {
        size_t room = c->size - c->len - 1;
        size_t fits = n < room ? n : room;
        memcpy(c->out + c->len, text, fits);
        c->out[c->len + fits] = 0;
    }
    c->len += n;
}

size_t tdm_error_format(const tdm_error *error, char *out, size_t size)
{
    cut c = { out, size, 0 };
    if (size)
        out[0] = 0;
    if (error->where[0]) {
        cut_add(&c, error->where);
        cut_add(&c, ": ");
    }
    cut_add(&c, error->what[0] ? error->what : tdm_status_text(error->status));
    if (error->expected[0]) {
        cut_add(&c, ": expected ");
        cut_add(&c, error->expected);
    }
    if (error->found[0]) {
        cut_add(&c, error->expected[0] ? ", found " : ": found ");
        cut_add(&c, error->found);
    }
    if (error->hint[0]) {
        cut_add(&c, " (");
        cut_add(&c, error->hint);
        cut_add(&c, ")");
    }
    return c.len;
}

tdm_diagnostics *tdm_diagnostics_new(void)
{
    return tdm__new(tdm_diagnostics);
}

void tdm_diagnostics_close(tdm_diagnostics **list)
{
    if (!list || !*list)
        return;
    tdm__free((*list)->entries);
    tdm__free(*list);
    *list = NULL;
}

size_t tdm_diagnostics_count(const tdm_diagnostics *list)
{
    return list ? list->n : 0;
}

size_t tdm_diagnostics_total(const tdm_diagnostics *list)
{
    return list ? list->total : 0;
}

const tdm_error *tdm_diagnostics_error(const tdm_diagnostics *list, size_t i)
{
    return list && i < list->n ? &list->entries[i].error : NULL;
}

const char *tdm_diagnostics_excerpt(const tdm_diagnostics *list, size_t i)
{
    return list && i < list->n ? list->entries[i].excerpt : "";
}
