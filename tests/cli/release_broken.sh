# All mistakes of a manifest at once, each with its line and a caret; exit code 3, and nothing is packed.
. "$DATA/try.sh"
quiet tandem source add "$DATA/shop/sources.yaml"
try tandem release check "$DATA/broken"
quiet tandem release pack "$DATA/broken" | tail -1
sed -e '3d' -e 's/colunm/column/; s/f65/f64/; s/1hour/1h/; s/150%/50%/; s/mian/main/; s/\[10, -10\]/[0, 1]/' \
    "$DATA/broken/release.yaml" >release.yaml
try tandem release check .
try tandem --json release check .
try tandem release list
try tandem release check none
