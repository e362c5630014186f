/* One tree of a LightGBM text model: its block read and proved to be a tree.
 *
 * A block is lines "key=value" up to a blank one. All arrays are counted before they are read; then each node and each
 * leaf must be reached exactly once from the root, so that the evaluator always ends and never leaves its arrays. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/number.h"
#include "model/lightgbm_tree.h"

/* How many values a key must have in a tree with more than one leaf. */
enum counts { ONE, NODES, LEAVES, OWN /* checked where it is read */ };

/*    name            key in the file   values    integers that are not read later on */
#define TREE_FIELDS(X)                                     \
    X(NUM_LEAVES,     "num_leaves",     OWN,      0)       \
    X(NUM_CAT,        "num_cat",        OWN,      0)       \
    X(SPLIT_FEATURE,  "split_feature",  NODES,    0)       \
    X(SPLIT_GAIN,     "split_gain",     NODES,    0)       \
    X(THRESHOLD,      "threshold",      NODES,    0)       \
    X(DECISION_TYPE,  "decision_type",  NODES,    0)       \
    X(LEFT_CHILD,     "left_child",     NODES,    0)       \
    X(RIGHT_CHILD,    "right_child",    NODES,    0)       \
    X(LEAF_VALUE,     "leaf_value",     LEAVES,   0)       \
    X(LEAF_WEIGHT,    "leaf_weight",    LEAVES,   0)       \
    X(LEAF_COUNT,     "leaf_count",     LEAVES,   1)       \
    X(INTERNAL_VALUE, "internal_value", NODES,    0)       \
    X(INTERNAL_WEIGHT, "internal_weight", NODES,  0)       \
    X(INTERNAL_COUNT, "internal_count", NODES,    1)       \
    X(CAT_BOUNDARIES, "cat_boundaries", OWN,      0)       \
    X(CAT_THRESHOLD,  "cat_threshold",  OWN,      0)       \
    X(IS_LINEAR,      "is_linear",      OWN,      0)       \
    X(LEAF_CONST,     "leaf_const",     OWN,      0)       \
    X(NUM_FEATURES,   "num_features",   OWN,      0)       \
    X(LEAF_FEATURES,  "leaf_features",  OWN,      0)       \
    X(LEAF_COEFF,     "leaf_coeff",     OWN,      0)       \
    X(SHRINKAGE,      "shrinkage",      ONE,      0)

enum {
#define FIELD_ENUM(name, key, values, integers) name,
    TREE_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
    FIELDS
};

static const struct { const char *key; enum counts values; bool integers; } known[FIELDS] = {
#define FIELD_ROW(name, key, values, integers) {key, values, integers},
    TREE_FIELDS(FIELD_ROW)
#undef FIELD_ROW
};

/* What is being read: the text, the block's fields, and the tree as far as it is made. */
typedef struct block {
    tdm__lightgbm_text *text;
    size_t line; /* of "Tree=" */
    tdm__lightgbm_field field[FIELDS];
    size_t n_features, n_leaves, n_cat;
    const int64_t *set_begin; /* cat_boundaries: n_cat + 1 */
    tdm__lightgbm_node *node;
    tdm__lightgbm_tree *tree;
} block;

static tdm_status no_memory(const block *b)
{
    return tdm__no_memory(b->text->err, b->text->name);
}

/* The end of a block: a blank line, or what can only follow one. */
static bool ends_block(tdm_str line)
{
    return line.len == 0 || tdm__str_starts(line, "Tree=") || tdm__str_is(line, "end of trees");
}

static tdm_status take_fields(block *b)
{
    tdm_str line;
    for (size_t i = 0; i < FIELDS; i++)
        b->field[i].key = known[i].key;
    while (tdm__lightgbm_peek_line(b->text, &line) && !ends_block(line)) {
        tdm__lightgbm_next_line(b->text, &line);
        if (!memchr(line.ptr, '=', line.len)) {
            tdm_status s = tdm__lightgbm_fail(b->text, b->text->line, "this line of a tree is not valid");
            tdm__fail_expected(b->text->err, "key=value");
            tdm__fail_found_text(b->text->err, line);
            return s;
        }
        tdm_status s = tdm__lightgbm_take(b->text, line, b->field, FIELDS);
        if (s)
            return s;
    }
    return TDM_OK;
}

static tdm_status integer(const block *b, size_t which, int64_t low, int64_t high, size_t *out)
{
    int64_t v = 0;
    tdm_status s = tdm__lightgbm_need(b->text, &b->field[which], b->line);
    if (!s)
        s = tdm__lightgbm_integer(b->text, &b->field[which], low, high, &v);
    *out = (size_t)v;
    return s;
}

