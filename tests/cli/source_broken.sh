# All mistakes at once, from top to bottom, and nothing is added.
. "$DATA/try.sh"
cd "$DATA/broken"
try tandem --home "$HOME/home" source add sources.yaml
try tandem --home "$HOME/home" source list
try tandem --home "$HOME/home" source add none.yaml
try tandem --home "$HOME/home" --json source add none.yaml
