/* YAML documents: places are right, what is forbidden is found at its place, all at once, and texts round-trip. */
#include "codec/yaml_doc.h"

#include "base/random.h"
#include "fault_text.h"

typedef struct fixture {
    tdm__arena arena;
    tdm_diagnostics *list;
    tdm__buf text;
    tdm__yaml_doc doc;
} fixture;

static void start(fixture *f)
{
    *f = (fixture){ 0 };
    f->list = tdm_diagnostics_new();
    assert_non_null(f->list);
}

static void stop(fixture *f)
{
    tdm_diagnostics_close(&f->list);
    tdm__arena_free(&f->arena);
    tdm__buf_free(&f->text);
}

static void expect_place(const tdm__yaml_node *node, const char *text, unsigned line, unsigned col)
{
    assert_non_null(node);
    assert_int_equal(node->kind, TDM__YAML_SCALAR);
    assert_int_equal(node->text.len, strlen(text));
    assert_memory_equal(node->text.ptr, text, strlen(text));
    assert_int_equal(node->line, line);
    assert_int_equal(node->col, col);
}

static void test_tree(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    tdm_str text = tdm__str("\xEF\xBB\xBF# caf\xC3\xA9\n"
                            "a: {b: string?, \"\xC3\xA9\": 'it''s'}\r\n"
                            "list:\n"
                            "  - one   # not this\n"
                            "  - [two, f64? in]\n"
                            "empty:\n"
                            "block: |\n"
                            "  x\n");
    assert_ok(tdm__yaml_parse(text, "t.yaml", &f.arena, f.list, &f.doc), NULL);
    const tdm__yaml_node *root = f.doc.root;
    assert_int_equal(root->n, 4);
    const tdm__yaml_node *a = tdm__yaml_get(root, "a");
    expect_place(tdm__yaml_get(a, "b"), "string?", 2, 8);
    expect_place(a->key[1], "\xC3\xA9", 2, 17);
    expect_place(a->item[1], "it's", 2, 23);
    assert_true(a->item[1]->quoted);
    assert_false(tdm__yaml_get(a, "b")->quoted);
    const tdm__yaml_node *list = tdm__yaml_get(root, "list");
    assert_int_equal(list->n, 2);
    expect_place(list->item[0], "one", 4, 5);
    expect_place(list->item[1]->item[1], "f64? in", 5, 11);
    assert_int_equal(tdm__yaml_get(root, "empty")->text.len, 0);
    expect_place(tdm__yaml_get(root, "block"), "x\n", 7, 8);
    assert_null(tdm__yaml_get(root, "none"));
    assert_null(tdm__yaml_get(list, "one"));
    stop(&f);
}

static const struct {
    const char *yaml, *faults;
} broken[] = {
    { "", "t.yaml:1:1: the document is empty\n" },
    { "# nothing\n", "t.yaml:1:1: the document is empty\n  # nothing\n  ^\n" },
    { "a: 1\nb: &x 2\nc: *x\nd: !!int 3\n",
      "t.yaml:2:4: anchors are not allowed (write the value again where it is needed)\n  b: &x 2\n     ^\n"
      "t.yaml:3:4: aliases are not allowed (write the value itself; a text that starts with '*' needs quotes)\n"
      "  c: *x\n     ^\n"
      "t.yaml:4:4: tags are not allowed (a value's type follows from its key)\n  d: !!int 3\n     ^\n" },
    { "a: 1\nb: {a: 1, c: 2, c: 3}\na: 2\n",
      "t.yaml:2:17: the key 'c' stands here twice\n  b: {a: 1, c: 2, c: 3}\n                  ^\n"
      "t.yaml:3:1: the key 'a' stands here twice\n  a: 2\n  ^\n" },
    { "a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document starts here; one is allowed\n  ---\n  ^\n" },
    { "{a: 1}: 2\n",
      "t.yaml:1:1: a key must be a text (a value that starts with '{' or '[' needs quotes)\n  {a: 1}: 2\n  ^\n" },
    { "a: {b: 1\nc: 2\n",
      "t.yaml:2:2: this is not valid YAML: did not find expected ',' or '}', while parsing a flow mapping\n"
      "  c: 2\n   ^\n" },
    { "\xC3\xA9: [1\n\xC3\xA9\xC3\xA9: \"x\n",
      "t.yaml:2:5: this is not valid YAML: did not find expected ',' or ']', while parsing a flow sequence\n"
      "  \xC3\xA9\xC3\xA9: \"x\n    ^\n" },
    { "a: \"b\\0c\"\n", "t.yaml:1:4: a text may not hold a zero byte\n  a: \"b\\0c\"\n     ^\n" },
    { "a: b\x01\n", "t.yaml:1:5: this is not valid YAML: control characters are not allowed\n  a: b?\n      ^\n" },
    { "a: \xC0\xAF\n", "t.yaml:1:1: the document is not valid UTF-8\n  a: \xC0\xAF\n  ^\n" },
};

