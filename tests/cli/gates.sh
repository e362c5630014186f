# A gate that fails: exit code 1, nothing published, the quarantine tells.
. "$DATA/try.sh"
shop_home
as_of=2013-06-14T06:00:00Z
printf 'customer,coupon\nann,1\nann,2\n,3\ncid,much\ndee,99\nzoe,0\n' >rows.csv
try tandem run churn --as-of $as_of --population rows.csv --threads 2
try tandem --json run churn --as-of $as_of --population rows.csv --threads 2 | no_machine
try tandem table list
run=$(tandem --json run churn --as-of $as_of --population rows.csv 2>messages | sed 's/.*"run":"\([0-9a-f]*\)".*/\1/')
try tandem quarantine show "${run:0:8}"
head -1 rows.csv >none.csv
try tandem run churn --as-of $as_of --population none.csv --threads 2
