/* What reading CSV costs: ns a row, beside what the bytes cost at memory speed.
 *
 * The text is the example's flight schedule, repeated to some 16 MiB (made up when the file is not there). "memcpy" is
 * the floor: every byte read and written once. "index" finds commas, quotes and line ends, by each instruction set;
 * "cut" is the reader alone, from memory to chunks; "parse" turns chunks into columns: the key only, the five columns
 * that the example reads, and all. "quoted" is the same rows with every field in quotes, which go through the careful
 * path. Hashes of one group are equal where the work is. */
#define _GNU_SOURCE
#include "micro.h"

#include "codec/rows_impl.h"

enum { BYTES = 16 << 20, BYTES_SMALL = 200 << 10 };

static const char *const key_only[] = {"flight_key:string", NULL};
static const char *const five[] = {"flight_key:string", "sched_dep_utc:timestamp", "origin:string", "distance:f64",
                                   "sched_block_min:i64", NULL};
static const char *const all[] = {"flight_key:string", "flight_date:string", "carrier:string", "flight:i64",
                                  "last_tailnum:string?", "origin:string", "dest:string", "distance:f64",
                                  "sched_dep_utc:timestamp", "sched_arr_utc:timestamp", "sched_dep_local:string",
                                  "sched_arr_local:string", "sched_block_min:i64", "origin_hour_departures:i64", NULL};
static const char made_up[] =
    "flight_key,flight_date,carrier,flight,last_tailnum,origin,dest,distance,sched_dep_utc,sched_arr_utc,sched_dep_local,"
    "sched_arr_local,sched_block_min,origin_hour_departures\n"
    "20130101-UA1545-EWR,2013-01-01,UA,1545,N14228,EWR,IAH,1400,2013-01-01T10:15:00Z,2013-01-01T14:19:00Z,"
    "2013-01-01T05:15:00,2013-01-01T08:19:00,244,3\n"
    "20130101-UA1714-LGA,2013-01-01,UA,1714,N24211,LGA,IAH,1416,2013-01-01T10:29:00Z,2013-01-01T14:30:00Z,"
    "2013-01-01T05:29:00,2013-01-01T08:30:00,241,7\n";

static tdm__buf text, quoted;
static char *copy;
static size_t rows;

static void stop(const char *what)
{
    fprintf(stderr, "bench_csv: %s\n", what);
    exit(1);
}

/* ---- the text ---- */

static void read_example(tdm__buf *out)
{
    tdm__stream *s;
    size_t got = 1;
    if (tdm__stream_open(tdm__fs_posix(), TANDEM_SOURCE_ROOT "/examples/flights/data/schedule.csv.gz", &s, NULL)) {
        tdm__buf_text(out, made_up);
        return;
    }
    while (got > 0) {
        char *to = tdm__buf_reserve(out, 1 << 16);
        if (!to || tdm__stream_read(s, to, 1 << 16, &got, NULL))
            stop("the example cannot be read");
        out->len += got;
    }
    tdm__stream_close(&s);
}

static void quote_fields(const tdm__buf *plain, tdm__buf *out)
{
    bool begins = true;
    for (size_t i = 0; i < plain->len; i++) {
        char c = plain->ptr[i];
        bool ends = c == ',' || c == '\n';
        if (begins || ends)
            tdm__buf_char(out, '"');
        if (begins && ends) /* an empty field */
            tdm__buf_char(out, '"');
        tdm__buf_char(out, c);
        begins = ends;
    }
}

static void prepare(size_t bytes)
{
    tdm__buf example = {0};
    read_example(&example);
    const char *body = memchr(example.ptr, '\n', example.len);
    size_t header = (size_t)(body - example.ptr) + 1, body_len = example.len - header;
    if (body_len > bytes)
        for (body_len = bytes; example.ptr[header + body_len - 1] != '\n';)
            body_len--;
    tdm__buf_add(&text, example.ptr, header);
    while (text.len < bytes)
        tdm__buf_add(&text, example.ptr + header, body_len);
    for (size_t i = header; i < text.len; i++)
        rows += text.ptr[i] == '\n';
    quote_fields(&text, &quoted);
    copy = malloc(text.len);
    tdm__buf_free(&example);
    if (text.failed || quoted.failed || !copy)
        stop("out of memory");
}

/* ---- the cases ---- */

static uint64_t work_memcpy(const void *input)
{
    (void)input;
    memcpy(copy, text.ptr, text.len);
    return (unsigned char)copy[text.len / 2];
}

