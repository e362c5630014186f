/* YAML documents: libyaml's events become a tree of nodes that know where they stand.
 *
 * Children wait on one stack until their list or map ends and then move into the arena, so building is linear in the
 * document. What a manifest must not have is reported at its place and left out; the tree that remains is sound, so
 * that the reader above can go on and report its own faults in the same pass. libyaml counts characters; places here
 * are bytes, as the excerpts want them. */
#include "codec/yaml_doc.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/digest.h"

typedef struct open_node {
    tdm__yaml_node *node;
    size_t first; /* of its children on the stack */
} open_node;

typedef struct builder {
    tdm__yaml_doc *doc;
    tdm__arena *arena;
    yaml_parser_t parser;
    tdm__yaml_node **stack; /* children of the open nodes: items, or keys and values in turn */
    size_t n_stack, stack_cap;
    open_node open[TDM__YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes, documents;
    uint32_t *line_start; /* byte offsets */
    size_t n_lines, lines_cap;
    size_t at_char, at_byte; /* the cursor that turns libyaml's character index into a byte offset */
} builder;

/* ---- faults ---- */

/* Letters of a text from outside that go into a sentence. */
static int shown(tdm_str text)
{
    return (int)(text.len < 80 ? text.len : 80);
}

/* Finding the line costs time linear in the text, so only faults that will be kept get an excerpt. */
static void report(tdm__yaml_doc *doc, tdm_error *error, size_t line, size_t col)
{
    enum { EXCERPTS_MAX = 100 };
    if (doc->errors++ < EXCERPTS_MAX) {
        tdm__diagnose_at(doc->diagnostics, error, doc->name, doc->text, line, col);
        return;
    }
    tdm__fail_where(error, "%s:%zu:%zu", doc->name, line, col);
    tdm__diagnose(doc->diagnostics, error, NULL);
}

void tdm__yaml_fault_error(tdm__yaml_doc *doc, const tdm__yaml_node *node, const tdm_error *error)
{
    tdm__yaml_fault_inside(doc, node, 0, error);
}

void tdm__yaml_fault(tdm__yaml_doc *doc, const tdm__yaml_node *node, tdm_status status, const char *what,
                     const char *expected, const char *found, const char *hint)
{
    tdm_error error;
    tdm__fail(&error, status, NULL, "%s", what);
    if (expected)
        tdm__fail_expected(&error, "%s", expected);
    if (found)
        tdm__fail_found(&error, "%s", found);
    if (hint)
        tdm__fail_hint(&error, "%s", hint);
    tdm__yaml_fault_error(doc, node, &error);
}

/* How far behind the node's first byte the byte `offset` of its text stands; 0 when that cannot be told. */
static size_t columns_to(const tdm__yaml_doc *doc, const tdm__yaml_node *node, size_t offset)
{
    if (node->kind != TDM__YAML_SCALAR || offset > node->text.len || node->at >= doc->text.len)
        return 0;
    const char *from = doc->text.ptr + node->at, *p = from, *end = doc->text.ptr + doc->text.len;
    bool single = *p == '\'';
    if (node->quoted && !single && *p != '"')
        return 0;
    p += node->quoted;
    for (size_t i = 0; i < offset; i++) {
        if (p >= end || *p != node->text.ptr[i] || *p == '\n')
            return 0;
        p += single && node->quoted && *p == '\'' ? 2 : 1;
    }
    return (size_t)(p - from);
}

void tdm__yaml_fault_inside(tdm__yaml_doc *doc, const tdm__yaml_node *node, size_t offset, const tdm_error *error)
{
    if (node && node->faulty)
        return;
    tdm_error copy = *error;
    size_t skip = node && offset ? columns_to(doc, node, offset) : 0;
    report(doc, &copy, node ? node->line : 1, node ? node->col + skip : 1);
}

/* ---- places ---- */

static int find_lines(builder *b)
{
    tdm_str text = b->doc->text;
    if (!tdm__grow(b->line_start, b->lines_cap, 1))
        return 0;
    b->line_start[b->n_lines++] = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\n') {
            if (!tdm__grow(b->line_start, b->lines_cap, b->n_lines + 1))
                return 0;
            b->line_start[b->n_lines++] = (uint32_t)i + 1;
        }
    return 1;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static uint32_t byte_of(builder *b, size_t index)
{
    tdm_str text = b->doc->text;
    while (b->at_char < index && b->at_byte < text.len) {
        do
            b->at_byte++;
        while (b->at_byte < text.len && continues(text.ptr[b->at_byte]));
        b->at_char++;
    }
    while (b->at_char > index) {
        do
            b->at_byte--;
        while (continues(text.ptr[b->at_byte]));
        b->at_char--;
    }
    return (uint32_t)b->at_byte;
}

static void place(builder *b, tdm__yaml_node *node, uint32_t at)
{
    size_t lo = 0, hi = b->n_lines;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->line_start[mid] <= at)
            lo = mid;
        else
            hi = mid;
    }
    node->at = at;
    node->line = (uint32_t)lo + 1;
    node->col = at - b->line_start[lo] + 1;
}

