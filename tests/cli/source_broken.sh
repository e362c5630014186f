# All mistakes at once, from top to bottom, and nothing is added.
. "$DATA/try.sh"
cd "$DATA/broken"
try tandem --home "$HOME/home" source add sources.yaml
try tandem --home "$HOME/home" source list
try tandem --home "$HOME/home" source add none.yaml
try tandem --home "$HOME/home" --json source add none.yaml

# With --json the errors stand in the same order, by line and column, whichever check found them first.
cd "$HOME"
printf 'a:\n  kind: tabel\n  key: x\n  columns: {x: strng, y: f64, y: i64}\n' >order.yaml
tandem --json source add order.yaml 2>/dev/null | grep -o '"where":"[^"]*"'
