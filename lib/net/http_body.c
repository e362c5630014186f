/* A chunked body: sizes, extensions, data, trailers.
 *
 * All but the data is read byte by byte by one automaton, so that it does not matter how the bytes were cut; data is
 * given out in pieces as they lie. Extensions and trailers are checked and forgotten, and bounded: each line of them, and
 * all together in proportion to the body, since a body of one-byte chunks with long extensions would otherwise cost a
 * thousand times what it says. A trailer may not be a field that the machine reads: it would come too late to count, and
 * a proxy may count it. */
#include "base/fail.h"
#include "net/http_impl.h"

enum { EXTENSION_BYTES_MAX = 4 << 10, EXTENSIONS_BYTES_MAX = 16 << 10, SIZE_DIGITS_MAX = 16 };

enum state {
    SIZE,
    EXT_BEGIN, /* behind ';' */
    EXT_NAME,
    VALUE_BEGIN, /* behind '=' */
    VALUE,
    QUOTED,
    QUOTED_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* at the begin of a line behind the last chunk; from here on all is trailers */
    NAME,
    TEXT,
    TRAILER_LF,
    LAST_LF,
    DONE
};

static const char chunk_where[] = "chunk", trailer_where[] = "trailer";

static bool refuse(tdm_error *err, const char *where, char found, const char *what)
{
    tdm__fail(err, TDM_HTTP_SYNTAX, where, "%s", what);
    tdm__fail_found_text(err, tdm__strn(&found, 1));
    return false;
}

static bool go(tdm__http_chunks *c, enum state state)
{
    c->state = (uint8_t)state;
    return true;
}

static bool expect_byte(tdm__http_chunks *c, char byte, char wanted, enum state next, tdm_error *err)
{
    const char *where = c->state >= TRAILER ? trailer_where : chunk_where;
    if (byte == wanted)
        return go(c, next);
    refuse(err, where, byte, c->state == DATA_CR ? "the chunk is longer than its size" : "a line does not end in CR LF");
    tdm__fail_expected(err, wanted == '\r' ? "\"\\r\"" : "\"\\n\"");
    return false;
}

/* ---- the line of a chunk's size ---- */