/* A fault at a place that is no node's. */
static void fault_at(builder *b, uint32_t at, tdm_status status, const char *what)
{
    tdm__yaml_node here = { 0 };
    place(b, &here, at);
    tdm__yaml_fault(b->doc, &here, status, what, NULL, NULL, NULL);
}

/* ---- building ---- */

/* Statuses inside: TDM_OK go on, TDM_MANIFEST stop (reported), TDM_NO_MEMORY. */

static tdm_status push(builder *b, tdm__yaml_node *node)
{
    if (!b->depth) {
        if (!b->doc->root)
            b->doc->root = node;
        return TDM_OK;
    }
    if (!tdm__grow(b->stack, b->stack_cap, b->n_stack + 1))
        return TDM_NO_MEMORY;
    b->stack[b->n_stack++] = node;
    return TDM_OK;
}

static tdm_status new_node(builder *b, const yaml_event_t *event, tdm__yaml_kind kind, tdm__yaml_node **out)
{
    uint32_t at = byte_of(b, event->start_mark.index);
    if (++b->nodes > TDM__YAML_NODES_MAX) {
        fault_at(b, at, TDM_TOO_LARGE, "the document has more than 100000 values");
        return TDM_MANIFEST;
    }
    tdm__yaml_node *node = tdm__arena_new(b->arena, tdm__yaml_node);
    if (!node)
        return TDM_NO_MEMORY;
    node->kind = kind;
    place(b, node, at);
    *out = node;
    return TDM_OK;
}

static void refuse(builder *b, tdm__yaml_node *node, const char *what, const char *hint)
{
    tdm__yaml_fault(b->doc, node, TDM_MANIFEST, what, NULL, NULL, hint);
    node->faulty = true;
}

static void refuse_decoration(builder *b, tdm__yaml_node *node, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        refuse(b, node, "anchors are not allowed", "write the value again where it is needed");
    else if (tag)
        refuse(b, node, "tags are not allowed", "a value's type follows from its key");
}

static tdm_status on_scalar(builder *b, const yaml_event_t *event)
{
    tdm__yaml_node *node;
    tdm_status s = new_node(b, event, TDM__YAML_SCALAR, &node);
    if (s)
        return s;
    tdm_str text = { (const char *)event->data.scalar.value, event->data.scalar.length };
    if (!tdm__arena_str(b->arena, text, &node->text))
        return TDM_NO_MEMORY;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    refuse_decoration(b, node, event->data.scalar.anchor, event->data.scalar.tag);
    if (memchr(text.ptr, 0, text.len))
        refuse(b, node, "a text may not hold a zero byte", NULL);
    return push(b, node);
}

static tdm_status on_alias(builder *b, const yaml_event_t *event)
{
    tdm__yaml_node *node;
    tdm_status s = new_node(b, event, TDM__YAML_SCALAR, &node);
    if (s)
        return s;
    node->text = tdm__str("");
    refuse(b, node, "aliases are not allowed",
           "write the value itself; a text that starts with '*' needs quotes");
    return push(b, node);
}

