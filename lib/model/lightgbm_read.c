/* LightGBM text models, versions v2 to v4: the header, the trees, and what follows them.
 *
 *     tree                                 the format's mark
 *     version=v4 ... feature_names=...     the header, "key=value" lines in any order
 *     Tree=0 ...                           blocks of key=value lines (lightgbm_tree.c), each ended by a blank line
 *     end of trees
 *     feature_importances: ... parameters: ... pandas_categorical:...
 *
 * docs/reference/models.md says what is accepted. tree_sizes is not trusted: only its length is compared, so a file may
 * have had its line ends changed. Files cut short are found by the missing "end of trees". */
#include <string.h>

#include "base/fail.h"
#include "base/number.h"
#include "model/lightgbm_tree.h"

enum { MAX_TREES = 1 << 24 };

#define HEADER_FIELDS(X)                            \
    X(VERSION,       "version")                     \
    X(NUM_CLASS,     "num_class")                   \
    X(PER_ITERATION, "num_tree_per_iteration")      \
    X(MAX_FEATURE,   "max_feature_idx")             \
    X(OBJECTIVE,     "objective")                   \
    X(FEATURE_NAMES, "feature_names")               \
    X(FEATURE_INFOS, "feature_infos")               \
    X(MONOTONE,      "monotone_constraints")        \
    X(AVERAGE,       "average_output")              \
    X(TREE_SIZES,    "tree_sizes")

enum {
#define HEADER_ENUM(name, key) name,
    HEADER_FIELDS(HEADER_ENUM)
#undef HEADER_ENUM
    HEADER_SIZE
};

/* Of the file's parameters, those that tell a reader how the model was made. */
static const char *const told_parameters[] = {
    "boosting", "num_iterations", "learning_rate", "num_leaves", "max_depth", "min_data_in_leaf", "feature_fraction",
    "bagging_fraction", "bagging_freq", "lambda_l1", "lambda_l2", "max_bin", "linear_tree", "zero_as_missing",
    "use_missing",
    "early_stopping_round", "seed",
};

typedef struct reader {
    tdm__lightgbm_text text;
    tdm__model *model;
    tdm__lightgbm_field field[HEADER_SIZE];
    tdm__lightgbm_forest *forest;
} reader;

static tdm_status no_memory(const reader *r)
{
    return tdm__no_memory(r->text.err, r->text.name);
}

static bool begins_trees(tdm_str line)
{
    return tdm__str_starts(line, "Tree=") || tdm__str_is(line, "end of trees");
}

static tdm_status read_header(reader *r)
{
    static const char *const keys[HEADER_SIZE] = {
#define HEADER_KEY(name, key) key,
        HEADER_FIELDS(HEADER_KEY)
#undef HEADER_KEY
    };
    tdm_str line;
    for (size_t i = 0; i < HEADER_SIZE; i++)
        r->field[i].key = keys[i];
    tdm__lightgbm_next_line(&r->text, &line); /* "tree": sniffed */
    if (!tdm__str_is(line, "tree")) {
        tdm_status s = tdm__lightgbm_fail(&r->text, 1, "this is not a LightGBM text model");
        tdm__fail_expected(r->text.err, "the line \"tree\"");
        tdm__fail_found_text(r->text.err, line);
        return s;
    }
    while (tdm__lightgbm_peek_line(&r->text, &line) && !begins_trees(line)) {
        tdm__lightgbm_next_line(&r->text, &line);
        tdm_status s = tdm__lightgbm_take(&r->text, line, r->field, HEADER_SIZE);
        if (s)
            return s;
    }
    return TDM_OK;
}

