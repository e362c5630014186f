# The same rows as CSV, gzip, zstd, JSON lines and from the source: the same bits.
. "$DATA/try.sh"
shop_home
run() { quiet tandem run churn --as-of 2013-06-14T06:00:00Z --population "$1"; }
cut -d, -f1 "$DATA/shop/customers.csv" >keys.csv
gzip -k keys.csv
zstd -q keys.csv
sed '1d; s/.*/{"customer":"&"}/' keys.csv >keys.jsonl
quiet tandem run churn --as-of 2013-06-14T06:00:00Z
for file in keys.csv keys.csv.gz keys.csv.zst keys.jsonl; do run $file; done
for table in v000002 v000003 v000004 v000005; do
    cmp <(tandem table export v000001) <(tandem table export $table) && echo "$table is the same"
done
printf 'coupon,customer,shoe\n2,ann,38\n,bob,38\n' >coupons.csv
try tandem run churn --as-of 2013-06-14T06:00:00Z --population coupons.csv --threads 2
try tandem table export v000006