static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        fixture f;
        start(&f);
        assert_int_equal(tdm__yaml_parse(tdm__str(broken[i].yaml), "t.yaml", &f.arena, f.list, &f.doc), TDM_MANIFEST);
        assert_string_equal(fault_text(f.list, &f.text), broken[i].faults);
        stop(&f);
    }
}

static void test_limits(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    tdm__buf deep = { 0 };
    for (int i = 0; i < 33; i++)
        tdm__buf_char(&deep, '[');
    assert_int_equal(tdm__yaml_parse((tdm_str){ deep.ptr, 33 }, "t.yaml", &f.arena, f.list, &f.doc), TDM_MANIFEST);
    assert_int_equal(tdm_diagnostics_error(f.list, 0)->status, TDM_TOO_LARGE);
    assert_string_equal(tdm_diagnostics_error(f.list, 0)->where, "t.yaml:1:33");
    tdm__buf_reset(&deep);
    for (int i = 0; i < 100001; i++)
        tdm__buf_text(&deep, "- a\n");
    tdm_str wide = { deep.ptr, deep.len };
    assert_int_equal(tdm__yaml_parse(wide, "t.yaml", &f.arena, f.list, &f.doc), TDM_MANIFEST);
    assert_int_equal(tdm_diagnostics_error(f.list, 1)->status, TDM_TOO_LARGE);
    assert_string_equal(tdm_diagnostics_error(f.list, 1)->where, "t.yaml:100000:3");
    tdm__buf_free(&deep);
    stop(&f);
}

static const tdm__yaml_field fields[] = {
    { "name", TDM__YAML_SCALAR, true },
    { "features", TDM__YAML_MAP, true },
    { "rungs", TDM__YAML_LIST, false },
    { "any", (tdm__yaml_kind)TDM__YAML_ANY, false },
};

static void test_walker(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    tdm_str text = tdm__str("nmae: x\nrungs: fresh\nany: [1]\nwholly: other\n");
    assert_ok(tdm__yaml_parse(text, "t.yaml", &f.arena, f.list, &f.doc), NULL);
    assert_true(tdm__yaml_check_map(&f.doc, f.doc.root, "a thing", fields, 4));
    assert_string_equal(fault_text(f.list, &f.text),
                        "t.yaml:1:1: unknown key 'nmae' in a thing (did you mean 'name'?)\n  nmae: x\n  ^\n"
                        "t.yaml:2:8: 'rungs' has another shape than it must: expected a list, found a text\n"
                        "  rungs: fresh\n         ^\n"
                        "t.yaml:4:1: unknown key 'wholly' in a thing (known are name, features, rungs, any)\n"
                        "  wholly: other\n  ^\n"
                        "t.yaml:1:1: a thing lacks 'features'\n  nmae: x\n  ^\n");
    assert_int_equal(f.doc.errors, 4);
    assert_false(tdm__yaml_check_map(&f.doc, tdm__yaml_get(f.doc.root, "any"), "a thing", fields, 4));
    stop(&f);
}

