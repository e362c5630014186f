#!/usr/bin/env python3
"""Writes data/broken/: model files that are one change away from a sound one, and how each must be refused.

    python3 make_broken.py

Each case of the table names its base (a model of data/), the change, the status, the line that the message must name
(by what stands in that line, in the broken text) and words that it must hold. expected.tsv has the result: file, status
and text. The sound bases are themselves loaded by run_parity.py.
"""
import pathlib
import re

DATA = pathlib.Path(__file__).resolve().parent / "data"
OUT = DATA / "broken"


def base(name):
    """A model of data/ without its parameters, which would only make the files longer."""
    text = (DATA / (name + ".txt")).read_text(encoding="utf-8")
    return re.sub(r"\nparameters:\n.*?end of parameters\n", "", text, flags=re.S)


def sub(pattern, new):
    """Replaces the first match."""
    def edit(text):
        out, n = re.subn(pattern, new, text, count=1, flags=re.M)
        assert n == 1 and out != text, pattern
        return out
    return edit


def value(key, index, new):
    """Sets one value of the first list of that key that has so many."""
    def edit(text):
        lines = text.split("\n")
        for i, line in enumerate(lines):
            words = line.split("=", 1)[1].split(" ") if line.startswith(key + "=") else []
            if len(words) > index:
                words[index] = new
                lines[i] = key + "=" + " ".join(words)
                return "\n".join(lines)
        raise AssertionError(key)
    return edit


def more(key, extra):
    return sub("^(%s=.*)$" % key, r"\1 " + extra)


def fewer(key):
    return sub(r"^(%s=.+) \S+$" % key, r"\1")


def drop(key):
    return sub("^%s=.*\n" % key, "")


def cut(before):
    return lambda text: text[:text.index(before)]


