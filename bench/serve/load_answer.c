/* Reading an answer: HTTP/1.1, a status, and a body whose length is said by Content-Length or by chunks.
 *
 * Strict where a mistake of the server could pass for a fast answer: lines end with CRLF, numbers are digits and nothing
 * else, an answer without a length is broken, and so are bytes after its end (nothing was asked yet). Answers 1xx are
 * passed over. */
#define _GNU_SOURCE
#include "load_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ROOM_FIRST = 4096, ROOM_MAX = 64 << 20 };

bool load_answer_room(load_answer *a)
{
    if (a->size < a->room)
        return true;
    size_t room = a->room ? 2 * a->room : ROOM_FIRST;
    char *bytes = room <= ROOM_MAX ? realloc(a->bytes, room) : NULL;
    if (!bytes)
        return false;
    a->bytes = bytes;
    a->room = room;
    return true;
}

void load_answer_clear(load_answer *a)
{
    *a = (load_answer){.bytes = a->bytes, .room = a->room};
}

/* A whole number of base 10 or 16 that fills `n` bytes. */
static bool read_number(const char *bytes, size_t n, unsigned base, size_t *out)
{
    size_t v = 0;
    if (n == 0 || n > 9)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i], letter = c | 0x20;
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
                         : letter >= 'a' && letter <= 'f' ? (unsigned)(letter - 'a') + 10 : 16;
        if (digit >= base)
            return false;
        v = v * base + digit;
    }
    *out = v;
    return true;
}

static bool is_name(const char *line, size_t n, const char *name)
{
    return n == strlen(name) && strncasecmp(line, name, n) == 0;
}

static bool read_field(load_answer *a, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    if (!colon || colon == line)
        return false;
    size_t name = (size_t)(colon - line);
    const char *value = colon + 1, *end = line + n;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    size_t size = (size_t)(end - value);
    if (is_name(line, name, "content-length")) {
        if (a->sized || !read_number(value, size, 10, &a->body))
            return false;
        a->sized = true;
    } else if (is_name(line, name, "transfer-encoding")) {
        if (!is_name(value, size, "chunked"))
            return false;
        a->chunked = true;
    } else if (is_name(line, name, "connection")) {
        a->closes = is_name(value, size, "close");
    }
    return true;
}

/* The head is bytes[0..head), with the empty line. */
static bool read_head(load_answer *a)
{
    const char *at = a->bytes, *end = a->bytes + a->head - 2;
    size_t status;
    if (a->head < 17 || memcmp(at, "HTTP/1.1 ", 9) != 0 || !read_number(at + 9, 3, 10, &status) || status < 100 ||
        status >= LOAD_STATUS_MAX || (at[12] != ' ' && at[12] != '\r'))
        return false;
    a->status = (int)status;
    at = (char *)memchr(at, '\n', a->head) + 1;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop || stop[-1] != '\r' || !read_field(a, at, (size_t)(stop - 1 - at)))
            return false;
        at = stop + 1;
    }
    bool bodiless = status < 200 || status == 204 || status == 304;
    if (a->chunked == a->sized && !bodiless)
        return false;
    if (bodiless)
        a->body = 0;
    if (a->chunked)
        a->body = 0;
    a->chunk = a->head;
    return true;
}

/* Takes the chunks that are here. Bodies lie one after the other from `head` on; size lines are overwritten. */
static load_reading read_chunks(load_answer *a)
{
    for (;;) {
        const char *line = a->bytes + a->chunk;
        const char *stop = memmem(line, a->size - a->chunk, "\r\n", 2);
        if (!stop)
            return a->size - a->chunk > 1024 ? LOAD_BROKEN : LOAD_MORE;
        const char *digits_end = memchr(line, ';', (size_t)(stop - line));
        size_t n, after = (size_t)(stop + 2 - a->bytes);
        if (!read_number(line, (size_t)((digits_end ? digits_end : stop) - line), 16, &n))
            return LOAD_BROKEN;
        if (a->size - after < n + 2)
            return LOAD_MORE;
        if (memcmp(a->bytes + after + n, "\r\n", 2) != 0) /* trailers are no use to a bench */
            return LOAD_BROKEN;
        if (n == 0)
            return a->size == after + 2 ? LOAD_COMPLETE : LOAD_BROKEN;
        memmove(a->bytes + a->head + a->body, a->bytes + after, n);
        a->body += n;
        a->chunk = after + n + 2;
    }
}

static load_reading find_head(load_answer *a)
{
    size_t from = a->scanned > 3 ? a->scanned - 3 : 0;
    const char *end = a->size > from ? memmem(a->bytes + from, a->size - from, "\r\n\r\n", 4) : NULL;
    a->scanned = a->size;
    if (!end)
        return a->size > 65536 ? LOAD_BROKEN : LOAD_MORE;
    a->head = (size_t)(end + 4 - a->bytes);
    return read_head(a) ? LOAD_COMPLETE : LOAD_BROKEN;
}

static void skip_interim(load_answer *a)
{
    size_t rest = a->size - a->head;
    memmove(a->bytes, a->bytes + a->head, rest);
    load_answer_clear(a);
    a->size = rest;
}

load_reading load_answer_read(load_answer *a)
{
    while (!a->head) {
        load_reading r = find_head(a);
        if (r != LOAD_COMPLETE)
            return r;
        if (a->status >= 200)
            break;
        skip_interim(a);
    }
    if (a->chunked)
        return read_chunks(a);
    size_t whole = a->head + a->body;
    return a->size < whole ? LOAD_MORE : a->size == whole ? LOAD_COMPLETE : LOAD_BROKEN;
}