static tdm_status on_open(builder *b, const yaml_event_t *event, tdm__yaml_kind kind)
{
    tdm__yaml_node *node;
    tdm_status s = new_node(b, event, kind, &node);
    if (s)
        return s;
    if (kind == TDM__YAML_MAP)
        refuse_decoration(b, node, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    else
        refuse_decoration(b, node, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    s = push(b, node);
    if (s)
        return s;
    if (b->depth == TDM__YAML_DEPTH_MAX) {
        tdm__yaml_fault(b->doc, node, TDM_TOO_LARGE, "lists and maps stand more than 32 deep", NULL, NULL, NULL);
        return TDM_MANIFEST;
    }
    b->open[b->depth++] = (open_node){ node, b->n_stack };
    return TDM_OK;
}

static tdm_status close_list(builder *b, open_node top)
{
    size_t n = b->n_stack - top.first;
    top.node->item = tdm__arena_array(b->arena, n, tdm__yaml_node *);
    if (!top.node->item)
        return TDM_NO_MEMORY;
    if (n)
        memcpy(top.node->item, b->stack + top.first, n * sizeof *b->stack);
    top.node->n = n;
    return TDM_OK;
}

/* Keys of one map seen so far: open addressing over their indices plus one. */
typedef struct key_set {
    uint32_t *slot;
    size_t mask;
} key_set;

static bool key_seen(key_set *set, const tdm__yaml_node *map, const tdm__yaml_node *key)
{
    size_t i = (size_t)tdm__hash64(key->text.ptr, key->text.len) & set->mask;
    for (; set->slot[i]; i = (i + 1) & set->mask)
        if (tdm__str_equal(map->key[set->slot[i] - 1]->text, key->text))
            return true;
    set->slot[i] = (uint32_t)map->n + 1;
    return false;
}

static bool key_allowed(builder *b, key_set *set, const tdm__yaml_node *map, const tdm__yaml_node *key)
{
    if (key->kind != TDM__YAML_SCALAR) {
        tdm__yaml_fault(b->doc, key, TDM_MANIFEST, "a key must be a text", NULL, NULL,
                        "a value that starts with '{' or '[' needs quotes");
        return false;
    }
    if (key->faulty)
        return false;
    if (!key_seen(set, map, key))
        return true;
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "the key '%.*s' stands here twice", shown(key->text), key->text.ptr);
    tdm__yaml_fault_error(b->doc, key, &error);
    return false;
}

static tdm_status close_map(builder *b, open_node top)
{
    size_t n = (b->n_stack - top.first) / 2, slots = 4;
    while (slots < 2 * n)
        slots *= 2;
    key_set set = { tdm__zalloc(slots, sizeof *set.slot), slots - 1 };
    tdm__yaml_node *map = top.node;
    map->key = tdm__arena_array(b->arena, n, tdm__yaml_node *);
    map->item = tdm__arena_array(b->arena, n, tdm__yaml_node *);
    bool have = set.slot && map->key && map->item;
    for (size_t i = 0; have && i < n; i++) {
        tdm__yaml_node *key = b->stack[top.first + 2 * i];
        if (!key_allowed(b, &set, map, key))
            continue;
        map->key[map->n] = key;
        map->item[map->n++] = b->stack[top.first + 2 * i + 1];
    }
    tdm__free(set.slot);
    return have ? TDM_OK : TDM_NO_MEMORY;
}

static tdm_status on_close(builder *b)
{
    open_node top = b->open[--b->depth];
    tdm_status s = top.node->kind == TDM__YAML_MAP ? close_map(b, top) : close_list(b, top);
    b->n_stack = top.first;
    return s;
}

static tdm_status on_document(builder *b, const yaml_event_t *event)
{
    if (!b->documents++)
        return TDM_OK;
    fault_at(b, byte_of(b, event->start_mark.index), TDM_MANIFEST, "a second document starts here; one is allowed");
    return TDM_MANIFEST;
}

static tdm_status on_event(builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(b, event);
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return on_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, event, TDM__YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, event, TDM__YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(b);
    default:
        return TDM_OK;
    }
}

