"""What the parts of serve.py share: a section of the page, the bench's context, and rounds in turn."""

import json
import statistics

import measure
from measure import Failed
import generator
import peers
import request_files
import servers

median = statistics.median


class Section(measure.Page):
    """Lines of the page, and the targets that they are about. Saved as JSON, so that a run can go on where it ended."""

    def __init__(self, title):
        self.lines, self.targets, self.data = [f"## {title}", ""], [], {}

    def target(self, what, figure, wanted, met):
        """A figure against what was asked; a missed one is said, and is no failure."""
        self.targets.append([what, figure, wanted, "met" if met else "**missed**"])
        self.say(f"{'Met' if met else 'MISSED'}: {what}: {figure} (wanted: {wanted}).")

    def saved(self):
        return {"lines": self.lines, "targets": self.targets, "data": self.data}


class Bench:
    """What every part needs. Models are those that are at hand: `constant` always, the trained ones after
    `peers.py install`."""

    def __init__(self, a, folder):
        self.a, self.folder, self.small = a, folder, a.small
        self.program = a.build / "app/tandem"
        self.load = generator.Generator(a.build)
        self.rounds = a.rounds or (1 if a.small else 7)
        self.models = {"constant": (write_constant(servers.FOLDER / "constant"), *constant_rows())}
        for size in ("big", "small"):
            if known := peers.model(size):
                model, rows, predictions = known
                few = 8 if a.small else len(rows)
                self.models[size] = (model / "model.txt", rows[:few], predictions[:few])
                if size == "big":
                    self.models["constant"] = (self.models["constant"][0], rows[:few], [CONSTANT] * few)

    def seconds(self, whole, small=0.3):
        return small if self.small else whole

    def tandem(self, *models):
        """A server of bare models; none: of all there are."""
        return servers.tandem(self.program, {name: self.models[name][0] for name in models or self.models})

    def files(self, form, model):
        """The requests of a model's rows, each in its form."""
        make = getattr(request_files, form)
        rows = self.models[model][1]
        return request_files.Files(self.folder, f"{form}-{model}",
                                   [make(row, model) if form.startswith("oip") else make(row) for row in rows])

    def checked(self, server, files, model):
        """Our answers are LightGBM's, and from now on each must come back the same to the byte. Returns one's size."""
        bodies = servers.right(server, files, self.models[model][2])
        files.expect(bodies)
        return len(bodies[0])

    def measured(self, server, files, **options):
        """A load without a single failure."""
        options.setdefault("warm", 0.1 if self.small else 0.3)
        result = self.load(server, files, **options)
        if result["failed"] and not options.get("deadline"):
            raise Failed(f"{server.name}: {result['failed']} requests failed: {result['status']} {result['errors']}, "
                         f"{result['unanswered']} unanswered")
        return result


CONSTANT = 0.25


def constant_rows():
    return [[i + j / 8 for j in range(100)] for i in range(8)], [CONSTANT] * 8


def write_constant(folder):
    """A LightGBM model of 100 inputs that is one leaf: all that is left to measure is the server."""
    tree = "".join(f"{line}\n" for line in (
        "Tree=0", "num_leaves=1", "num_cat=0", "split_feature=", "split_gain=", "threshold=", "decision_type=",
        "left_child=", "right_child=", f"leaf_value={CONSTANT}", "leaf_weight=", "leaf_count=", "internal_value=",
        "internal_weight=", "internal_count=", "is_linear=0", "shrinkage=1", "", ""))
    head = ["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0", "max_feature_idx=99",
            "objective=regression", "feature_names=" + " ".join(f"Column_{i}" for i in range(100)),
            "feature_infos=" + " ".join(["none"] * 100), f"tree_sizes={len(tree)}", ""]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.txt"
    path.write_text("\n".join(head) + f"\n{tree}end of trees\n\nfeature_importances:\n\n"
                    "parameters:\nend of parameters\n\npandas_categorical:null\n")
    return path


def ratio_of(results, a, b, value):
    """Median over the rounds of a's value by b's in the same round."""
    return median(value(x) / value(y) for x, y in zip(results[a], results[b]))


def middle(results, value):
    return median(value(r) for r in results)


def rate(result):
    return result["rate"]


def per_core_s(result):
    return result["per_core_s"]


def p50(result):
    return result["latency_us"]["p50"]


def p99(result):
    return result["latency_us"]["p99"]


def saved(path):
    return json.loads(path.read_text()) if path.exists() else None