#  file                    base             change                                         status         line begins with   words
CASES = [
    ("version_5",          "regression-v4", sub("version=v4", "version=v5"),               "unsupported", "version=",        "version of LightGBM"),
    ("version_none",       "regression-v4", drop("version"),                               "unsupported", "tree",            "no version line"),
    ("classes_none",       "regression-v4", drop("num_class"),                             "model",       "tree",            "num_class is missing"),
    ("classes_zero",       "regression-v4", sub("num_class=1", "num_class=0"),             "model",       "num_class=",      "from 1 to 4096"),
    ("classes_many",       "regression-v4", sub("num_class=1", "num_class=99999999999999999999"), "model", "num_class=",     "num_class is not valid"),
    ("classes_word",       "regression-v4", sub("num_class=1", "num_class=one"),           "model",       "num_class=",      '"one"'),
    ("iteration_differs",  "regression-v4", sub("num_tree_per_iteration=1", "num_tree_per_iteration=2"), "model", "num_tree_per", "but num_class is 1"),
    ("features_none",      "regression-v4", drop("max_feature_idx"),                       "model",       "tree",            "max_feature_idx is missing"),
    ("features_negative",  "regression-v4", sub("max_feature_idx=5", "max_feature_idx=-1"), "model",      "max_feature_idx=", '"-1"'),
    ("names_none",         "regression-v4", drop("feature_names"),                         "model",       "tree",            "feature_names is missing"),
    ("names_few",          "regression-v4", fewer("feature_names"),                        "model",       "feature_names=",  "expected 6 values, found 5"),
    ("names_twice",        "regression-v4", sub("Column_5", "Column_0"),                   "model",       "feature_names=",  "same name"),
    ("infos_many",         "regression-v4", more("feature_infos", "[0:1]"),                "model",       "feature_infos=",  "expected 6 values, found 7"),
    ("objective_unknown",  "regression-v4", sub("objective=regression", "objective=regresion"), "unsupported", "objective=",  "did you mean 'regression'?"),
    ("objective_empty",    "regression-v4", sub("objective=regression", "objective="),     "unsupported", "objective=",      "objective is not supported"),
    ("sigmoid_none",       "binary-v4",     sub("binary sigmoid:1", "binary"),             "model",       "objective=",      "'sigmoid:'"),
    ("sigmoid_negative",   "binary-v4",     sub("sigmoid:1", "sigmoid:-1"),                "model",       "objective=",      "a positive number"),
    ("objective_classes",  "multiclass-v4", sub("multiclass num_class:3", "multiclass num_class:4"), "model", "num_class=",  "the objective has 4 outputs"),
    ("objective_no_classes", "multiclass-v4", sub("multiclass num_class:3", "multiclass"), "model",       "objective=",      "'num_class:'"),
    ("objective_single",   "multiclass-v4", sub("multiclass num_class:3", "regression"),   "model",       "num_class=",      "the objective has 1 output"),
    ("tree_sizes_fewer",   "regression-v4", fewer("tree_sizes"),                           "model",       "tree_sizes=",     "expected 3 trees, found 4"),
    ("tree_lost",          "regression-v4", sub(r"^Tree=1\n(.+\n)+", ""),                  "model",       "tree_sizes=",     "found 3"),
    ("trees_none",         "regression-v4", lambda t: re.sub(r"tree_sizes=.*end of trees", "\nend of trees", t, flags=re.S), "model", None, "has no trees"),
    ("trees_uneven",       "multiclass-v4", lambda t: sub(r"^Tree=8\n(.+\n)+", "")(drop("tree_sizes")(t)), "model", None,     "no multiple of its 3 outputs"),
    ("tree_number",        "regression-v4", sub("Tree=2", "Tree=7"),                       "model",       "Tree=7",          "expected Tree=2"),
    ("cut_in_tree",        "regression-v4", cut("end of trees"),                           "model",       None,              "ends before"),
    ("line_no_key",        "regression-v4", sub("^is_linear=0", "is_linear 0"),            "model",       "is_linear 0",     "expected key=value"),
    ("key_twice",          "regression-v4", sub("^(num_leaves=.*)$", r"\1\n\1"),           "model",       "num_leaves=#2",   "num_leaves is given twice"),
    ("leaves_none",        "regression-v4", drop("num_leaves"),                            "model",       "Tree=0",          "num_leaves is missing"),
    ("leaves_zero",        "regression-v4", sub("^num_leaves=6", "num_leaves=0"),          "model",       "num_leaves=",     "value 1 of num_leaves"),
    ("leaves_many",        "regression-v4", sub("^num_leaves=6", "num_leaves=2000000000"), "model",       "split_feature=",  "expected 1999999999 values"),
    ("leaves_fewer",       "regression-v4", sub("^num_leaves=6", "num_leaves=5"),          "model",       "split_feature=",  "expected 4 values, found 5"),
    ("cat_none",           "regression-v4", drop("num_cat"),                               "model",       "Tree=0",          "num_cat is missing"),
    ("leaf_value_none",    "regression-v4", drop("leaf_value"),                            "model",       "Tree=0",          "leaf_value is missing"),
    ("leaf_value_few",     "regression-v4", fewer("leaf_value"),                           "model",       "leaf_value=",     "expected 6 values, found 5"),
    ("leaf_value_word",    "regression-v4", value("leaf_value", 2, "0.5x"),                "model",       "leaf_value=",     "value 3 of leaf_value"),
    ("leaf_value_comma",   "regression-v4", value("leaf_value", 0, "0,5"),                 "model",       "leaf_value=",     '"0,5"'),
    ("leaf_value_huge",    "regression-v4", value("leaf_value", 0, "1e999"),               "model",       "leaf_value=",     "within double's range"),
    ("leaf_count_word",    "regression-v4", value("leaf_count", 1, "1.5"),                 "model",       "leaf_count=",     "value 2 of leaf_count"),
    ("gain_few",           "regression-v4", fewer("split_gain"),                           "model",       "split_gain=",     "expected 5 values, found 4"),
    ("threshold_none",     "regression-v4", drop("threshold"),                             "model",       "Tree=0",          "threshold is missing"),
    ("threshold_nan",      "regression-v4", value("threshold", 1, "nan"),                  "model",       "threshold=",      "value 2 of threshold is not a number"),
    ("feature_beyond",     "regression-v4", value("split_feature", 0, "6"),                "model",       "split_feature=",  "from 0 to 5"),
    ("feature_negative",   "regression-v4", value("split_feature", 3, "-1"),               "model",       "split_feature=",  "value 4 of split_feature"),
    ("child_beyond",       "regression-v4", value("left_child", 0, "5"),                   "model",       "left_child=",     "from -6 to 4"),
    ("child_leaf_beyond",  "regression-v4", value("right_child", 4, "-7"),                 "model",       "right_child=",    "from -6 to 4"),
    ("child_huge",         "regression-v4", value("right_child", 4, "-9223372036854775809"), "model",     "right_child=",    "value 5 of right_child"),
    ("child_root",         "regression-v4", value("left_child", 0, "0"),                   "model",       "left_child=",     "node 0 is reached twice"),
    ("child_twice",        "regression-v4", lambda t: twice(t),                            "model",       None,              "is reached twice"),
    ("child_loop",         "regression-v4", lambda t: loop(t),                             "model",       "left_child=",     "is not reached from the root"),
    ("decision_rule",      "regression-v4", value("decision_type", 0, "12"),               "model",       "decision_type=",  "missing rule that does not exist"),
    ("decision_beyond",    "regression-v4", value("decision_type", 0, "16"),               "model",       "decision_type=",  "from 0 to 15"),
    ("decision_no_sets",   "regression-v4", value("decision_type", 0, "1"),                "model",       "threshold=",      "names no category set"),
    ("set_beyond",         "categorical-v4", lambda t: categorical_threshold(t, "99"),     "model",       "#",  "names no category set"),
    ("set_fraction",       "categorical-v4", lambda t: categorical_threshold(t, "0.5"),    "model",       "#",  "names no category set"),
    ("boundaries_none",    "categorical-v4", drop("cat_boundaries"),                       "model",       "#cat tree",       "cat_boundaries is missing"),
    ("boundaries_fall",    "categories_only-v4", lambda t: boundaries(t, 1, lambda last: last, fall=True), "model", "#", "not fall"),
    ("boundaries_start",   "categorical-v4", value("cat_boundaries", 0, "1"),              "model",       "#", "begin with 0"),
    ("boundaries_beyond",  "categorical-v4", lambda t: boundaries(t, -1, lambda last: last + 1), "model", "#", "cat_boundaries is not valid"),
    ("sets_none",          "categorical-v4", drop("cat_threshold"),                        "model",       "#cat tree",       "cat_threshold is missing"),
    ("sets_more",          "categorical-v4", more("cat_threshold", "7"),                   "model",       "cat_threshold=",  "but cat_boundaries ends at"),
    ("sets_wide",          "categorical-v4", value("cat_threshold", 0, "4294967296"),      "model",       "cat_threshold=",  "from 0 to 4294967295"),
    ("linear_flag",        "linear_tree-v4", sub("^is_linear=1", "is_linear=2"),           "model",       "is_linear=2",     "from 0 to 1"),
    ("linear_const_few",   "linear_tree-v4", fewer("leaf_const"),                          "model",       "leaf_const=",     "has the wrong length"),
    ("linear_coeff_few",   "linear_tree-v4", sub(r"^(leaf_coeff=.*\S) +\S+ *$", r"\1"),    "model",       "num_features=#linear", "promises more coefficients"),
    ("linear_feature",     "linear_tree-v4", sub(r"^(leaf_features= *)\d", r"\g<1>99"), "model", "#", "from 0 to 5"),
    ("parser",             "regression-v4", lambda t: t + "\nparser:\n{}\nend of parser\n", "unsupported", "parser:",        "row parser of its own"),
]


