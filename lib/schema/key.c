/* Keys of several columns as one text: "a|b", a bar or backslash inside a part written behind a backslash.
 *
 * Joining and splitting are inverse for texts of any bytes, empty parts included. A key of one part is escaped too, so
 * that a key's text alone tells how many parts it has. */
#include <stdio.h>

#include "base/fail.h"
#include "schema/block.h"

static void add_escaped(tdm__buf *out, tdm_str part)
{
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == '|' || part.ptr[i] == '\\')
            tdm__buf_char(out, '\\');
        tdm__buf_char(out, part.ptr[i]);
    }
}

void tdm__key_join(const tdm_value *parts, size_t n, tdm__buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            tdm__buf_char(out, '|');
        if (parts[i].kind == TDM_STRING && parts[i].presence == TDM_PRESENT)
            add_escaped(out, parts[i].as.str);
        else
            tdm__value_format(&parts[i], out); /* no other kind writes a bar or a backslash */
    }
}

static tdm_status no_key(const tdm__field *field, const char *found, tdm_error *err)
{
    char name[80], type[64];
    snprintf(name, sizeof name, "%.*s", (int)(field->name.len < 79 ? field->name.len : 79), field->name.ptr);
    tdm__type_format(&field->type, type);
    tdm_status s = tdm__fail(err, TDM_KEY_MISSING, name, "the record has no key");
    tdm__fail_expected(err, "%s", type);
    tdm__fail_found(err, "%s", found);
    return s;
}

tdm_status tdm__key_of_row(const tdm__schema *schema, const tdm__column *columns, const int *key, size_t n, size_t row,
                           tdm__buf *out, tdm_error *err)
{
    size_t before = out->len;
    for (size_t k = 0; k < n; k++) {
        int column = key ? key[k] : (int)k;
        tdm_value part;
        tdm__column_get(&columns[column], row, &part);
        if (part.presence != TDM_PRESENT) {
            out->len = before; /* the parts before it are no key */
            return no_key(&schema->field[column], part.presence == TDM_NULL ? "null" : "nothing", err);
        }
        if (k > 0)
            tdm__buf_char(out, '|');
        tdm__key_join(&part, 1, out);
    }
    if (out->len > before || out->failed)
        return TDM_OK;
    return no_key(&schema->field[key ? key[0] : 0], "\"\"", err);
}

static tdm_status wrong_parts(tdm_str key, size_t want, size_t have, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_SYNTAX, NULL, "the key has another number of parts than the entity");
    tdm__fail_expected(err, "%zu part%s, separated by '|'", want, want == 1 ? "" : "s");
    if (have <= want + 1)
        tdm__fail_found_text(err, key);
    if (have > want)
        tdm__fail_hint(err, "a bar inside a part is written \\|");
    return s;
}

/* Copies one part from key[*at], unescaped, up to a bar or the end; *at is left on the bar. */
static bool split_part(tdm_str key, size_t *at, tdm_str *part, tdm__arena *arena)
{
    size_t end = *at;
    while (end < key.len && key.ptr[end] != '|')
        end += key.ptr[end] == '\\' && end + 1 < key.len ? 2 : 1;
    char *copy = tdm__arena_alloc(arena, end - *at + 1);
    if (!copy)
        return false;
    size_t n = 0;
    for (size_t i = *at; i < end; i++) {
        if (key.ptr[i] == '\\' && i + 1 < end)
            i++;
        copy[n++] = key.ptr[i];
    }
    copy[n] = '\0';
    *part = tdm__strn(copy, n);
    *at = end;
    return true;
}

tdm_status tdm__key_split(tdm_str key, tdm_str *parts, size_t n, tdm__arena *arena, tdm_error *err)
{
    size_t at = 0, have = 1;
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] == '\\')
            i++;
        else
            have += key.ptr[i] == '|';
    if (have != n)
        return wrong_parts(key, n, have, err);
    for (size_t i = 0; i < n; i++, at++)
        if (!split_part(key, &at, &parts[i], arena))
            return tdm__no_memory(err, "key");
    return TDM_OK;
}