/* ---- the whole ---- */

static tdm_status scan_failed(builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return TDM_NO_MEMORY;
    const char *problem = p->problem ? p->problem : "unknown problem";
    size_t at = p->error == YAML_READER_ERROR ? p->problem_offset : byte_of(b, p->problem_mark.index);
    if (at > b->doc->text.len)
        at = b->doc->text.len;
    tdm_error error;
    tdm__fail(&error, TDM_SYNTAX, NULL, "this is not valid YAML: %s%s%s", problem, p->context ? ", " : "",
              p->context ? p->context : "");
    tdm__yaml_node here = { 0 };
    place(b, &here, (uint32_t)at);
    tdm__yaml_fault_error(b->doc, &here, &error);
    return TDM_MANIFEST;
}

static tdm_status build(builder *b)
{
    if (!find_lines(b) || !yaml_parser_initialize(&b->parser))
        return TDM_NO_MEMORY;
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)b->doc->text.ptr, b->doc->text.len);
    tdm_status s = TDM_OK;
    for (bool end = false; !s && !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            s = scan_failed(b);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        s = on_event(b, &event);
        yaml_event_delete(&event);
    }
    b->doc->complete = !s;
    /* What was open when it stopped is closed as it is, so that the tree is sound. */
    while (s != TDM_NO_MEMORY && b->depth)
        if (on_close(b))
            s = TDM_NO_MEMORY;
    yaml_parser_delete(&b->parser);
    return s;
}

tdm_status tdm__yaml_parse(tdm_str text, const char *name, tdm__arena *arena, tdm_diagnostics *list, tdm__yaml_doc *out)
{
    *out = (tdm__yaml_doc){ .name = name, .text = text.ptr ? text : tdm__str(""), .diagnostics = list };
    if (text.len > TDM__YAML_BYTES_MAX) {
        tdm__yaml_fault(out, NULL, TDM_TOO_LARGE, "the document is longer than 4 MiB", NULL, NULL, NULL);
        return TDM_MANIFEST;
    }
    if (!tdm__utf8_valid(text)) {
        tdm__yaml_fault(out, NULL, TDM_TEXT_ENCODING, "the document is not valid UTF-8", NULL, NULL, NULL);
        return TDM_MANIFEST;
    }
    builder b = { .doc = out, .arena = arena };
    tdm_status s = build(&b);
    tdm__free(b.stack);
    tdm__free(b.line_start);
    if (s == TDM_NO_MEMORY)
        return s;
    if (!out->root && !out->errors)
        tdm__yaml_fault(out, NULL, TDM_MANIFEST, "the document is empty", NULL, NULL, NULL);
    return out->errors ? TDM_MANIFEST : TDM_OK;
}

/* ---- the walker ---- */

tdm__yaml_node *tdm__yaml_get(const tdm__yaml_node *map, const char *key)
{
    if (!map || map->kind != TDM__YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (tdm__str_is(map->key[i]->text, key))
            return map->item[i];
    return NULL;
}

static const char *kind_text(unsigned kind)
{
    static const char *const text[] = { "a text", "a list", "a map" };
    return kind < 3 ? text[kind] : "anything";
}

static const char *found_text(const tdm__yaml_node *node)
{
    return !node || (node->kind == TDM__YAML_SCALAR && !node->text.len) ? "nothing" : kind_text(node->kind);
}

static void check_kind(tdm__yaml_doc *doc, const tdm__yaml_node *node, const tdm__yaml_field *field)
{
    if ((int)field->kind == TDM__YAML_ANY || node->kind == field->kind)
        return;
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "'%s' has another shape than it must", field->name);
    tdm__fail_expected(&error, "%s", kind_text(field->kind));
    tdm__fail_found(&error, "%s", found_text(node));
    tdm__yaml_fault_error(doc, node, &error);
}

