# A run prints the table's name alone; the same run again is the same table.
. "$DATA/try.sh"
shop_home
as_of=2013-06-14T02:00:00-04:00
tandem run churn --as-of $as_of --threads 2 2>messages
cat messages
try tandem run churn --as-of $as_of
try tandem run --json churn --as-of $as_of --threads 2 | no_machine
try tandem run --json churn --as-of 2013-06-15T02:00:00-04:00 --threads 2 | no_machine
quiet tandem load regions "$DATA/shop/regions.csv"
try tandem run churn --as-of $as_of
echo 'west,35000' | cat "$DATA/shop/regions.csv" - >regions.csv
quiet tandem load regions regions.csv
try tandem run churn --as-of $as_of --threads 2
try tandem table export v000003
