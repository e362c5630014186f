# What becomes of output that nobody takes, or that does not fit.
. "$DATA/try.sh"
seq 40000 | sed '1i row,coupon' | sed '1!s/$/,1/' >rows.csv
quiet tandem new big --model "$DATA/shop/simple.json"
quiet tandem release pack big
quiet tandem run big --population rows.csv --as-of 2013-06-14T06:00:00Z
{ tandem table export v000001; echo "export: $?" >&2; } 2>said | head -2
cat said
tandem table export v000001 >/dev/full
echo "full: $?"