static void hint_all(tdm_error *error, const char *const *names, size_t n)
{
    char all[sizeof error->hint] = "";
    size_t len = 0;
    for (size_t i = 0; i < n && len + strlen(names[i]) + 16 < sizeof all; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", names[i]);
    tdm__fail_hint(error, "known are %s", all);
}

/* Reports an unknown key; returns the number of the known one that was probably meant, or n. */
static size_t unknown_key(tdm__yaml_doc *doc, const tdm__yaml_node *key, const char *what, const char *const *names,
                          size_t n)
{
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "unknown key '%.*s' in %s", shown(key->text), key->text.ptr, what);
    const char *near = tdm__nearest(key->text, names, n);
    if (near)
        tdm__fail_hint(&error, "did you mean '%s'?", near);
    else
        hint_all(&error, names, n);
    tdm__yaml_fault_error(doc, key, &error);
    size_t f = 0;
    while (f < n && names[f] != near)
        f++;
    return f;
}

static void not_a_map(tdm__yaml_doc *doc, const tdm__yaml_node *node, const char *what)
{
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "%s must be a map", what);
    tdm__fail_expected(&error, "a map");
    tdm__fail_found(&error, "%s", found_text(node));
    tdm__yaml_fault_error(doc, node, &error);
}

bool tdm__yaml_check_map(tdm__yaml_doc *doc, const tdm__yaml_node *node, const char *what,
                         const tdm__yaml_field *fields, size_t n)
{
    if (!node || node->kind != TDM__YAML_MAP) {
        not_a_map(doc, node, what);
        return false;
    }
    const char *names[TDM__YAML_FIELDS_MAX];
    bool there[TDM__YAML_FIELDS_MAX + 1] = { false };
    n = n < TDM__YAML_FIELDS_MAX ? n : TDM__YAML_FIELDS_MAX;
    for (size_t f = 0; f < n; f++)
        names[f] = fields[f].name;
    for (size_t i = 0; i < node->n; i++) {
        size_t f = 0;
        while (f < n && !tdm__str_is(node->key[i]->text, names[f]))
            f++;
        if (f < n)
            check_kind(doc, node->item[i], &fields[f]);
        else
            f = unknown_key(doc, node->key[i], what, names, n);
        there[f] = true; /* one slip, one message: what was meant is not also lacking */
    }
    for (size_t f = 0; f < n; f++)
        if (fields[f].required && !there[f]) {
            tdm_error error;
            tdm__fail(&error, TDM_MANIFEST, NULL, "%s lacks '%s'", what, names[f]);
            tdm__yaml_fault_error(doc, node, &error);
        }
    return true;
}

/* ---- writing ---- */

static bool plain_allowed(tdm_str text)
{
    static const char signs[] = " _-+.,/()?%";
    if (!text.len || text.ptr[text.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9';
        if (!letter && (!i || (!digit && !strchr(signs, c))))
            return false;
    }
    return true;
}

/* Reads one character of valid UTF-8. */
static uint32_t code_point(tdm_str text, size_t *i)
{
    unsigned char c = (unsigned char)text.ptr[(*i)++];
    size_t more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    uint32_t v = more ? c & (0x3Fu >> more) : c;
    for (; more && *i < text.len; more--)
        v = v << 6 | ((unsigned char)text.ptr[(*i)++] & 0x3Fu);
    return v;
}

/* What libyaml's reader accepts and its scanner does not fold as a line break. */
static bool prints(uint32_t c)
{
    if (c < 0xA0)
        return c >= 0x20 && c < 0x7F;
    return c != 0x2028 && c != 0x2029 && c != 0xFEFF && c != 0xFFFE && c != 0xFFFF;
}

void tdm__yaml_write_text(tdm__buf *out, tdm_str text)
{
    if (plain_allowed(text)) {
        tdm__buf_str(out, text);
        return;
    }
    tdm__buf_char(out, '"');
    for (size_t i = 0; i < text.len;) {
        size_t from = i;
        uint32_t c = code_point(text, &i);
        if (c == '"' || c == '\\')
            tdm__buf_char(out, '\\');
        if (prints(c))
            tdm__buf_add(out, text.ptr + from, i - from);
        else
            tdm__buf_printf(out, "\\u%04x", (unsigned)c); /* all that do not print lie below 0x10000 */
    }
    tdm__buf_char(out, '"');
}
