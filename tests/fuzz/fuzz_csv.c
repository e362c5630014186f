/* CSV from any bytes: rows do not depend on chunks, lie where they say, and written again read the same. */
#include <stdlib.h>

#include "../unit/codec/rows_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 4 };

static void must(bool held)
{
    if (!held)
        abort();
}

static const tdm__schema *schema(void)
{
    static tdm__field fields[FIELDS] = {
        {{"a", 1}, {.kind = TDM_I64, .nullable = true}},
        {{"b", 1}, {.kind = TDM_STRING}},
        {{"c", 1}, {.kind = TDM_F64, .nullable = true}},
        {{"d", 1}, {.kind = TDM_DECIMAL, .nullable = true, .precision = 30, .scale = 3}},
    };
    static const tdm__schema all = {fields, FIELDS};
    return &all;
}

static void check_chunks(tdm_str text, size_t chunk_bytes, size_t record_max)
{
    transcript_options o = {.format = TDM__FORMAT_CSV, .chunk_bytes = 1 << 16, .record_max = record_max};
    tdm__buf whole = {0}, cut = {0};
    tdm_error err;
    tdm_status a = transcript(text, schema(), &o, &whole, &err);
    o.chunk_bytes = chunk_bytes;
    o.step = chunk_bytes;
    tdm_status b = transcript(text, schema(), &o, &cut, &err);
    must(a == b && whole.len == cut.len && (cut.len == 0 || memcmp(whole.ptr, cut.ptr, cut.len) == 0));
    tdm__buf_free(&whole);
    tdm__buf_free(&cut);
}

/* Good rows of the text, written again; places are checked on the way. */
static void write_good_rows(tdm_str text, tdm__buf *out)
{
    text_source from = {text, 0, 0};
    tdm__reader_source source = {text_source_read, &from, "text", 256, 4096};
    tdm__reader *reader;
    tdm__row_parser *parser;
    tdm__chunk chunk = {0};
    size_t n;
    tdm__csv_write_header(out, schema());
    if (tdm__reader_open_source(&source, TDM__FORMAT_CSV, &reader, NULL))
        return;
    const tdm_str *header = tdm__reader_header(reader, &n);
    must(!tdm__row_parser_new(TDM__FORMAT_CSV, header, n, schema(), NULL, &parser, NULL));
    while (!tdm__reader_next(reader, &chunk, NULL) && chunk.bytes.len > 0) {
        const tdm__row_block *block;
        tdm__row_parser_start(parser, &chunk);
        while (!tdm__row_parser_next(parser, &block, NULL) && block->n + block->n_bad > 0)
            for (size_t row = 0; row < block->n; row++) {
                tdm_value values[FIELDS];
                const tdm__row_place *place = &block->place[row];
                must(place->offset + place->bytes.len <= text.len);
                must(memcmp(text.ptr + place->offset, place->bytes.ptr, place->bytes.len) == 0);
                for (size_t i = 0; i < FIELDS; i++)
                    tdm__column_get(&block->column[i], row, &values[i]);
                if (values[1].presence == TDM_MISSING) /* comes back as null, which `b` may not be */
                    values[1] = (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT};
                tdm__csv_write_row(out, values, FIELDS);
            }
    }
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__chunk_free(&chunk);
}

static void check_round_trip(tdm_str text)
{
    tdm__buf once = {0}, twice = {0};
    write_good_rows(text, &once);
    write_good_rows(tdm__strn(once.ptr, once.len), &twice);
    must(once.len == twice.len && memcmp(once.ptr, twice.ptr, once.len) == 0);
    tdm__buf_free(&once);
    tdm__buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    tdm_str text = {(const char *)data + 2, size - 2};
    check_chunks(text, 1 + data[0], 1 + data[1] * 4);
    check_round_trip(text);
    return 0;
}