/* 0 to 15, or 16. */
static unsigned hex_digit(char c)
{
    unsigned digit = (unsigned)(unsigned char)c - '0', letter = ((unsigned)(unsigned char)c | 0x20) - 'a';
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

static bool size_byte(tdm__http_chunks *c, char byte, tdm_error *err)
{
    unsigned digit = hex_digit(byte);
    if (digit == 16) {
        enum state next = byte == '\r' ? SIZE_LF : EXT_BEGIN;
        if (c->line_bytes == 0 || (byte != '\r' && byte != ';'))
            return refuse(err, chunk_where, byte, "this is not a chunk's size in hexadecimal digits");
        c->line_bytes = 0;
        return go(c, next);
    }
    if (c->line_bytes == SIZE_DIGITS_MAX)
        return refuse(err, chunk_where, byte, "the chunk's size has too many digits");
    c->left = c->left << 4 | digit;
    c->line_bytes++;
    return true;
}

/* *( ";" name [ "=" ( token / quoted ) ] ). Nobody sends a backslash in a quoted one, and readers differ about it. */
static bool extension_step(tdm__http_chunks *c, char byte, tdm_error *err)
{
    bool token = tdm__http_is(byte, TDM__BYTE_TOKEN), begins = c->state == EXT_BEGIN || c->state == VALUE_BEGIN;
    if (c->state == QUOTED && byte != '\\' && tdm__http_is(byte, TDM__BYTE_PLAIN))
        return go(c, byte == '"' ? QUOTED_END : QUOTED);
    if (c->state < QUOTED && token)
        return go(c, c->state < VALUE_BEGIN ? EXT_NAME : VALUE);
    if (c->state == VALUE_BEGIN && byte == '"')
        return go(c, QUOTED);
    if (c->state == EXT_NAME && byte == '=')
        return go(c, VALUE_BEGIN);
    bool whole = !begins && c->state != QUOTED;
    if (whole && byte == ';')
        return go(c, EXT_BEGIN);
    if (whole && byte == '\r')
        return go(c, SIZE_LF);
    return refuse(err, chunk_where, byte, "this may not stand in a chunk's extension");
}

static bool extension_byte(tdm__http_chunks *c, char byte, tdm_error *err)
{
    c->extension_bytes++;
    if (++c->line_bytes > EXTENSION_BYTES_MAX || c->extension_bytes > EXTENSIONS_BYTES_MAX + c->body_bytes) {
        tdm__fail(err, TDM_HTTP_SYNTAX, chunk_where, "chunk extensions are too long");
        tdm__fail_expected(err, "at most %d bytes a chunk, and in all %d and the body's", EXTENSION_BYTES_MAX,
                           EXTENSIONS_BYTES_MAX);
        return false;
    }
    return extension_step(c, byte, err);
}

static bool size_end(tdm__http_chunks *c, const tdm__http_chunk_limits *limits, tdm_error *err)
{
    c->line_bytes = 0;
    if (c->left == 0)
        return go(c, TRAILER);
    if (c->left > limits->body_bytes_max - c->body_bytes) {
        tdm__fail(err, TDM_TOO_LARGE, chunk_where, "the body is too large");
        tdm__fail_expected(err, "at most %llu bytes", (unsigned long long)limits->body_bytes_max);
        return false;
    }
    c->body_bytes += c->left;
    return go(c, DATA);
}

/* ---- trailers ---- */

static uint32_t match_name(uint32_t match, uint32_t at, char byte)
{
    char low = byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
    for (unsigned i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        if (match >> i & 1 && tdm__http_field_names[i][at] != low)
            match &= ~(1u << i);
    return match;
}

static bool is_whole_name(const tdm__http_chunks *c)
{
    for (unsigned i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        if (c->trailer_match >> i & 1 && tdm__http_field_names[i][c->line_bytes] == 0)
            return true;
    return false;
}

static bool name_byte(tdm__http_chunks *c, char byte, tdm_error *err)
{
    if (tdm__http_is(byte, TDM__BYTE_TOKEN)) {
        c->trailer_match = match_name(c->trailer_match, c->line_bytes, byte);
        c->line_bytes++;
        return go(c, NAME);
    }
    if (byte != ':' || c->line_bytes == 0)
        return refuse(err, trailer_where, byte, "this is not a field");
    if (is_whole_name(c))
        return refuse(err, trailer_where, byte, "a field that counts may not come behind the body");
    return go(c, TEXT);
}

static bool trailer_begin(tdm__http_chunks *c, char byte, tdm_error *err)
{
    if (byte == '\r')
        return go(c, LAST_LF);
    c->line_bytes = 0;
    c->trailer_match = (1u << TDM__HTTP_FIELD_COUNT) - 1;
    return name_byte(c, byte, err);
}

static bool trailer_byte(tdm__http_chunks *c, char byte, const tdm__http_chunk_limits *limits, tdm_error *err)
{
    if (++c->trailer_bytes > limits->trailer_bytes_max) {
        tdm__fail(err, TDM_HTTP_SYNTAX, trailer_where, "the trailers are too long");
        tdm__fail_expected(err, "at most %u bytes", limits->trailer_bytes_max);
        return false;
    }
    switch ((enum state)c->state) {
    case TRAILER:
        return trailer_begin(c, byte, err);
    case NAME:
        return name_byte(c, byte, err);
    case TRAILER_LF:
        return expect_byte(c, byte, '\n', TRAILER, err);
    case LAST_LF:
        return expect_byte(c, byte, '\n', DONE, err);
    default:
        if (byte == '\r')
            return go(c, TRAILER_LF);
        return tdm__http_is(byte, TDM__BYTE_PLAIN) || refuse(err, trailer_where, byte, "a control byte");
    }
}

/* ---- all of it ---- */

static bool take_byte(tdm__http_chunks *c, char byte, const tdm__http_chunk_limits *limits, tdm_error *err)
{
    switch ((enum state)c->state) {
    case SIZE:
        return size_byte(c, byte, err);
    case SIZE_LF:
        return expect_byte(c, byte, '\n', SIZE, err) && size_end(c, limits, err);
    case DATA_CR:
        return expect_byte(c, byte, '\r', DATA_LF, err);
    case DATA_LF:
        return expect_byte(c, byte, '\n', SIZE, err);
    default:
        return c->state < SIZE_LF ? extension_byte(c, byte, err) : trailer_byte(c, byte, limits, err);
    }
}

static void take_data(tdm__http_chunks *c, tdm_str *in, tdm_str *piece)
{
    *piece = tdm__strn(in->ptr, in->len < c->left ? in->len : (size_t)c->left);
    c->left -= piece->len;
    *in = tdm__strn(in->ptr + piece->len, in->len - piece->len);
    if (c->left == 0)
        c->state = DATA_CR;
}

tdm__http_part tdm__http_chunks_take(tdm__http_chunks *chunks, tdm_str *in, const tdm__http_chunk_limits *limits,
                                     tdm_str *piece, tdm_error *err)
{
    *piece = tdm__strn(NULL, 0);
    while (in->len && chunks->state != DONE) {
        if (chunks->state == DATA) {
            take_data(chunks, in, piece);
            return TDM__PART_MORE;
        }
        if (!take_byte(chunks, *in->ptr, limits, err))
            return TDM__PART_FAULT;
        in->ptr++;
        in->len--;
    }
    return chunks->state == DONE ? TDM__PART_DONE : TDM__PART_MORE;
}