static tdm_status check_version(reader *r)
{
    static const char *const formats[] = {"LightGBM text v2", "LightGBM text v3", "LightGBM text v4"};
    const tdm__lightgbm_field *f = &r->field[VERSION];
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (f->line && tdm__str_is(f->text, strrchr(formats[i], ' ') + 1)) {
            r->model->info.format = formats[i];
            return TDM_OK;
        }
    tdm_status s = tdm__fail(r->text.err, TDM_UNSUPPORTED, NULL, "this version of LightGBM's format is not supported");
    tdm__lightgbm_place(&r->text, f->line ? f->line : 1);
    tdm__fail_expected(r->text.err, "version=v2, v3 or v4");
    if (f->line)
        tdm__fail_found_text(r->text.err, f->text);
    else
        tdm__fail_found(r->text.err, "no version line (older than v2)");
    return s;
}

static tdm_status integer(const reader *r, size_t which, int64_t low, int64_t high, size_t *out)
{
    int64_t v = 0;
    tdm_status s = tdm__lightgbm_need(&r->text, &r->field[which], 1);
    if (!s)
        s = tdm__lightgbm_integer(&r->text, &r->field[which], low, high, &v);
    *out = (size_t)v;
    return s;
}

static tdm_status check_names(reader *r, const tdm_str *names, size_t n)
{
    size_t line = r->field[FEATURE_NAMES].line;
    for (size_t i = 0; i < n; i++)
        if (!tdm__utf8_valid(names[i]))
            return tdm__lightgbm_fail(&r->text, line, "feature name %zu is not valid UTF-8", i + 1);
    tdm_str *sorted = tdm__arena_array(r->text.scratch, n, tdm_str);
    if (!sorted)
        return no_memory(r);
    const tdm_str *twice = tdm__model_twice(names, n, sorted);
    if (!twice)
        return TDM_OK;
    tdm_status s =
        tdm__lightgbm_fail(&r->text, line, "two features have the same name, so columns could not be matched by name");
    tdm__fail_found_text(r->text.err, *twice);
    return s;
}

static tdm_status read_names(reader *r)
{
    const tdm__lightgbm_field *f = &r->field[FEATURE_NAMES];
    size_t last, n;
    tdm_status s = integer(r, MAX_FEATURE, 0, INT32_MAX - 1, &last);
    if (!s)
        s = tdm__lightgbm_need(&r->text, f, 1);
    n = last + 1;
    if (!s)
        s = tdm__lightgbm_need_words(&r->text, f, n);
    if (!s && r->field[FEATURE_INFOS].line)
        s = tdm__lightgbm_need_words(&r->text, &r->field[FEATURE_INFOS], n);
    if (!s && r->field[MONOTONE].line)
        s = tdm__lightgbm_need_words(&r->text, &r->field[MONOTONE], n);
    if (s)
        return s;
    tdm_str *names = tdm__arena_array(r->text.keep, n, tdm_str);
    if (!names)
        return no_memory(r);
    tdm_str rest = f->text;
    for (size_t i = 0; i < n; i++)
        if (!tdm__arena_str(r->text.keep, tdm__lightgbm_word(&rest), &names[i]))
            return no_memory(r);
    r->forest->n_features = r->model->info.n_inputs = n;
    r->model->info.input = names;
    return check_names(r, names, n);
}

static tdm_status read_objective(reader *r)
{
    const tdm__lightgbm_field *f = &r->field[OBJECTIVE];
    tdm_str line = f->line ? f->text : tdm__str("custom");
    size_t classes, outputs;
    tdm_status s = tdm__lightgbm_objective_parse(line, &r->forest->objective, r->text.err);
    if (s) {
        tdm__lightgbm_place(&r->text, f->line);
        return s;
    }
    s = integer(r, NUM_CLASS, 1, TDM__MODEL_OUTPUTS_MAX, &classes);
    outputs = classes;
    if (!s && r->field[PER_ITERATION].line)
        s = integer(r, PER_ITERATION, 1, TDM__MODEL_OUTPUTS_MAX, &outputs);
    if (s)
        return s;
    if (outputs != classes)
        return tdm__lightgbm_fail(&r->text, r->field[PER_ITERATION].line,
                                  "num_tree_per_iteration is %zu, but num_class is %zu", outputs, classes);
    size_t wanted = r->forest->objective.n_classes;
    if (wanted && outputs != wanted)
        return tdm__lightgbm_fail(&r->text, r->field[NUM_CLASS].line,
                                  "num_class is %zu, but the objective has %zu output%s",
                                  outputs, wanted, wanted == 1 ? "" : "s");
    r->forest->n_outputs = r->model->info.n_outputs = outputs;
    r->forest->average = r->field[AVERAGE].line != 0;
    r->model->info.objective = tdm__arena_copy(r->text.keep, line.ptr, line.len);
    return r->model->info.objective ? TDM_OK : no_memory(r);
}