/* Counts the values of every key, also of those that only inform, and sees that counts are integers. A tree of one leaf
 * has only its value: LightGBM leaves the other lists empty, or gives one count. */
static tdm_status check_lengths(block *b)
{
    for (size_t i = 0; i < FIELDS; i++) {
        const tdm__lightgbm_field *f = &b->field[i];
        if (!f->line || known[i].values == OWN || (b->n_leaves == 1 && i != LEAF_VALUE && i != SHRINKAGE))
            continue;
        size_t n = known[i].values == ONE ? 1 : known[i].values == NODES ? b->n_leaves - 1 : b->n_leaves;
        int64_t *unused;
        tdm_status s = known[i].integers
            ? tdm__lightgbm_i64s(b->text, f, n, INT64_MIN, INT64_MAX, b->text->scratch, &unused)
            : tdm__lightgbm_need_words(b->text, f, n);
        if (s)
            return s;
    }
    return TDM_OK;
}

static tdm_status read_leaves(block *b)
{
    double *v = NULL, *shrinkage = NULL;
    tdm_status s = tdm__lightgbm_need(b->text, &b->field[LEAF_VALUE], b->line);
    if (!s)
        s = tdm__lightgbm_f64s(b->text, &b->field[LEAF_VALUE], b->n_leaves, b->text->keep, &v);
    if (!s && b->field[SHRINKAGE].line)
        s = tdm__lightgbm_f64s(b->text, &b->field[SHRINKAGE], 1, b->text->scratch, &shrinkage);
    if (s)
        return s;
    b->tree->leaf_value = v;
    b->tree->shrinkage = shrinkage ? *shrinkage : 1.0;
    return TDM_OK;
}

/* The words of the category sets, and where each set begins. */
static tdm_status read_sets(block *b)
{
    const tdm__lightgbm_field *begins = &b->field[CAT_BOUNDARIES], *words = &b->field[CAT_THRESHOLD];
    int64_t *begin, *word;
    tdm_status s = tdm__lightgbm_need(b->text, begins, b->line);
    if (!s)
        s = tdm__lightgbm_need(b->text, words, b->line);
    size_t n_words = tdm__lightgbm_words(words->text);
    if (!s)
        s = tdm__lightgbm_i64s(b->text, begins, b->n_cat + 1, 0, (int64_t)n_words, b->text->scratch, &begin);
    if (!s)
        s = tdm__lightgbm_i64s(b->text, words, n_words, 0, UINT32_MAX, b->text->scratch, &word);
    if (s)
        return s;
    for (size_t i = 0; i <= b->n_cat; i++)
        if (begin[i] < (i ? begin[i - 1] : 0) || (i == 0 && begin[i] != 0))
            return tdm__lightgbm_fail(b->text, begins->line,
                                      "cat_boundaries must begin with 0 and not fall, but value %zu is %lld",
                                      i + 1, (long long)begin[i]);
    if ((size_t)begin[b->n_cat] != n_words)
        return tdm__lightgbm_fail(b->text, words->line,
                                  "cat_threshold has %zu values, but cat_boundaries ends at %lld", n_words,
                                  (long long)begin[b->n_cat]);
    uint32_t *set = tdm__arena_array(b->text->keep, n_words, uint32_t);
    if (!set)
        return no_memory(b);
    for (size_t i = 0; i < n_words; i++)
        set[i] = (uint32_t)word[i];
    b->set_begin = begin;
    b->tree->set = set;
    return TDM_OK;
}

enum { CATEGORICAL = 1, DEFAULT_LEFT = 2, MISSING_SHIFT = 2 };

static tdm_status make_categorical(block *b, size_t i, double threshold)
{
    tdm__lightgbm_node *node = &b->node[i];
    if (!(threshold >= 0.0 && threshold < (double)b->n_cat && threshold == floor(threshold))) {
        char text[32];
        tdm__format_f64(threshold, text);
        tdm_status s = tdm__lightgbm_fail(b->text, b->field[THRESHOLD].line,
                                          "value %zu of threshold names no category set", i + 1);
        tdm__fail_expected(b->text->err, "an integer below num_cat, which is %zu", b->n_cat);
        tdm__fail_found(b->text->err, "%s", text);
        return s;
    }
    const int64_t *begin = b->set_begin + (size_t)threshold;
    node->categorical = true;
    node->set_at = (uint32_t)begin[0];
    node->set_words = (uint32_t)(begin[1] - begin[0]);
    return TDM_OK;
}

