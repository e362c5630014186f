/* What `tandem top` reads from a socket: any bytes give an error or a screen that keeps to its size. The input is two
 * answers with a zero byte between them. */
#include <stdlib.h>
#include <string.h>

#include <tandem/serve.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const tdm_text *out, const tdm_top_look *look)
{
    unsigned width = 0, lines = 0;
    for (size_t i = 0; i < out->len; i++) {
        unsigned char c = (unsigned char)out->ptr[i];
        if (c == '\n') {
            lines++;
            width = 0;
        } else if (c < 0x20 || c == 0x7f || (width += (c & 0xc0) != 0x80) > look->columns) {
            abort();
        }
    }
    if (lines > look->rows)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *zero = size ? memchr(text, 0, size) : NULL;
    size_t first = zero ? (size_t)(zero - text) : size;
    tdm_str before = {text, first}, now = {text + first + (zero != NULL), zero ? size - first - 1 : 0};
    const tdm_top_look look = {.columns = 40 + (unsigned)(size % 60), .rows = 1 + (unsigned)(size % 50)};
    tdm_text out = {0};
    tdm_error err;
    if (tdm_top_frame(before, now, &look, &out, &err) == TDM_OK)
        check_lines(&out, &look);
    else if (out.len || err.status == TDM_OK)
        abort();
    tdm_text_free(&out);
    return 0;
}
