/* Sealed JSON documents: one line of seal, then the JSON.
 *
 *     tandem epoch 1 5f1c0a3be9d2c4aa 214\n{"number":7,...}
 *
 * The seal names the kind, the format, the XXH3 of the JSON in hexadecimal and its length in bytes
 * (docs/formats/home.md). The digest finds damage, not tampering: who may write the home may write a seal. */
#include "state/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/digest.h"
#include "base/fail.h"
#include "base/memory.h"

enum { FORMAT = 1, SEAL_MAX = 128 };

static int append(const char *bytes, size_t n, void *self)
{
    tdm__buf *out = self;
    tdm__buf_add(out, bytes, n);
    return out->failed ? -1 : 0;
}

/* jansson 2.14 goes on after some allocations that failed, and reports success: a dump then lacks a quote, a number
 * read a digit. So whatever is written or read is read once more. */
static bool is_text_of(const json_t *root, const char *text, size_t n)
{
    json_t *again = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    bool same = again && json_equal(root, again);
    json_decref(again);
    return same;
}

void tdm__document_dump(json_t *root, tdm__buf *out)
{
    size_t start = out->len;
    if (!root || json_dump_callback(root, append, out, JSON_COMPACT | JSON_SORT_KEYS) || out->failed ||
        !is_text_of(root, out->ptr + start, out->len - start))
        out->failed = true;
    json_decref(root);
}

json_t *tdm__document_item(json_t *list, json_t *item)
{
    if (list && !json_array_append_new(list, item))
        return list;
    if (!list)
        json_decref(item);
    json_decref(list);
    return NULL;
}

tdm_status tdm__document_write(tdm__fs *fs, const char *path, const char *kind, json_t *root, tdm_error *err)
{
    tdm__buf body = {0}, file = {0};
    tdm__document_dump(root, &body);
    tdm_status s = tdm__buf_check(&body, err);
    if (!s) {
        tdm__buf_printf(&file, "tandem %s %d %016" PRIx64 " %zu\n", kind, FORMAT, tdm__hash64(body.ptr, body.len),
                        body.len);
        tdm__buf_add(&file, body.ptr, body.len);
        s = tdm__buf_check(&file, err);
    }
    if (!s)
        s = tdm__write_file_durably(fs, path, file.ptr, file.len, err);
    tdm__buf_free(&body);
    tdm__buf_free(&file);
    return s;
}

/* Checks the seal and cuts the JSON out of the file's bytes. */
static tdm_status unseal(const char *path, const char *kind, tdm_str file, tdm_str *body, tdm_error *err)
{
    tdm_str rest, line = tdm__str_cut(file, '\n', &rest);
    tdm_str word[5] = {{0}};
    tdm_str left = line;
    for (int i = 0; i < 5; i++)
        word[i] = tdm__str_cut(left, ' ', &left);
    if (!rest.ptr || line.len > SEAL_MAX || !tdm__str_is(word[0], "tandem") || !tdm__str_is(word[1], kind))
        return tdm__fail(err, TDM_CORRUPT, path, "this is not a sealed %s document", kind);
    if (!tdm__str_is(word[2], "1")) {
        tdm_status s =
            tdm__fail(err, TDM_UNSUPPORTED, path, "the document has a format that this version does not know");
        tdm__fail_expected(err, "format 1");
        tdm__fail_found_text(err, word[2]);
        return s;
    }
    char digest[24], length[24];
    snprintf(digest, sizeof digest, "%016" PRIx64, tdm__hash64(rest.ptr, rest.len));
    snprintf(length, sizeof length, "%zu", rest.len);
    if (!tdm__str_is(word[3], digest) || !tdm__str_is(word[4], length) || left.ptr)
        return tdm__fail(err, TDM_CORRUPT, path, "the %s document does not match its seal", kind);
    *body = rest;
    return TDM_OK;
}

static bool is_object(tdm_str text)
{
    json_t *root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool yes = json_is_object(root);
    json_decref(root);
    return yes;
}

/* Without memory jansson gives no code, or calls good JSON wrong: what is whole when read again was not the text's fault. */
tdm_status tdm__document_parse(tdm_str text, const char *where, json_t **out, tdm_error *err)
{
    json_error_t at = {0};
    if (!text.ptr)
        text = tdm__str("");
    *out = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &at);
    if (json_is_object(*out) && is_text_of(*out, text.ptr, text.len))
        return TDM_OK;
    bool no_memory = *out ? json_is_object(*out)
                          : json_error_code(&at) == json_error_out_of_memory ||
                                json_error_code(&at) == json_error_unknown || is_object(text);
    json_decref(*out);
    *out = NULL;
    return no_memory ? tdm__no_memory(err, where) : tdm__fail(err, TDM_CORRUPT, where, "the text is not a JSON object");
}

tdm_status tdm__document_read(tdm__fs *fs, const char *path, const char *kind, json_t **out, tdm_error *err)
{
    tdm__buf file = {0};
    *out = NULL;
    tdm_status s = tdm__read_file(fs, path, TDM__DOCUMENT_BYTES_MAX, &file, err);
    if (s)
        return s;
    tdm_str body = {0};
    s = unseal(path, kind, tdm__strn(file.ptr, file.len), &body, err);
    if (!s)
        s = tdm__document_parse(body, path, out, err);
    tdm__buf_free(&file);
    return s;
}

static tdm_status wrong_member(const char *path, const char *name, const char *expected, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_CORRUPT, path, "the member '%s' is absent or of another type", name);
    tdm__fail_expected(err, "%s", expected);
    return s;
}

tdm_status tdm__document_text(const json_t *object, const char *name, const char *path, const char **out,
                              tdm_error *err)
{
    *out = json_string_value(json_object_get(object, name));
    return *out ? TDM_OK : wrong_member(path, name, "a text", err);
}

tdm_status tdm__document_copy(const json_t *object, const char *name, const char *path, char *out, size_t size,
                              tdm_error *err)
{
    const char *text;
    tdm_status s = tdm__document_text(object, name, path, &text, err);
    if (s)
        return s;
    if (strlen(text) >= size)
        return wrong_member(path, name, "a shorter text", err);
    memcpy(out, text, strlen(text) + 1);
    return TDM_OK;
}

tdm_status tdm__document_i64(const json_t *object, const char *name, const char *path, int64_t *out, tdm_error *err)
{
    const json_t *v = json_object_get(object, name);
    if (!json_is_integer(v))
        return wrong_member(path, name, "an integer", err);
    *out = json_integer_value(v);
    return TDM_OK;
}

tdm_status tdm__document_u64(const json_t *object, const char *name, const char *path, uint64_t *out, tdm_error *err)
{
    int64_t v = 0;
    tdm_status s = tdm__document_i64(object, name, path, &v, err);
    if (!s && v < 0)
        s = wrong_member(path, name, "an integer that is not negative", err);
    *out = (uint64_t)v;
    return s;
}
