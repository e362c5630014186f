/* One JSON line from any bytes: taken when jansson takes it and it fits, with the same values; else refused. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "codec/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static const tdm__schema *schema(void)
{
    static tdm__field fields[3] = {
        {{"a", 1}, {.kind = TDM_I64, .nullable = true}},
        {{"b", 1}, {.kind = TDM_STRING, .nullable = true}},
        {{"c", 1}, {.kind = TDM_F64, .nullable = true}},
    };
    static const tdm__schema all = {fields, 3};
    return &all;
}

static bool fits(const json_t *tree)
{
    const json_t *a = json_object_get(tree, "a"), *b = json_object_get(tree, "b"), *c = json_object_get(tree, "c");
    const char *text = json_string_value(c);
    bool unfinite = text && (strcmp(text, "nan") == 0 || strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0);
    return json_is_object(tree) && (!a || json_is_null(a) || json_is_integer(a)) &&
           (!b || json_is_null(b) || json_is_string(b)) && (!c || json_is_null(c) || json_is_number(c) || unfinite);
}

static void check_values(const tdm__row_block *block, const json_t *tree)
{
    const json_t *a = json_object_get(tree, "a"), *b = json_object_get(tree, "b"), *c = json_object_get(tree, "c");
    const tdm__column *column = block->column;
    must(column[0].presence[0] == (!a ? TDM_MISSING : json_is_null(a) ? TDM_NULL : TDM_PRESENT));
    must(!json_is_integer(a) || column[0].as.i64[0] == json_integer_value(a));
    if (json_is_string(b)) {
        tdm_str got = column[1].as.str[0];
        must(got.len == json_string_length(b) && (got.len == 0 || memcmp(got.ptr, json_string_value(b), got.len) == 0));
    }
    must(!json_is_number(c) || column[2].as.f64[0] == json_number_value(c));
}

/* What jansson refuses and we may take: numbers outside its types and NULs in names. */
static bool only_jansson_minds(const json_error_t *e)
{
    enum json_error_code code = json_error_code(e);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_null_character || code == json_error_stack_overflow;
}

static void compare(const tdm__row_block *block, const char *text, size_t n)
{
    json_error_t error;
    if (memchr(text, 0, n)) { /* never JSON; jansson loses a NUL that follows a number */
        must(block->n == 0);
        return;
    }
    json_t *tree = json_loadb(text, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (block->n == 0 && tree) {
        const tdm_error *why = &block->bad[0].error;
        must(!fits(tree) || strncmp(why->what, "values nest deeper", 18) == 0);
    }
    if (block->n == 1 && !tree && !only_jansson_minds(&error)) {
        tree = json_loadb(text, n, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error); /* names twice in undeclared values */
        must(tree != NULL || only_jansson_minds(&error));
    }
    if (block->n == 1 && tree)
        check_values(block, tree);
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__chunk chunk = {.first_row = 1, .first_line = 1};
    tdm__row_parser *parser;
    const tdm__row_block *block;
    tdm__buf_add(&chunk.bytes, data, size);
    for (size_t i = 0; i < chunk.bytes.len; i++)
        if (chunk.bytes.ptr[i] == '\n')
            chunk.bytes.ptr[i] = ' ';
    must(!tdm__row_parser_new(TDM__FORMAT_JSONL, NULL, 0, schema(), NULL, &parser, NULL));
    tdm__row_parser_start(parser, &chunk);
    must(!tdm__row_parser_next(parser, &block, NULL));
    must(block->n + block->n_bad == (size > 0));
    if (size > 0)
        compare(block, chunk.bytes.ptr, size);
    for (size_t i = 0; i < block->n_bad; i++)
        must(block->bad[i].error.status != TDM_OK && block->bad[i].error.what[0]);
    tdm__row_parser_close(&parser);
    tdm__chunk_free(&chunk);
    return 0;
}
