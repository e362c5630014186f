/* Typed reading of a manifest's scalars: each fault says what was expected, what was found, and where. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "release/manifest_impl.h"
#include "schema/instant.h"

void tdm__manifest_fault(tdm__manifest_reader *r, tdm__place *at, const char *format, ...)
{
    char what[320];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    tdm__yaml_fault(r->doc, at, TDM_MANIFEST, what, NULL, NULL, NULL);
}

void tdm__manifest_wrong(tdm__manifest_reader *r, tdm__place *at, const char *name, const char *what,
                         const char *expected)
{
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "%s is not %s", name, what);
    tdm__fail_expected(&error, "%s", expected);
    tdm__fail_found_text(&error, at->text);
    tdm__yaml_fault_error(r->doc, at, &error);
}

void tdm__manifest_not_among(tdm__manifest_reader *r, tdm__place *at, const char *what, const char *const *names,
                             size_t n)
{
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "there is no %s '%.*s'", what, TDM__SHOWN(at->text));
    const char *near = tdm__nearest(at->text, names, n);
    if (near) {
        tdm__fail_hint(&error, "did you mean '%s'?", near);
    } else if (n && n <= 16) {
        char all[256] = "";
        size_t len = 0;
        for (size_t i = 0; i < n && len < sizeof all; i++)
            len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", names[i]);
        tdm__fail_hint(&error, "known are %s", all);
    }
    tdm__yaml_fault_error(r->doc, at, &error);
}

tdm__place *tdm__manifest_scalar(tdm__manifest_reader *r, tdm__place *map, const char *key)
{
    tdm__place *node = tdm__yaml_get(map, key);
    if (!node || node->kind != TDM__YAML_SCALAR || node->faulty)
        return NULL;
    if (node->text.len || node->quoted)
        return node;
    tdm__manifest_fault(r, node, "'%s' is empty", key);
    return NULL;
}

static const char *quoted_key(const char *key, char out[80])
{
    snprintf(out, 80, "'%s'", key);
    return out;
}

void tdm__manifest_duration(tdm__manifest_reader *r, tdm__place *map, const char *key, int64_t *out)
{
    char name[80];
    tdm__place *at = tdm__manifest_scalar(r, map, key);
    if (at && !tdm__duration_parse(at->text, out))
        tdm__manifest_wrong(r, at, quoted_key(key, name), "a duration",
                            "a positive integer and us, ms, s, m, h or d, as 15m");
}

/* Digits and a point before a percent sign. The exponent does the division, so that 99.9% is 0.999 to the bit. */
static bool parse_percent(tdm_str text, double *out)
{
    char number[40];
    size_t n = text.len - 1;
    if (text.len < 2 || n > 32 || text.ptr[n] != '%')
        return false;
    for (size_t i = 0; i < n; i++)
        if ((text.ptr[i] < '0' || text.ptr[i] > '9') && text.ptr[i] != '.')
            return false;
    memcpy(number, text.ptr, n);
    memcpy(number + n, "e-2", 3);
    return tdm__parse_f64((tdm_str){ number, n + 3 }, out, NULL) && *out <= 1;
}

void tdm__manifest_percent(tdm__manifest_reader *r, tdm__place *map, const char *key, double *out)
{
    char name[80];
    double share;
    tdm__place *at = tdm__manifest_scalar(r, map, key);
    if (!at)
        return;
    if (parse_percent(at->text, &share))
        *out = share;
    else
        tdm__manifest_wrong(r, at, quoted_key(key, name), "a percent", "0% to 100%, with its sign, as 99.9%");
}

void tdm__manifest_count(tdm__manifest_reader *r, tdm__place *map, const char *key, uint64_t max, uint64_t *out)
{
    char name[80], expected[64];
    int64_t value;
    tdm__place *at = tdm__manifest_scalar(r, map, key);
    if (!at)
        return;
    if (tdm__parse_i64(at->text, &value, NULL) && value >= 0 && (uint64_t)value <= max) {
        *out = (uint64_t)value;
        return;
    }
    snprintf(expected, sizeof expected, "an integer from 0 to %llu", (unsigned long long)max);
    tdm__manifest_wrong(r, at, quoted_key(key, name), "a count", expected);
}

bool tdm__manifest_number(tdm__manifest_reader *r, tdm__place *at, const char *name, double *out)
{
    double value;
    if (at->kind == TDM__YAML_SCALAR && tdm__parse_f64(at->text, &value, NULL) && value == value) {
        *out = value;
        return true;
    }
    char quoted[80];
    tdm__manifest_wrong(r, at, quoted_key(name, quoted), "a number", "a number, as 0.5 or inf");
    return false;
}

bool tdm__manifest_name(tdm__manifest_reader *r, tdm__place *at, const char *what, tdm_str *out)
{
    *out = at->text;
    if (tdm__name_valid(at->text))
        return true;
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "this is not a name for %s", what);
    tdm__fail_expected(&error, "a letter or '_', then letters, digits, '_', '-' and '.', 64 at most");
    tdm__fail_found_text(&error, at->text);
    tdm__yaml_fault_error(r->doc, at, &error);
    return false;
}

bool tdm__manifest_label(tdm__manifest_reader *r, tdm__place *at, const char *what, tdm_str *out)
{
    *out = at->text;
    if (tdm__label_valid(at->text))
        return true;
    tdm__manifest_wrong(r, at, "this", what, "1 to 255 bytes of text on one line");
    return false;
}

static bool part_allowed(tdm_str part)
{
    if (!part.len || part.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < part.len; i++)
        if ((unsigned char)part.ptr[i] < 0x20 || part.ptr[i] == 0x7F || part.ptr[i] == '\\')
            return false;
    return true;
}

static bool path_allowed(tdm_str path)
{
    if (!path.len || path.len > 200 || path.ptr[path.len - 1] == '/')
        return false;
    for (tdm_str rest = path; rest.ptr;)
        if (!part_allowed(tdm__str_cut(rest, '/', &rest)))
            return false;
    return true;
}

tdm__place *tdm__manifest_file(tdm__manifest_reader *r, tdm__place *map, const char *key, tdm_str *out)
{
    static const char *const own[] = { "MANIFEST", "sources.txt", "release.yaml", "zones" };
    tdm__place *at = tdm__manifest_scalar(r, map, key);
    if (!at)
        return NULL;
    char name[80];
    if (!path_allowed(at->text)) {
        tdm__manifest_wrong(r, at, quoted_key(key, name), "a file of this folder",
                            "a relative path of at most 200 bytes, no part of which starts with '.'");
        return NULL;
    }
    tdm_str rest, first = tdm__str_cut(at->text, '/', &rest);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (tdm__str_is(first, own[i])) {
            tdm__manifest_fault(r, at, "'%s' is a name that packing keeps for itself", own[i]);
            return NULL;
        }
    *out = at->text;
    return at;
}

tdm__place *tdm__manifest_type(tdm__manifest_reader *r, tdm__place *map, const char *key, tdm_type *out)
{
    tdm__place *at = tdm__manifest_scalar(r, map, key);
    if (!at)
        return NULL;
    tdm_error error;
    if (!tdm__type_parse(at->text, out, &error))
        return at;
    error.status = TDM_MANIFEST;
    if (tdm__str_starts(at->text, "decimal(") && !memchr(at->text.ptr, ')', at->text.len))
        tdm__fail_hint(&error, "inside { } a comma ends the value: put the type in quotes");
    tdm__yaml_fault_error(r->doc, at, &error);
    return NULL;
}
