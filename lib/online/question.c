/* What questions have in common, however they are written: names that are not known, keys as texts, keys that lack. */
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "online/lane_impl.h"

enum { NAME_SHOWN = 160, NEAR_CANDIDATES = 128, NEAR_LETTERS = 32, SLIPS_MAX = 3 };

/* A name cut to what an error's place can hold, at the end of a letter. */
static int shown(tdm_str name)
{
    size_t n = name.len < NAME_SHOWN ? name.len : NAME_SHOWN;
    while (n < name.len && n > 0 && ((unsigned char)name.ptr[n] & 0xC0) == 0x80)
        n--;
    return (int)n;
}

void tdm__question_where(tdm_error *error, const char *section, tdm_str name)
{
    tdm__fail_where(error, "%s%s%.*s", section, section[0] && name.ptr ? "." : "", shown(name), name.ptr ? name.ptr : "");
}

/* Names of about that length only, and not too many: a hint is not worth more time than an answer. */
static const char *nearest(tdm_str word, const tdm_str *known, size_t n)
{
    const char *list[NEAR_CANDIDATES];
    size_t listed = 0;
    if (n == 1)
        return known[0].ptr;
    for (size_t i = 0; i < n && listed < NEAR_CANDIDATES && word.len <= NEAR_LETTERS; i++)
        if (known[i].len <= word.len + SLIPS_MAX && word.len <= known[i].len + SLIPS_MAX)
            list[listed++] = known[i].ptr;
    return tdm__nearest(word, list, listed);
}

tdm_status tdm__question_unknown(const char *section, tdm_str name, const tdm_str *known, size_t n, tdm_error *err)
{
    const char *what = section[0] == 'k' ? "the release has no such key column" :
                       section[0] == 'f' ? "the release has no such request feature" :
                                           "a question has no such member";
    tdm_status s = tdm__fail(err, TDM_FIELD_UNKNOWN, NULL, "%s", what);
    tdm__question_where(err, section, name);
    const char *near = nearest(name, known, n);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    return s;
}

tdm_status tdm__question_twice(const char *section, tdm_str name, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_BAD_INPUT, NULL, "the field is given twice");
    tdm__question_where(err, section, name);
    return s;
}

tdm_status tdm__question_key_text(tdm__column *column, size_t row, tdm_str text, tdm_error *err)
{
    tdm_value v;
    tdm_status s = tdm__value_parse(&column->type, text, &v, err);
    if (!s)
        tdm__column_set(column, row, &v);
    return s;
}

static tdm_status refuse_key(tdm__lane *lane, size_t row, size_t part, const char *found, tdm_error *err)
{
    tdm_error error;
    char type[64];
    const tdm__servable *v = lane->servable;
    tdm__fail(&error, TDM_KEY_MISSING, NULL, "the question has no key");
    tdm__question_where(&error, "keys", v->key_name[part]);
    tdm__type_format(&v->package->key.field[part].type, type);
    tdm__fail_expected(&error, "%s", type);
    tdm__fail_found(&error, "%s", found);
    return tdm__lane_refuse(lane, row, &error, err);
}

tdm_status tdm__question_check_key(tdm__lane *lane, size_t row, tdm_error *err)
{
    const tdm__package *p = lane->servable->package;
    bool letters = false, given = lane->servable->needs_key; /* half a key is a mistake, also where nobody reads it */
    for (size_t k = 0; k < p->key.n; k++)
        given |= lane->key[k].presence[row] != TDM_MISSING;
    if (!given || lane->answer[row].error)
        return TDM_OK;
    for (size_t k = 0; k < p->key.n; k++) {
        unsigned presence = lane->key[k].presence[row];
        if (presence != TDM_PRESENT)
            return refuse_key(lane, row, k, presence == TDM_NULL ? "null" : "nothing", err);
        letters |= p->key.n > 1 || lane->key[k].type.kind != TDM_STRING || lane->key[k].as.str[row].len;
    }
    return letters ? TDM_OK : refuse_key(lane, row, 0, "\"\"", err);
}

/* A row's error, or one that ends the whole block. */
static tdm_status refuse_or_fail(tdm__lane *lane, size_t row, const tdm_error *error, tdm_error *err)
{
    if (error->status == TDM_NO_MEMORY)
        return tdm__no_memory(err, "question");
    return tdm__lane_refuse(lane, row, error, err);
}

tdm_status tdm__lane_read_key(tdm__lane *lane, size_t row, tdm_str text, tdm_error *err)
{
    const tdm__servable *v = lane->servable;
    size_t n = v->package->key.n;
    tdm_str part[TDM__KEY_PARTS_MAX] = {text};
    tdm_error error;
    tdm_status s = TDM_OK;
    if (n > 1 && (s = tdm__key_split(text, part, n, &lane->texts, &error)) != TDM_OK) {
        tdm__question_where(&error, "keys", v->package->manifest->entity);
        if (s != TDM_NO_MEMORY)
            tdm__fail_hint(&error, "a bar inside a part is written \\|");
    }
    for (size_t k = 0; !s && k < n; k++) {
        s = lane->key[k].presence[row] == TDM_MISSING
                ? tdm__question_key_text(&lane->key[k], row, part[k], &error)
                : tdm__question_twice("keys", v->key_name[k], &error);
        if (s)
            tdm__question_where(&error, "keys", n > 1 ? v->key_name[k] : v->package->manifest->entity);
    }
    return s ? refuse_or_fail(lane, row, &error, err) : TDM_OK;
}