/* Lines that begin a tree, so that the array of trees is as long as it must be. */
static size_t count_trees(tdm__lightgbm_text text)
{
    size_t n = 0;
    tdm_str line;
    while (tdm__lightgbm_next_line(&text, &line) && !tdm__str_is(line, "end of trees"))
        n += tdm__str_starts(line, "Tree=");
    return n;
}

static tdm_status check_number_of_trees(reader *r, size_t n)
{
    const tdm__lightgbm_field *sizes = &r->field[TREE_SIZES];
    if (n == 0)
        return tdm__lightgbm_fail(&r->text, r->text.line, "the file has no trees");
    if (n > MAX_TREES)
        return tdm__lightgbm_fail(&r->text, r->text.line, "the file has more than %d trees", MAX_TREES);
    if (n % r->forest->n_outputs)
        return tdm__lightgbm_fail(&r->text, r->text.line,
                                  "the file has %zu trees, which is no multiple of its %zu outputs", n,
                                  r->forest->n_outputs);
    if (!sizes->line || tdm__lightgbm_words(sizes->text) == n)
        return TDM_OK;
    tdm_status s = tdm__lightgbm_fail(&r->text, sizes->line, "tree_sizes does not fit the trees of the file");
    tdm__fail_expected(r->text.err, "%zu trees", tdm__lightgbm_words(sizes->text));
    tdm__fail_found(r->text.err, "%zu", n);
    return s;
}

/* A line that begins tree `number`. The number is checked: a block that was lost or moved shows. */
static tdm_status check_tree_line(reader *r, tdm_str line, size_t number)
{
    int64_t v = -1;
    tdm_str value;
    tdm__str_cut(line, '=', &value);
    if (tdm__str_starts(line, "Tree=") && tdm__parse_i64(value, &v, NULL) && v == (int64_t)number)
        return TDM_OK;
    tdm_status s = tdm__lightgbm_fail(&r->text, r->text.line, "the next tree does not begin here");
    tdm__fail_expected(r->text.err, "Tree=%zu", number);
    tdm__fail_found_text(r->text.err, line);
    return s;
}

/* Passes blank lines; the end of the file inside the trees is an error. */
static tdm_status next_line_of_trees(reader *r, tdm_str *line)
{
    while (tdm__lightgbm_next_line(&r->text, line))
        if (line->len)
            return TDM_OK;
    return tdm__lightgbm_fail(&r->text, r->text.line, "the file ends before its \"end of trees\"");
}

static tdm_status read_trees(reader *r)
{
    size_t n = count_trees(r->text);
    tdm_str line;
    tdm_status s = check_number_of_trees(r, n);
    if (s)
        return s;
    r->forest->tree = tdm__arena_array(r->text.keep, n, tdm__lightgbm_tree);
    if (!r->forest->tree)
        return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        tdm__arena_reset(r->text.scratch);
        if ((s = next_line_of_trees(r, &line)) || (s = check_tree_line(r, line, i)) ||
            (s = tdm__lightgbm_tree_read(&r->text, r->forest->n_features, &r->forest->tree[i])))
            return s;
    }
    if ((s = next_line_of_trees(r, &line)))
        return s;
    if (!tdm__str_is(line, "end of trees")) {
        s = tdm__lightgbm_fail(&r->text, r->text.line, "this line after a tree is not valid");
        tdm__fail_expected(r->text.err, "Tree=%zu or \"end of trees\"", n);
        tdm__fail_found_text(r->text.err, line);
    }
    r->forest->n_trees = r->model->info.n_trees = r->model->info.n_leaves_out = n;
    return s;
}

