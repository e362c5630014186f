/* YAML documents from any bytes: every node has a place inside the text, and every text written is read back. */
#include <stdlib.h>
#include <string.h>

#include "codec/yaml_doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check_text(tdm_str text)
{
    tdm__buf yaml = { 0 };
    tdm__arena arena = { 0 };
    tdm__yaml_doc doc;
    tdm__buf_text(&yaml, "k: ");
    tdm__yaml_write_text(&yaml, text);
    must(!tdm__yaml_parse((tdm_str){ yaml.ptr, yaml.len }, "again", &arena, NULL, &doc));
    must(tdm__str_equal(doc.root->item[0]->text, text));
    tdm__arena_free(&arena);
    tdm__buf_free(&yaml);
}

static void walk(tdm__yaml_doc *doc, const tdm__yaml_node *node, int depth)
{
    must(depth <= TDM__YAML_DEPTH_MAX && node->at <= doc->text.len && node->line >= 1 && node->col >= 1);
    must(node->at + 1 >= node->col);
    if (node->kind == TDM__YAML_SCALAR && !node->faulty) {
        check_text(node->text);
        tdm_error error = { .status = TDM_EXPRESSION };
        tdm__yaml_fault_inside(doc, node, node->text.len, &error);
    }
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == TDM__YAML_MAP) {
            for (size_t k = 0; k < i && i < 64; k++)
                must(!tdm__str_equal(node->key[i]->text, node->key[k]->text));
            walk(doc, node->key[i], depth + 1);
        }
        walk(doc, node->item[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const tdm__yaml_field fields[] = { { "name", TDM__YAML_SCALAR, true }, { "list", TDM__YAML_LIST, false } };
    tdm__arena arena = { 0 };
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm__yaml_doc doc;
    tdm_status s = tdm__yaml_parse((tdm_str){ (const char *)data, size }, "fuzz", &arena, list, &doc);
    must((s == TDM_OK) == !doc.errors && (doc.root || s) && tdm_diagnostics_total(list) == doc.errors);
    if (doc.root) {
        tdm__yaml_check_map(&doc, doc.root, "a thing", fields, 2);
        walk(&doc, doc.root, 0);
    }
    tdm_diagnostics_close(&list);
    tdm__arena_free(&arena);
    return 0;
}
