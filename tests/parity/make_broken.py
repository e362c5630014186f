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


# (base, status): (file, change, beginning of the line that the message names, words that it holds)
CASES = {
    ("regression-v4", "unsupported"): [
        ("version_5", sub("version=v4", "version=v5"), "version=", "version of LightGBM"),
        ("version_none", drop("version"), "tree", "no version line"),
        ("objective_unknown", sub("objective=regression", "objective=regresion"),
         "objective=", "did you mean 'regression'?"),
        ("objective_empty", sub("objective=regression", "objective="), "objective=", "objective is not supported"),
        ("parser", lambda t: t + "\nparser:\n{}\nend of parser\n", "parser:", "row parser of its own"),
    ],
    ("regression-v4", "model"): [
        ("classes_none", drop("num_class"), "tree", "num_class is missing"),
        ("classes_zero", sub("num_class=1", "num_class=0"), "num_class=", "from 1 to 4096"),
        ("classes_many", sub("num_class=1", "num_class=99999999999999999999"),
         "num_class=", "num_class is not valid"),
        ("classes_word", sub("num_class=1", "num_class=one"), "num_class=", '"one"'),
        ("iteration_differs", sub("num_tree_per_iteration=1", "num_tree_per_iteration=2"),
         "num_tree_per", "but num_class is 1"),
        ("features_none", drop("max_feature_idx"), "tree", "max_feature_idx is missing"),
        ("features_negative", sub("max_feature_idx=5", "max_feature_idx=-1"), "max_feature_idx=", '"-1"'),
        ("names_none", drop("feature_names"), "tree", "feature_names is missing"),
        ("names_few", fewer("feature_names"), "feature_names=", "expected 6 values, found 5"),
        ("names_twice", sub("Column_5", "Column_0"), "feature_names=", "same name"),
        ("infos_many", more("feature_infos", "[0:1]"), "feature_infos=", "expected 6 values, found 7"),
        ("tree_sizes_fewer", fewer("tree_sizes"), "tree_sizes=", "expected 3 trees, found 4"),
        ("tree_lost", sub(r"^Tree=1\n(.+\n)+", ""), "tree_sizes=", "found 3"),
        ("trees_none", lambda t: re.sub(r"tree_sizes=.*end of trees", "\nend of trees", t, flags=re.S),
         None, "has no trees"),
        ("tree_number", sub("Tree=2", "Tree=7"), "Tree=7", "expected Tree=2"),
        ("cut_in_tree", cut("end of trees"), None, "ends before"),
        ("line_no_key", sub("^is_linear=0", "is_linear 0"), "is_linear 0", "expected key=value"),
        ("key_twice", sub("^(num_leaves=.*)$", r"\1\n\1"), "num_leaves=#2", "num_leaves is given twice"),
        ("leaves_none", drop("num_leaves"), "Tree=0", "num_leaves is missing"),
        ("leaves_zero", sub("^num_leaves=6", "num_leaves=0"), "num_leaves=", "value 1 of num_leaves"),
        ("leaves_many", sub("^num_leaves=6", "num_leaves=2000000000"),
         "split_feature=", "expected 1999999999 values"),
        ("leaves_fewer", sub("^num_leaves=6", "num_leaves=5"), "split_feature=", "expected 4 values, found 5"),
        ("cat_none", drop("num_cat"), "Tree=0", "num_cat is missing"),
        ("leaf_value_none", drop("leaf_value"), "Tree=0", "leaf_value is missing"),
        ("leaf_value_few", fewer("leaf_value"), "leaf_value=", "expected 6 values, found 5"),
        ("leaf_value_word", value("leaf_value", 2, "0.5x"), "leaf_value=", "value 3 of leaf_value"),
        ("leaf_value_comma", value("leaf_value", 0, "0,5"), "leaf_value=", '"0,5"'),
        ("leaf_value_huge", value("leaf_value", 0, "1e999"), "leaf_value=", "within double's range"),
        ("leaf_count_word", value("leaf_count", 1, "1.5"), "leaf_count=", "value 2 of leaf_count"),
        ("gain_few", fewer("split_gain"), "split_gain=", "expected 5 values, found 4"),
        ("threshold_none", drop("threshold"), "Tree=0", "threshold is missing"),
        ("threshold_nan", value("threshold", 1, "nan"), "threshold=", "value 2 of threshold is not a number"),
        ("feature_beyond", value("split_feature", 0, "6"), "split_feature=", "from 0 to 5"),
        ("feature_negative", value("split_feature", 3, "-1"), "split_feature=", "value 4 of split_feature"),
        ("child_beyond", value("left_child", 0, "5"), "left_child=", "from -6 to 4"),
        ("child_leaf_beyond", value("right_child", 4, "-7"), "right_child=", "from -6 to 4"),
        ("child_huge", value("right_child", 4, "-9223372036854775809"), "right_child=", "value 5 of right_child"),
        ("child_root", value("left_child", 0, "0"), "left_child=", "node 0 is reached twice"),
        ("child_twice", lambda t: twice(t), None, "is reached twice"),
        ("child_loop", lambda t: loop(t), "left_child=", "is not reached from the root"),
        ("decision_rule", value("decision_type", 0, "12"), "decision_type=", "missing rule that does not exist"),
        ("decision_beyond", value("decision_type", 0, "16"), "decision_type=", "from 0 to 15"),
        ("decision_no_sets", value("decision_type", 0, "1"), "threshold=", "names no category set"),
    ],
    ("binary-v4", "model"): [
        ("sigmoid_none", sub("binary sigmoid:1", "binary"), "objective=", "'sigmoid:'"),
        ("sigmoid_negative", sub("sigmoid:1", "sigmoid:-1"), "objective=", "a positive number"),
    ],
    ("multiclass-v4", "model"): [
        ("objective_classes", sub("multiclass num_class:3", "multiclass num_class:4"),
         "num_class=", "the objective has 4 outputs"),
        ("objective_no_classes", sub("multiclass num_class:3", "multiclass"), "objective=", "'num_class:'"),
        ("objective_single", sub("multiclass num_class:3", "regression"), "num_class=", "the objective has 1 output"),
        ("trees_uneven", lambda t: sub(r"^Tree=8\n(.+\n)+", "")(drop("tree_sizes")(t)),
         None, "no multiple of its 3 outputs"),
    ],
    ("categorical-v4", "model"): [
        ("set_beyond", lambda t: categorical_threshold(t, "99"), "#", "names no category set"),
        ("set_fraction", lambda t: categorical_threshold(t, "0.5"), "#", "names no category set"),
        ("boundaries_none", drop("cat_boundaries"), "#cat tree", "cat_boundaries is missing"),
        ("boundaries_start", value("cat_boundaries", 0, "1"), "#", "begin with 0"),
        ("boundaries_beyond", lambda t: boundaries(t, -1, lambda last: last + 1), "#", "cat_boundaries is not valid"),
        ("sets_none", drop("cat_threshold"), "#cat tree", "cat_threshold is missing"),
        ("sets_more", more("cat_threshold", "7"), "cat_threshold=", "but cat_boundaries ends at"),
        ("sets_wide", value("cat_threshold", 0, "4294967296"), "cat_threshold=", "from 0 to 4294967295"),
    ],
    ("categories_only-v4", "model"): [
        ("boundaries_fall", lambda t: boundaries(t, 1, lambda last: last, fall=True), "#", "not fall"),
    ],
    ("linear_tree-v4", "model"): [
        ("linear_flag", sub("^is_linear=1", "is_linear=2"), "is_linear=2", "from 0 to 1"),
        ("linear_const_few", fewer("leaf_const"), "leaf_const=", "has the wrong length"),
        ("linear_coeff_few", sub(r"^(leaf_coeff=.*\S) +\S+ *$", r"\1"),
         "num_features=#linear", "promises more coefficients"),
        ("linear_feature", sub(r"^(leaf_features= *)\d", r"\g<1>99"), "#", "from 0 to 5"),
    ],
}


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
    cases = [(sound, status, *case) for (sound, status), group in CASES.items() for case in group]
    for sound, status, name, change, mark, words in cases:
        original = base(sound)
        text = change(original)
        assert text != original, name
        file = name + ".txt"
        (OUT / file).write_text(text, encoding="utf-8")
        if mark:
            rows.append(f"{file}\t{status}\t{file}:{line_of(text, original, mark)}: ")
        rows.append(f"{file}\t{status}\t{words}")
    (OUT / "expected.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(cases)} broken models")


if __name__ == "__main__":
    main()