/* The caret of a fault inside a text: plain, single-quoted with a doubled quote, double-quoted, and a block. */
static void test_inside(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        size_t offset;
        const char *where;
    } cases[] = {
        { "e: hour(x, 1)", 8, "t.yaml:1:12" },      { "e: 'a\"''b'", 3, "t.yaml:1:9" },
        { "e: \"hour(x)\"", 5, "t.yaml:1:10" },     { "e: \"a\\tb\"", 2, "t.yaml:1:4" },
        { "e: |\n  hour(x)\n", 5, "t.yaml:1:4" },   { "e: one\n  two", 4, "t.yaml:1:4" },
        { "e: '\xC3\xA9 + x'", 5, "t.yaml:1:10" },  { "e: abc", 3, "t.yaml:1:7" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        start(&f);
        assert_ok(tdm__yaml_parse(tdm__str(cases[i].yaml), "t.yaml", &f.arena, f.list, &f.doc), NULL);
        tdm_error error;
        tdm__fail(&error, TDM_EXPRESSION, NULL, "wrong");
        tdm__yaml_fault_inside(&f.doc, f.doc.root->item[0], cases[i].offset, &error);
        assert_string_equal(tdm_diagnostics_error(f.list, 0)->where, cases[i].where);
        stop(&f);
    }
}

static void add_code_point(tdm__buf *out, uint32_t c)
{
    if (c < 0x80) {
        tdm__buf_char(out, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = { 0, 0xC0, 0xE0, 0xF0 };
    tdm__buf_char(out, (char)(lead[more] | c >> 6 * more));
    while (more--)
        tdm__buf_char(out, (char)(0x80 | (c >> 6 * more & 0x3F)));
}

static void test_write_text(void **state)
{
    (void)state;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    static const uint32_t edges[] = { 1,      ' ',    '"',    '\'',   '\\',   '\n',   ':',    '#',     '-',
                                      0x7F,   0x85,   0x9F,   0xA0,   0x2028, 0x2029, 0xD7FF, 0xE000,  0xFEFF,
                                      0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF, 'a', 'n', '~' };
    for (int round = 0; round < 3000; round++) {
        fixture f;
        start(&f);
        tdm__buf text = { 0 }, yaml = { 0 };
        for (uint64_t n = tdm__random_below(&r, 6); n; n--)
            add_code_point(&text, tdm__random_below(&r, 4) ? edges[tdm__random_below(&r, sizeof edges / sizeof *edges)]
                                                           : 1 + (uint32_t)tdm__random_below(&r, 0x1000));
        tdm_str in = { text.ptr ? text.ptr : "", text.len };
        tdm__buf_text(&yaml, "k: ");
        tdm__yaml_write_text(&yaml, in);
        assert_ok(tdm__yaml_parse((tdm_str){ yaml.ptr, yaml.len }, "t.yaml", &f.arena, f.list, &f.doc), NULL);
        assert_int_equal(f.doc.root->item[0]->text.len, in.len);
        assert_memory_equal(f.doc.root->item[0]->text.ptr, in.ptr, in.len);
        tdm__buf_free(&text);
        tdm__buf_free(&yaml);
        stop(&f);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    tdm_str text = tdm__str("a: {b: [1, 2, 3], c: x}\na: 2\nd: &x 3\n");
    for (uint64_t n = 1;; n++) {
        fixture f;
        start(&f);
        support_fail_alloc_at(n);
        tdm_status s = tdm__yaml_parse(text, "t.yaml", &f.arena, f.list, &f.doc);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        stop(&f);
        assert_true(s == TDM_MANIFEST || (hit && s == TDM_NO_MEMORY));
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),   cmocka_unit_test(test_broken),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_walker), cmocka_unit_test(test_inside),     cmocka_unit_test(test_write_text),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