def twice(text):
    """The last child that is a leaf becomes leaf 0 as well."""
    words = re.search(r"^right_child=(.*)$", text, flags=re.M).group(1).split(" ")
    new = "-1" if words[-1] != "-1" else "-2"
    return value("right_child", len(words) - 1, new)(text)


def loop(text):
    """Two inner nodes swap places with leaves so that one is its own child: no child twice, one node never reached."""
    left = re.search(r"^left_child=(.*)$", text, flags=re.M).group(1).split(" ")
    right = re.search(r"^right_child=(.*)$", text, flags=re.M).group(1).split(" ")
    for node in range(len(left) - 1, 0, -1):
        for side, key in ((left, "left_child"), (right, "right_child")):
            if int(side[node]) >= 0:
                continue
            leaf = side[node]  # this node takes itself as child; its parent takes the leaf in its place
            for other, name in ((left, "left_child"), (right, "right_child")):
                if str(node) in other:
                    return value(name, other.index(str(node)), leaf)(value(key, node, str(node))(text))
    raise AssertionError("no such node")


def categorical_block(lines):
    """The line numbers of the first tree with sets: (its first line, boundaries, thresholds)."""
    b = next(i for i, line in enumerate(lines) if line.startswith("num_cat=") and line != "num_cat=0")
    tree = max(i for i in range(b) if lines[i].startswith("Tree="))
    find = lambda key: next((i for i in range(tree, len(lines)) if lines[i].startswith(key + "=")), None)
    return tree, find("cat_boundaries"), find("threshold")