static tdm_status make_rule(block *b, size_t i, int64_t type, double threshold)
{
    tdm__lightgbm_node *node = &b->node[i];
    node->threshold = threshold;
    node->default_left = type & DEFAULT_LEFT;
    node->missing = (uint8_t)(type >> MISSING_SHIFT);
    if (node->missing > TDM__LIGHTGBM_MISSING_NAN)
        return tdm__lightgbm_fail(b->text, b->field[DECISION_TYPE].line,
                                  "value %zu of decision_type, %d, names a missing rule that does not exist", i + 1,
                                  (int)type);
    if (type & CATEGORICAL)
        return make_categorical(b, i, threshold);
    if (isnan(threshold))
        return tdm__lightgbm_fail(b->text, b->field[THRESHOLD].line, "value %zu of threshold is not a number", i + 1);
    return TDM_OK;
}

/* Children as the file has them: a node's number, or ~leaf. Their range is what the file can hold. */
static tdm_status read_nodes(block *b)
{
    static const size_t needed[] = {SPLIT_FEATURE, THRESHOLD, LEFT_CHILD, RIGHT_CHILD};
    size_t n = b->n_leaves - 1;
    int64_t last = (int64_t)n - 1, *feature, *type = NULL, *left, *right;
    double *threshold;
    tdm_status s = TDM_OK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !s; i++)
        s = tdm__lightgbm_need(b->text, &b->field[needed[i]], b->line);
    tdm__lightgbm_text *text = b->text;
    if (s ||
        (s = tdm__lightgbm_i64s(text, &b->field[SPLIT_FEATURE], n, 0, (int64_t)b->n_features - 1, text->scratch,
                                &feature)) ||
        (s = tdm__lightgbm_f64s(text, &b->field[THRESHOLD], n, text->scratch, &threshold)) ||
        (s = tdm__lightgbm_i64s(text, &b->field[LEFT_CHILD], n, -last - 2, last, text->scratch, &left)) ||
        (s = tdm__lightgbm_i64s(text, &b->field[RIGHT_CHILD], n, -last - 2, last, text->scratch, &right)) ||
        (b->field[DECISION_TYPE].line &&
         (s = tdm__lightgbm_i64s(text, &b->field[DECISION_TYPE], n, 0, 15, text->scratch, &type))))
        return s;
    b->node = tdm__arena_array(text->keep, n, tdm__lightgbm_node);
    if (!b->node)
        return no_memory(b);
    b->tree->node = b->node;
    for (size_t i = 0; i < n && !s; i++) {
        b->node[i].feature = (int32_t)feature[i];
        b->node[i].left = (int32_t)left[i];
        b->node[i].right = (int32_t)right[i];
        s = make_rule(b, i, type ? type[i] : 0, threshold[i]);
    }
    return s;
}

/* Where the walk over a tree stands. */
typedef struct walk {
    uint8_t *leaf_seen, *node_seen;
    uint32_t *depth;  /* of nodes */
    int32_t *waiting; /* nodes whose children are still to be visited; each node waits once */
    size_t n_waiting, n_seen;
} walk;

static tdm_status visit(block *b, walk *w, size_t parent, int32_t child, const tdm__lightgbm_field *field)
{
    bool leaf = child < 0;
    uint8_t *seen = leaf ? &w->leaf_seen[~child] : &w->node_seen[child];
    uint32_t depth = w->depth[parent] + 1;
    if (*seen)
        return tdm__lightgbm_fail(b->text, field->line, "%s %d is reached twice: value %zu of %s names it again",
                                  leaf ? "leaf" : "node", leaf ? ~child : child, parent + 1, field->key);
    *seen = 1;
    if (leaf) {
        b->tree->depth = b->tree->depth < depth ? depth : b->tree->depth;
        return TDM_OK;
    }
    w->n_seen++;
    w->depth[child] = depth;
    w->waiting[w->n_waiting++] = child;
    return TDM_OK;
}

/* From the root each node once and each leaf once. n nodes reached have 2n children, none twice: all n - 1 other nodes
 * and all n + 1 leaves. */
