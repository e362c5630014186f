# Under the limits a bad record is left out, and every other row's output is unchanged to the bit.
. "$DATA/try.sh"
shop_home
as_of=2013-06-14T06:00:00Z
printf 'customer,coupon\nann,1\nbob,2\ncid,0\neve,0.5\n' >good.csv
printf 'customer,coupon\nann,1\n"x"y,1\nbob,2\ncid,0\ndee,1e999\neve,0.5\n' >bad.csv
quiet tandem run churn --as-of $as_of --population good.csv
try tandem run churn --as-of $as_of --population bad.csv --threads 2
cmp <(tandem table export v000001) <(tandem table export v000002) && echo "the other rows are the same"
try tandem quarantine show v000002
try tandem quarantine show v000001
try tandem quarantine show v000009
try tandem quarantine show 12345
try tandem quarantine show ../x