def categorical_threshold(text, new):
    lines = text.split("\n")
    _, _, t = categorical_block(lines)
    d = next(i for i in range(t, len(lines)) if lines[i].startswith("decision_type="))
    index = next(i for i, k in enumerate(lines[d].split("=")[1].split(" ")) if int(k) & 1)
    words = lines[t].split("=")[1].split(" ")
    words[index] = new
    lines[t] = "threshold=" + " ".join(words)
    return "\n".join(lines)


def boundaries(text, index, change, fall=False):
    lines = text.split("\n")
    for i, line in enumerate(lines):
        words = line.split("=")[1].split(" ") if line.startswith("cat_boundaries=") else []
        if len(words) >= 3 or (words and not fall):
            words[index] = str(change(int(words[-1])))
            if fall:
                words[2] = "0"
            lines[i] = "cat_boundaries=" + " ".join(words)
            return "\n".join(lines)
    raise AssertionError("no tree has two sets")


def line_of(text, original, mark):
    """The number of the line that a message must name; # alone is the line that was changed."""
    lines = text.split("\n")
    changed = next((i for i, (a, b) in enumerate(zip(lines, original.split("\n"))) if a != b), len(lines) - 1)
    if mark == "#":
        return changed + 1
    if mark == "#cat tree":
        return max(i for i in range(changed + 1) if lines[i].startswith("Tree=")) + 1
    if mark == "num_leaves=#2":
        return [i for i, line in enumerate(lines) if line.startswith("num_leaves=")][1] + 1
    if mark == "num_features=#linear":
        return max(i for i in range(changed + 1) if lines[i].startswith("num_features=")) + 1
    return next(i for i, line in enumerate(lines) if line.startswith(mark)) + 1


def main():
    OUT.mkdir(exist_ok=True)
    rows = ["# file\tstatus\twords: written by make_broken.py"]
    for name, sound, change, status, mark, words in CASES:
        original = base(sound)
        text = change(original)
        assert text != original, name
        file = name + ".txt"
        (OUT / file).write_text(text, encoding="utf-8")
        if mark:
            rows.append(f"{file}\t{status}\t{file}:{line_of(text, original, mark)}: ")
        rows.append(f"{file}\t{status}\t{words}")
    (OUT / "expected.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(CASES)} broken models")


if __name__ == "__main__":
    main()
