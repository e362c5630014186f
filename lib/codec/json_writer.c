/* The public JSON writer and texts (tandem/json.h), over the same code that everything else prints with. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tandem/json.h>
#include <tandem/tandem.h>
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "os/clock.h"
#include "schema/instant.h"
#include "schema/type.h"

enum { DEPTH_MAX = 32 };

const char *tdm_version(void)
{
    return TANDEM_VERSION;
}

/* A tdm_text is a tdm__buf under a public name; their members are the same. */
static tdm__buf *buf(tdm_text *t)
{
    _Static_assert(sizeof(tdm_text) == sizeof(tdm__buf) && offsetof(tdm_text, failed) == offsetof(tdm__buf, failed) &&
                   offsetof(tdm_text, cap) == offsetof(tdm__buf, cap), "tdm_text and tdm__buf must agree");
    return (tdm__buf *)t;
}

void tdm_text_free(tdm_text *t)
{
    tdm__buf_free(buf(t));
}

void tdm_text_add(tdm_text *t, const char *z)
{
    tdm__buf_text(buf(t), z);
}

void tdm_text_addn(tdm_text *t, const char *p, size_t n)
{
    tdm__buf_add(buf(t), p, n);
}

void tdm_text_value(tdm_text *t, const tdm_value *v)
{
    tdm__value_format(v, buf(t));
}

void tdm_text_f64(tdm_text *t, double v)
{
    char text[32];
    tdm__buf_add(buf(t), text, tdm__format_f64(v, text));
}

void tdm_text_instant(tdm_text *t, int64_t us)
{
    char text[40];
    tdm__buf_add(buf(t), text, tdm__instant_format(us, text));
}

bool tdm_instant_read(tdm_str text, int64_t *us)
{
    return tdm__instant_parse(text, us);
}

bool tdm_f64_read(tdm_str text, double *out)
{
    return tdm__parse_f64(text, out, NULL);
}

int64_t tdm_now_us(void)
{
    return tdm__now_us();
}

/* The comma before an item, and its name. */
static void item(tdm_json *j, const char *name)
{
    uint64_t bit = (uint64_t)1 << j->depth;
    if (j->depth && (j->has_items & bit))
        tdm__buf_char(buf(j->out), ',');
    j->has_items |= bit;
    if (name) {
        tdm__buf_json_text(buf(j->out), tdm__str(name));
        tdm__buf_char(buf(j->out), ':');
    }
}

void tdm_json_begin(tdm_json *j, const char *name, char bracket)
{
    item(j, name);
    tdm__buf_char(buf(j->out), bracket);
    if (j->depth < DEPTH_MAX)
        j->depth++;
    else
        j->out->failed = true;
    j->has_items &= ~((uint64_t)1 << j->depth);
}

void tdm_json_end(tdm_json *j, char bracket)
{
    tdm__buf_char(buf(j->out), bracket);
    if (j->depth)
        j->depth--;
}

void tdm_json_str(tdm_json *j, const char *name, tdm_str s)
{
    item(j, name);
    tdm__buf_json_text(buf(j->out), s);
}

void tdm_json_text(tdm_json *j, const char *name, const char *z)
{
    if (z) {
        tdm_json_str(j, name, tdm__str(z));
        return;
    }
    item(j, name);
    tdm__buf_text(buf(j->out), "null");
}

void tdm_json_u64(tdm_json *j, const char *name, uint64_t v)
{
    item(j, name);
    tdm__buf_printf(buf(j->out), "%" PRIu64, v);
}

void tdm_json_i64(tdm_json *j, const char *name, int64_t v)
{
    item(j, name);
    tdm__buf_printf(buf(j->out), "%" PRId64, v);
}

void tdm_json_f64(tdm_json *j, const char *name, double v)
{
    tdm_value value = {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = v};
    tdm_json_value(j, name, &value);
}

void tdm_json_bool(tdm_json *j, const char *name, bool v)
{
    item(j, name);
    tdm__buf_text(buf(j->out), v ? "true" : "false");
}

void tdm_json_value(tdm_json *j, const char *name, const tdm_value *v)
{
    item(j, name);
    tdm__value_json(v, buf(j->out));
}

void tdm_json_instant(tdm_json *j, const char *name, int64_t us)
{
    char text[40];
    tdm__instant_format(us, text);
    tdm_json_text(j, name, text);
}

void tdm_json_error(tdm_json *j, const char *name, const tdm_error *e)
{
    tdm_json_begin(j, name, '{');
    tdm_json_text(j, "code", tdm_status_name(e->status));
    tdm_json_text(j, "message", e->what);
    tdm_json_text(j, "where", e->where);
    if (e->expected[0])
        tdm_json_text(j, "expected", e->expected);
    if (e->found[0])
        tdm_json_text(j, "found", e->found);
    if (e->hint[0])
        tdm_json_text(j, "hint", e->hint);
    tdm_json_end(j, '}');
}