static uint64_t work_index(const void *input)
{
    static uint32_t marks[TDM__CHUNK_BYTES + 64];
    const tdm__csv_kernels *k = input;
    uint64_t hash = 0;
    for (size_t at = 0; at < text.len; at += TDM__CHUNK_BYTES) {
        bool ascii;
        size_t n = text.len - at < TDM__CHUNK_BYTES ? text.len - at : TDM__CHUNK_BYTES;
        size_t found = k->index(text.ptr + at, n, marks, &ascii);
        hash = micro_mix(hash, found + (found ? marks[found - 1] : 0));
    }
    return hash;
}

typedef struct memory_source {
    const tdm__buf *text;
    size_t at;
} memory_source;

static tdm_status read_memory(void *self, void *to, size_t n, size_t *got, tdm_error *err)
{
    memory_source *s = self;
    (void)err;
    *got = s->text->len - s->at < n ? s->text->len - s->at : n;
    memcpy(to, s->text->ptr + s->at, *got);
    s->at += *got;
    return TDM_OK;
}

static uint64_t hash_block(const tdm__row_block *block, size_t columns)
{
    uint64_t hash = block->n_bad;
    for (size_t i = 0; i < columns; i++)
        for (size_t row = 0; row < block->n; row += 64) {
            const tdm__column *c = &block->column[i];
            hash = micro_mix(hash, c->type.kind == TDM_STRING ? c->as.str[row].len : (uint64_t)c->as.i64[row]);
        }
    return hash;
}

typedef struct parse_input {
    const tdm__buf *text;
    const char *const *fields; /* NULL: only cut */
} parse_input;

static size_t make_schema(const char *const *names, tdm__field *fields)
{
    size_t n = 0;
    for (; names && names[n]; n++) {
        tdm_str type;
        fields[n].name = tdm__str_cut(tdm__str(names[n]), ':', &type);
        if (tdm__type_parse(type, &fields[n].type, NULL))
            stop("a type");
    }
    return n;
}

static uint64_t work_parse(const void *input)
{
    const parse_input *in = input;
    memory_source from = {in->text, 0};
    tdm__reader_source source = {read_memory, &from, "text", TDM__CHUNK_BYTES, TDM__RECORD_BYTES_MAX};
    tdm__field fields[16];
    tdm__schema schema = {fields, make_schema(in->fields, fields)};
    tdm__reader *reader;
    tdm__row_parser *parser;
    tdm__chunk chunk = {0};
    const tdm__row_block *block;
    size_t n;
    uint64_t hash = 0;
    if (tdm__reader_open_source(&source, TDM__FORMAT_CSV, &reader, NULL))
        stop("the reader");
    const tdm_str *header = tdm__reader_header(reader, &n);
    if (tdm__row_parser_new(TDM__FORMAT_CSV, header, n, &schema, NULL, &parser, NULL))
        stop("the parser");
    while (!tdm__reader_next(reader, &chunk, NULL) && chunk.bytes.len > 0) {
        if (!in->fields) {
            hash = micro_mix(hash, chunk.first_row);
            continue;
        }
        tdm__row_parser_start(parser, &chunk);
        while (!tdm__row_parser_next(parser, &block, NULL) && block->n + block->n_bad > 0)
            hash += hash_block(block, schema.n); /* a sum: chunks of quoted text hold other rows */
    }
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__chunk_free(&chunk);
    return hash;
}

int main(int argc, char **argv)
{
    bool small = micro_is_small(argc, argv);
    micro_case cases[16] = {{"memcpy", "libc", work_memcpy, NULL}};
    size_t n = 1;
    prepare(small ? BYTES_SMALL : BYTES);
    parse_input cut = {&text, NULL}, key = {&text, key_only}, some = {&text, five}, whole = {&text, all};
    parse_input cut_quoted = {&quoted, NULL}, whole_quoted = {&quoted, all};
    for (size_t i = 0; tdm__csv_kernels_at(i); i++)
        cases[n++] = (micro_case){"index", tdm__csv_kernels_at(i)->name, work_index, tdm__csv_kernels_at(i)};
    cases[n++] = (micro_case){"cut", "plain", work_parse, &cut};
    cases[n++] = (micro_case){"cut and parse", "key", work_parse, &key};
    cases[n++] = (micro_case){"cut and parse", "5 columns", work_parse, &some};
    cases[n++] = (micro_case){"cut and parse", "all 14", work_parse, &whole};
    cases[n++] = (micro_case){"cut, quoted", "", work_parse, &cut_quoted};
    cases[n++] = (micro_case){"cut and parse, quoted", "all 14", work_parse, &whole_quoted};
    printf("# ns a row; %zu rows of %.0f bytes\n", rows, (double)text.len / (double)rows);
    int code = micro_run("bench_csv", cases, n, rows, small);
    tdm__buf_free(&text);
    tdm__buf_free(&quoted);
    free(copy);
    return code;
}