static tdm_status check_tree(block *b)
{
    size_t n = b->n_leaves - 1;
    walk w = {.leaf_seen = tdm__arena_array(b->text->scratch, n + 1, uint8_t),
              .node_seen = tdm__arena_array(b->text->scratch, n, uint8_t),
              .depth = tdm__arena_array(b->text->scratch, n, uint32_t),
              .waiting = tdm__arena_array(b->text->scratch, n, int32_t)};
    if (!w.leaf_seen || !w.node_seen || !w.depth || !w.waiting)
        return no_memory(b);
    w.node_seen[0] = 1;
    w.n_seen = w.n_waiting = 1; /* node 0 */
    while (w.n_waiting) {
        size_t at = (size_t)w.waiting[--w.n_waiting];
        tdm_status s = visit(b, &w, at, b->node[at].left, &b->field[LEFT_CHILD]);
        if (!s)
            s = visit(b, &w, at, b->node[at].right, &b->field[RIGHT_CHILD]);
        if (s)
            return s;
    }
    if (w.n_seen == n)
        return TDM_OK;
    size_t lost = 0;
    while (w.node_seen[lost])
        lost++;
    return tdm__lightgbm_fail(b->text, b->field[LEFT_CHILD].line, "node %zu is not reached from the root of this tree",
                              lost);
}

/* Terms of all leaves, one list after the other; num_features says how many each leaf has. */
static tdm_status read_terms(block *b, const int64_t *n_terms, tdm__lightgbm_linear *linear)
{
    tdm__lightgbm_text *text = b->text;
    uint32_t *begin = tdm__arena_array(text->keep, b->n_leaves + 1, uint32_t);
    if (!begin)
        return no_memory(b);
    /* Each count is at most the words of one line, so this sum cannot wrap before it is seen to be too large. */
    size_t words = tdm__lightgbm_words(b->field[LEAF_COEFF].text);
    size_t total = 0;
    for (size_t i = 0; i < b->n_leaves; i++) {
        begin[i] = (uint32_t)total;
        total += (size_t)n_terms[i];
        if (total > words)
            return tdm__lightgbm_fail(text, b->field[NUM_FEATURES].line,
                                      "num_features promises more coefficients than the %zu of leaf_coeff", words);
    }
    begin[b->n_leaves] = (uint32_t)total;
    int64_t *feature;
    double *coefficient;
    tdm_status s = tdm__lightgbm_i64s(text, &b->field[LEAF_FEATURES], total, 0, (int64_t)b->n_features - 1,
                                      text->scratch, &feature);
    if (!s)
        s = tdm__lightgbm_f64s(text, &b->field[LEAF_COEFF], total, text->keep, &coefficient);
    if (s)
        return s;
    int32_t *kept = tdm__arena_array(text->keep, total, int32_t);
    if (!kept)
        return no_memory(b);
    for (size_t i = 0; i < total; i++)
        kept[i] = (int32_t)feature[i];
    linear->begin = begin;
    linear->feature = kept;
    linear->coefficient = coefficient;
    return TDM_OK;
}

static tdm_status read_linear(block *b)
{
    static const size_t needed[] = {LEAF_CONST, NUM_FEATURES, LEAF_FEATURES, LEAF_COEFF};
    tdm_status s = TDM_OK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !s; i++)
        s = tdm__lightgbm_need(b->text, &b->field[needed[i]], b->line);
    if (s)
        return s;
    double *constant;
    int64_t *n_terms;
    size_t words = tdm__lightgbm_words(b->field[LEAF_COEFF].text);
    s = tdm__lightgbm_f64s(b->text, &b->field[LEAF_CONST], b->n_leaves, b->text->keep, &constant);
    if (!s)
        s = tdm__lightgbm_i64s(b->text, &b->field[NUM_FEATURES], b->n_leaves, 0, (int64_t)words, b->text->scratch,
                               &n_terms);
    if (s)
        return s;
    tdm__lightgbm_linear *linear = tdm__arena_new(b->text->keep, tdm__lightgbm_linear);
    if (!linear)
        return no_memory(b);
    linear->constant = constant;
    b->tree->linear = linear;
    return read_terms(b, n_terms, linear);
}

tdm_status tdm__lightgbm_tree_read(tdm__lightgbm_text *text, size_t n_features, tdm__lightgbm_tree *out)
{
    block b = {.text = text, .line = text->line, .n_features = n_features, .tree = out};
    size_t linear = 0;
    *out = (tdm__lightgbm_tree){0};
    tdm_status s = take_fields(&b);
    if (s || (s = integer(&b, NUM_LEAVES, 1, INT32_MAX, &b.n_leaves)) ||
        (s = integer(&b, NUM_CAT, 0, INT32_MAX - 1, &b.n_cat)) ||
        (b.field[IS_LINEAR].line && (s = integer(&b, IS_LINEAR, 0, 1, &linear))) || (s = check_lengths(&b)) ||
        (s = read_leaves(&b)) || (b.n_cat && (s = read_sets(&b))))
        return s;
    out->n_leaves = (uint32_t)b.n_leaves;
    if (b.n_leaves > 1 && ((s = read_nodes(&b)) || (s = check_tree(&b))))
        return s;
    return linear ? read_linear(&b) : TDM_OK;
}