/* "[learning_rate: 0.1]" */
static bool tell_parameter(reader *r, tdm_str line)
{
    tdm_str value, key = tdm__str_cut(tdm__strn(line.ptr + 1, line.len - 2), ':', &value);
    value = tdm__str_trim(value);
    for (size_t i = 0; i < sizeof told_parameters / sizeof *told_parameters; i++)
        if (value.len && value.len < 80 && tdm__utf8_valid(value) && tdm__str_is(key, told_parameters[i]))
            return tdm__model_tell(r->model, told_parameters[i], "%.*s", (int)value.len, value.ptr);
    return true;
}

/* "[["a", "b"], [1, 2]]": one list for each categorical column of the pandas frame, in its order. */
static bool tell_pandas(reader *r, tdm_str value)
{
    size_t depth = 0, columns = 0;
    bool quoted = false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '[')
            columns += ++depth == 2;
        else if (!quoted && c == ']' && depth)
            depth--;
    }
    return columns == 0 ||
           tdm__model_tell(r->model, "pandas categories",
                           "%zu column%s: give the codes 0, 1, ... in the file's order, not the values", columns,
                           columns == 1 ? "" : "s");
}

/* What follows the trees informs only, except a parser of its own for rows, which would change what the inputs mean. */
static tdm_status read_rest(reader *r)
{
    static const char pandas[] = "pandas_categorical:";
    bool in_parameters = false, ok = true;
    tdm_str line;
    while (ok && tdm__lightgbm_next_line(&r->text, &line)) {
        if (tdm__str_is(line, "parser:")) {
            tdm_status s = tdm__fail(r->text.err, TDM_UNSUPPORTED, NULL,
                                     "a LightGBM model with a row parser of its own is not supported");
            tdm__lightgbm_place(&r->text, r->text.line);
            tdm__fail_found(r->text.err, "a section \"parser:\"");
            return s;
        }
        if (tdm__str_is(line, "parameters:") || tdm__str_is(line, "end of parameters"))
            in_parameters = line.len == strlen("parameters:");
        else if (in_parameters && tdm__str_starts(line, "[") && tdm__str_ends(line, "]"))
            ok = tell_parameter(r, line);
        else if (tdm__str_starts(line, pandas))
            ok = tell_pandas(r, tdm__strn(line.ptr + strlen(pandas), line.len - strlen(pandas)));
    }
    return ok ? TDM_OK : no_memory(r);
}

tdm_status tdm__lightgbm_load(tdm_str bytes, const char *name, tdm__model *model, tdm_error *err)
{
    tdm__arena scratch = {0};
    tdm_error unseen;
    reader r = {.text = {.name = name, .rest = bytes, .keep = &model->arena, .scratch = &scratch,
                         .err = err ? err : &unseen},
                .model = model};
    tdm_status s;
    model->info.kind = "lightgbm";
    model->body = r.forest = tdm__arena_new(&model->arena, tdm__lightgbm_forest);
    if (!r.forest)
        s = no_memory(&r);
    else if (!(s = read_header(&r)) && !(s = check_version(&r)) && !(s = read_names(&r)) && !(s = read_objective(&r)) &&
             !(s = read_trees(&r)))
        s = tdm__lightgbm_tell(model, r.forest) ? read_rest(&r) : no_memory(&r);
    tdm__arena_free(&scratch);
    return s;
}

static bool sniff(tdm_str bytes)
{
    return tdm__str_starts(bytes, "tree\n") || tdm__str_starts(bytes, "tree\r\n");
}

const tdm__model_kind tdm__lightgbm_kind = {"lightgbm", sniff, tdm__lightgbm_load, tdm__lightgbm_predict};
